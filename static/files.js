/** Label maps and recipes that come in as files, and the recipe that goes out. A file that fails replaces nothing. */
import * as api from "./api.js";
import { LabelMap } from "./labelmap.js";
import { decodeIndexPng, isPng, readText } from "./png.js";
import { patiently } from "./retry.js";

const RECIPE = "groupdnet-recipe";

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
  const { width, height, data } = await decodeIndexPng(api.bytesOfDataUrl(dataUrl));
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

  async importLabels(file, { resize = false } = {}) {
    const studio = this.#studio;
    try {
      const map = await this.readLabels(file, { resize });
      studio.replaceMap(map, { reorder: true });
      studio.set({ scene: file.name, photo: null });
      studio.refresh({ demanded: true });
    } catch (error) {
      studio.report(
        error,
        "Nothing was replaced.",
        remedies(error, () => this.importLabels(file, { resize: true })),
      );
    }
  }

  /** Everything comes back: model, label map, style. The server checks the recipe by rendering it. */
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
    } catch (error) {
      studio.report(error, "Nothing was replaced.");
    }
  }
}
