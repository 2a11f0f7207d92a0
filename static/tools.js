/**
 * Tools turn a pointer's way over the label map into changes of it. They know the map and the history, not the page, so a
 * recorded stroke replays to the same pixels anywhere.
 */
import { unite } from "./labelmap.js";

export const BRUSH_SIZES = { min: 1, max: 128 };

/**
 * One pointer press to its release.
 *
 * `settings` are {tool, value, size, shape}; a point is {x, y, shift, alt} in map pixels. `press` and `drag` return
 * {dirty, picked}: the rectangle to repaint and, from the eyedropper, the class under the pointer.
 */
export class Painter {
  #stroke = null;
  #lastEnd = null;

  constructor(map, history) {
    this.map = map;
    this.history = history;
  }

  get active() {
    return this.#stroke !== null;
  }

  press(point, settings) {
    const tool = TOOLS[point.alt ? "pick" : settings.tool];
    this.history.begin();
    const from = point.shift && tool === TOOLS.brush && this.#lastEnd ? this.#lastEnd : point;
    this.#stroke = { tool, settings: { ...settings }, start: point, last: from, touched: null };
    return this.#apply(tool.press ?? tool.drag, point);
  }

  drag(point) {
    const drag = this.#stroke?.tool.drag;
    return drag ? this.#apply(drag, point) : { dirty: null, picked: null };
  }

  /** Ends the stroke; returns the rectangle that really changed, or null. */
  release() {
    if (!this.#stroke) return null;
    const { touched, last, tool } = this.#stroke;
    this.#stroke = null;
    if (tool === TOOLS.brush) this.#lastEnd = last;
    return this.history.commit(touched);
  }

  /** Takes the unfinished stroke back; returns the rectangle to repaint. */
  cancel() {
    if (!this.#stroke) return null;
    const { touched } = this.#stroke;
    this.#stroke = null;
    return this.history.cancel(touched);
  }

  #apply(action, point) {
    const stroke = this.#stroke;
    const { dirty = null, picked = null } = action(this.map, stroke, point, this.history);
    stroke.touched = unite(stroke.touched, dirty);
    stroke.last = point;
    return { dirty, picked };
  }
}

const TOOLS = {
  brush: {
    drag: (map, { last, settings }, point) => ({
      dirty: map.stroke(last.x, last.y, point.x, point.y, settings, settings.value),
    }),
  },
  fill: {
    press: (map, { settings }, point) => ({ dirty: map.fill(point.x, point.y, settings.value, point.shift) }),
  },
  rectangle: {
    drag: (map, { touched, start, settings }, point, history) => {
      history.restore(touched);
      return { dirty: unite(touched, map.rectangle(start.x, start.y, point.x, point.y, settings.value)) };
    },
  },
  pick: {
    drag: (map, stroke, point) => ({ picked: map.at(point.x, point.y) }),
  },
};

export const TOOL_NAMES = Object.keys(TOOLS);
