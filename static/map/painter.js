/**
 * Draws on a label map with the tools: the pointer's way becomes changes of the map, and of its undo history. It knows
 * no page, so a recorded stroke replays to the same pixels anywhere.
 */
import { unite } from "./geometry.js";
import { NOTHING_PENDING } from "./gestures.js";
import { toolNamed } from "./tools.js";

const NO_CHANGE = { dirty: null, picked: null };

/**
 * Painter of one map. A stroke is a `press`, any number of `drag`s and a `release` or `cancel`.
 *
 * `settings` are {tool, value, size, shape, everywhere}: the tool's name, the class to paint with, the brush's diameter
 * in map pixels and its shape, "round" or "square", and whether the fill takes every pixel of the class. A point is {x,
 * y, shift, alt, eraser, pressure, reach} in map pixels; all but x and y may be left out. `pressure`, 0 … 1, makes the
 * brush thinner; `eraser` says that the pen is turned round. `press` and `drag` return {dirty, picked}: the rectangle
 * to repaint, and the class under the pointer if the tool picks one, otherwise null.
 */
export class Painter {
  #stroke = null;
  #lastEnd = null;
  #pending = { version: 0, ...NOTHING_PENDING };

  constructor(map, history) {
    this.map = map;
    this.history = history;
  }

  /** Whether a stroke is being drawn. */
  get active() {
    return this.#stroke !== null;
  }

  /** Where a line drawn with Shift would start, {x, y}, or null. */
  get lastEnd() {
    return this.#lastEnd;
  }

  /** What a tool has left open: {corners, picked}. A region stays picked up until the map changes in another way. */
  get pending() {
    if (this.#stroke) return this.#stroke.pending;
    return this.#pending.version === this.history.version ? this.#pending : NOTHING_PENDING;
  }

  press(point, settings) {
    const tool = toolNamed(point.alt ? "pick" : point.eraser ? "erase" : settings.tool);
    const { map, history, pending } = this;
    const start = sized(point, settings);
    const last = point.shift && tool.continues && this.#lastEnd ? { ...start, ...this.#lastEnd } : start;
    history.begin();
    this.#stroke = { tool, map, history, settings, start, last, pending, touched: null };
    return this.#apply(tool.gesture.press ?? tool.gesture.drag, start);
  }

  /** Takes the next points of the way; several at once are repainted at once. */
  drag(...points) {
    const stroke = this.#stroke;
    if (!stroke?.tool.gesture.drag) return NO_CHANGE;
    return points
      .map((point) => this.#apply(stroke.tool.gesture.drag, sized(point, stroke.settings)))
      .reduce((all, { dirty, picked }) => ({ dirty: unite(all.dirty, dirty), picked }), NO_CHANGE);
  }

  /** Ends the stroke; returns the rectangle that differs from before, or null. */
  release() {
    if (!this.#stroke) return null;
    const { touched, last, tool, pending } = this.#stroke;
    this.#stroke = null;
    if (tool.continues) this.#lastEnd = { x: last.x, y: last.y };
    const changed = this.history.commit(touched);
    this.#leave(pending);
    return changed;
  }

  /**
   * Takes the unfinished stroke back, or lets go of what a tool left open; returns the rectangle to repaint, or null.
   */
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

  /** Closes an open polygon in the class `value`, lets go of a region; returns the rectangle that changed, or null. */
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
