/**
 * What can be exported: the picture, its label map, the classes' colours and the recipe, one by one or in one archive.
 */
import { rgbOf } from "../colours/colours.js";
import { toGpl, toJson } from "../colours/palettes.js";
import { encodeColourPng } from "../formats/png.js";
import { zip } from "../formats/zip.js";
import { recipeText } from "../picture/recipe.js";

const rgbs = (palette) => palette.map(({ rgb }) => rgb);
const text = (words) => new TextEncoder().encode(words);

/** The palette [{name, rgb}] for files: the data set's colours, or the studio's if two classes share one of those. */
export function filePalette(classes) {
  const own = new Set(classes.map(({ colour }) => colour)).size === classes.length;
  return classes.map(({ name, colour, display }) => ({ name, rgb: rgbOf(own ? colour : display) }));
}

/** By kind {name, type, bytes}: the file's name, its media type, and a function that gives or resolves to its bytes. */
export function exportsOf({ store, labels }) {
  const model = () => store.state.model;
  const palette = () => filePalette(model().classes);
  const files = {
    picture: ["picture.png", "image/png", () => store.state.picture.bytes],
    labels: ["labels.png", "image/png", () => labels.png()],
    colours: ["labels-colours.png", "image/png", () => encodeColourPng(labels.map, rgbs(palette()))],
    gpl: ["palette.gpl", "text/plain", () => text(toGpl(model().title, palette()))],
    json: ["palette.json", "application/json", () => text(toJson(model().title, palette()))],
    recipe: ["recipe.json", "application/json", async () => text(await recipeText(store.state.picture))],
  };
  const all = async () => {
    const contents = Object.values(files).map(async ([name, , bytes]) => [name, await bytes()]);
    return zip(Object.fromEntries(await Promise.all(contents)));
  };
  const rows = { ...files, zip: ["studio.zip", "application/zip", all] };
  const named = ([kind, [name, type, bytes]]) => [kind, { name: `groupdnet-${name}`, type, bytes }];
  return Object.fromEntries(Object.entries(rows).map(named));
}
