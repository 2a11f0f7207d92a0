/**
 * CIELAB, in which equal distances look about equally far, and the class whose colour is nearest to another colour. The
 * server proposes classes by the same rule, and tests/fixtures/nearest_class.json holds both to it.
 */
import { rgbOf } from "./colours.js";

// Rows: X, Y, Z of linear sRGB, before the division by their sums, which are the white point's (D65).
const TO_XYZ = [
  [0.4124564, 0.3575761, 0.1804375],
  [0.2126729, 0.7151522, 0.072175],
  [0.0193339, 0.119192, 0.9503041],
];
const KNEE = (6 / 29) ** 3; // below it the cube root is replaced by a straight line

const linear = (value) => {
  const share = value / 255;
  return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
};

/** CIELAB under D65 of an sRGB colour: [r, g, b], each 0 … 255, becomes [L*, a*, b*], L* being 0 … 100. */
export function cielabOf(rgb) {
  const [r, g, b] = rgb.map(linear);
  const [x, y, z] = TO_XYZ.map(([red, green, blue]) => {
    const t = (red * r + green * g + blue * b) / (red + green + blue);
    return t > KNEE ? Math.cbrt(t) : t / (3 * (6 / 29) ** 2) + 4 / 29;
  });
  return [116 * y - 16, 500 * (x - y), 200 * (y - z)];
}

/**
 * A function from a colour [r, g, b] (0 … 255) to the index of the class nearest to it: the one whose data set colour
 * or studio colour has the smallest distance in CIELAB (ΔE, CIE 1976). Of equally near classes it is the one with the
 * lowest index. `classes` are the rows of a model's report: {index, colour, display}, colours as "#rrggbb".
 */
export function nearestClass(classes) {
  const points = classes.flatMap(({ index, colour, display }) =>
    [colour, display].map((hex) => ({ index, lab: cielabOf(rgbOf(hex)) })),
  );
  points.sort((a, b) => a.index - b.index);
  return (rgb) => {
    const [l, a, b] = cielabOf(rgb);
    const distance = ({ lab }) => (lab[0] - l) ** 2 + (lab[1] - a) ** 2 + (lab[2] - b) ** 2;
    return points.reduce((best, point) => (distance(point) < distance(best) ? point : best)).index;
  };
}
