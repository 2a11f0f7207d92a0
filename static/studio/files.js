/** Label maps and recipes that come in as files, and the recipe that goes out. A file that fails replaces nothing. */
import { readPalette } from "../colours/palettes.js";
import { bytesOfDataUrl } from "../formats/data_url.js";
import { PngError, decodeIndexPng, decodePng, isPng, readText } from "../formats/png.js";
import { isZip, unzip } from "../formats/zip.js";
import { LabelMap } from "../map/labelmap.js";
import { applied, doubtful, readings } from "../map/reading.js";
import * as api from "../net/api.js";
import { patiently } from "../net/retry.js";

const RECIPE = "groupdnet-recipe";
const WANTED = "A label map is a PNG: JPEG and WebP change its values.";

/** The recipe inside a file made here, or null: a PNG's text chunk, or JSON. */
export async function recipeIn(file) {
  const bytes = new Uint8Array(await file.arrayBuffer());
  const text = isPng(bytes) ? await readText(bytes, RECIPE) : new TextDecoder().decode(bytes);
  try {
    const recipe = JSON.parse(text);
    return recipe?.labels && recipe?.style ? recipe : null;
  } catch {
    return null;
  }
}

export const recipeText = (picture) => readText(picture.bytes, RECIPE);

export async function mapOf(dataUrl) {
  const { width, height, data } = await decodeIndexPng(bytesOfDataUrl(dataUrl));
  return new LabelMap(width, height, data);
}

/** What to offer under an error: a label map of the wrong size can be resized, if the person says so. */
export function remedies(error, again) {
  return error.code === "wrong_size" ? [{ label: "Resize to fit", run: again }] : [];
}

export class Files {
  #studio;

  constructor(studio) {
    this.#studio = studio;
  }

  /** Label map from a file of any kind that the server reads; it renders it on the way. */
  async readLabels(file, { style, resize = false } = {}) {
    const { state } = this.#studio;
    const answer = await patiently(() => api.render(state.model.id, file, { style: style ?? state.style, resize }));
    return mapOf(answer.labels);
  }

  /** Whatever it is, by what is in it: an archive, a picture made here, a recipe, a palette, or else a label map. */
  async open(file) {
    const bytes = new Uint8Array(await file.arrayBuffer());
    if (isZip(bytes)) return this.#openArchive(file, bytes);
    if (await recipeIn(file).catch(() => null)) return this.importRecipe(file);
    const palette = isPng(bytes) ? null : readPalette(new TextDecoder().decode(bytes));
    return palette ? this.#takePalette(palette) : this.importLabels(file);
  }

  /** A label map of any kind. Where it is not plain what it means, or how it fits, the person is asked. */
  async importLabels(file) {
    const studio = this.#studio;
    try {
      const image = await decodePng(new Uint8Array(await file.arrayBuffer()));
      const { model, palette } = studio.state;
      const [height, width] = model.image_size;
      const ways = readings(image, model, palette);
      const plain = !doubtful(ways) && image.width === width && image.height === height;
      const map = plain ? applied(ways[0], image) : await studio.consult(image, file.name);
      if (!map) return;
      studio.replaceMap(map, { reorder: true });
      studio.set({ scene: file.name, photo: null });
      studio.refresh({ demanded: true });
      if (plain) studio.tell(`${file.name} is open`, `Read as ${ways[0].title}.`);
    } catch (error) {
      const words = error instanceof PngError ? new Error(`${file.name}: ${error.message}. ${WANTED}`) : error;
      studio.report(words, "Nothing was replaced.");
    }
  }

  /** Colours that the doctor knows label maps by, from now on. */
  #takePalette(palette) {
    const studio = this.#studio;
    const names = new Set(studio.classes.map(({ name }) => name));
    const known = palette.filter(({ name }) => names.has(name)).length;
    if (!known) {
      const error = new Error(
        `None of the palette's ${palette.length} names is a class of ${studio.state.model.title}.`,
      );
      studio.report(error, "The palette is not used.");
      return;
    }
    studio.set({ palette });
    studio.tell("Palette taken", `Label maps in its colours are read: ${known} of ${names.size} classes have one.`);
  }

  /** An archive made here: its recipe, with the label map beside it where that is newer. */
  async #openArchive(file, bytes) {
    const studio = this.#studio;
    try {
      const contents = await unzip(bytes);
      const find = (end) => Object.entries(contents).find(([name]) => name.endsWith(end))?.[1];
      const [recipe, labels] = [find("recipe.json"), find("labels.png")];
      if (!recipe && !labels) throw new Error(`${file.name} holds neither recipe.json nor labels.png.`);
      if (recipe && !(await this.importRecipe(new File([recipe], file.name)))) return;
      const { width, height, data } = labels ? await decodeIndexPng(labels) : studio.map;
      if (!new LabelMap(width, height, data).equals(studio.map)) await this.importLabels(new File([labels], file.name));
    } catch (error) {
      studio.report(error, "Nothing was replaced.");
    }
  }

  /** Everything comes back: model, label map, style; false if it does not. The server checks the recipe by rendering it. */
  async importRecipe(file) {
    const studio = this.#studio;
    try {
      const recipe = await recipeIn(file);
      if (!recipe) throw new Error(`${file.name} carries no recipe: take a picture exported here, or its JSON.`);
      if (!studio.state.models.some(({ id }) => id === recipe.model)) {
        throw new Error(`${file.name} was made with the model “${recipe.model}”, which this studio does not have.`);
      }
      const answer = await patiently(() => api.renderRecipe(recipe.model, file));
      const map = await mapOf(answer.labels);
      if (recipe.model !== studio.state.model.id) await studio.loadModel(recipe.model);
      studio.replaceMap(map, { reorder: true });
      studio.adoptStyle(recipe.style, { scene: file.name });
      studio.refresh({ demanded: true });
      return true;
    } catch (error) {
      studio.report(error, "Nothing was replaced.");
      return false;
    }
  }
}
