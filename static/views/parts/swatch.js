/** Label maps in colour; twin swatches and look crops: a class's label colour, and how it looks right now. */
import { h } from "./dom.js";

/** Draw the part of a bitmap that shows a class, `rect` in pixels of its label map. */
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

/** Colours of a label map, as a canvas. */
export function labelBitmap(studio, map) {
  const canvas = h("canvas", { width: map.width, height: map.height });
  canvas.getContext("2d").putImageData(studio.classes.coloured(map), 0, 0);
  return canvas;
}

/** A canvas that keeps showing the class's look in the picture on the stage. */
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

export function watchLooks(studio) {
  const paint = () => {
    for (const canvas of document.querySelectorAll("canvas[data-look]")) paintLook(studio, canvas);
  };
  studio.store.watch(["picture", "crops"], paint, { later: true });
}

/** Label colour left, look right; a class that is not in the picture shows its colour alone. */
export function swatch(studio, index) {
  const vars = { c: `var(--class-${index})`, hatch: `var(--hatch-${index})` };
  return h("span.sw", { vars, "aria-hidden": "true" }, lookCanvas(studio, index, 48));
}
