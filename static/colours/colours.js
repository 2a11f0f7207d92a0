/**
 * The colours in which classes are shown: the studio's, the data set's own, or a set for colour-blind eyes. Label files
 * keep their colours whatever is shown.
 */

/** Titles of the sets by name. */
export const COLOUR_SETS = { studio: "Studio colours", dataset: "Data set colours", safe: "Colour-blind safe" };

/** The colour [r, g, b] (0 … 255) of every class in a set. `classes` are the rows of a model's report. */
export function coloursOf(classes, set) {
  const displays = classes.map(({ display }) => rgbOf(display));
  if (set === "dataset") return classes.map(({ colour }) => rgbOf(colour));
  return set === "safe" ? safeColours(displays) : displays;
}

/** "#ff8000" becomes [255, 128, 0]. */
export const rgbOf = (hex) => [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16));
/** [255, 128, 0] becomes "#ff8000". */
export const hexOf = (rgb) => `#${rgb.map((value) => value.toString(16).padStart(2, "0")).join("")}`;

/**
 * A colour for each of the `displays`, as like it as can be, with a gap between any two that every kind of eye sees.
 * The gap is the widest for which there are colours enough.
 */
function safeColours(displays) {
  const all = candidates();
  const wanted = displays.map((rgb) => labOf(rgb.map(toLinear)));
  for (let gap = 0.16; ; gap *= 0.9) {
    const chosen = apartBy(gap, all, wanted);
    if (chosen) return chosen;
  }
}

/**
 * For each of `wanted` in turn, the colour of `all` most like it that is `gap` away from those chosen before; null if
 * no colour is left.
 */
function apartBy(gap, all, wanted) {
  let left = all;
  const chosen = [];
  for (const lab of wanted) {
    if (!left.length) return null;
    const gaps = left.map((colour) => gapBetween(lab, colour.eyes));
    const best = left[gaps.indexOf(Math.min(...gaps))];
    chosen.push(best.rgb);
    left = left.filter((colour) => gapBetween(colour.eyes, best.eyes) >= gap);
  }
  return chosen;
}

/** The distance of two colours [r, g, b] in OKLab, 0 … 1, for the kind of eye that tells them apart worst. */
export const leastDifference = (a, b) => gapBetween(eyesOf(a), eyesOf(b));

/**
 * The least distance of two colours, each given as the triples (L, a, b) that the kinds of eye see, one after another.
 */
function gapBetween(a, b) {
  let least = Infinity;
  for (let i = 0; i < a.length; i += 3) {
    const [l, m, n] = [a[i] - b[i], a[i + 1] - b[i + 1], a[i + 2] - b[i + 2]];
    least = Math.min(least, l * l + m * m + n * n);
  }
  return Math.sqrt(least);
}

/** Colours of every lightness and hue, none strongly saturated, none as dark or as light as the page's backgrounds. */
function candidates() {
  const found = [];
  for (let lightness = 0.3; lightness < 0.93; lightness += 0.045) {
    for (let degrees = 0; degrees < 360; degrees += 20) {
      for (const chroma of [0.03, 0.08, 0.13]) {
        const hue = (degrees / 180) * Math.PI;
        const linear = linearOf([lightness, chroma * Math.cos(hue), chroma * Math.sin(hue)]);
        if (linear.some((value) => value < 0 || value > 1)) continue;
        const rgb = linear.map(fromLinear);
        found.push({ rgb, eyes: eyesOf(rgb) });
      }
    }
  }
  return found;
}

// ---- kinds of eye ----

// Matrices on linear RGB: normal sight, then sight without red cones and without green cones, at full severity
// (Machado, Oliveira, Fernandes 2009, "A Physiologically-based Model for Simulation of Color Vision Deficiency").
const EYES = [
  [1, 0, 0, 0, 1, 0, 0, 0, 1],
  [0.152286, 1.052583, -0.204868, 0.114503, 0.786281, 0.099216, -0.003882, -0.048116, 1.051998],
  [0.367322, 0.860646, -0.227968, 0.280085, 0.672501, 0.047413, -0.01182, 0.04294, 0.968881],
];

const times = (m, [a, b, c]) => [0, 3, 6].map((row) => m[row] * a + m[row + 1] * b + m[row + 2] * c);

function eyesOf(rgb) {
  const linear = rgb.map(toLinear);
  return EYES.flatMap((eye) => labOf(times(eye, linear).map((value) => Math.min(1, Math.max(0, value)))));
}

// ---- OKLab (Ottosson 2020, "A perceptual color space for image processing") ----

const toLinear = (value) => (value <= 10.31475 ? value / 3294.6 : ((value / 255 + 0.055) / 1.055) ** 2.4);
const fromLinear = (value) =>
  Math.round(255 * (value <= 0.0031308 ? 12.92 * value : 1.055 * value ** (1 / 2.4) - 0.055));

const TO_LMS = [
  0.4122214708, 0.5363325363, 0.0514459929, 0.2119034982, 0.6806995451, 0.1073969566, 0.0883024619, 0.2817188376,
  0.6299787005,
];
const TO_LAB = [
  0.2104542553, 0.793617785, -0.0040720468, 1.9779984951, -2.428592205, 0.4505937099, 0.0259040371, 0.7827717662,
  -0.808675766,
];
const FROM_LAB = [1, 0.3963377774, 0.2158037573, 1, -0.1055613458, -0.0638541728, 1, -0.0894841775, -1.291485548];
const FROM_LMS = [
  4.0767416621, -3.3077115913, 0.2309699292, -1.2684380046, 2.6097574011, -0.3413193965, -0.0041960863, -0.7034186147,
  1.707614701,
];

const labOf = (linear) => times(TO_LAB, times(TO_LMS, linear).map(Math.cbrt));

const linearOf = (lab) =>
  times(
    FROM_LMS,
    times(FROM_LAB, lab).map((value) => value ** 3),
  );
