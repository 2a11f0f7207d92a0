/** Hatching: a pattern for every class beside its colour, so that colour is not the only sign. No DOM here. */

const TILE = 8;

/** Whether a line passes through a pixel; all repeat after eight. */
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

/** Eight by eight booleans, row after row, of a class's pattern. */
export function hatchOf(index) {
  const pattern = PATTERNS[index % PATTERNS.length];
  return Array.from({ length: TILE * TILE }, (_, i) => pattern(i % TILE, Math.floor(i / TILE)));
}

/** The colour of the lines on a ground: darker on light ones, lighter on dark ones. */
export function lineColour([r, g, b]) {
  const light = 0.3 * r + 0.59 * g + 0.11 * b > 110;
  return [r, g, b].map((value) => Math.round(light ? value * 0.55 : value + (255 - value) * 0.4));
}

/** Colours a label map: `paint(map, rect, pixels)` fills a rectangle's RGBA as one Uint32 a pixel. */
export function mapPainter(colours, hatched) {
  const packed = ([r, g, b]) => ((255 << 24) | (b << 16) | (g << 8) | r) >>> 0;
  const grounds = Uint32Array.from(colours, packed);
  if (!hatched) {
    return (map, rect, pixels) => map.read(rect).forEach((label, i) => (pixels[i] = grounds[label]));
  }
  const lines = Uint32Array.from(colours, (colour) => packed(lineColour(colour)));
  const tiles = Uint8Array.from(colours.flatMap((_, index) => hatchOf(index)));
  return (map, rect, pixels) => {
    const unit = Math.max(1, Math.round(map.width / 256)); // lines stay as wide on the screen
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
