/**
 * Undo and redo of a label map, one step a stroke. A step keeps the rectangle that changed, as it was before and after.
 *
 * `base` is the map as it was opened, without any stroke; the eraser brings it back. Opening another map is a step too,
 * and undoing that step brings back the base before it.
 */
export class History {
  #undo = [];
  #redo = [];
  #bytes = 0; // held by all steps
  #before = null; // the map as it was at `begin`

  /** At least `steps` steps are kept; older ones are dropped once all together hold more than `bytes`. */
  constructor(map, { steps = 200, bytes = 64 * 2 ** 20 } = {}) {
    this.map = map;
    this.base = map.clone();
    this.steps = steps;
    this.bytes = bytes;
    this.version = 0; // grows whenever a step is made, undone or redone
  }

  get canUndo() {
    return this.#undo.length > 0;
  }

  get canRedo() {
    return this.#redo.length > 0;
  }

  /** Number of steps that can be undone. */
  get depth() {
    return this.#undo.length;
  }

  /**
   * All steps, {undo, redo, base}; in each list the one that is taken next comes last. A step is never changed in
   * place.
   */
  get past() {
    return { undo: [...this.#undo], redo: [...this.#redo], base: this.base };
  }

  /** Take over the `past` of a map that was equal to this one. */
  resume({ undo, redo, base }) {
    [this.#undo, this.#redo, this.base] = [undo, redo, base];
    this.#bytes = [...undo, ...redo].reduce((sum, step) => sum + bytesOf(step), 0);
  }

  /** The map without the stroke that is being drawn. */
  get settled() {
    return this.#before ?? this.map;
  }

  /** Begin a step; all changes until `commit` belong to it. */
  begin() {
    this.#before = this.map.clone();
  }

  /** Bring a rectangle back as it was at `begin`, for a tool that draws its shape anew with every move. */
  restore(rect) {
    if (rect) this.map.write(rect, this.#before.read(rect));
  }

  /**
   * End the step; `touched` contains all changes. Returns the rectangle that differs from `begin`, or null if none
   * does.
   */
  commit(touched) {
    return this.#close(touched, this.base);
  }

  /** Put another map of the same size in place of this one, as one step; it becomes the base. */
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

  /** Bring the map back as it was at `begin` and forget the step; `touched` contains all changes and is returned. */
  cancel(touched) {
    this.restore(touched);
    this.#before = null;
    return touched;
  }

  /** Take the last step back. Returns the rectangle that changed, or null if there is no step. */
  undo() {
    return this.#move(this.#undo, this.#redo, "before");
  }

  /** Take the last step that was undone again. Returns the rectangle that changed, or null if there is none. */
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

/** The number of bytes that a step holds. */
export const bytesOf = ({ before, after }) => before.length + after.length;
