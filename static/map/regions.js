/** Connected regions of one class: taken out of a label map, and put somewhere else or at another size. */

/**
 * The 4-connected region at a point, {value, rect, mask}: its class, the rectangle around it, and 1 for each pixel of
 * the rectangle that belongs to it, row after row. Null outside the map.
 */
export function regionAt(map, x, y) {
  const value = map.at(x, y);
  if (value === null) return null;
  const flooded = map.clone();
  const rect = flooded.fill(x, y, value === 0 ? 1 : 0);
  const before = map.read(rect);
  return { value, rect, mask: flooded.read(rect).map((label, i) => (label !== before[i] ? 1 : 0)) };
}

/**
 * Paint a region into a rectangle, by nearest neighbour where its size is another. Returns what of it lies on the map.
 */
export function stamp(map, { value, rect, mask }, target) {
  const clipped = map.clip(target);
  if (!clipped) return null;
  for (let y = clipped.y; y < clipped.y + clipped.h; y += 1) {
    const row = Math.floor(((y - target.y + 0.5) * rect.h) / target.h) * rect.w;
    for (let x = clipped.x; x < clipped.x + clipped.w; x += 1) {
      const column = Math.floor(((x - target.x + 0.5) * rect.w) / target.w);
      if (mask[row + column]) map.data[y * map.width + x] = value;
    }
  }
  return clipped;
}

/**
 * The map without a region. Its pixels take the class that the map `beneath` has there; where that is the region's own
 * class, they take the class of the nearest pixel outside the region.
 */
export function without(map, region, beneath) {
  const out = map.clone();
  const open = new Uint8Array(out.data.length);
  const { rect, mask, value } = region;
  mask.forEach((inside, i) => {
    if (!inside) return;
    const pixel = (rect.y + Math.floor(i / rect.w)) * out.width + rect.x + (i % rect.w);
    if (beneath.data[pixel] === value) open[pixel] = 1;
    else out.data[pixel] = beneath.data[pixel];
  });
  growInto(out, open, rect);
  return out;
}

/**
 * Give every pixel marked in `open` the class of the nearest pixel that is not: breadth first, from the rim inwards.
 */
function growInto(map, open, rect) {
  const { width, data } = map;
  const steps = [-1, 1, -width, width];
  const isOpen = (pixel, step) => {
    const next = pixel + step;
    const wraps = (step === 1 && next % width === 0) || (step === -1 && pixel % width === 0);
    return open[next] === 1 && !wraps;
  };
  const rim = map.clip({ x: rect.x - 1, y: rect.y - 1, w: rect.w + 2, h: rect.h + 2 });
  const queue = [];
  for (let y = rim.y; y < rim.y + rim.h; y += 1) {
    for (let pixel = y * width + rim.x; pixel < y * width + rim.x + rim.w; pixel += 1) {
      if (!open[pixel] && steps.some((step) => isOpen(pixel, step))) queue.push(pixel);
    }
  }
  for (let i = 0; i < queue.length; i += 1) {
    for (const step of steps) {
      if (!isOpen(queue[i], step)) continue;
      const next = queue[i] + step;
      data[next] = data[queue[i]];
      open[next] = 0;
      queue.push(next);
    }
  }
}
