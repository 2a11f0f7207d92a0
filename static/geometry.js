/** Rectangles {x, y, w, h} and the outlines of what is drawn, in map pixels. */

/** The smallest rectangle around both; null is nothing. */
export function unite(a, b) {
  if (!a) return b;
  if (!b) return a;
  const x = Math.min(a.x, b.x);
  const y = Math.min(a.y, b.y);
  return { x, y, w: Math.max(a.x + a.w, b.x + b.w) - x, h: Math.max(a.y + a.h, b.y + b.h) - y };
}

/** The whole pixels between two corners, both included. */
export function boxBetween(x0, y0, x1, y1) {
  const x = Math.floor(Math.min(x0, x1));
  const y = Math.floor(Math.min(y0, y1));
  return { x, y, w: Math.floor(Math.max(x0, x1)) - x + 1, h: Math.floor(Math.max(y0, y1)) - y + 1 };
}

/** The rectangle around points. */
export function around(points) {
  return points.map(({ x, y }) => ({ x, y, w: 0, h: 0 })).reduce(unite);
}

/** First pixel of a row whose centre is not left of x. */
export const firstCentre = (x) => Math.ceil(x - 0.5);

/**
 * Whether a point is under a disc that goes straight from one {x, y, size} to another while its size changes evenly.
 *
 * A point p is covered where some t in [0, 1] has |p - c(t)| ≤ r(t). The difference of the squares is a parabola in t, so
 * only its lowest place in the interval matters.
 */
export function coveredBy(from, to) {
  const [r, dr] = [from.size / 2, (to.size - from.size) / 2];
  const [dx, dy] = [to.x - from.x, to.y - from.y];
  const curve = dx * dx + dy * dy - dr * dr;
  return (x, y) => {
    const [px, py] = [x - from.x, y - from.y];
    const slope = px * dx + py * dy + r * dr;
    const value = (t) => px * px + py * py - r * r - t * (2 * slope - t * curve);
    if (curve <= 0) return value(0) <= 0 || value(1) <= 0; // one disc lies in the other
    return value(Math.min(1, Math.max(0, slope / curve))) <= 0;
  };
}

/** Where a horizontal line crosses a closed outline, from left to right, and whether it goes down (1) or up (-1) there. */
export function crossings(points, y) {
  const found = [];
  points.forEach((a, i) => {
    const b = points[(i + 1) % points.length];
    if (a.y <= y === b.y <= y) return;
    found.push({ x: a.x + ((y - a.y) * (b.x - a.x)) / (b.y - a.y), turn: a.y < b.y ? 1 : -1 });
  });
  return found.sort((a, b) => a.x - b.x);
}
