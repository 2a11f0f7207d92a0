/**
 * The page's state: one flat object that is changed by `set` alone and watched by key. Watchers are called once all
 * changes of the running task are made.
 */
import { idle } from "./idle.js";

export class Store {
  #state;
  #watchers = []; // [{keys, watcher, later, space, missed}]
  #changed = null; // keys changed in this task, for which watchers are still to be called
  #later = new Set(); // watchers that are waiting for an idle moment

  constructor(initial) {
    this.#state = { ...initial };
  }

  get state() {
    return this.#state;
  }

  /**
   * Change some keys. A key that is set to the value it has counts as unchanged: values are replaced, never changed.
   */
  set(patch) {
    const keys = Object.keys(patch).filter((key) => patch[key] !== this.#state[key]);
    if (!keys.length) return;
    Object.assign(this.#state, patch);
    if (this.#changed) {
      keys.forEach((key) => this.#changed.add(key));
      return;
    }
    this.#changed = new Set(keys);
    queueMicrotask(() => this.#notify());
  }

  /**
   * Call `watcher(state)` now and after every change of one of these keys; with `later`, not before the page is idle.
   * With `space`, only while that workspace is shown: what changes meanwhile is told when it is shown again.
   */
  watch(keys, watcher, { later = false, space = null } = {}) {
    const shown = !space || this.#state.space === space;
    this.#watchers.push({ keys, watcher, later, space, missed: !shown });
    if (shown) watcher(this.#state);
  }

  #notify() {
    const changed = this.#changed;
    this.#changed = null;
    for (const row of this.#watchers) {
      const { keys, watcher, later, space } = row;
      if (!row.missed && !keys.some((key) => changed.has(key))) continue;
      row.missed = space !== null && this.#state.space !== space;
      if (row.missed) continue;
      if (later) this.#postpone(watcher);
      else watcher(this.#state);
    }
  }

  async #postpone(watcher) {
    if (this.#later.has(watcher)) return;
    this.#later.add(watcher);
    await idle();
    this.#later.delete(watcher);
    watcher(this.#state);
  }
}
