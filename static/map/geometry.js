/** Rectangles {x, y, w, h} and outlines, in map pixels. */

/** The smallest rectangle around two; null stands for an empty one. */
export function unite(a, b) {
  if (!a) return b;
  if (!b) return a;
  const x = Math.min(a.x, b.x);
  const y = Math.min(a.y, b.y);
  return { x, y, w: Math.max(a.x + a.w, b.x + b.w) - x, h: Math.max(a.y + a.h, b.y + b.h) - y };
}

/** The rectangle of whole pixels between two corners, including the pixels of both. */
export function boxBetween(x0, y0, x1, y1) {
  const x = Math.floor(Math.min(x0, x1));
  const y = Math.floor(Math.min(y0, y1));
  return { x, y, w: Math.floor(Math.max(x0, x1)) - x + 1, h: Math.floor(Math.max(y0, y1)) - y + 1 };
}

/** The smallest rectangle around points [{x, y}]. */
export function around(points) {
  return points.map(({ x, y }) => ({ x, y, w: 0, h: 0 })).reduce(unite);
}

/** The first pixel of a row whose centre is not left of x; for columns likewise. */
export const firstCentre = (x) => Math.ceil(x - 0.5);

/**
 * A function of (x, y) that says whether a disc covers the point on its straight way from one {x, y, size} to another,
 * while its diameter `size` changes evenly.
 *
 * A point p is covered if |p − c(t)| ≤ r(t) for some t in [0, 1]. The difference of the squares is a parabola in t, so
 * its lowest point in that interval decides.
 */
export function coveredBy(from, to) {
  const r = from.size / 2;
  const dr = to.size / 2 - r;
  const dx = to.x - from.x;
  const dy = to.y - from.y;
  const curve = dx * dx + dy * dy - dr * dr;
  return (x, y) => {
    const px = x - from.x;
    const py = y - from.y;
    const slope = px * dx + py * dy + r * dr;
    const start = px * px + py * py - r * r;
    if (curve <= 0) return start <= 0 || start - 2 * slope + curve <= 0; // one disc contains the other
    const t = Math.min(1, Math.max(0, slope / curve));
    return start - t * (2 * slope - t * curve) <= 0;
  };
}

/** Bounds {left, right} of the columns that a disc can cover in the row at height y on its way between two points. */
export function reachAt(from, to, y) {
  const r = Math.max(from.size, to.size) / 2;
  const dy = to.y - from.y;
  const along = (height) => (dy === 0 ? 0 : Math.min(1, Math.max(0, (height - from.y) / dy)));
  const ends = dy === 0 ? [0, 1] : [along(y - r), along(y + r)];
  const xs = ends.map((t) => from.x + t * (to.x - from.x));
  return { left: Math.min(...xs) - r, right: Math.max(...xs) + r };
}

/**
 * Where a closed outline crosses the middles of pixel rows. Gives one list for each of the `rows` rows from `top` on:
 * the crossings {x, turn} from left to right, `turn` being 1 where the outline goes down and −1 where it goes up.
 */
export function crossings(points, top, rows) {
  const found = Array.from({ length: rows }, () => []);
  points.forEach((a, i) => {
    const b = points[(i + 1) % points.length];
    const turn = a.y < b.y ? 1 : -1;
    const [first, end] = [firstCentre(Math.min(a.y, b.y)), firstCentre(Math.max(a.y, b.y))];
    for (let row = Math.max(top, first); row < Math.min(top + rows, end); row += 1) {
      found[row - top].push({ x: a.x + ((row + 0.5 - a.y) * (b.x - a.x)) / (b.y - a.y), turn });
    }
  });
  for (const row of found) row.sort((a, b) => a.x - b.x);
  return found;
}
