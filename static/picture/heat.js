/**
 * How much a picture changed, and where: inside the classes that were meant to change, or outside of them. No DOM here.
 * Pictures are RGBA bytes of the label map's size.
 */

const AMBER = [242, 174, 76];
const BLUE = [92, 200, 255];
const FULL = 48; // a mean difference of this many of 255 is shown in full colour

/** {share, inside, outside}: share of the whole change that lies inside; the others are mean differences of 255. */
export function measureChange(before, after, map, classes) {
  const wanted = marks(classes);
  const sums = [0, 0];
  const pixels = [0, 0];
  map.data.forEach((label, i) => {
    const where = wanted[label];
    sums[where] += difference(before, after, i * 4);
    pixels[where] += 1;
  });
  const total = sums[0] + sums[1];
  return {
    share: total ? sums[1] / total : 1,
    inside: pixels[1] ? sums[1] / pixels[1] : 0,
    outside: pixels[0] ? sums[0] / pixels[0] : 0,
  };
}

/** RGBA of the heat map: amber inside, blue outside, over the grey, darkened picture. */
export function heatMap(before, after, map, classes) {
  const wanted = marks(classes);
  const out = new Uint8ClampedArray(after.length);
  map.data.forEach((label, pixel) => {
    const i = pixel * 4;
    const grey = 14 + 0.28 * (0.299 * after[i] + 0.587 * after[i + 1] + 0.114 * after[i + 2]);
    const strength = Math.min(1, difference(before, after, i) / FULL);
    const colour = wanted[label] ? AMBER : BLUE;
    for (let channel = 0; channel < 3; channel += 1) out[i + channel] = grey + (colour[channel] - grey) * strength;
    out[i + 3] = 255;
  });
  return out;
}

function marks(classes) {
  const wanted = new Uint8Array(256);
  for (const index of classes) wanted[index] = 1;
  return wanted;
}

function difference(a, b, i) {
  return (Math.abs(a[i] - b[i]) + Math.abs(a[i + 1] - b[i + 1]) + Math.abs(a[i + 2] - b[i + 2])) / 3;
}
