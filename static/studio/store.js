/**
 * The page's state: one flat object, changed by `set` alone and watched by key. Watchers run after all changes of a task;
 * what nobody's hand waits for runs later, when the page has time.
 */
import { idle } from "./idle.js";

export class Store {
  #state;
  #watchers = [];
  #changed = null;
  #later = new Set(); // watchers whose time is to come

  constructor(initial) {
    this.#state = { ...initial };
  }

  get state() {
    return this.#state;
  }

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

  /** Call `watcher(state)` now and whenever one of these keys has changed; with `later`, once the page has time. */
  watch(keys, watcher, { later = false } = {}) {
    this.#watchers.push({ keys, watcher, later });
    watcher(this.#state);
  }

  #notify() {
    const changed = this.#changed;
    this.#changed = null;
    for (const { keys, watcher, later } of this.#watchers) {
      if (!keys.some((key) => changed.has(key))) continue;
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
