/** Everything that can be taken away: the picture, its label map, the colours and the recipe, one by one or all in one. */
import { rgbOf } from "../colours/colours.js";
import { toGpl, toJson } from "../colours/palettes.js";
import { encodeColourPng } from "../formats/png.js";
import { zip } from "../formats/zip.js";
import { recipeText } from "./files.js";

const rgbs = (palette) => palette.map(({ rgb }) => rgb);
const text = (words) => new TextEncoder().encode(words);

/** The data set's colours, or where classes share one of them the studio's: each names one class. */
export function filePalette(classes) {
  const own = new Set(classes.map(({ colour }) => colour)).size === classes.length;
  return classes.map(({ name, colour, display }) => ({ name, rgb: rgbOf(own ? colour : display) }));
}

/** By kind {name, type, bytes()}: what a file is called, what it is and how it is made. */
export function exportsOf(studio) {
  const title = () => studio.state.model.title;
  const palette = () => filePalette(studio.classes);
  const files = {
    picture: ["picture.png", "image/png", () => studio.state.picture.bytes],
    labels: ["labels.png", "image/png", () => studio.labelsPng()],
    colours: ["labels-colours.png", "image/png", () => encodeColourPng(studio.map, rgbs(palette()))],
    gpl: ["palette.gpl", "text/plain", () => text(toGpl(title(), palette()))],
    json: ["palette.json", "application/json", () => text(toJson(title(), palette()))],
    recipe: ["recipe.json", "application/json", async () => text(await recipeText(studio.state.picture))],
  };
  const all = async () => {
    const contents = Object.values(files).map(async ([name, , bytes]) => [name, await bytes()]);
    return zip(Object.fromEntries(await Promise.all(contents)));
  };
  const rows = { ...files, zip: ["studio.zip", "application/zip", all] };
  const named = ([kind, [name, type, bytes]]) => [kind, { name: `groupdnet-${name}`, type, bytes }];
  return Object.fromEntries(Object.entries(rows).map(named));
}
