/**
 * Variants: several looks of some classes to choose from, each with how much of the change stayed inside the classes.
 */
import * as api from "../net/api.js";
import { patiently } from "../net/retry.js";
import { changeBetween } from "../picture/change.js";
import { pictureOf } from "../picture/pictures.js";
import { freshSeed, specOf, withSpecs } from "../picture/style.js";

export const COUNTS = [4, 6, 8, 12]; // looks that can be drawn at a time

export class Variants {
  #store;
  #labels;
  #pictures;
  #report;
  #loading = null; // AbortController of the request in flight

  constructor({ store, labels, pictures, report }) {
    [this.#store, this.#labels, this.#pictures, this.#report] = [store, labels, pictures, report];
  }

  /** The classes that are drawn next: those that were picked and are in the map, or else the current one. */
  get wanted() {
    const { current, counts, variantClasses } = this.#store.state;
    const picked = [...variantClasses].filter((index) => counts[index]);
    return picked.length ? picked : [current];
  }

  /** Draw looks of these classes; each is shown as soon as it comes. */
  async draw(indices = this.wanted, total = this.#store.state.variantCount) {
    const { counts, model, picture } = this.#store.state;
    const missing = indices.find((index) => !counts[index]);
    if (missing !== undefined) {
      const { name } = model.classes[missing];
      this.#report(new Error(`The map has no ${name} yet: paint some, then draw its looks.`), null);
      return;
    }
    this.#loading?.abort();
    this.#loading = new AbortController();
    const { signal } = this.#loading;
    this.#store.set({ variants: { indices, total, items: [], status: "working", kept: null, base: picture } });
    try {
      await patiently(() => this.#load(indices, total, signal));
      if (!signal.aborted) this.#patch({ status: "ready" });
    } catch (error) {
      if (signal.aborted) return;
      const { variants } = this.#store.state;
      this.#store.set({ variants: variants?.items.length ? { ...variants, status: "ready" } : null });
      this.#report(error, "No more looks were drawn; the picture is as it was.");
    }
  }

  async #load(indices, total, signal) {
    const { style, model } = this.#store.state;
    const request = { style, classes: indices, n: total, seed: freshSeed() };
    const { map, version, png } = await this.#labels.snapshot();
    for await (const { picture } of api.resampleLines(model.id, png, request, { signal })) {
      if (!picture) continue; // the last line has the timings
      const item = await pictureOf(picture, map, version);
      item.style = withSpecs(style, Object.fromEntries(indices.map((index) => [index, specOf(item.style, index)])));
      if (signal.aborted) return;
      this.#patch({ items: [...this.#store.state.variants.items, item] });
    }
  }

  #patch(patch) {
    const { variants } = this.#store.state;
    if (variants) this.#store.set({ variants: { ...variants, ...patch } });
  }

  /** What an item would change in the picture that stood on the stage when it was drawn; null if there was none. */
  change(item) {
    const { base, indices } = this.#store.state.variants;
    if (!base || base.version !== item.version) return null;
    item.seen ??= changeBetween(base, item, indices);
    return item.seen;
  }

  /** Give the classes the looks of the item with this number. */
  keep(number) {
    const { items, indices, base } = this.#store.state.variants;
    this.#pictures.take(items[number], indices, base);
    this.#patch({ kept: number });
  }
}
