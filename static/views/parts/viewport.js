/** Zoom and pan, shared by both canvases: the same part of the map is under the same place of each frame. */

const CLOSEST = 16; // times the scale at which the whole map fits

export class Viewport {
  #frames;
  #layers;
  #sizes = new Map();
  zoom = 1; // of the scale at which the whole map fits
  centre = { x: 0.5, y: 0.5 }; // of the map

  /** `layers` are [element, frame]; `onChange` is told after every move. */
  constructor(layers, onChange) {
    this.#layers = layers;
    this.#frames = [...new Set(layers.map(([, frame]) => frame))];
    this.onChange = onChange;
    this.width = 1;
    this.height = 1;
    const observer = new ResizeObserver(() => this.#measure());
    for (const frame of this.#frames) observer.observe(frame);
  }

  /** Another element that shows the map's area in one of the frames. */
  add(element, frame) {
    this.#layers.push([element, frame]);
    this.apply();
  }

  resize(width, height) {
    Object.assign(this, { width, height });
    this.zoom = 1;
    this.centre = { x: 0.5, y: 0.5 };
    this.#measure();
  }

  /** Asked for only when a frame changes: reading a size makes the browser lay the page out. */
  #measure() {
    for (const frame of this.#frames) this.#sizes.set(frame, { width: frame.clientWidth, height: frame.clientHeight });
    this.apply();
  }

  /** Size of the frame that can be seen; on a phone one of the two may be hidden. */
  get #frame() {
    return [...this.#sizes.values()].find(({ width }) => width > 0) ?? { width: 0, height: 0 };
  }

  /** Screen pixels a map pixel where the whole map fits. */
  get #fitting() {
    const { width, height } = this.#frame;
    return Math.min(width / this.width, height / this.height);
  }

  /** Screen pixels a map pixel. */
  get scale() {
    return this.zoom * this.#fitting;
  }

  fit() {
    this.zoom = 1;
    this.centre = { x: 0.5, y: 0.5 };
    this.apply();
  }

  /** One screen pixel a map pixel, also where that is smaller than the frame. */
  actual() {
    this.zoomTo(1 / this.#fitting);
  }

  /** Zoom to a multiple of the fitting scale; what is at `anchor`, a place in the frame, stays there. */
  zoomTo(zoom, anchor = null) {
    const before = anchor && this.toMap(anchor);
    this.zoom = Math.min(CLOSEST, Math.max(Math.min(1, 1 / this.#fitting), zoom));
    if (before) {
      const after = this.toMap(anchor);
      this.centre.x += (before.x - after.x) / this.width;
      this.centre.y += (before.y - after.y) / this.height;
    }
    this.apply();
  }

  panBy(dx, dy) {
    this.centre.x -= dx / (this.scale * this.width);
    this.centre.y -= dy / (this.scale * this.height);
    this.apply();
  }

  /** From a place in a frame, in screen pixels, to map pixels. */
  toMap({ x, y }) {
    const { left, top } = this.#origin();
    return { x: (x - left) / this.scale, y: (y - top) / this.scale };
  }

  toFrame({ x, y }) {
    const { left, top } = this.#origin();
    return { x: left + x * this.scale, y: top + y * this.scale };
  }

  #origin() {
    const { width, height } = this.#frame;
    return {
      left: width / 2 - this.centre.x * this.width * this.scale,
      top: height / 2 - this.centre.y * this.height * this.scale,
    };
  }

  apply() {
    const { width, height } = this.#frame;
    if (!width) return;
    const reach = (shown, whole) => Math.min(0.5, shown / (2 * whole * this.scale));
    const clamp = (value, margin) => Math.min(1 - margin, Math.max(margin, value));
    this.centre.x = clamp(this.centre.x, reach(width, this.width));
    this.centre.y = clamp(this.centre.y, reach(height, this.height));
    const { left, top } = this.#origin();
    for (const [layer] of this.#layers) {
      layer.style.width = `${this.width * this.scale}px`;
      layer.style.height = `${this.height * this.scale}px`;
      layer.style.transform = `translate(${left}px, ${top}px)`;
    }
    this.onChange();
  }
}
