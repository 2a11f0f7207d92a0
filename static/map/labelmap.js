/**
 * The label map: one class index a pixel, in a Uint8Array. Edges are hard: a pixel belongs to one class.
 *
 * Coordinates are in pixels with the origin at the upper left; points may lie between whole pixels (2.5 is the middle
 * of the third). Every change returns a rectangle {x, y, w, h} that contains it, or null. Shapes are painted in an
 * `ink`: a class index, or another map of the same size whose pixels are taken.
 */
import { around, boxBetween, coveredBy, crossings, firstCentre, reachAt, unite } from "./geometry.js";

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

  /** The class at a point, or null outside the map. */
  at(x, y) {
    return this.contains(x, y) ? this.data[Math.floor(y) * this.width + Math.floor(x)] : null;
  }

  /** Number of pixels of every class index, 256 values. */
  counts() {
    const { data } = this;
    const counts = new Uint32Array(256);
    for (let i = 0; i < data.length;) {
      const [start, label] = [i, data[i]];
      while (i < data.length && data[i] === label) i += 1; // a run of equal neighbours is counted at once
      counts[label] += i - start;
    }
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

  /** The map at another size, by nearest neighbour: labels are never interpolated. */
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

  /** The part of a rectangle that lies on the map, widened to whole pixels; null if there is none. */
  clip({ x, y, w, h }) {
    const left = Math.max(0, Math.floor(x));
    const top = Math.max(0, Math.floor(y));
    const right = Math.min(this.width, Math.ceil(x + w));
    const bottom = Math.min(this.height, Math.ceil(y + h));
    return right > left && bottom > top ? { x: left, y: top, w: right - left, h: bottom - top } : null;
  }

  /** The class indices of a rectangle on the map, row after row. */
  read({ x, y, w, h }) {
    const out = new Uint8Array(w * h);
    for (let row = 0; row < h; row += 1) {
      const start = (y + row) * this.width + x;
      out.set(this.data.subarray(start, start + w), row * w);
    }
    return out;
  }

  /**
   * The smallest rectangle that contains every pixel which differs from `before`, a map of the same size; null if none
   * does. Only the given rectangle is searched. It is narrowed from outside, so few of the pixels inside the result are
   * compared.
   */
  changedSince(before, { x, y, w, h } = this.bounds) {
    const [a, b, width] = [before.data, this.data, this.width];
    let [left, top, right, bottom] = [x + w, y, x, y + h]; // right and bottom are the first pixels outside
    const differs = (row, from, to) => {
      for (let i = row * width + from; i < row * width + to; i += 1) if (a[i] !== b[i]) return true;
      return false;
    };
    while (top < bottom && !differs(top, x, x + w)) top += 1;
    if (top === bottom) return null;
    while (!differs(bottom - 1, x, x + w)) bottom -= 1;
    for (let row = top; row < bottom; row += 1) {
      const base = row * width;
      for (let column = x; column < left; column += 1) if (a[base + column] !== b[base + column]) left = column;
      for (let column = x + w - 1; column >= right; column -= 1) {
        if (a[base + column] !== b[base + column]) right = column + 1;
      }
    }
    return { x: left, y: top, w: right - left, h: bottom - top };
  }

  /** Put class indices, row after row, into a rectangle on the map. */
  write({ x, y, w, h }, values) {
    for (let row = 0; row < h; row += 1) {
      this.data.set(values.subarray(row * w, (row + 1) * w), (y + row) * this.width + x);
    }
  }

  /**
   * Draw a straight stroke of a "round" or "square" brush between two points {x, y, size}, size being the brush's
   * diameter in pixels. It changes evenly on the way from one to the other.
   */
  stroke(from, to, shape, ink) {
    const swept = shape === "square" ? this.#sweepSquare(from, to, ink) : this.#sweepDisc(from, to, ink);
    return unite(swept, unite(this.#dot(from, ink), this.#dot(to, ink)));
  }

  /** Fill the rectangle between two corners, both included. */
  rectangle(x0, y0, x1, y1, ink) {
    const box = boxBetween(x0, y0, x1, y1);
    return this.#rows(box, (y) => this.#run(y, box.x, box.x + box.w, ink));
  }

  /** Fill the ellipse inside the rectangle between two corners. */
  ellipse(x0, y0, x1, y1, ink) {
    const box = boxBetween(x0, y0, x1, y1);
    const middle = box.x + box.w / 2;
    return this.#rows(box, (y) => {
      const height = (2 * (y + 0.5 - box.y)) / box.h - 1; // -1 … 1
      const half = (box.w / 2) * Math.sqrt(1 - height * height);
      this.#run(y, firstCentre(middle - half), firstCentre(middle + half), ink);
    });
  }

  /** Fill the polygon of these points by the non-zero rule: where it crosses itself nothing is left out. */
  polygon(points, ink) {
    const rect = this.clip(around(points));
    if (!rect) return null;
    const lines = crossings(points, rect.y, rect.h);
    return this.#rows(rect, (y) => {
      let winding = 0;
      let start = 0;
      for (const { x, turn } of lines[y - rect.y]) {
        if (winding !== 0) this.#run(y, firstCentre(start), firstCentre(x), ink);
        winding += turn;
        start = x;
      }
    });
  }

  /** Turn the class at a point into another: its 4-connected region, or with `everywhere` every pixel of the class. */
  fill(x, y, value, everywhere = false) {
    const old = this.at(x, y);
    if (old === null || old === value) return null;
    return everywhere ? this.replace(old, value) : this.#flood(Math.floor(x), Math.floor(y), old, value);
  }

  /** Turn every pixel of one class into another. */
  replace(old, value) {
    for (let i = 0; i < this.data.length; i += 1) if (this.data[i] === old) this.data[i] = value;
    return this.bounds;
  }

  /** Call `paint(y)` for every row of the map in a rectangle; returns the part of the rectangle on the map. */
  #rows(rect, paint) {
    const clipped = this.clip(rect);
    if (clipped) for (let y = clipped.y; y < clipped.y + clipped.h; y += 1) paint(y);
    return clipped;
  }

  /** Paint a row from pixel `start` up to, and without, `end`. */
  #run(y, start, end, ink) {
    const from = y * this.width + Math.max(0, start);
    const to = y * this.width + Math.min(this.width, end);
    if (to <= from) return;
    if (ink instanceof LabelMap) this.data.set(ink.data.subarray(from, to), from);
    else this.data.fill(ink, from, to);
  }

  /** Paint the pixel at a point: a brush may be too thin to cover a pixel's centre. */
  #dot({ x, y }, ink) {
    return this.contains(x, y) ? this.rectangle(x, y, x, y, ink) : null;
  }

  /** Paint every pixel whose centre a disc covers on its way. The shape is convex, so each row is one run. */
  #sweepDisc(from, to, ink) {
    const covered = coveredBy(from, to);
    const [a, b] = [from, to].map(({ x, y, size }) => ({ x: x - size / 2, y: y - size / 2, w: size, h: size }));
    return this.#rows(unite(a, b), (y) => {
      const { left, right } = reachAt(from, to, y + 0.5);
      let start = Math.max(0, Math.floor(left));
      let end = Math.min(this.width, Math.ceil(right));
      while (start < end && !covered(start + 0.5, y + 0.5)) start += 1;
      while (end > start && !covered(end - 0.5, y + 0.5)) end -= 1;
      this.#run(y, start, end, ink);
    });
  }

  /** Paint a square at every pixel of the way. */
  #sweepSquare(from, to, ink) {
    const steps = Math.max(1, Math.ceil(Math.max(Math.abs(to.x - from.x), Math.abs(to.y - from.y))));
    let touched = null;
    for (let step = 0; step <= steps; step += 1) {
      const at = (key) => from[key] + ((to[key] - from[key]) * step) / steps;
      const size = Math.max(1, Math.round(at("size")));
      const left = Math.round(at("x") - size / 2);
      const top = Math.round(at("y") - size / 2);
      touched = unite(
        touched,
        this.#rows({ x: left, y: top, w: size, h: size }, (y) => this.#run(y, left, left + size, ink)),
      );
    }
    return touched;
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
