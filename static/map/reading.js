/**
 * Readings of a PNG as a label map: what its pixels mean as classes, in every way in which they can be taken, and which
 * of them mean none. Where there is doubt, a person decides.
 */
import { nearestClass } from "../colours/cielab.js";
import { rgbOf } from "../colours/colours.js";
import { LabelMap } from "./labelmap.js";

const NONE = 255; // label of a pixel that means no class
const CLEAR = -1; // value of pixels that are not opaque
const UNKNOWN = 255; // value that stands for "unknown" in label files
const LISTED = 12; // unknown values that get a row of their own
const MOST = 50_000; // different unknown values of one file; a photo has more

/**
 * The ways to read a PNG that `decodePng` gave, the best first. `model` is a model's report; `palette`, [{name, rgb}]
 * or null, has further colours of classes. Raises an Error for a photo. A reading is
 *
 * unit     "value" or "colour", what its values are
 * title    what it takes the pixels for
 * labels   a class for each pixel, 255 for none
 * unknown  the values without a class, [{value, name, rgb, pixels}], the most frequent first
 * pixels   number of pixels without a class
 * valueAt  function from a pixel's number to its value
 * nearest  function from a value to the class to propose for it
 */
export function readings(image, { classes, unknown }, palette = null) {
  const found = image.kind === "colour" ? [] : [byIndex(image, classes, unknown ?? null)];
  if (image.kind !== "grey") for (const table of tables(classes, palette)) found.push(byColour(image, classes, table));
  return found.toSorted((a, b) => a.pixels - b.pixels);
}

/** Whether a person has to be asked: no reading gives every pixel a class, or two do and differ. */
export function doubtful([best, ...others]) {
  if (best.pixels) return true;
  return others.some(({ pixels, labels }) => !pixels && labels.some((label, i) => label !== best.labels[i]));
}

/**
 * The label map that a reading gives. `choices` has the class for a value without one, and under null the class for all
 * values that have no row of their own; without a choice a value takes the class that is nearest to it.
 */
export function applied(reading, { width, height }, choices = new Map()) {
  const labels = reading.labels.slice();
  const meant = new Map(rows(reading).map(({ value }) => [value, choices.get(value) ?? reading.nearest(value)]));
  for (let i = 0; i < labels.length; i += 1) {
    if (labels[i] !== NONE) continue;
    const value = reading.valueAt(i);
    if (!meant.has(value)) meant.set(value, choices.get(null) ?? reading.nearest(value));
    labels[i] = meant.get(value);
  }
  return new LabelMap(width, height, labels);
}

/** The unknown values that get a row of their own. */
export const rows = ({ unknown }) => unknown.slice(0, LISTED);

/** The unknown values that share the last row. */
export const rest = ({ unknown }) => unknown.slice(LISTED);

/**
 * A map at another size, by nearest neighbour: stretched, or with `crop` the largest middle part of the right shape.
 */
export function fitted(map, width, height, { crop = false } = {}) {
  if (map.width === width && map.height === height) return map;
  if (!crop) return map.scaled(width, height);
  const scale = Math.min(map.width / width, map.height / height);
  const [w, h] = [width, height].map((side) => Math.max(1, Math.round(side * scale)));
  const part = { x: (map.width - w) >> 1, y: (map.height - h) >> 1, w, h };
  return new LabelMap(w, h, map.read(part)).scaled(width, height);
}

function byIndex(image, classes, unknownClass) {
  const meaning = new Map(classes.map(({ index }) => [index, index]));
  if (unknownClass !== null) meaning.set(UNKNOWN, unknownClass);
  const last = classes.length - 1;
  const kind = image.kind === "palette" ? "the palette's indices" : "grey values";
  return read(image, meaning, {
    unit: "value",
    title: `classes by index (${kind})`,
    name: (value) => String(value),
    rgb: (value) => image.palette?.[value] ?? [value, value, value],
    nearest: (value) => Math.min(value, last),
  });
}

function byColour(image, classes, { title, colours }) {
  const nearest = nearestIn(classes);
  // Of classes with equal colours the first one wins: later entries of a Map replace earlier ones.
  const meaning = new Map([...colours].reverse().map(({ index, rgb }) => [packed(rgb), index]));
  const about = {
    unit: "colour",
    title,
    name: (value) => `#${value.toString(16).padStart(6, "0")}`,
    rgb: unpacked,
    nearest,
  };
  if (image.kind !== "palette") return read(image, meaning, about);
  const colourOf = Uint32Array.from({ length: 256 }, (_, i) => packed(image.palette[i] ?? [0, 0, 0]));
  return read({ ...image, data: Uint32Array.from(image.data, (value) => colourOf[value]) }, meaning, about);
}

/** The reading of an image in which `meaning` has the class of each value. */
function read({ data, clear }, meaning, { unit, title, name, rgb, nearest }) {
  const labels = new Uint8Array(data.length);
  const counts = new Map();
  const valueAt = (i) => (clear?.[i] ? CLEAR : data[i]);
  for (let i = 0; i < data.length; i += 1) {
    const value = valueAt(i);
    const index = meaning.get(value);
    labels[i] = index ?? NONE;
    if (index === undefined) counts.set(value, (counts.get(value) ?? 0) + 1);
    if (counts.size > MOST) throw new Error(`It has more than ${MOST} colours: a photo, and no label map.`);
  }
  const nearestTo = (value) => (value === CLEAR ? mostFrequent(labels) : nearest(value));
  const about = (value) =>
    value === CLEAR ? { name: "not opaque", rgb: null } : { name: name(value), rgb: rgb(value) };
  const unknown = [...counts].map(([value, pixels]) => ({ value, pixels, ...about(value) }));
  unknown.sort((a, b) => b.pixels - a.pixels);
  const pixels = unknown.reduce((sum, row) => sum + row.pixels, 0);
  return { unit, title, labels, unknown, pixels, valueAt, nearest: nearestTo };
}

function mostFrequent(labels) {
  const counts = new Uint32Array(NONE);
  for (const label of labels) if (label !== NONE) counts[label] += 1;
  return counts.indexOf(Math.max(...counts));
}

const packed = ([r, g, b]) => (r << 16) | (g << 8) | b;
const unpacked = (value) => [value >> 16, (value >> 8) & 255, value & 255];

/**
 * The sets of colours that mean classes: the data set's, the studio's, and a palette's for classes of the same name.
 */
function tables(classes, palette) {
  const all = [
    ["the data set's colours", classes.map(({ index, colour }) => ({ index, rgb: rgbOf(colour) }))],
    ["the studio's colours", classes.map(({ index, display }) => ({ index, rgb: rgbOf(display) }))],
  ];
  if (palette) {
    const index = new Map(classes.map((row) => [row.name, row.index]));
    const known = palette
      .filter(({ name }) => index.has(name))
      .map(({ name, rgb }) => ({ index: index.get(name), rgb }));
    all.push(["your palette's colours", known]);
  }
  return all.map(([title, colours]) => ({ title: `colours (${title})`, colours }));
}

/** `nearestClass` for packed colours, each worked out once. */
function nearestIn(classes) {
  const nearest = nearestClass(classes);
  const known = new Map(); // class by packed colour
  return (value) => {
    if (!known.has(value)) known.set(value, nearest(unpacked(value)));
    return known.get(value);
  };
}
