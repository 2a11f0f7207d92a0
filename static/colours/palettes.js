/**
 * Palettes as files: GPL, which GIMP, Inkscape and Krita read, and JSON. A palette is [{name, rgb}] in the classes'
 * order, rgb being [r, g, b] of 0 … 255.
 */
import { hexOf, rgbOf } from "./colours.js";

const TITLE = "GIMP Palette";

/** The text of a GPL file. */
export function toGpl(title, palette) {
  const rows = palette.map(({ name, rgb }) => `${rgb.map((value) => String(value).padStart(3)).join(" ")}\t${name}`);
  return [TITLE, `Name: ${title}`, "Columns: 1", "#", ...rows, ""].join("\n");
}

/** The text of a JSON file: {palette, classes: [{index, name, colour}]}. */
export function toJson(title, palette) {
  const classes = palette.map(({ name, rgb }, index) => ({ index, name, colour: hexOf(rgb) }));
  return `${JSON.stringify({ palette: title, classes }, null, 1)}\n`;
}

/** The palette in a text of either kind, or null if it is neither. */
export function readPalette(text) {
  return text.startsWith(TITLE) ? fromGpl(text) : fromJson(text);
}

function fromGpl(text) {
  const rows = text.split(/\r?\n/).map((line) => /^\s*(\d{1,3})\s+(\d{1,3})\s+(\d{1,3})\s+(\S.*?)\s*$/.exec(line));
  const palette = rows.filter(Boolean).map(([, r, g, b, name]) => ({ name, rgb: [r, g, b].map(Number) }));
  return palette.length && palette.every(({ rgb }) => rgb.every((value) => value < 256)) ? palette : null;
}

function fromJson(text) {
  try {
    const { classes } = JSON.parse(text);
    const palette = classes.map(({ name, colour }) => ({ name: String(name), rgb: rgbOf(colour) }));
    return palette.length && palette.every(({ rgb }) => rgb.every((value) => value <= 255)) ? palette : null;
  } catch {
    return null;
  }
}
