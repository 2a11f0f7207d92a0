/** Morphing: the way through two or more key styles over one label map, on which some of the classes move. */
import { blobOfDataUrl } from "../formats/data_url.js";
import * as api from "../net/api.js";
import { patiently } from "../net/retry.js";
import { pictureOf } from "../picture/pictures.js";
import { mapOfRecipe, recipeIn } from "../picture/recipe.js";
import { onTheWay, resampled } from "../picture/style.js";

export const MOST_KEYS = 8; // key styles that a morph can have
export const LETTERS = [..."ABCDEFGH"]; // names of the key styles, in their order

export class Morphing {
  #store;
  #labels;
  #opening;
  #live;
  #report;

  constructor({ store, labels, opening, live, report }) {
    [this.#store, this.#labels, this.#opening] = [store, labels, opening];
    [this.#live, this.#report] = [live, report];
  }

  get #morph() {
    return this.#store.state.morph;
  }

  /** Whether there are keys to morph between. */
  get ready() {
    return this.#morph.keys.length >= 2;
  }

  /** The classes in the map that move. */
  get classes() {
    return this.#labels.present.filter((index) => !this.#morph.still.has(index));
  }

  /** The style at a point of the way, t being 0 … 1. */
  styleAt(t) {
    const styles = this.#morph.keys.map(({ style }) => style);
    return onTheWay(styles, t, this.classes);
  }

  /** Where the slider is, in words: "0.50 between A and B". */
  get place() {
    const { keys, t } = this.#morph;
    const legs = keys.length - 1;
    const leg = Math.min(Math.floor(t * legs), legs - 1);
    return `${(t * legs - leg).toFixed(2)} between ${LETTERS[leg]} and ${LETTERS[leg + 1]}`;
  }

  /** Change some of {keys, t, still}, and ask for the picture at the slider. A key is {title, style}. */
  set(patch) {
    this.#store.set({ morph: { ...this.#morph, ...patch } });
    this.#live.ask({ demanded: true });
  }

  /** Begin with two keys: the style as it is, and a random one. */
  begin() {
    this.set({ keys: [{ title: "Current look", style: this.#store.state.style }, this.random()], t: 0 });
  }

  /** A key with a new look for every class in the map. */
  random() {
    return { title: "Random look", style: resampled(this.#store.state.style, this.#labels.present) };
  }

  setKey(number, key) {
    this.set({ keys: this.#morph.keys.map((old, i) => (i === number ? key : old)) });
  }

  /** Add a key after the one that the slider has passed last; the slider moves to the new one. */
  addKey(key = this.random()) {
    const { keys, t } = this.#morph;
    if (keys.length >= MOST_KEYS) {
      this.#report(new Error(`${MOST_KEYS} key styles are the most: remove one first.`), null);
      return;
    }
    const at = Math.min(Math.floor(t * (keys.length - 1)), keys.length - 2) + 1;
    this.set({ keys: keys.toSpliced(at, 0, key), t: at / keys.length });
  }

  removeKey(number) {
    this.set({ keys: this.#morph.keys.toSpliced(number, 1) });
  }

  reverse() {
    const { keys, t } = this.#morph;
    this.set({ keys: keys.toReversed(), t: 1 - t });
  }

  /** The style of a recipe file as a key. Raises an Error that says why it cannot be one. */
  async keyFromFile(file) {
    const recipe = await recipeIn(file);
    if (!recipe) throw new Error(`${file.name} carries no recipe: take a picture exported here, or its JSON.`);
    const { model, style } = this.#store.state;
    if (recipe.model !== model.id) {
      throw new Error(`${file.name} was made with the model “${recipe.model}”, not with ${model.title}.`);
    }
    await mapOfRecipe(recipe); // raises if its label map cannot be read: the file is damaged
    return { title: file.name, style: { ...recipe.style, seed: recipe.style.seed ?? style.seed } };
  }

  /** Make the style at the slider the style of the work. */
  keep() {
    this.#opening.style(this.styleAt(this.#morph.t));
  }

  /**
   * The animation as a Blob. `request` has steps (frames), seconds, format and boomerang; `onFrame(done, all)` is told
   * how many frames are drawn; `signal` ends the work.
   */
  async export(request, { signal, onFrame }) {
    const { model } = this.#store.state;
    const styles = this.#morph.keys.map(({ style }) => style);
    const body = { styles, classes: this.classes, ...request };
    const labels = await this.#labels.png();
    return patiently(async () => {
      for await (const row of api.morphLines(model.id, labels, body, { signal })) {
        if (row.animation) return blobOfDataUrl(row.animation);
        onFrame(row.frame, row.frames);
      }
      throw new Error("The server ended before the animation was done.");
    });
  }

  /** The picture at a point of the way, beside the one on the stage. */
  async frame(t) {
    const { model } = this.#store.state;
    const { map, version, png } = await this.#labels.snapshot();
    const answer = await patiently(() => api.render(model.id, png, { style: this.styleAt(t) }));
    return pictureOf(answer.pictures[0], map, version);
  }
}
