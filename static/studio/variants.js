/** Several looks of some classes to pick from, each with how much of the change stayed inside those classes. */
import { encodeIndexPng } from "../formats/png.js";
import * as api from "../net/api.js";
import { patiently } from "../net/retry.js";
import { changeBetween } from "../picture/change.js";
import { pictureOf } from "../picture/pictures.js";
import { differing, freshSeed, specOf, withSpecs } from "../picture/style.js";

export const COUNTS = [4, 6, 8, 12];

export class Variants {
  #studio;
  #loading = null;

  constructor(studio) {
    this.#studio = studio;
  }

  /** The classes that are drawn next: those that were picked and are in the map, or else the current one. */
  get wanted() {
    const { current, counts, variantClasses } = this.#studio.state;
    const picked = [...variantClasses].filter((index) => counts[index]);
    return picked.length ? picked : [current];
  }

  /** Looks of these classes, each shown as soon as it is drawn. */
  async draw(indices = this.wanted, total = this.#studio.state.variantCount) {
    const studio = this.#studio;
    const missing = indices.find((index) => !studio.state.counts[index]);
    if (missing !== undefined) {
      const name = studio.className(missing);
      studio.report(new Error(`The map has no ${name} yet: paint some, then draw its looks.`), null);
      return;
    }
    this.#loading?.abort();
    this.#loading = new AbortController();
    const { signal } = this.#loading;
    const { picture } = studio.state;
    studio.set({ variants: { indices, total, items: [], status: "working", kept: null, base: picture } });
    try {
      await patiently(() => this.#load(indices, total, signal));
      if (!signal.aborted) this.#patch({ status: "ready" });
    } catch (error) {
      if (signal.aborted) return;
      studio.set({
        variants: studio.state.variants?.items.length ? { ...studio.state.variants, status: "ready" } : null,
      });
      studio.report(error, "No more looks were drawn; the picture is as it was.");
    }
  }

  async #load(indices, total, signal) {
    const studio = this.#studio;
    const { style, mapVersion: version, model } = studio.state;
    const map = studio.map.clone();
    const request = { style, classes: indices, n: total, seed: freshSeed() };
    const labels = await encodeIndexPng(map, studio.palette);
    for await (const { picture } of api.resampleLines(model.id, labels, request, { signal })) {
      if (!picture) continue; // the last line has the timings
      const item = await pictureOf(picture, map, version);
      item.style = withSpecs(style, Object.fromEntries(indices.map((index) => [index, specOf(item.style, index)])));
      if (signal.aborted) return;
      this.#patch({ items: [...studio.state.variants.items, item] });
    }
  }

  #patch(patch) {
    const { variants } = this.#studio.state;
    if (variants) this.#studio.set({ variants: { ...variants, ...patch } });
  }

  /** Where the picture would change with an item, against the one that stood there when it was drawn; null if none did. */
  change(item) {
    const { base, indices } = this.#studio.state.variants;
    if (!base || base.version !== item.version) return null;
    item.seen ??= changeBetween(base, item, indices);
    return item.seen;
  }

  /** Take a variant's looks of its classes. */
  keep(number) {
    const { variants } = this.#studio.state;
    this.take(variants.items[number], variants.indices, variants.base);
    this.#patch({ kept: number });
  }

  /**
   * Give some classes the looks of an item {style, version, bitmap, …}; their strength leads back to the looks before. Its
   * picture is shown at once if nothing else has changed since it was drawn.
   */
  take(item, indices, base) {
    const studio = this.#studio;
    const { style, mapVersion, strengths, picture } = studio.state;
    const specs = Object.fromEntries(indices.map((index) => [index, specOf(item.style, index)]));
    const ways = indices.map((index) => [
      index,
      { from: strengths[index]?.to ?? specOf(style, index), to: specs[index], t: 1 },
    ]);
    const wanted = withSpecs(style, specs);
    studio.set({ style: wanted, strengths: { ...strengths, ...Object.fromEntries(ways) } });
    const exact = item.version === mapVersion && !differing(item.style, wanted, studio.present).length;
    if (!exact || studio.loop.busy) studio.refresh();
    else if (picture?.id !== item.id) studio.show({ ...item, style: wanted }, base);
  }
}
