/** What the person paints with: the tool, its size, and two classes to swap between. */
import { BRUSH_SIZES } from "../map/tools.js";

export class InHand {
  #store;
  #labels;

  constructor({ store, labels }) {
    [this.#store, this.#labels] = [store, labels];
  }

  /** Take another tool. An open polygon is closed first, a region that was picked up is let go. */
  take(tool) {
    const { painter } = this.#labels;
    const changed = painter.finish(this.#store.state.current);
    this.#store.set({ tool, pending: painter.pending });
    if (changed) this.#labels.changed();
  }

  /** Close an open polygon, let go of a region; the tool stays. */
  finish() {
    this.take(this.#store.state.tool);
  }

  /** Make the brush larger (1) or smaller (−1), by an eighth of its size and at least by one pixel. */
  resize(direction) {
    const { size } = this.#store.state;
    const step = Math.max(1, Math.round(size / 8));
    this.#store.set({ size: Math.min(BRUSH_SIZES.max, Math.max(BRUSH_SIZES.min, size + direction * step)) });
  }

  /** Paint with this class. If it was the other of the two, they swap. */
  choose(index) {
    const { current, other } = this.#store.state;
    if (index !== current) this.#store.set({ current: index, other: index === other ? current : other });
  }

  swap() {
    const { current, other } = this.#store.state;
    this.#store.set({ current: other, other: current });
  }

  /** Take the two classes that cover most of the map. */
  chooseLargest() {
    const { counts } = this.#store.state;
    const [current, other = current] = [...this.#labels.present].sort((a, b) => counts[b] - counts[a]);
    if (current !== undefined) this.#store.set({ current, other });
  }
}
