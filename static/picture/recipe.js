/** Recipes {model, labels, style} in files: in a text chunk of the pictures that are made here, or as JSON. */
import { bytesOfDataUrl } from "../formats/data_url.js";
import { decodeIndexPng, isPng, readText } from "../formats/png.js";
import { LabelMap } from "../map/labelmap.js";

const KEYWORD = "groupdnet-recipe"; // keyword of the PNG's text chunk

/** The recipe in a file (File or Blob) of either kind, or null if there is none. `labels` is a PNG in Base64. */
export async function recipeIn(file) {
  const bytes = new Uint8Array(await file.arrayBuffer());
  const text = isPng(bytes) ? await readText(bytes, KEYWORD) : new TextDecoder().decode(bytes);
  try {
    const recipe = JSON.parse(text);
    return recipe?.labels && recipe?.style ? recipe : null;
  } catch {
    return null;
  }
}

/** The recipe of a picture as the page keeps it, as text. */
export const recipeText = (picture) => readText(picture.bytes, KEYWORD);

/** The label map in a PNG whose pixel values are class indices, given as a data URL. Raises PngError. */
export async function mapOf(dataUrl) {
  const { width, height, data } = await decodeIndexPng(bytesOfDataUrl(dataUrl));
  return new LabelMap(width, height, data);
}

/** The label map of a recipe. Raises PngError. */
export const mapOfRecipe = ({ labels }) => mapOf(`,${labels}`);
