/** From one style to another over the same label map, for the chosen classes. */
import * as api from "./api.js";
import { pictureOf } from "./pictures.js";
import { patiently } from "./retry.js";
import { morphed, resampled } from "./style.js";

export const NO_MORPH = { a: null, b: null, t: 0, still: new Set() };

export class Morphing {
  #studio;

  constructor(studio) {
    this.#studio = studio;
  }

  get ready() {
    const { a, b } = this.#studio.state.morph;
    return Boolean(a && b);
  }

  /** Classes in the map that move. */
  get classes() {
    const { still } = this.#studio.state.morph;
    return this.#studio.present.filter((index) => !still.has(index));
  }

  styleAt(t) {
    const { a, b } = this.#studio.state.morph;
    return morphed(a.style, b.style, t, this.classes);
  }

  /** An end is {title, style}. */
  set(patch) {
    this.#studio.set({ morph: { ...this.#studio.state.morph, ...patch } });
    this.#studio.refresh({ demanded: true });
  }

  random() {
    return { title: "Random look", style: resampled(this.#studio.state.style, this.#studio.present) };
  }

  /** The look between A and B becomes the style. */
  keep() {
    this.#studio.adoptStyle(this.styleAt(this.#studio.state.morph.t), {});
    this.#studio.references.settle();
  }

  /** The animation as a Blob; `request` has steps, seconds, format and boomerang. */
  async export(request, signal) {
    const { state } = this.#studio;
    const labels = await this.#studio.labelsPng();
    const body = { from: state.morph.a.style, to: state.morph.b.style, classes: this.classes, ...request };
    return patiently(() => api.morph(state.model.id, labels, body, { signal }));
  }

  /** The picture at one point of the way, beside the one on the stage. */
  async frame(t) {
    const { state } = this.#studio;
    const labels = await this.#studio.labelsPng();
    const answer = await patiently(() => api.render(state.model.id, labels, { style: this.styleAt(t) }));
    return pictureOf(answer.pictures[0], this.#studio.map, state.mapVersion);
  }
}
