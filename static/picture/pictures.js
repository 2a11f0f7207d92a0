/**
 * Pictures as the page keeps them: {id, bytes, bitmap, style, change, map, version, time}. `bytes` is the server's PNG,
 * which carries the recipe; `bitmap` is for drawing, and null in old pictures; `map` and `version` are the label map
 * that the picture was made from; `change` is {share, inside, outside} if the server has measured it, or null.
 */
import { bytesOfDataUrl } from "../formats/data_url.js";

let made = 0; // pictures so far; their ids are their numbers
const sources = new WeakMap(); // by bitmap: the Blob that it was decoded from

/** The picture in one entry of an answer's `pictures`. */
export async function pictureOf({ image, style, change }, map, version) {
  const measured = change && { share: change.share_inside, inside: change.inside, outside: change.outside };
  return { ...(await pictureOfBytes(bytesOfDataUrl(image), style, map, version)), change: measured ?? null };
}

/** The picture in the bytes of a PNG. */
export async function pictureOfBytes(bytes, style, map, version, time = Date.now()) {
  const bitmap = await bitmapOf(new Blob([bytes], { type: "image/png" }));
  return { id: (made += 1), bytes, bitmap, style, change: null, map, version, time };
}

/** A picture's bitmap; an old picture has only its bytes, which are decoded again. */
export async function bitmapFor({ bitmap, bytes }) {
  return bitmap ?? bitmapOf(new Blob([bytes], { type: "image/png" }));
}

/** The bitmap of an image file, a Blob, decoded without colour management so that its pixels keep their values. */
export async function bitmapOf(blob) {
  const bitmap = await createImageBitmap(blob, { colorSpaceConversion: "none" });
  sources.set(bitmap, blob);
  return bitmap;
}

/** The Blob that `bitmapOf` decoded a bitmap from. */
export function sourceOf(bitmap) {
  return sources.get(bitmap);
}

/** The RGBA bytes of a bitmap at this size, 4 × width × height. */
export function pixelsOf(bitmap, width, height) {
  const context = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
  context.drawImage(bitmap, 0, 0, width, height);
  return context.getImageData(0, 0, width, height).data;
}
