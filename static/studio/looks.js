/**
 * The style of the picture, look by look. Each class that got a new look has a strength, the way {from, to, t} between
 * the look before and the new one; t is 0 … 1.
 */
import { between, freshSeed, resampled, specOf, withSpecs } from "../picture/style.js";
import { NO_MIX } from "./state.js";

export class Looks {
  #store;
  #labels;
  #refresh;

  /** `refresh()` asks for a picture in the style as it is. */
  constructor({ store, labels, refresh }) {
    [this.#store, this.#labels, this.#refresh] = [store, labels, refresh];
  }

  /** Begin with another style for the whole map, to which `reset` leads back. No picture is asked for. */
  adopt(style, { scene = this.#store.state.scene } = {}) {
    this.#store.set({ style, startStyle: style, scene, strengths: {}, variants: null, photo: null, mix: NO_MIX });
  }

  /** Change the style and ask for its picture. */
  set(style) {
    this.#store.set({ style });
    this.#refresh();
  }

  /** Back to the style that was adopted last. */
  reset() {
    this.#store.set({ strengths: {}, mix: NO_MIX });
    this.set(this.#store.state.startStyle);
  }

  /**
   * Change to a style that gives some classes new looks, without asking for a picture. The strength of each of them
   * leads from the look before, `from(index)`: by default the one that its strength led to at last.
   */
  move(style, indices, from = (index) => this.#goal(index)) {
    const ways = indices.map((index) => [index, { from: from(index), to: specOf(style, index), t: 1 }]);
    this.#store.set({ style, strengths: { ...this.#store.state.strengths, ...Object.fromEntries(ways) } });
  }

  /** The look that a class has at full strength. */
  #goal(index) {
    const { style, strengths } = this.#store.state;
    return strengths[index]?.to ?? specOf(style, index);
  }

  /** Give one class a look; every other class stays as it is. */
  give(index, spec) {
    this.move(withSpecs(this.#store.state.style, { [index]: spec }), [index]);
    this.#refresh();
  }

  /** Give one class a look of a new seed, unless it is locked. */
  reroll(index) {
    if (!this.#store.state.locks.has(index)) this.give(index, { seed: freshSeed() });
  }

  /** Give every class in the map that is not locked a look of a new seed. */
  rerollUnlocked() {
    const { style, locks } = this.#store.state;
    const unlocked = this.#labels.present.filter((index) => !locks.has(index));
    this.move(resampled(style, unlocked), unlocked);
    this.#refresh();
  }

  /**
   * Move a class to the point t (0 … 1) between its look before and its new one; nothing happens if it has no new one.
   */
  setStrength(index, t) {
    const { style, strengths } = this.#store.state;
    const way = strengths[index];
    if (!way) return;
    this.#store.set({ strengths: { ...strengths, [index]: { ...way, t } } });
    this.set(withSpecs(style, { [index]: between(way.from, way.to, t) }));
  }

  /** Lock a class, so that its look stays when all are rerolled, or unlock it. */
  toggleLock(index) {
    const locks = new Set(this.#store.state.locks);
    if (!locks.delete(index)) locks.add(index);
    this.#store.set({ locks });
  }
}
