/** The page's state: one flat object, changed by `set` alone and watched by key. Watchers run after all changes of a task. */
export class Store {
  #state;
  #watchers = [];
  #changed = null;

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

  /** Call `watcher(state)` now and whenever one of these keys has changed. */
  watch(keys, watcher) {
    this.#watchers.push({ keys, watcher });
    watcher(this.#state);
  }

  #notify() {
    const changed = this.#changed;
    this.#changed = null;
    for (const { keys, watcher } of this.#watchers) {
      if (keys.some((key) => changed.has(key))) watcher(this.#state);
    }
  }
}
