/** ZIP archives. They are written without compression, since the files in them are compressed; both kinds are read. */
import { concat, crc32, pump } from "./png.js";

const [LOCAL, CENTRAL, END] = [0x04034b50, 0x02014b50, 0x06054b50]; // signatures of the records
const DATE = 0x5a21; // 1 January 2025, for every file: the same files give the same archive
const UTF8 = 0x0800; // flag: names are UTF-8
const MOST = 256 * 2 ** 20; // bytes of one file

/** The bytes of an archive of these files, {name: bytes}. */
export function zip(files) {
  const [bodies, directory] = [[], []];
  let offset = 0;
  for (const [name, bytes] of Object.entries(files)) {
    const path = new TextEncoder().encode(name);
    const about = [20, UTF8, 0, 0, DATE, [crc32(bytes)], [bytes.length], [bytes.length], path.length, 0];
    const body = concat([record([LOCAL], ...about), path, bytes]);
    bodies.push(body);
    directory.push(record([CENTRAL], 20, ...about, 0, 0, 0, [0], [offset]), path);
    offset += body.length;
  }
  const count = bodies.length;
  const listing = concat(directory);
  return concat([...bodies, listing, record([END], 0, 0, count, count, [listing.length], [offset], 0)]);
}

/** The bytes of little-endian numbers: a number takes 16 bits, a number in brackets 32. */
function record(...numbers) {
  const out = new Uint8Array(numbers.reduce((sum, n) => sum + (Array.isArray(n) ? 4 : 2), 0));
  const view = new DataView(out.buffer);
  let at = 0;
  for (const n of numbers) {
    if (Array.isArray(n)) view.setUint32(at, n[0], true);
    else view.setUint16(at, n, true);
    at += Array.isArray(n) ? 4 : 2;
  }
  return out;
}

/** Whether a file begins as an archive does. */
export const isZip = (bytes) => bytes[0] === 0x50 && bytes[1] === 0x4b && bytes[2] === 3 && bytes[3] === 4;

/** The files in an archive, {name: bytes}. Raises an Error that says what is wrong with it. */
export async function unzip(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let end = bytes.length - 22;
  while (end >= 0 && view.getUint32(end, true) !== END) end -= 1;
  if (end < 0) throw new Error("this archive has no directory: it is cut short, or no ZIP");
  const files = {};
  let at = view.getUint32(end + 16, true);
  for (let left = view.getUint16(end + 10, true); left; left -= 1) {
    if (at + 46 > end || view.getUint32(at, true) !== CENTRAL) throw new Error("this archive's directory is damaged");
    const method = view.getUint16(at + 10, true);
    const [packed, size] = [20, 24].map((i) => view.getUint32(at + i, true));
    const [path, extra, comment] = [28, 30, 32].map((i) => view.getUint16(at + i, true));
    const name = new TextDecoder().decode(bytes.subarray(at + 46, at + 46 + path));
    const local = view.getUint32(at + 42, true);
    if (local + 30 > bytes.length || size > MOST) throw new Error(`${name} in this archive is damaged or too large`);
    const start = local + 30 + view.getUint16(local + 26, true) + view.getUint16(local + 28, true);
    const content = bytes.subarray(start, start + packed);
    if (method !== 0 && method !== 8) throw new Error(`${name} is packed in a way that is not read here`);
    files[name] = method ? await pump(content, new DecompressionStream("deflate-raw")) : content;
    if (crc32(files[name]) !== view.getUint32(at + 16, true)) throw new Error(`${name} in this archive is damaged`);
    at += 46 + path + extra + comment;
  }
  return files;
}
