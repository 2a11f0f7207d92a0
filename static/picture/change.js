/**
 * What a new look changed in a picture: how much of it inside the classes that were meant to change, how much outside,
 * and where. Pictures are RGBA bytes, 4 a pixel, of their label map's size. The server measures by the same rule, and
 * tests/fixtures/change.json holds both to it.
 */
import { pixelsOf } from "./pictures.js";

const AMBER = [242, 174, 76]; // inside the classes
const BLUE = [92, 200, 255]; // outside them
const FULL = 48; // mean difference, of 255, from which on the heat map shows the full colour

/**
 * The change between two pictures of one label map, as numbers.
 *
 * @param {Uint8ClampedArray} before RGBA, 4 × width × height values @param {Uint8ClampedArray} after RGBA of the same
 * size @param {LabelMap} map @param {Iterable<number>} classes the classes that were meant to change @returns {{share:
 * number, inside: number, outside: number}} `inside` and `outside` are the mean absolute difference of the colour
 * channels in pixels of those classes and in all others, 0 … 255, and 0 where there is no such pixel; `share` is the
 * part of the whole change that lies inside, 0 … 1, and 1 where nothing changed.
 */
export function measureChange(before, after, map, classes) {
  const wanted = marks(classes);
  const sums = [0, 0]; // outside, inside
  const pixels = [0, 0];
  map.data.forEach((label, pixel) => {
    sums[wanted[label]] += difference(before, after, 4 * pixel);
    pixels[wanted[label]] += 1;
  });
  const [outside, inside] = sums.map((sum, side) => (pixels[side] ? sum / (3 * pixels[side]) : 0));
  const total = sums[0] + sums[1];
  return { share: total ? sums[1] / total : 1, inside, outside };
}

/**
 * The heat map of a change, RGBA of the pictures' size: amber inside the classes, blue outside, the stronger the more
 * changed, over the grey, darkened picture. The arguments are those of `measureChange`.
 */
export function heatMap(before, after, map, classes) {
  const wanted = marks(classes);
  const out = new Uint8ClampedArray(after.length);
  map.data.forEach((label, pixel) => {
    const i = 4 * pixel;
    const grey = 14 + 0.28 * (0.299 * after[i] + 0.587 * after[i + 1] + 0.114 * after[i + 2]);
    const strength = Math.min(1, difference(before, after, i) / 3 / FULL);
    const colour = wanted[label] ? AMBER : BLUE;
    for (let channel = 0; channel < 3; channel += 1) out[i + channel] = grey + (colour[channel] - grey) * strength;
    out[i + 3] = 255;
  });
  return out;
}

/**
 * The change between two pictures as the page keeps them: {classes, width, height, heat, share, inside, outside},
 * `heat` being the heat map. Numbers that came with the picture from the server are taken over.
 */
export function changeBetween(before, after, classes) {
  const { width, height } = after.map;
  const [old, now] = [before, after].map(({ bitmap }) => pixelsOf(bitmap, width, height));
  const measured = after.change ?? measureChange(old, now, after.map, classes);
  return { classes, width, height, heat: heatMap(old, now, after.map, classes), ...measured };
}

/** By class index, 1 for each of these classes and 0 for every other. */
function marks(classes) {
  const wanted = new Uint8Array(256);
  for (const index of classes) wanted[index] = 1;
  return wanted;
}

/** The absolute differences of red, green and blue at byte `i`, summed: 0 … 765. */
function difference(a, b, i) {
  return Math.abs(a[i] - b[i]) + Math.abs(a[i + 1] - b[i + 1]) + Math.abs(a[i + 2] - b[i + 2]);
}
