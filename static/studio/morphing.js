/** From one style through any number of others over the same label map, for the chosen classes. */
import { blobOfDataUrl } from "../formats/data_url.js";
import * as api from "../net/api.js";
import { patiently } from "../net/retry.js";
import { pictureOf } from "../picture/pictures.js";
import { onTheWay, resampled } from "../picture/style.js";
import { mapOf, recipeIn } from "./files.js";

export const NO_MORPH = { keys: [], t: 0, still: new Set() };
export const MOST_KEYS = 8;
export const LETTERS = [..."ABCDEFGH"];

export class Morphing {
  #studio;

  constructor(studio) {
    this.#studio = studio;
  }

  get ready() {
    return this.#studio.state.morph.keys.length >= 2;
  }

  /** Classes in the map that move. */
  get classes() {
    const { still } = this.#studio.state.morph;
    return this.#studio.present.filter((index) => !still.has(index));
  }

  styleAt(t) {
    const styles = this.#studio.state.morph.keys.map(({ style }) => style);
    return onTheWay(styles, t, this.classes);
  }

  /** "0.50 between A and B", whichever two keys the slider is between. */
  get place() {
    const { keys, t } = this.#studio.state.morph;
    const legs = keys.length - 1;
    const leg = Math.min(Math.floor(t * legs), legs - 1);
    return `${(t * legs - leg).toFixed(2)} between ${LETTERS[leg]} and ${LETTERS[leg + 1]}`;
  }

  /** A key is {title, style}. */
  set(patch) {
    this.#studio.set({ morph: { ...this.#studio.state.morph, ...patch } });
    this.#studio.refresh({ demanded: true });
  }

  /** Begin with two keys where there are none. */
  begin() {
    const { style } = this.#studio.state;
    this.set({ keys: [{ title: "Current look", style }, this.random()], t: 0 });
  }

  random() {
    return { title: "Random look", style: resampled(this.#studio.state.style, this.#studio.present) };
  }

  setKey(number, key) {
    this.set({ keys: this.#studio.state.morph.keys.map((old, i) => (i === number ? key : old)) });
  }

  /** Another key after the one that the slider has passed last; the slider goes there. */
  addKey(key = this.random()) {
    const { keys, t } = this.#studio.state.morph;
    if (keys.length >= MOST_KEYS) {
      this.#studio.report(new Error(`${MOST_KEYS} key styles are the most: remove one first.`), null);
      return;
    }
    const at = Math.min(Math.floor(t * (keys.length - 1)), keys.length - 2) + 1;
    this.set({ keys: keys.toSpliced(at, 0, key), t: at / keys.length });
  }

  removeKey(number) {
    const keys = this.#studio.state.morph.keys.toSpliced(number, 1);
    this.set({ keys });
  }

  reverse() {
    const { keys, t } = this.#studio.state.morph;
    this.set({ keys: keys.toReversed(), t: 1 - t });
  }

  /** The style of a recipe file as a key; an error says why it cannot be. */
  async keyFromFile(file) {
    const recipe = await recipeIn(file);
    if (!recipe) throw new Error(`${file.name} carries no recipe: take a picture exported here, or its JSON.`);
    const { model, style } = this.#studio.state;
    if (recipe.model !== model.id) {
      throw new Error(`${file.name} was made with the model “${recipe.model}”, not with ${model.title}.`);
    }
    await mapOf(`,${recipe.labels}`); // a recipe whose label map cannot be read is none
    return { title: file.name, style: { ...recipe.style, seed: recipe.style.seed ?? style.seed } };
  }

  /** The look at the slider becomes the style. */
  keep() {
    this.#studio.adoptStyle(this.styleAt(this.#studio.state.morph.t), {});
    this.#studio.references.settle();
  }

  /** The animation as a Blob; `request` has steps, seconds, format and boomerang, `onFrame(done, all)` is told how far it is. */
  async export(request, { signal, onFrame }) {
    const { state } = this.#studio;
    const labels = await this.#studio.labelsPng();
    const styles = state.morph.keys.map(({ style }) => style);
    const body = { styles, classes: this.classes, ...request };
    return patiently(async () => {
      for await (const row of api.morphLines(state.model.id, labels, body, { signal })) {
        if (row.animation) return blobOfDataUrl(row.animation);
        onFrame(row.frame, row.frames);
      }
      throw new Error("The server ended before the animation was done.");
    });
  }

  /** The picture at one point of the way, beside the one on the stage. */
  async frame(t) {
    const { state } = this.#studio;
    const labels = await this.#studio.labelsPng();
    const answer = await patiently(() => api.render(state.model.id, labels, { style: this.styleAt(t) }));
    return pictureOf(answer.pictures[0], this.#studio.map, state.mapVersion);
  }
}
