/**
 * The label map: one class index a pixel, in a Uint8Array, edges always hard.
 *
 * Coordinates are in pixels with the origin at the upper left; a point may lie anywhere inside a pixel (2.5 is the middle
 * of the third). Every change returns the rectangle {x, y, w, h} that it may have touched, or null.
 */

export function unite(a, b) {
  if (!a) return b;
  if (!b) return a;
  const x = Math.min(a.x, b.x);
  const y = Math.min(a.y, b.y);
  return { x, y, w: Math.max(a.x + a.w, b.x + b.w) - x, h: Math.max(a.y + a.h, b.y + b.h) - y };
}

export class LabelMap {
  constructor(width, height, data = new Uint8Array(width * height)) {
    if (data.length !== width * height) {
      throw new RangeError(`a ${width} × ${height} label map has ${width * height} pixels, not ${data.length}`);
    }
    this.width = width;
    this.height = height;
    this.data = data;
  }

  get bounds() {
    return { x: 0, y: 0, w: this.width, h: this.height };
  }

  contains(x, y) {
    return x >= 0 && y >= 0 && x < this.width && y < this.height;
  }

  /** Class under a point, or null outside of the map. */
  at(x, y) {
    return this.contains(x, y) ? this.data[Math.floor(y) * this.width + Math.floor(x)] : null;
  }

  /** Pixel count of every possible class index. */
  counts() {
    const counts = new Uint32Array(256);
    for (const value of this.data) counts[value] += 1;
    return counts;
  }

  clone() {
    return new LabelMap(this.width, this.height, this.data.slice());
  }

  equals(other) {
    return (
      this.width === other.width &&
      this.height === other.height &&
      this.data.every((value, i) => value === other.data[i])
    );
  }

  /** Nearest neighbour: a label is never interpolated. */
  scaled(width, height) {
    const out = new LabelMap(width, height);
    for (let y = 0; y < height; y += 1) {
      const row = Math.floor(((y + 0.5) * this.height) / height) * this.width;
      for (let x = 0; x < width; x += 1) {
        out.data[y * width + x] = this.data[row + Math.floor(((x + 0.5) * this.width) / width)];
      }
    }
    return out;
  }

  /** The part of a rectangle that lies on the map, on whole pixels. */
  clip({ x, y, w, h }) {
    const left = Math.max(0, Math.floor(x));
    const top = Math.max(0, Math.floor(y));
    const right = Math.min(this.width, Math.ceil(x + w));
    const bottom = Math.min(this.height, Math.ceil(y + h));
    return right > left && bottom > top ? { x: left, y: top, w: right - left, h: bottom - top } : null;
  }

  read({ x, y, w, h }) {
    const out = new Uint8Array(w * h);
    for (let row = 0; row < h; row += 1) {
      const start = (y + row) * this.width + x;
      out.set(this.data.subarray(start, start + w), row * w);
    }
    return out;
  }

  write({ x, y, w, h }, values) {
    for (let row = 0; row < h; row += 1) {
      this.data.set(values.subarray(row * w, (row + 1) * w), (y + row) * this.width + x);
    }
  }

  /** Draw a straight stroke of a round or square brush of `size` pixels across, from one point to another. */
  stroke(x0, y0, x1, y1, { size, shape = "round" }, value) {
    const touched =
      shape === "square"
        ? this.#sweepSquare(x0, y0, x1, y1, size, value)
        : this.#sweepDisc(x0, y0, x1, y1, size, value);
    return unite(touched, unite(this.#dot(x0, y0, value), this.#dot(x1, y1, value)));
  }

  /** Fill the rectangle between two corners, both included. */
  rectangle(x0, y0, x1, y1, value) {
    const left = Math.floor(Math.min(x0, x1));
    const top = Math.floor(Math.min(y0, y1));
    const w = Math.floor(Math.max(x0, x1)) - left + 1;
    const h = Math.floor(Math.max(y0, y1)) - top + 1;
    return this.#fillClipped(this.clip({ x: left, y: top, w, h }), value);
  }

  /** Replace the class under a point: its 4-connected region, or with `everywhere` every pixel of that class. */
  fill(x, y, value, everywhere = false) {
    const old = this.at(x, y);
    if (old === null || old === value) return null;
    return everywhere ? this.#replace(old, value) : this.#flood(Math.floor(x), Math.floor(y), old, value);
  }

  /** The pixel under a point is painted even by a brush too thin to cover its centre. */
  #dot(x, y, value) {
    if (!this.contains(x, y)) return null;
    return this.#fillClipped({ x: Math.floor(x), y: Math.floor(y), w: 1, h: 1 }, value);
  }

  #fillClipped(rect, value) {
    if (!rect) return null;
    for (let row = rect.y; row < rect.y + rect.h; row += 1) {
      this.data.fill(value, row * this.width + rect.x, row * this.width + rect.x + rect.w);
    }
    return rect;
  }

  /** A capsule: every pixel whose centre is within half the size of the segment. */
  #sweepDisc(x0, y0, x1, y1, size, value) {
    const radius = size / 2;
    const rect = this.clip({
      x: Math.min(x0, x1) - radius,
      y: Math.min(y0, y1) - radius,
      w: Math.abs(x1 - x0) + size,
      h: Math.abs(y1 - y0) + size,
    });
    if (!rect) return null;
    const dx = x1 - x0;
    const dy = y1 - y0;
    const length2 = dx * dx + dy * dy;
    for (let y = rect.y; y < rect.y + rect.h; y += 1) {
      const py = y + 0.5 - y0;
      for (let x = rect.x; x < rect.x + rect.w; x += 1) {
        const px = x + 0.5 - x0;
        const along = length2 ? Math.min(1, Math.max(0, (px * dx + py * dy) / length2)) : 0;
        const ex = px - along * dx;
        const ey = py - along * dy;
        if (ex * ex + ey * ey <= radius * radius) this.data[y * this.width + x] = value;
      }
    }
    return rect;
  }

  /** A square stamped at every pixel of the way. */
  #sweepSquare(x0, y0, x1, y1, size, value) {
    const steps = Math.max(1, Math.ceil(Math.max(Math.abs(x1 - x0), Math.abs(y1 - y0))));
    let touched = null;
    for (let step = 0; step <= steps; step += 1) {
      const left = Math.round(x0 + ((x1 - x0) * step) / steps - size / 2);
      const top = Math.round(y0 + ((y1 - y0) * step) / steps - size / 2);
      touched = unite(touched, this.#fillClipped(this.clip({ x: left, y: top, w: size, h: size }), value));
    }
    return touched;
  }

  #replace(old, value) {
    this.data.forEach((label, i) => {
      if (label === old) this.data[i] = value;
    });
    return this.bounds;
  }

  /** Scanline flood: a stack of seeds, each painted as the longest run of its row. */
  #flood(x, y, old, value) {
    const { width, height, data } = this;
    const stack = [x, y];
    let [left, top, right, bottom] = [x, y, x, y];
    while (stack.length) {
      const row = stack.pop();
      const seed = stack.pop();
      const base = row * width;
      if (data[base + seed] !== old) continue;
      let start = seed;
      let end = seed;
      while (start > 0 && data[base + start - 1] === old) start -= 1;
      while (end < width - 1 && data[base + end + 1] === old) end += 1;
      data.fill(value, base + start, base + end + 1);
      for (const next of [row - 1, row + 1]) {
        if (next < 0 || next >= height) continue;
        for (let i = start; i <= end; i += 1) {
          if (data[next * width + i] === old) stack.push(i, next);
        }
      }
      [left, right] = [Math.min(left, start), Math.max(right, end)];
      [top, bottom] = [Math.min(top, row), Math.max(bottom, row)];
    }
    return { x: left, y: top, w: right - left + 1, h: bottom - top + 1 };
  }
}
