/**
 * Tools, label map and history put together: a pointer's way becomes changes of the map. It knows no page, so a recorded
 * stroke replays to the same pixels anywhere.
 */
import { unite } from "./geometry.js";
import { NOTHING_PENDING, TOOLS } from "./tools.js";

const NO_CHANGE = { dirty: null, picked: null };

/**
 * One pointer press to its release.
 *
 * `settings` are {tool, value, size, shape, everywhere}; a point is {x, y, shift, alt, eraser, pressure, reach} in map
 * pixels, of which only x and y must be there. `pressure` (0 … 1) makes the brush thinner, `eraser` says that the pen is
 * turned round. `press` and `drag` return {dirty, picked}: the rectangle to repaint and, from the eyedropper, the class
 * under the pointer.
 */
export class Painter {
  #stroke = null;
  #lastEnd = null;
  #pending = { version: 0, ...NOTHING_PENDING };

  constructor(map, history) {
    this.map = map;
    this.history = history;
  }

  get active() {
    return this.#stroke !== null;
  }

  /** Where a stroke with Shift would start from, or null. */
  get lastEnd() {
    return this.#lastEnd;
  }

  /** {corners, picked}: what a tool has left open. A region that was picked up counts until the map changes otherwise. */
  get pending() {
    if (this.#stroke) return this.#stroke.pending;
    return this.#pending.version === this.history.version ? this.#pending : NOTHING_PENDING;
  }

  press(point, settings) {
    const tool = TOOLS[point.alt ? "pick" : point.eraser ? "erase" : settings.tool];
    const { map, history, pending } = this;
    const start = sized(point, settings);
    const last = point.shift && tool.continues && this.#lastEnd ? { ...start, ...this.#lastEnd } : start;
    history.begin();
    this.#stroke = { tool, map, history, settings, start, last, pending, touched: null };
    return this.#apply(tool.press ?? tool.drag, start);
  }

  /** The next points of the way; several at once are repainted at once. */
  drag(...points) {
    const stroke = this.#stroke;
    if (!stroke?.tool.drag) return NO_CHANGE;
    return points
      .map((point) => this.#apply(stroke.tool.drag, sized(point, stroke.settings)))
      .reduce((all, { dirty, picked }) => ({ dirty: unite(all.dirty, dirty), picked }), NO_CHANGE);
  }

  /** Ends the stroke; returns the rectangle that really changed, or null. */
  release() {
    if (!this.#stroke) return null;
    const { touched, last, tool, pending } = this.#stroke;
    this.#stroke = null;
    if (tool.continues) this.#lastEnd = { x: last.x, y: last.y };
    const changed = this.history.commit(touched);
    this.#leave(pending);
    return changed;
  }

  /** Takes the unfinished stroke back, or else what is left open; returns the rectangle to repaint. */
  cancel() {
    if (!this.#stroke) {
      this.#leave(NOTHING_PENDING);
      return null;
    }
    const { touched } = this.#stroke;
    this.#stroke = null;
    return this.history.cancel(touched);
  }

  /** Takes the last corner of an open polygon back; false if there is none. */
  back() {
    const { corners } = this.pending;
    if (corners.length) this.#leave({ ...NOTHING_PENDING, corners: corners.slice(0, -1) });
    return corners.length > 0;
  }

  /** Closes an open polygon and lets go of a region; returns the rectangle that changed, or null. */
  finish(value) {
    const { corners } = this.pending;
    this.#leave(NOTHING_PENDING);
    if (corners.length < 3) return null;
    this.history.begin();
    return this.history.commit(this.map.polygon(corners, value));
  }

  #leave(pending) {
    this.#pending = { ...pending, version: this.history.version };
  }

  #apply(action, point) {
    const stroke = this.#stroke;
    const { dirty = null, picked = null, pending = stroke.pending } = action(stroke, point);
    stroke.touched = unite(stroke.touched, dirty);
    stroke.pending = pending;
    stroke.last = point;
    return { dirty, picked };
  }
}

const sized = (point, { size }) => ({ reach: 0, ...point, size: Math.max(1, size * (point.pressure ?? 1)) });
