/** Zoom and place of both canvases: they show the same part of the map at the same place of their frames. */

const CLOSEST = 16; // largest zoom

export class Viewport {
  #frames;
  #layers;
  #sizes = new Map(); // by frame: {width, height} in screen pixels
  zoom = 1; // a multiple of the scale at which the whole map fits into its frame
  centre = { x: 0.5, y: 0.5 }; // point of the map in the middle of its frame, as shares of the map's size

  /** `layers` are [element, frame], each element showing the whole map; `onChange()` is called after every move. */
  constructor(layers, onChange) {
    this.#layers = layers;
    this.#frames = [...new Set(layers.map(([, frame]) => frame))];
    this.onChange = onChange;
    this.width = 1;
    this.height = 1;
    const observer = new ResizeObserver(() => this.#measure());
    for (const frame of this.#frames) observer.observe(frame);
  }

  /** Add another element that shows the whole map in one of the frames. */
  add(element, frame) {
    this.#layers.push([element, frame]);
    this.apply();
  }

  /** The map has another size, in map pixels: show all of it. */
  resize(width, height) {
    Object.assign(this, { width, height });
    this.zoom = 1;
    this.centre = { x: 0.5, y: 0.5 };
    this.#measure();
  }

  /** Read the frames' sizes. Done only when one changes, since reading makes the browser lay the page out. */
  #measure() {
    for (const frame of this.#frames) this.#sizes.set(frame, { width: frame.clientWidth, height: frame.clientHeight });
    this.apply();
  }

  /** The size of a frame that can be seen; on a phone one of the two may be hidden. */
  get #frame() {
    return [...this.#sizes.values()].find(({ width }) => width > 0) ?? { width: 0, height: 0 };
  }

  /** Screen pixels for each map pixel at which the whole map fits. */
  get #fitting() {
    const { width, height } = this.#frame;
    return Math.min(width / this.width, height / this.height);
  }

  /** Screen pixels for each map pixel. */
  get scale() {
    return this.zoom * this.#fitting;
  }

  /** Show the whole map. */
  fit() {
    this.zoom = 1;
    this.centre = { x: 0.5, y: 0.5 };
    this.apply();
  }

  /** Show one screen pixel for each map pixel, even if the map is then smaller than the frame. */
  actual() {
    this.zoomTo(1 / this.#fitting);
  }

  /** Set the zoom; the point of the map at `anchor`, {x, y} in the frame, stays there. */
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

  /** Move the map by screen pixels. */
  panBy(dx, dy) {
    this.centre.x -= dx / (this.scale * this.width);
    this.centre.y -= dy / (this.scale * this.height);
    this.apply();
  }

  /** The point of the map, in map pixels, at a place in a frame, in screen pixels. */
  toMap({ x, y }) {
    const { left, top } = this.#origin();
    return { x: (x - left) / this.scale, y: (y - top) / this.scale };
  }

  /** The place in a frame, in screen pixels, of a point of the map. */
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

  /** Bring all elements to the zoom and place, after keeping the map within its frame. */
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
