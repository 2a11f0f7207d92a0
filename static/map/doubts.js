/**
 * Doubts: regions of a photo's label map of which the segmenter is not sure, each with its second guess.
 *
 * A doubt is a plain object {value, rect, mask, second, kept}: a region as `regionAt` gives it, the class that it may be
 * instead, and whether the person has said that the first guess is right. It is open while the map still has the first
 * guess there and nobody has said so.
 */
import { regionAt, stamp } from "./regions.js";

export const SURE = 0.6; // mean probability of a region's class below which the region is in doubt
const ASKED = 3; // most pairs of classes in the sentence

/** The doubts of a map, among the `regions` of the server's answer. */
export function doubtsIn(map, regions) {
  const unsure = regions.filter(({ index, confidence, second }) => confidence < SURE && second.index !== index);
  return unsure.map(({ at: [x, y], second }) => ({ ...regionAt(map, x, y), second: second.index, kept: false }));
}

/** The class that all of a doubt's pixels have in a map, or null where they differ. */
export function answerOf(map, { rect, mask }) {
  const labels = map.read(rect).filter((_, i) => mask[i]);
  return labels.every((label) => label === labels[0]) ? labels[0] : null;
}

/** The doubts that are open. */
export const openDoubts = (map, doubts) =>
  doubts.filter((doubt) => !doubt.kept && answerOf(map, doubt) === doubt.value);

/** Say which of its two classes a doubt's region is: paints it so, and returns the rectangle that was painted. */
export function settle(map, doubt, value) {
  doubt.kept = value === doubt.value;
  return stamp(map, { ...doubt, value }, doubt.rect);
}

/** The pixels of a region that are at most `reach` from its outside, as a mask like the region's own. */
export function rimOf({ rect: { w, h }, mask }, reach) {
  let inner = mask;
  for (let step = 0; step < reach; step += 1) {
    const before = inner;
    inner = before.map((on, i) => {
      const [x, y] = [i % w, Math.floor(i / w)];
      const surrounded = x > 0 && y > 0 && x < w - 1 && y < h - 1;
      return on && surrounded && before[i - 1] && before[i + 1] && before[i - w] && before[i + w] ? 1 : 0;
    });
  }
  return mask.map((on, i) => (on && !inner[i] ? 1 : 0));
}

/** The sentence that asks about doubts; `names` are the classes' names by index. Empty where there is none. */
export function question(doubts, names) {
  if (!doubts.length) return "";
  const pairs = [...new Set(doubts.map(({ value, second }) => `${names[value]} or ${names[second]}?`))];
  const more = pairs.length > ASKED ? " …" : "";
  const how = doubts.length === 1 ? "1 region is" : `${doubts.length} regions are`;
  return `${how} unsure: ${pairs.slice(0, ASKED).join(" ")}${more}`;
}

/** Where a region lies in a map, in words: "upper left", "middle", "lower right". */
export function placeOf({ rect: { x, y, w, h } }, { width, height }) {
  const third = (place, size, words) => words[Math.min(2, Math.floor((3 * place) / size))];
  const row = third(y + h / 2, height, ["upper", "", "lower"]);
  const column = third(x + w / 2, width, ["left", "", "right"]);
  return [row, column].filter(Boolean).join(" ") || "middle";
}
