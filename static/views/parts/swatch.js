/**
 * Canvases of label maps in colour, of a class's look in the picture, and swatches that have its colour and its look.
 */
import { h } from "./dom.js";

/** Fill a canvas with a part of a bitmap; `rect` is that part in pixels of the label map. */
export function paintCrop(canvas, bitmap, map, rect) {
  const across = bitmap.width / map.width;
  const down = bitmap.height / map.height;
  const side = Math.min(rect.w, rect.h);
  const ratio = canvas.width / canvas.height;
  const [w, height] = ratio > 1 ? [side, side / ratio] : [side * ratio, side];
  const x = rect.x + (rect.w - w) / 2;
  const y = rect.y + (rect.h - height) / 2;
  const context = canvas.getContext("2d");
  context.imageSmoothingQuality = "high";
  context.drawImage(bitmap, x * across, y * down, w * across, height * down, 0, 0, canvas.width, canvas.height);
}

/** A canvas with a label map in its classes' colours. */
export function labelBitmap(studio, map) {
  const canvas = h("canvas", { width: map.width, height: map.height });
  canvas.getContext("2d").putImageData(studio.classes.coloured(map), 0, 0);
  return canvas;
}

/** A canvas that shows a class's look in the picture on the stage; `watchLooks` keeps it up to date. */
export function lookCanvas(studio, index, width, height = width) {
  const canvas = h("canvas", { width, height, data: { look: index }, "aria-hidden": "true" });
  paintLook(studio, canvas);
  return canvas;
}

function paintLook(studio, canvas) {
  const { picture, crops } = studio.state;
  const rect = crops.get(Number(canvas.dataset.look));
  canvas.hidden = !picture || !rect;
  if (!canvas.hidden) paintCrop(canvas, picture.bitmap, picture.map, rect);
}

/** Draw all canvases of looks anew when there is another picture. */
export function watchLooks(studio) {
  const paint = () => {
    for (const canvas of document.querySelectorAll("canvas[data-look]")) paintLook(studio, canvas);
  };
  studio.store.watch(["picture", "crops"], paint, { later: true });
}

/** A class's swatch: its colour left, its look right. A class that is not in the picture has its colour alone. */
export function swatch(studio, index) {
  const vars = { c: `var(--class-${index})`, hatch: `var(--hatch-${index})` };
  return h("span.sw", { vars, "aria-hidden": "true" }, lookCanvas(studio, index, 48));
}
