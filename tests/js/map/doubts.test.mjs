import { answerOf, doubtsIn, openDoubts, placeOf, question, rimOf, settle } from "../../../static/map/doubts.js";
import { LabelMap } from "../../../static/map/labelmap.js";
import assert from "node:assert/strict";
import { test } from "node:test";

const drawn = (...rows) =>
  new LabelMap(
    rows[0].length,
    rows.length,
    Uint8Array.from(rows.join(""), (c) => c.charCodeAt(0) - 48),
  );
const SCENE = ["00011", "02011", "22211"];
const region = (index, at, confidence, second) => ({ index, at, confidence, second: { index: second } });
const REGIONS = [region(0, [0, 0], 0.9, 1), region(1, [3, 0], 0.59, 2), region(2, [1, 1], 0.4, 0)];

test("a region below the threshold is in doubt, and has the pixels that a fill would reach", () => {
  const doubts = doubtsIn(drawn(...SCENE), [...REGIONS, region(1, [4, 2], 0.6, 2), region(2, [0, 2], 0.1, 2)]);
  assert.deepEqual(
    doubts.map(({ value, second, rect }) => [value, second, rect]),
    [
      [1, 2, { x: 3, y: 0, w: 2, h: 3 }],
      [2, 0, { x: 0, y: 1, w: 3, h: 2 }],
    ],
  );
  assert.deepEqual([...doubts[1].mask], [0, 1, 0, 1, 1, 1]);
});

test("a doubt is open until it is settled either way, or painted on, and again when that is undone", () => {
  const map = drawn(...SCENE);
  const doubts = doubtsIn(map, REGIONS);
  assert.deepEqual(openDoubts(map, doubts), doubts);
  assert.deepEqual(settle(map, doubts[1], 0), doubts[1].rect);
  assert.ok(map.equals(drawn("00011", "00011", "00011")));
  assert.equal(answerOf(map, doubts[1]), 0);
  assert.deepEqual(openDoubts(map, doubts), [doubts[0]]);
  map.write(map.bounds, drawn(...SCENE).data);
  assert.deepEqual(openDoubts(map, doubts), doubts);
  settle(map, doubts[0], 1);
  assert.ok(map.equals(drawn(...SCENE)));
  assert.deepEqual(openDoubts(map, doubts), [doubts[1]]);
  map.data[5 * 2 + 1] = 1;
  assert.equal(answerOf(map, doubts[1]), null);
  assert.deepEqual(openDoubts(map, doubts), []);
});

test("the question counts the regions and names each pair of classes once", () => {
  const names = ["mountain", "sand", "sky", "water", "rock"];
  const doubt = (value, second) => ({ value, second });
  assert.equal(question([], names), "");
  assert.equal(question([doubt(0, 1)], names), "1 region is unsure: mountain or sand?");
  assert.equal(question([doubt(0, 1), doubt(0, 1)], names), "2 regions are unsure: mountain or sand?");
  const many = [doubt(0, 1), doubt(2, 3), doubt(1, 0), doubt(4, 0)];
  assert.equal(question(many, names), "4 regions are unsure: mountain or sand? sky or water? sand or mountain? …");
});

test("a rim is all that lies near a region's outside, the map's edge included", () => {
  const rect = { x: 2, y: 2, w: 5, h: 5 };
  const rim = (reach, mask = new Uint8Array(25).fill(1)) => [...rimOf({ rect, mask }, reach)].join("");
  assert.equal(rim(1), "1111110001100011000111111");
  assert.equal(rim(2), "1111111111110111111111111");
  assert.equal(rim(9), "1".repeat(25));
  const hollow = new Uint8Array(25).fill(1);
  hollow[12] = 0;
  assert.equal(rim(1, hollow), "1111110101110111010111111");
});

test("a region's place is said in words", () => {
  const map = { width: 90, height: 60 };
  const at = (x, y, w = 2, h = 2) => placeOf({ rect: { x, y, w, h } }, map);
  assert.deepEqual(
    [at(0, 0), at(44, 0), at(80, 50), at(0, 30), at(40, 25), at(0, 0, 90, 60), at(88, 58)],
    ["upper left", "upper", "lower right", "left", "middle", "middle", "lower right"],
  );
});
