/**
 * PNG files, written and read byte by byte. A canvas would convert the colours of a label map to those of the screen;
 * here its values stay exact. Files of 8 bits a channel are written, those of up to 8 bits are read, and text chunks of
 * any.
 */

const SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
const [GREY, RGB, PALETTE, GREY_ALPHA, RGB_ALPHA] = [0, 2, 3, 4, 6]; // colour types in the header
const MOST_PIXELS = 4096 * 4096;

/** A PNG that cannot be read here; the message says why. */
export class PngError extends Error {}

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, n) => {
  let c = n;
  for (let k = 0; k < 8; k += 1) c = c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1;
  return c;
});

/** The checksum that PNG and ZIP use. */
export function crc32(bytes) {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = CRC_TABLE[(crc ^ byte) & 0xff] ^ (crc >>> 8);
  return (crc ^ 0xffffffff) >>> 0;
}

/** Byte arrays joined to one Uint8Array. */
export function concat(parts) {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    out.set(part, offset);
    offset += part.length;
  }
  return out;
}

/** Bytes after their way through a stream, such as a CompressionStream. */
export async function pump(bytes, stream) {
  const writer = stream.writable.getWriter();
  const written = Promise.all([writer.write(bytes), writer.close()]);
  const [piped] = await Promise.all([new Response(stream.readable).arrayBuffer(), written]);
  return new Uint8Array(piped);
}

/** Bytes in zlib's format. */
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
 * The bytes of an 8-bit PNG whose pixel values are the map's class indices. `palette` is a list of [r, g, b] by index;
 * without one the picture is grey.
 */
export function encodeIndexPng({ width, height, data }, palette = null) {
  const rows = new Uint8Array((width + 1) * height); // each row begins with its filter's number, 0
  for (let y = 0; y < height; y += 1) rows.set(data.subarray(y * width, (y + 1) * width), y * (width + 1) + 1);
  return encode(width, height, palette ? PALETTE : GREY, palette, rows);
}

async function encode(width, height, kind, palette, rows) {
  const header = new Uint8Array(13);
  const view = new DataView(header.buffer);
  view.setUint32(0, width);
  view.setUint32(4, height);
  header.set([8, kind, 0, 0, 0], 8);
  return concat([
    Uint8Array.from(SIGNATURE),
    chunk("IHDR", header),
    ...(palette ? [chunk("PLTE", Uint8Array.from(palette.flat()))] : []),
    chunk("IDAT", await deflate(rows)),
    chunk("IEND", new Uint8Array(0)),
  ]);
}

/** Whether a file begins as a PNG does. */
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

/**
 * The pixels' bytes without the rows' filters. A row has `stride` bytes, a pixel `step`; `raw` has a filter before each
 * row.
 */
function unfilter(raw, stride, height, step) {
  const out = new Uint8Array(stride * height);
  for (let y = 0; y < height; y += 1) {
    const filter = raw[y * (stride + 1)];
    const [row, from] = [y * stride, y * (stride + 1) + 1];
    for (let x = 0; x < stride; x += 1) {
      const left = x >= step ? out[row + x - step] : 0;
      const up = y ? out[row - stride + x] : 0;
      const corner = x >= step && y ? out[row - stride + x - step] : 0;
      let guess = 0;
      if (filter === 1) guess = left;
      else if (filter === 2) guess = up;
      else if (filter === 3) guess = (left + up) >> 1;
      else if (filter === 4) guess = paeth(left, up, corner);
      out[row + x] = raw[from + x] + guess;
    }
  }
  return out;
}

const CHANNELS = { [GREY]: 1, [RGB]: 3, [PALETTE]: 1, [GREY_ALPHA]: 2, [RGB_ALPHA]: 4 };

/** The header's values, the palette and the packed pixels of a file of one of these colour types. Raises PngError. */
async function open(bytes, kinds) {
  let header = null;
  let palette = null;
  const idat = [];
  for (const { type, data } of chunks(bytes)) {
    if (type === "IHDR") header = new DataView(data.buffer, data.byteOffset, data.byteLength);
    if (type === "PLTE") palette = data;
    if (type === "IDAT") idat.push(data);
  }
  if (!header) throw new PngError("this PNG has no header");
  const [width, height] = [header.getUint32(0), header.getUint32(4)];
  const [depth, kind, , , interlaced] = [8, 9, 10, 11, 12].map((i) => header.getUint8(i));
  if (width * height > MOST_PIXELS) throw new PngError(`this PNG is ${width} × ${height} pixels, which is too large`);
  if (!kinds.includes(kind)) throw new PngError("this PNG does not hold class indices: palette or grey is needed");
  if (interlaced) throw new PngError("this PNG is interlaced; save it without");
  if (depth > 8) throw new PngError("this PNG has 16 bits a channel; save it with 8");
  const stride = Math.ceil((width * depth * CHANNELS[kind]) / 8);
  const raw = await inflate(concat(idat));
  if (raw.length < (stride + 1) * height) throw new PngError("this PNG is cut short");
  const packed = unfilter(raw, stride, height, Math.max(1, (depth * CHANNELS[kind]) >> 3));
  return { width, height, depth, kind, palette, packed, stride };
}

/** One byte a pixel, from pixels of 1 to 8 bits. */
function spread({ width, height, depth, packed, stride }) {
  if (depth === 8) return packed;
  const data = new Uint8Array(width * height);
  const mask = (1 << depth) - 1;
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      const bit = x * depth;
      data[y * width + x] = (packed[y * stride + (bit >> 3)] >> (8 - depth - (bit & 7))) & mask;
    }
  }
  return data;
}

/**
 * The pixel values of a palette or grey PNG of 1 to 8 bits: {width, height, data}. Raises PngError for any other file.
 */
export async function decodeIndexPng(bytes) {
  const file = await open(bytes, [GREY, PALETTE]);
  return { width: file.width, height: file.height, data: spread(file) };
}

/**
 * A PNG of up to 8 bits a channel, with the values that it stores: {width, height, kind, data, palette, clear}. `kind`
 * is "grey", "palette" or "colour"; `data` has one value a pixel, for "colour" as 0xrrggbb; `palette` is a list of [r,
 * g, b], or null; `clear` has 1 for every pixel that is not opaque, or is null if all are. Raises PngError.
 */
export async function decodePng(bytes) {
  const file = await open(bytes, Object.keys(CHANNELS).map(Number));
  const { width, height, kind, packed } = file;
  const size = { width, height, palette: null, clear: null };
  if (kind === GREY) return { ...size, kind: "grey", data: spread(file) };
  if (kind === PALETTE) {
    const colours = Array.from({ length: file.palette.length / 3 }, (_, i) => [
      ...file.palette.subarray(3 * i, 3 * i + 3),
    ]);
    return { ...size, kind: "palette", data: spread(file), palette: colours };
  }
  const step = CHANNELS[kind];
  const colour = kind === RGB || kind === RGB_ALPHA;
  const data = colour ? new Uint32Array(width * height) : new Uint8Array(width * height);
  const clear = new Uint8Array(width * height);
  for (let i = 0, at = 0; i < data.length; i += 1, at += step) {
    data[i] = colour ? (packed[at] << 16) | (packed[at + 1] << 8) | packed[at + 2] : packed[at];
    if (kind !== RGB && packed[at + step - 1] < 255) clear[i] = 1;
  }
  return { ...size, kind: colour ? "colour" : "grey", data, clear: clear.includes(1) ? clear : null };
}

/** The bytes of an 8-bit RGB PNG of the map's classes in these colours, a list of [r, g, b] by index. */
export function encodeColourPng({ width, height, data }, colours) {
  const rows = new Uint8Array((3 * width + 1) * height);
  for (let y = 0, at = 0; y < height; y += 1) {
    at += 1; // the row's filter, 0
    for (let x = 0; x < width; x += 1, at += 3) rows.set(colours[data[y * width + x]], at);
  }
  return encode(width, height, RGB, null, rows);
}
