/**
 * The live socket's messages: the length of a JSON header as a little-endian uint32, the header, and a payload. In
 * messages to the server the payload is the class indices that changed, one byte a pixel; in answers it is a picture's
 * file.
 */
import { deflate } from "./png.js";

const WORTH_DEFLATING = 2048; // bytes; a smaller rectangle is sent sooner than it is deflated

/** The bytes of a message. */
export function pack(header, payload = new Uint8Array(0)) {
  const text = new TextEncoder().encode(JSON.stringify(header));
  const message = new Uint8Array(4 + text.length + payload.length);
  new DataView(message.buffer).setUint32(0, text.length, true);
  message.set(text, 4);
  message.set(payload, 4 + text.length);
  return message;
}

/** The header (an object) and the payload (bytes) of a message that came as an ArrayBuffer. */
export function unpack(buffer) {
  const length = new DataView(buffer).getUint32(0, true);
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length)));
  return { header, payload: new Uint8Array(buffer, 4 + length) };
}

/**
 * The message that asks for a picture of a label map. `base`, {seq, map}, is the map that the server has, or null: only
 * what differs from it is sent. `asked` is {seq, style, exact}: the message's number, the style, and whether the
 * picture must be exact.
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
