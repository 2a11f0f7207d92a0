/**
 * Where in a label map a class can be seen best: the largest square, of a few sizes, that it fills (almost) alone.
 * Swatches and chips show that part of the picture. No DOM here.
 */

const SIZES = [0.22, 0.14, 0.09, 0.055, 0.03]; // of the shorter side
const FILLED = 0.94;

/** {x, y, w, h} by class index for every class present. */
export function cropsOf(map) {
  const crops = new Map();
  map.counts().forEach((count, index) => {
    if (count) crops.set(index, bestSquare(map, index));
  });
  return crops;
}

function bestSquare(map, index) {
  const sums = summedArea(map, index);
  let best = null;
  for (const part of SIZES) {
    const side = Math.max(2, Math.round(part * Math.min(map.width, map.height)));
    const found = fullest(map, sums, side);
    if (!best || found.share > best.share + 0.08) best = found;
    if (best.share >= FILLED) break;
  }
  return best.rect;
}

/** Of all squares with this side the one with the most pixels of the class. */
function fullest({ width, height }, sums, side) {
  const step = Math.max(1, side >> 3);
  const row = width + 1;
  let best = { share: -1, rect: null };
  for (let y = 0; y + side <= height; y += step) {
    for (let x = 0; x + side <= width; x += step) {
      const inside =
        sums[(y + side) * row + x + side] - sums[y * row + x + side] - sums[(y + side) * row + x] + sums[y * row + x];
      const share = inside / (side * side);
      if (share > best.share) best = { share, rect: { x, y, w: side, h: side } };
    }
  }
  return best;
}

/** sums[y][x] = pixels of the class above and left of (x, y). */
function summedArea({ width, height, data }, index) {
  const row = width + 1;
  const sums = new Uint32Array(row * (height + 1));
  for (let y = 0; y < height; y += 1) {
    let run = 0;
    for (let x = 0; x < width; x += 1) {
      if (data[y * width + x] === index) run += 1;
      sums[(y + 1) * row + x + 1] = sums[y * row + x + 1] + run;
    }
  }
  return sums;
}
