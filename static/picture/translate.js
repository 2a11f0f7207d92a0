/** Label maps and styles of one model in the classes of another that has them by name. No DOM here. */
import { LabelMap } from "../map/labelmap.js";

/** New index by old index of the classes given; an error names those that the other model lacks. */
function indicesIn(from, to, classes) {
  const found = new Map(to.classes.map(({ name, index }) => [name, index]));
  const missing = classes.map((index) => from.classes[index].name).filter((name) => !found.has(name));
  if (missing.length) throw new Error(`${to.title} has no ${missing.join(", ")}.`);
  return new Map(classes.map((index) => [index, found.get(from.classes[index].name)]));
}

/** The map in the other model's classes and size; an error names the classes that it lacks. */
export function translatedMap(map, from, to) {
  const present = [...new Set(map.data)];
  const indices = indicesIn(from, to, present);
  const [height, width] = to.image_size;
  const data = map.data.map((label) => indices.get(label));
  const translated = new LabelMap(map.width, map.height, data);
  return width === map.width && height === map.height ? translated : translated.scaled(width, height);
}

/** The style of those classes; where codes have another shape over there, a class with a code takes the style's seed. */
export function translatedStyle(style, classes, from, to) {
  const indices = indicesIn(from, to, classes);
  const fits = String(from.code_shape) === String(to.code_shape);
  const specs = classes
    .filter((index) => style[index] && (fits || !hasCode(style[index])))
    .map((index) => [indices.get(index), style[index]]);
  return { seed: style.seed, ...Object.fromEntries(specs) };
}

/** Whether a look is made of numbers of one model's, or of seeds alone. */
export function hasCode(spec) {
  return Boolean(spec.code) || (spec.blend ?? []).some(hasCode);
}
