/**
 * Styles as the API knows them: {"seed": s, "<class index>": spec}, a class left out taking {"seed": s}.
 * A spec is {"seed"}, {"code", "from"} or {"blend": [spec, spec], "t"}. Nothing here changes its arguments.
 */

const SEEDS = 1_000_000; // six digits at most, as the server draws them: easy to read out and to type

export function freshSeed() {
  return crypto.getRandomValues(new Uint32Array(1))[0] % SEEDS;
}

export function specOf(style, index) {
  return style[index] ?? { seed: style.seed };
}

export function withSpecs(style, specs) {
  return { ...style, ...specs };
}

/** A new seed for each of these classes, and for no other. */
export function resampled(style, classes, draw = freshSeed) {
  return withSpecs(style, Object.fromEntries(classes.map((index) => [index, { seed: draw() }])));
}

export const sameSpec = (a, b) => JSON.stringify(a) === JSON.stringify(b);

/** t of the way from one look to another; at the ends, or between equals, no blend is needed. */
export function between(from, to, t) {
  if (t <= 0 || sameSpec(from, to)) return from;
  if (t >= 1) return to;
  return { blend: [from, to], t: Math.round(t * 1000) / 1000 };
}

/**
 * t of the way through two or more styles, each as far from the next: the given classes move, the others stay as in the
 * first.
 */
export function onTheWay(styles, t, classes) {
  const legs = styles.length - 1;
  const leg = Math.min(Math.floor(t * legs), legs - 1);
  const [from, to] = styles.slice(leg, leg + 2);
  const moved = classes.map((index) => [index, between(specOf(from, index), specOf(to, index), t * legs - leg)]);
  return withSpecs(styles[0], Object.fromEntries(moved));
}

/** The classes, of those given, whose look differs. */
export function differing(a, b, classes) {
  return classes.filter((index) => !sameSpec(specOf(a, index), specOf(b, index)));
}

/** A look in a few words: its seed, the photo it is from, or both ends of a blend. */
export function describe(spec) {
  if (spec.blend) return `${describe(spec.blend[0])} → ${describe(spec.blend[1])}`;
  return spec.code ? (spec.from ?? "a photo") : String(spec.seed);
}
