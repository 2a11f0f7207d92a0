/** The page's values as the browser can keep them: bitmaps become their files, label maps plain objects, and back again. */
import { LabelMap } from "../map/labelmap.js";
import { bitmapOf, sourceOf } from "../picture/pictures.js";

const KIND = "kept as";

/** A copy that structured cloning takes. What only a page can have (functions, elements) is left out. */
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

/** To encode a bitmap anew a browser takes a second or more when it thinks that there is time. */
async function fileOf(bitmap) {
  const source = sourceOf(bitmap);
  return { [KIND]: "bitmap", type: source.type, bytes: new Uint8Array(await source.arrayBuffer()) };
}
