/**
 * Where in a label map each class is seen best: the largest square, of a few sizes, that it fills almost alone.
 * Swatches and chips show that part of the picture.
 */

const SIZES = [0.22, 0.14, 0.09, 0.055, 0.03]; // sides of the squares, as shares of the map's shorter side
const FILLED = 0.94; // share of a square that a class must cover for it to be taken without trying a smaller one
const BETTER = 0.08; // how much larger that share must be in a smaller square for it to be preferred
const FINE = 128; // pixels of the longer side of the map on which squares are tried

/** The rectangle {x, y, w, h} of every class in the map, by class index, in map pixels. */
export function cropsOf(map) {
  const step = Math.max(1, Math.max(map.width, map.height) / FINE);
  const small = step > 1 ? map.scaled(Math.round(map.width / step), Math.round(map.height / step)) : map;
  const [across, down] = [map.width / small.width, map.height / small.height];
  const seen = small.counts();
  const crops = new Map();
  map.counts().forEach((count, index) => {
    if (!count) return;
    const { x, y, w, h } = seen[index]
      ? bestSquare(small, index)
      : around(small, map.data.indexOf(index) / map.data.length);
    crops.set(index, { x: x * across, y: y * down, w: w * across, h: h * down });
  });
  return crops;
}

/**
 * A rectangle around the first pixel of a class that has so few that the smaller map has none. `share` says where it
 * is: the part of all pixels, row after row, that come before it.
 */
function around({ width, height }, share) {
  const y = Math.min(height - 2, Math.floor(share * height));
  const x = Math.min(width - 2, Math.floor(((share * height) % 1) * width));
  return { x: Math.max(0, x), y: Math.max(0, y), w: 2, h: 2 };
}

function bestSquare(map, index) {
  const sums = summedArea(map, index);
  let best = null;
  for (const part of SIZES) {
    const side = Math.max(2, Math.round(part * Math.min(map.width, map.height)));
    const found = fullest(map, sums, side);
    if (!best || found.share > best.share + BETTER) best = found;
    if (best.share >= FILLED) break;
  }
  return best.rect;
}

/** The square of this side with the most pixels of the class: {share, rect}, the share being 0 … 1. */
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

/** sums[y][x], row after row: the number of pixels of the class above and left of (x, y). */
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
