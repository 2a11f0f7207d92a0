import { LabelMap } from "../../../static/map/labelmap.js";
import { heatMap, measureChange } from "../../../static/picture/change.js";
import { cropsOf } from "../../../static/picture/crops.js";
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

const halves = () => {
  const map = new LabelMap(40, 40);
  map.rectangle(0, 20, 39, 39, 6);
  return map;
};
const picture = (value) => new Uint8ClampedArray(40 * 40 * 4).fill(value);

test("every class present has a crop on the map, and of a large region it shows that region alone", () => {
  const map = halves();
  map.rectangle(3, 4, 4, 4, 9); // two pixels only
  const crops = cropsOf(map);
  assert.deepEqual([...crops.keys()], [0, 6, 9]);
  for (const [index, rect] of crops) {
    assert.deepEqual(map.clip(rect), rect);
    assert.ok(map.read(rect).includes(index));
  }
  assert.ok(map.read(crops.get(6)).every((label) => label === 6));
});

test("a change inside the classes is measured as inside, and shares add up", () => {
  const map = halves();
  const after = picture(100);
  map.data.forEach((label, i) => {
    if (label === 6) after.fill(130, i * 4, i * 4 + 3);
  });
  assert.deepEqual(measureChange(picture(100), after, map, [6]), { share: 1, inside: 30, outside: 0 });
  assert.deepEqual(measureChange(picture(100), after, map, [0]), { share: 0, inside: 0, outside: 30 });
  assert.equal(measureChange(picture(100), picture(110), map, [6]).share, 0.5);
  assert.equal(measureChange(picture(100), picture(100), map, [6]).share, 1);
});

const { cases } = JSON.parse(readFileSync(new URL("../../fixtures/change.json", import.meta.url), "utf8"));

for (const { name, width, height, labels, classes, before, after, ...expected } of cases) {
  test(`a change is measured as the server measures it: ${name}`, () => {
    const rgba = (pixels) => Uint8ClampedArray.from(pixels.flatMap((rgb) => [...rgb, 255]));
    const map = new LabelMap(width, height, Uint8Array.from(labels));
    const { share, inside, outside } = measureChange(rgba(before), rgba(after), map, classes);
    for (const [key, value] of Object.entries({ inside, outside, share_inside: share })) {
      assert.ok(Math.abs(value - expected[key]) < 1e-9, `${key} is ${value}, not ${expected[key]}`);
    }
  });
}

test("the heat map is amber inside, blue outside, grey where nothing changed", () => {
  const map = halves();
  const after = picture(100);
  after.fill(255, 0, 3); // pixel 0, outside of class 6
  after.fill(255, 39 * 40 * 4, 39 * 40 * 4 + 3); // inside of it
  const heat = heatMap(picture(100), after, map, [6]);
  const at = (pixel) => [...heat.subarray(pixel * 4, pixel * 4 + 3)];
  assert.deepEqual(at(0), [92, 200, 255]);
  assert.deepEqual(at(39 * 40), [242, 174, 76]);
  const [r, g, b] = at(50);
  assert.ok(r === g && g === b);
});
