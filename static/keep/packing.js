/**
 * Values of the page in the form in which IndexedDB can keep them: bitmaps as their files, label maps as plain objects.
 */
import { LabelMap } from "../map/labelmap.js";
import { bitmapOf, sourceOf } from "../picture/pictures.js";

const KIND = "kept as"; // key that marks such an object and names what it stands for

/** A copy of a value that structured cloning takes. Functions, elements and the like are left out. */
export async function packed(value) {
  if (typeof value === "function") return undefined;
  if (typeof value !== "object" || value === null) return value;
  if (value instanceof ImageBitmap) return fileOf(value);
  if (value instanceof LabelMap)
    return { [KIND]: "map", width: value.width, height: value.height, data: value.data.slice() };
  if (Array.isArray(value)) return Promise.all(value.map(packed));
  if (value instanceof Map)
    return new Map(await Promise.all([...value].map(async ([key, item]) => [key, await packed(item)])));
  if (value instanceof Set || ArrayBuffer.isView(value) || value instanceof Blob) return value;
  if (Object.getPrototypeOf(value) !== Object.prototype) return undefined;
  return byKey(value, packed);
}

/** The inverse of `packed`. */
export async function unpacked(value) {
  if (typeof value !== "object" || value === null) return value;
  if (value[KIND] === "bitmap") return bitmapOf(new Blob([value.bytes], { type: value.type ?? "image/png" }));
  if (value[KIND] === "map") return new LabelMap(value.width, value.height, value.data);
  if (Array.isArray(value)) return Promise.all(value.map(unpacked));
  if (value instanceof Map)
    return new Map(await Promise.all([...value].map(async ([key, item]) => [key, await unpacked(item)])));
  if (Object.getPrototypeOf(value) !== Object.prototype) return value;
  return byKey(value, unpacked);
}

async function byKey(value, change) {
  const entries = await Promise.all(Object.entries(value).map(async ([key, item]) => [key, await change(item)]));
  return Object.fromEntries(entries);
}

/** A bitmap as the file that it was decoded from: encoding it again may take the browser a second. */
async function fileOf(bitmap) {
  const source = sourceOf(bitmap);
  return { [KIND]: "bitmap", type: source.type, bytes: new Uint8Array(await source.arrayBuffer()) };
}
