/**
 * The live socket's messages: a little-endian uint32, the length of a JSON header; the header; the payload.
 * Going out, the payload is the class indices that changed, one byte a pixel; coming in, it is a picture's file.
 */
import { deflate } from "./png.js";

const WORTH_DEFLATING = 2048; // bytes; a smaller rectangle goes faster as it is

export function pack(header, payload = new Uint8Array(0)) {
  const text = new TextEncoder().encode(JSON.stringify(header));
  const message = new Uint8Array(4 + text.length + payload.length);
  new DataView(message.buffer).setUint32(0, text.length, true);
  message.set(text, 4);
  message.set(payload, 4 + text.length);
  return message;
}

/** {header, payload} of a message's ArrayBuffer. */
export function unpack(buffer) {
  const length = new DataView(buffer).getUint32(0, true);
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length)));
  return { header, payload: new Uint8Array(buffer, 4 + length) };
}

/**
 * The message that brings the server from `base`, {seq, map} or null where it has none, to `map`.
 * `asked` has seq, style and exact.
 */
export async function request(map, base, asked) {
  const known = base && base.map.width === map.width && base.map.height === map.height;
  const rect = known ? map.changedSince(base.map) : map.bounds;
  const header = known ? { ...asked, base: base.seq } : asked;
  if (!rect) return pack(header);
  const pixels = map.read(rect);
  const where = known ? { rect: [rect.x, rect.y, rect.w, rect.h] } : {};
  if (pixels.length < WORTH_DEFLATING) return pack({ ...header, ...where }, pixels);
  return pack({ ...header, ...where, deflate: true }, await deflate(pixels));
}
