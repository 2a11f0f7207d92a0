/** Several looks of one class to pick from, each with how much of the change stayed inside the class. */
import * as api from "./api.js";
import { pictureOf } from "./pictures.js";
import { encodeIndexPng } from "./png.js";
import { patiently } from "./retry.js";
import { differing, freshSeed, specOf, withSpecs } from "./style.js";

const COUNT = 6;

export class Variants {
  #studio;
  #loading = null;

  constructor(studio) {
    this.#studio = studio;
  }

  async draw(index = this.#studio.state.current) {
    const studio = this.#studio;
    if (!studio.state.counts[index]) {
      studio.report(new Error(`The map has no ${studio.className(index)} yet: paint some, then draw its looks.`), null);
      return;
    }
    this.#loading?.abort();
    this.#loading = new AbortController();
    const { signal } = this.#loading;
    const { style, mapVersion: version, model } = studio.state;
    const map = studio.map.clone();
    studio.set({
      variants: { index, total: COUNT, items: [], status: "working", kept: null, version, base: studio.state.picture },
    });
    try {
      const request = { style, classes: [index], n: COUNT, seed: freshSeed() };
      const labels = await encodeIndexPng(map, studio.palette);
      const answer = await patiently(() => api.resample(model.id, labels, request, { signal }));
      const items = await Promise.all(answer.pictures.map((picture) => pictureOf(picture, map, version)));
      items.forEach((item) => (item.style = withSpecs(style, { [index]: specOf(item.style, index) })));
      if (!signal.aborted) studio.set({ variants: { ...studio.state.variants, items, status: "ready" } });
    } catch (error) {
      if (signal.aborted) return;
      studio.set({ variants: null });
      studio.report(error, "No looks were drawn; the picture is as it was.");
    }
  }

  /** Take a variant's look of its class. Its picture is shown at once if nothing else has changed since it was drawn. */
  keep(number) {
    const studio = this.#studio;
    const { variants, style, mapVersion, strengths, picture } = studio.state;
    const item = variants.items[number];
    const { index } = variants;
    const spec = specOf(item.style, index);
    const wanted = withSpecs(style, { [index]: spec });
    const from = strengths[index]?.to ?? specOf(style, index);
    studio.set({
      style: wanted,
      strengths: { ...strengths, [index]: { from, to: spec, t: 1 } },
      variants: { ...variants, kept: number },
    });
    const exact = item.version === mapVersion && !differing(item.style, wanted, studio.present).length;
    if (!exact || studio.loop.busy) studio.refresh();
    else if (picture?.id !== item.id) studio.show({ ...item, style: wanted }, variants.base);
  }
}
