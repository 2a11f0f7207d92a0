/** Zoom and pan, shared by both canvases: the same part of the map is under the same place of each frame. */

const LIMITS = { min: 1, max: 16 };

export class Viewport {
  #frames;
  #layers;
  zoom = 1; // of the scale at which the whole map fits
  centre = { x: 0.5, y: 0.5 }; // of the map

  /** `layers` are [element, frame]; `onChange` is told after every move. */
  constructor(layers, onChange) {
    this.#layers = layers;
    this.#frames = [...new Set(layers.map(([, frame]) => frame))];
    this.onChange = onChange;
    this.width = 1;
    this.height = 1;
    const observer = new ResizeObserver(() => this.apply());
    for (const frame of this.#frames) observer.observe(frame);
  }

  resize(width, height) {
    Object.assign(this, { width, height });
    this.fit();
  }

  /** The frame that can be seen; on a phone one of the two may be hidden. */
  get frame() {
    return this.#frames.find(({ clientWidth }) => clientWidth > 0) ?? this.#frames[0];
  }

  /** Screen pixels a map pixel. */
  get scale() {
    const { clientWidth, clientHeight } = this.frame;
    return this.zoom * Math.min(clientWidth / this.width, clientHeight / this.height);
  }

  fit() {
    this.zoom = 1;
    this.centre = { x: 0.5, y: 0.5 };
    this.apply();
  }

  actual() {
    this.zoomTo(this.zoom / this.scale);
  }

  zoomTo(zoom, anchor = null) {
    const before = anchor && this.toMap(anchor);
    this.zoom = Math.min(LIMITS.max, Math.max(LIMITS.min, zoom));
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
    const { clientWidth, clientHeight } = this.frame;
    return {
      left: clientWidth / 2 - this.centre.x * this.width * this.scale,
      top: clientHeight / 2 - this.centre.y * this.height * this.scale,
    };
  }

  apply() {
    const { clientWidth, clientHeight } = this.frame;
    if (!clientWidth) return;
    const reach = (shown, whole) => Math.min(0.5, shown / (2 * whole * this.scale));
    const clamp = (value, margin) => Math.min(1 - margin, Math.max(margin, value));
    this.centre.x = clamp(this.centre.x, reach(clientWidth, this.width));
    this.centre.y = clamp(this.centre.y, reach(clientHeight, this.height));
    const { left, top } = this.#origin();
    for (const [layer] of this.#layers) {
      layer.style.width = `${this.width * this.scale}px`;
      layer.style.height = `${this.height * this.scale}px`;
      layer.style.transform = `translate(${left}px, ${top}px)`;
    }
    this.onChange();
  }
}
