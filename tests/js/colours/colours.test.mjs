import { coloursOf, hexOf, leastDifference, rgbOf } from "../../../static/colours/colours.js";
import { hatchOf, lineColour, colouring } from "../../../static/colours/hatching.js";
import { LabelMap } from "../../../static/map/labelmap.js";
import { Random, randomly } from "../random.mjs";
import assert from "node:assert/strict";
import { test } from "node:test";

const random = new Random(4);
const channel = () => random.whole(0, 255);
const classes = (count) =>
  Array.from({ length: count }, (_, index) => ({
    index,
    name: `class ${index}`,
    colour: hexOf([channel(), channel(), channel()]),
    display: hexOf([channel(), channel(), channel()]),
  }));

/** The difference that is hardest to see between two of these colours. */
function closest(colours) {
  const pairs = colours.flatMap((a, i) => colours.slice(i + 1).map((b) => leastDifference(a, b)));
  return Math.min(...pairs);
}

test("colours in hex are read and written alike", () => {
  assert.deepEqual(rgbOf("#0a80ff"), [10, 128, 255]);
  assert.equal(hexOf([10, 128, 255]), "#0a80ff");
});

test("the studio's and the data set's colours are as the model has them", () => {
  const some = classes(3);
  assert.deepEqual(
    coloursOf(some, "studio").map(hexOf),
    some.map(({ display }) => display),
  );
  assert.deepEqual(
    coloursOf(some, "dataset").map(hexOf),
    some.map(({ colour }) => colour),
  );
});

test("red and green of one lightness differ for most eyes, and for some they do not", () => {
  assert.ok(leastDifference([255, 255, 255], [0, 0, 0]) > 0.9);
  assert.ok(leastDifference([160, 116, 60], [117, 128, 60]) < 0.06);
});

test("safe colours are all different for every eye, more so the fewer there are", () => {
  const gaps = [8, 12, 35, 151].map((count) => closest(coloursOf(classes(count), "safe")));
  assert.ok(gaps[0] > 0.08 && gaps[1] > 0.07 && gaps[2] > 0.03 && gaps[3] > 0.01, `${gaps}`);
});

test("a class keeps the character of its colour", () => {
  const quiet = ["#7fa6cc", "#74a350", "#ccb27a"].map((display, index) => ({ index, display }));
  const [sky, grass, sand] = coloursOf(quiet, "safe");
  assert.ok(sky[2] > sky[0] && grass[1] > grass[2] && sand[0] > sand[2]);
});

test("twelve patterns are all different, and none is empty or solid", () => {
  const tiles = Array.from({ length: 12 }, (_, index) => hatchOf(index).map(Number).join(""));
  assert.equal(new Set(tiles).size, 12);
  for (const tile of tiles) assert.ok(tile.includes("1") && tile.split("0").length > 32);
});

test("a part of a map is coloured as it is within the whole, hatched or not", () => {
  const colours = coloursOf(classes(15), "studio");
  randomly(10, (r) => {
    const map = new LabelMap(
      40,
      30,
      Uint8Array.from({ length: 1200 }, () => r.whole(0, 14)),
    );
    const rect = { x: r.whole(0, 30), y: r.whole(0, 20), w: r.whole(1, 9), h: r.whole(1, 9) };
    for (const hatched of [false, true]) {
      const paint = colouring(colours, hatched);
      const [whole, part] = [new Uint32Array(1200), new Uint32Array(rect.w * rect.h)];
      paint(map, map.bounds, whole);
      paint(map, rect, part);
      part.forEach((pixel, i) => {
        const [x, y] = [rect.x + (i % rect.w), rect.y + Math.floor(i / rect.w)];
        assert.equal(pixel, whole[y * 40 + x]);
        const [red, green, blue] = [pixel & 255, (pixel >> 8) & 255, (pixel >> 16) & 255];
        const ground = colours[map.at(x, y)];
        assert.ok(
          [ground, ...(hatched ? [lineColour(ground)] : [])].some((c) => hexOf(c) === hexOf([red, green, blue])),
        );
      });
    }
  });
});
