/** Label maps, recipes, palettes and archives that are opened as files. A file that cannot be read replaces nothing. */
import { readPalette } from "../colours/palettes.js";
import { PngError, decodeIndexPng, decodePng, isPng } from "../formats/png.js";
import { isZip, unzip } from "../formats/zip.js";
import { LabelMap } from "../map/labelmap.js";
import { applied, doubtful, readings } from "../map/reading.js";
import * as api from "../net/api.js";
import { patiently } from "../net/retry.js";
import { mapOf, recipeIn } from "../picture/recipe.js";

const WANTED = "A label map is a PNG: JPEG and WebP change its values.";

export class Files {
  #store;
  #labels;
  #opening;
  #loadModel;
  #person;

  /**
   * `loadModel(id)` loads another model. `person` has `report(error, context)`, `tell(title, text)` and
   * `consult(image, name)`, which resolves to the label map that the person takes an image for, or to null.
   */
  constructor({ store, labels, opening, loadModel, person }) {
    [this.#store, this.#labels, this.#opening] = [store, labels, opening];
    [this.#loadModel, this.#person] = [loadModel, person];
  }

  /** Open a file by what is in it: an archive, a picture made here, a recipe, a palette, or else a label map. */
  async open(file) {
    const bytes = new Uint8Array(await file.arrayBuffer());
    if (isZip(bytes)) return this.#openArchive(file, bytes);
    if (await recipeIn(file).catch(() => null)) return this.importRecipe(file);
    const palette = isPng(bytes) ? null : readPalette(new TextDecoder().decode(bytes));
    return palette ? this.#takePalette(palette) : this.importLabels(file);
  }

  /** Open a label map of any kind. The person is asked where it is not plain what its pixels mean or how it fits. */
  async importLabels(file) {
    try {
      const image = await decodePng(new Uint8Array(await file.arrayBuffer()));
      const { model, palette } = this.#store.state;
      const [height, width] = model.image_size;
      const ways = readings(image, model, palette);
      const plain = !doubtful(ways) && image.width === width && image.height === height;
      const map = plain ? applied(ways[0], image) : await this.#person.consult(image, file.name);
      if (!map) return;
      this.#opening.map(map, file.name);
      if (plain) this.#person.tell(`${file.name} is open`, `Read as ${ways[0].title}.`);
    } catch (error) {
      const words = error instanceof PngError ? new Error(`${file.name}: ${error.message}. ${WANTED}`) : error;
      this.#person.report(words, "Nothing was replaced.");
    }
  }

  /** Read label maps in a palette's colours from now on, if it names classes of the model. */
  #takePalette(palette) {
    const { model } = this.#store.state;
    const names = new Set(model.classes.map(({ name }) => name));
    const known = palette.filter(({ name }) => names.has(name)).length;
    if (!known) {
      const error = new Error(`None of the palette's ${palette.length} names is a class of ${model.title}.`);
      this.#person.report(error, "The palette is not used.");
      return;
    }
    this.#store.set({ palette });
    const words = `Label maps in its colours are read: ${known} of ${names.size} classes have one.`;
    this.#person.tell("Palette taken", words);
  }

  /** Open an archive made here: its recipe, and then its label map if that is another one. */
  async #openArchive(file, bytes) {
    try {
      const contents = await unzip(bytes);
      const find = (end) => Object.entries(contents).find(([name]) => name.endsWith(end))?.[1];
      const [recipe, labels] = [find("recipe.json"), find("labels.png")];
      if (!recipe && !labels) throw new Error(`${file.name} holds neither recipe.json nor labels.png.`);
      if (recipe && !(await this.importRecipe(new File([recipe], file.name)))) return;
      const { map } = this.#labels;
      const { width, height, data } = labels ? await decodeIndexPng(labels) : map;
      if (!new LabelMap(width, height, data).equals(map)) await this.importLabels(new File([labels], file.name));
    } catch (error) {
      this.#person.report(error, "Nothing was replaced.");
    }
  }

  /**
   * Open a recipe: its model, label map and style. The server checks it by rendering it. Resolves to whether it was
   * opened.
   */
  async importRecipe(file) {
    try {
      const recipe = await recipeIn(file);
      if (!recipe) throw new Error(`${file.name} carries no recipe: take a picture exported here, or its JSON.`);
      const { models, model } = this.#store.state;
      if (!models.some(({ id }) => id === recipe.model)) {
        throw new Error(`${file.name} was made with the model “${recipe.model}”, which this studio does not have.`);
      }
      const answer = await patiently(() => api.renderRecipe(recipe.model, file));
      const map = await mapOf(answer.labels);
      if (recipe.model !== model.id) await this.#loadModel(recipe.model);
      this.#opening.recipe(map, recipe.style, file.name);
      return true;
    } catch (error) {
      this.#person.report(error, "Nothing was replaced.");
      return false;
    }
  }
}
