/**
 * Styles as the API has them: {"seed": s, "<class index>": spec}; a class that is left out takes {"seed": s}. A spec,
 * which is one class's look, is {"seed"}, {"code", "from"} or {"blend": [spec, spec], "t"}. No function here changes
 * its arguments.
 */

const SEEDS = 1_000_000; // seeds of at most six digits, as the server draws them, are easy to read out and to type

/** A random seed, 0 … 999,999. */
export function freshSeed() {
  return crypto.getRandomValues(new Uint32Array(1))[0] % SEEDS;
}

/** The look that a style gives a class. */
export function specOf(style, index) {
  return style[index] ?? { seed: style.seed };
}

/** The style with other looks for some classes, {index: spec}. */
export function withSpecs(style, specs) {
  return { ...style, ...specs };
}

/** The style with a new seed for each of these classes. `draw()` gives the seeds. */
export function resampled(style, classes, draw = freshSeed) {
  return withSpecs(style, Object.fromEntries(classes.map((index) => [index, { seed: draw() }])));
}

/** Whether two looks are written alike. */
export const sameSpec = (a, b) => JSON.stringify(a) === JSON.stringify(b);

/** The look at t (0 … 1) between two looks: a blend of them, or one of them at the ends and where both are the same. */
export function between(from, to, t) {
  if (t <= 0 || sameSpec(from, to)) return from;
  if (t >= 1) return to;
  return { blend: [from, to], t: Math.round(t * 1000) / 1000 };
}

/**
 * The style at t (0 … 1) on the way through two or more styles, which lie at equal distances. The given classes move;
 * the others have their looks of the first style.
 */
export function onTheWay(styles, t, classes) {
  const legs = styles.length - 1;
  const leg = Math.min(Math.floor(t * legs), legs - 1);
  const [from, to] = styles.slice(leg, leg + 2);
  const moved = classes.map((index) => [index, between(specOf(from, index), specOf(to, index), t * legs - leg)]);
  return withSpecs(styles[0], Object.fromEntries(moved));
}

/** Those of the given classes whose look differs between two styles. */
export function differing(a, b, classes) {
  return classes.filter((index) => !sameSpec(specOf(a, index), specOf(b, index)));
}

/** Whether a look has a code in it, which fits only models with codes of that shape. */
export function hasCode(spec) {
  return Boolean(spec.code) || (spec.blend ?? []).some(hasCode);
}

/** A look in a few words: its seed, the photo it is from, or both ends of a blend. */
export function describe(spec) {
  if (spec.blend) return `${describe(spec.blend[0])} → ${describe(spec.blend[1])}`;
  return spec.code ? (spec.from ?? "a photo") : String(spec.seed);
}
