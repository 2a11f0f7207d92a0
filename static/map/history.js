/**
 * Undo and redo, one step a stroke. A step keeps only the rectangle that changed, before and after.
 *
 * `base` is the map as it was opened: what lies beneath the strokes. Opening another map is a step as well, and undoing it
 * brings the base before back.
 */
export class History {
  #undo = [];
  #redo = [];
  #bytes = 0;
  #before = null;

  /** At least `steps` are kept; older ones go when together they hold more than `bytes`. */
  constructor(map, { steps = 200, bytes = 64 * 2 ** 20 } = {}) {
    this.map = map;
    this.base = map.clone();
    this.steps = steps;
    this.bytes = bytes;
    this.version = 0; // another one whenever a step is made, undone or redone
  }

  get canUndo() {
    return this.#undo.length > 0;
  }

  get canRedo() {
    return this.#redo.length > 0;
  }

  get depth() {
    return this.#undo.length;
  }

  /** {undo, redo, base}: every step, the one to be taken next last. No step is ever changed in place. */
  get past() {
    return { undo: [...this.#undo], redo: [...this.#redo], base: this.base };
  }

  /** Go on with the past of a map that was as this one is now. */
  resume({ undo, redo, base }) {
    [this.#undo, this.#redo, this.base] = [undo, redo, base];
    this.#bytes = [...undo, ...redo].reduce((sum, step) => sum + bytesOf(step), 0);
  }

  /** The map without the stroke that is being painted. */
  get settled() {
    return this.#before ?? this.map;
  }

  /** Remember the map as it is; what follows until `commit` is one step. */
  begin() {
    this.#before = this.map.clone();
  }

  /** The map as it was at `begin`, for a tool that redraws its shape while the pointer moves. */
  restore(rect) {
    if (rect) this.map.write(rect, this.#before.read(rect));
  }

  /** Close the step. Returns the rectangle that differs from `begin`, or null if nothing does. */
  commit(touched) {
    return this.#close(touched, this.base);
  }

  /** Put another map in place of this one, as one step; from here on it is the base. */
  replace(map) {
    this.begin();
    this.map.data.set(map.data);
    return this.#close(this.map.bounds, map.clone());
  }

  #close(touched, base) {
    const rect = touched && this.map.changedSince(this.#before, touched);
    if (rect) {
      const bases = { before: this.base, after: base };
      this.#push({ rect, bases, before: this.#before.read(rect), after: this.map.read(rect) });
    }
    this.base = base;
    this.#before = null;
    return rect;
  }

  /** Put the map back as it was at `begin` and forget the step. */
  cancel(touched) {
    this.restore(touched);
    this.#before = null;
    return touched;
  }

  undo() {
    return this.#move(this.#undo, this.#redo, "before");
  }

  redo() {
    return this.#move(this.#redo, this.#undo, "after");
  }

  #move(from, to, side) {
    const step = from.pop();
    if (!step) return null;
    this.map.write(step.rect, step[side]);
    this.base = step.bases[side];
    this.version += 1;
    to.push(step);
    return step.rect;
  }

  #push(step) {
    for (const dropped of this.#redo.splice(0)) this.#bytes -= bytesOf(dropped);
    this.version += 1;
    this.#undo.push(step);
    this.#bytes += bytesOf(step);
    while (this.#undo.length > this.steps && this.#bytes > this.bytes) {
      this.#bytes -= bytesOf(this.#undo.shift());
    }
  }
}

/** What a step holds. */
export const bytesOf = ({ before, after }) => before.length + after.length;
