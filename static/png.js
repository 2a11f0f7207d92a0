/**
 * As much of PNG as the page needs to keep labels exact: a canvas would round-trip them through colours.
 * Index images (palette or grey) are written and read byte by byte, and text chunks are read from any PNG.
 */

const SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
const GREY = 0;
const PALETTE = 3;

export class PngError extends Error {}

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, n) => {
  let c = n;
  for (let k = 0; k < 8; k += 1) c = c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1;
  return c;
});

function crc32(bytes) {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = CRC_TABLE[(crc ^ byte) & 0xff] ^ (crc >>> 8);
  return (crc ^ 0xffffffff) >>> 0;
}

function concat(parts) {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    out.set(part, offset);
    offset += part.length;
  }
  return out;
}

async function pump(bytes, stream) {
  const piped = new Blob([bytes]).stream().pipeThrough(stream);
  return new Uint8Array(await new Response(piped).arrayBuffer());
}

export const deflate = (bytes) => pump(bytes, new CompressionStream("deflate"));
const inflate = (bytes) => pump(bytes, new DecompressionStream("deflate"));

function chunk(type, data) {
  const body = concat([new TextEncoder().encode(type), data]);
  const out = new Uint8Array(body.length + 8);
  const view = new DataView(out.buffer);
  view.setUint32(0, data.length);
  out.set(body, 4);
  view.setUint32(out.length - 4, crc32(body));
  return out;
}

/**
 * 8-bit PNG whose pixel values are the map's class indices.
 * `palette` is a list of [r, g, b] by index; without one the picture is grey.
 */
export async function encodeIndexPng({ width, height, data }, palette = null) {
  const header = new Uint8Array(13);
  const view = new DataView(header.buffer);
  view.setUint32(0, width);
  view.setUint32(4, height);
  header.set([8, palette ? PALETTE : GREY, 0, 0, 0], 8);

  const rows = new Uint8Array((width + 1) * height); // each row led by filter 0
  for (let y = 0; y < height; y += 1) rows.set(data.subarray(y * width, (y + 1) * width), y * (width + 1) + 1);

  return concat([
    Uint8Array.from(SIGNATURE),
    chunk("IHDR", header),
    ...(palette ? [chunk("PLTE", Uint8Array.from(palette.flat()))] : []),
    chunk("IDAT", await deflate(rows)),
    chunk("IEND", new Uint8Array(0)),
  ]);
}

export function isPng(bytes) {
  return SIGNATURE.every((byte, i) => bytes[i] === byte);
}

function* chunks(bytes) {
  if (!isPng(bytes)) throw new PngError("this file is not a PNG");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let offset = SIGNATURE.length;
  while (offset + 12 <= bytes.length) {
    const length = view.getUint32(offset);
    if (offset + 12 + length > bytes.length) throw new PngError("this PNG is cut short");
    const type = String.fromCharCode(...bytes.subarray(offset + 4, offset + 8));
    yield { type, data: bytes.subarray(offset + 8, offset + 8 + length) };
    offset += 12 + length;
  }
}

/** The text of an iTXt chunk with this keyword, or null. */
export async function readText(bytes, keyword) {
  for (const { type, data } of chunks(bytes)) {
    if (type !== "iTXt") continue;
    const end = data.indexOf(0);
    if (new TextDecoder("latin1").decode(data.subarray(0, end)) !== keyword) continue;
    const compressed = data[end + 1] === 1;
    const language = data.indexOf(0, end + 3);
    const translated = data.indexOf(0, language + 1);
    const text = data.subarray(translated + 1);
    return new TextDecoder().decode(compressed ? await inflate(text) : text);
  }
  return null;
}

function paeth(a, b, c) {
  const p = a + b - c;
  const [pa, pb, pc] = [Math.abs(p - a), Math.abs(p - b), Math.abs(p - c)];
  if (pa <= pb && pa <= pc) return a;
  return pb <= pc ? b : c;
}

/** Undo the five row filters in place; rows of `stride` bytes, one byte a step. Returns the bytes without filter marks. */
function unfilter(raw, stride, height) {
  const out = new Uint8Array(stride * height);
  for (let y = 0; y < height; y += 1) {
    const filter = raw[y * (stride + 1)];
    for (let x = 0; x < stride; x += 1) {
      const left = x ? out[y * stride + x - 1] : 0;
      const up = y ? out[(y - 1) * stride + x] : 0;
      const corner = x && y ? out[(y - 1) * stride + x - 1] : 0;
      const guess = [0, left, up, (left + up) >> 1, paeth(left, up, corner)][filter];
      out[y * stride + x] = raw[y * (stride + 1) + 1 + x] + guess;
    }
  }
  return out;
}

/** Pixel values of a palette or grey PNG of 1 to 8 bits as {width, height, data}; other kinds raise PngError. */
export async function decodeIndexPng(bytes) {
  let header = null;
  const idat = [];
  for (const { type, data } of chunks(bytes)) {
    if (type === "IHDR") header = new DataView(data.buffer, data.byteOffset, data.byteLength);
    if (type === "IDAT") idat.push(data);
  }
  if (!header) throw new PngError("this PNG has no header");
  const [width, height, depth, kind] = [
    header.getUint32(0),
    header.getUint32(4),
    header.getUint8(8),
    header.getUint8(9),
  ];
  if ((kind !== PALETTE && kind !== GREY) || depth > 8 || header.getUint8(12) !== 0) {
    throw new PngError(
      "this PNG does not hold class indices: palette or grey, 8 bits at most, not interlaced, is needed",
    );
  }
  const stride = Math.ceil((width * depth) / 8);
  const raw = await inflate(concat(idat));
  if (raw.length < (stride + 1) * height) throw new PngError("this PNG is cut short");
  const packed = unfilter(raw, stride, height);
  const data = new Uint8Array(width * height);
  const mask = (1 << depth) - 1;
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      const bit = x * depth;
      data[y * width + x] = (packed[y * stride + (bit >> 3)] >> (8 - depth - (bit & 7))) & mask;
    }
  }
  return { width, height, data };
}
