/** Hatching: a pattern for every class beside its colour, so that colour is not the only sign of it. */

const TILE = 8; // pixels after which every pattern repeats

/** Whether a line of each pattern passes through a pixel. */
const PATTERNS = [
  (x, y) => (x + y) % 4 === 0,
  (x) => x % 4 === 0,
  (x, y) => (x - y + TILE) % 4 === 0,
  (x, y) => y % 4 === 0,
  (x, y) => x % 4 === 0 && y % 4 === 0,
  (x, y) => (x + y) % 8 === 0 || (x - y + TILE) % 8 === 0,
  (x, y) => y % 4 === 0 && (x + y) % 8 < 4,
  (x, y) => x % 8 === 0 || y % 8 === 0,
  (x, y) => (x + y) % 8 < 2,
  (x, y) => x % 4 === 0 && (x + y) % 8 < 4,
  (x, y) => (x - y + TILE) % 8 < 2,
  (x, y) => x % 8 < 4 === y % 8 < 4 && (x + y) % 2 === 0,
];

/** The pattern of a class: 8 × 8 booleans, row after row, true where a line is. */
export function hatchOf(index) {
  const pattern = PATTERNS[index % PATTERNS.length];
  return Array.from({ length: TILE * TILE }, (_, i) => pattern(i % TILE, Math.floor(i / TILE)));
}

/** The colour of the lines on a ground [r, g, b]: darker than a light ground, lighter than a dark one. */
export function lineColour([r, g, b]) {
  const light = 0.3 * r + 0.59 * g + 0.11 * b > 110;
  return [r, g, b].map((value) => Math.round(light ? value * 0.55 : value + (255 - value) * 0.4));
}

/**
 * A function `paint(map, rect, pixels)` that colours a rectangle of a label map. `colours` are [r, g, b] by class
 * index; `pixels` is a Uint32Array of the rectangle's size, one RGBA value a pixel, in the byte order of ImageData.
 */
export function colouring(colours, hatched) {
  const packed = ([r, g, b]) => ((255 << 24) | (b << 16) | (g << 8) | r) >>> 0;
  const grounds = Uint32Array.from(colours, packed);
  if (!hatched) {
    return (map, rect, pixels) => map.read(rect).forEach((label, i) => (pixels[i] = grounds[label]));
  }
  const lines = Uint32Array.from(colours, (colour) => packed(lineColour(colour)));
  const tiles = Uint8Array.from(colours.flatMap((_, index) => hatchOf(index)));
  return (map, rect, pixels) => {
    // Map pixels for each pixel of the pattern: on the screen, lines are as wide whatever the map's size.
    const unit = Math.max(1, Math.round(map.width / 256));
    const inTile = (place) => Math.floor(place / unit) % TILE;
    const columns = Uint8Array.from({ length: rect.w }, (_, x) => inTile(rect.x + x));
    const labels = map.read(rect);
    for (let i = 0, y = 0; y < rect.h; y += 1) {
      const row = inTile(rect.y + y) * TILE;
      for (let x = 0; x < rect.w; x += 1, i += 1) {
        const label = labels[i];
        pixels[i] = (tiles[label * TILE * TILE + row + columns[x]] ? lines : grounds)[label];
      }
    }
  };
}
