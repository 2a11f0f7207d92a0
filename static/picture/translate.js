/** Label maps and styles of one model, translated to the classes of another that has classes of the same names. */
import { LabelMap } from "../map/labelmap.js";
import { hasCode } from "./style.js";

/** The new index of each class, by its old one. Raises an Error that names the classes that the other model lacks. */
function indicesIn(from, to, classes) {
  const found = new Map(to.classes.map(({ name, index }) => [name, index]));
  const missing = classes.map((index) => from.classes[index].name).filter((name) => !found.has(name));
  if (missing.length) throw new Error(`${to.title} has no ${missing.join(", ")}.`);
  return new Map(classes.map((index) => [index, found.get(from.classes[index].name)]));
}

/**
 * A label map in another model's classes and size. `from` and `to` are the models' reports. Raises an Error that names
 * the classes that the other model lacks.
 */
export function translatedMap(map, from, to) {
  const present = [...new Set(map.data)];
  const indices = indicesIn(from, to, present);
  const [height, width] = to.image_size;
  const data = map.data.map((label) => indices.get(label));
  const translated = new LabelMap(map.width, map.height, data);
  return width === map.width && height === map.height ? translated : translated.scaled(width, height);
}

/**
 * The looks of some classes as a style of another model. Where its codes have another shape, a class whose look has a
 * code takes the style's seed instead. Raises an Error that names the classes that the other model lacks.
 */
export function translatedStyle(style, classes, from, to) {
  const indices = indicesIn(from, to, classes);
  const fits = String(from.code_shape) === String(to.code_shape);
  const specs = classes
    .filter((index) => style[index] && (fits || !hasCode(style[index])))
    .map((index) => [indices.get(index), style[index]]);
  return { seed: style.seed, ...Object.fromEntries(specs) };
}
