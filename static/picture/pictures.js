/** Pictures as the page keeps them: the server's own bytes (they carry the recipe) and a bitmap to draw. */
import { bytesOfDataUrl } from "../formats/data_url.js";

let made = 0;
const sources = new WeakMap(); // bitmap → the file that it was decoded from

/** From one entry of an answer's `pictures`; `map` and `version` say which label map it was made of. */
export async function pictureOf({ image, style, change }, map, version) {
  const measured = change && { share: change.share_inside, inside: change.inside, outside: change.outside };
  return { ...(await pictureOfBytes(bytesOfDataUrl(image), style, map, version)), change: measured ?? null };
}

/** From the bytes of a PNG. */
export async function pictureOfBytes(bytes, style, map, version, time = Date.now()) {
  const bitmap = await bitmapOf(new Blob([bytes], { type: "image/png" }));
  return { id: (made += 1), bytes, bitmap, style, change: null, map, version, time };
}

/** A picture's bitmap; one of long ago has only its bytes and is decoded again. */
export async function bitmapFor({ bitmap, bytes }) {
  return bitmap ?? bitmapOf(new Blob([bytes], { type: "image/png" }));
}

/** Decode without colour management: a picture's pixels are what they are. */
export async function bitmapOf(blob) {
  const bitmap = await createImageBitmap(blob, { colorSpaceConversion: "none" });
  sources.set(bitmap, blob);
  return bitmap;
}

/** The file, as a Blob, that `bitmapOf` made a bitmap of. */
export function sourceOf(bitmap) {
  return sources.get(bitmap);
}

/** RGBA bytes of a bitmap at the given size. */
export function pixelsOf(bitmap, width, height) {
  const context = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
  context.drawImage(bitmap, 0, 0, width, height);
  return context.getImageData(0, 0, width, height).data;
}
