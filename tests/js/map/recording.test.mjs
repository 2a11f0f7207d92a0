/**
 * Strokes that were recorded in the page, replayed without it. recordings/paint.json comes from tests/browser/test_strokes.py,
 * which also has a fresh recording replayed here: RECORDING names its file.
 */
import { History } from "../../../static/map/history.js";
import { LabelMap } from "../../../static/map/labelmap.js";
import { Painter } from "../../../static/map/painter.js";
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

const files = [new URL("recordings/paint.json", import.meta.url), process.env.RECORDING].filter(Boolean);

/** A label map from its runs, [class, length] after another. */
const unrolled = ({ width, height, runs }) =>
  new LabelMap(width, height, Uint8Array.from(runs.flatMap(([label, length]) => new Array(length).fill(label))));

for (const file of files) {
  test(`${String(file).split("/").at(-1)} replays to the pixels that the page had`, () => {
    const { before, after, steps } = JSON.parse(readFileSync(file, "utf8"));
    const map = unrolled(before);
    const history = new History(map);
    const painter = new Painter(map, history);
    for (const [what, ...values] of steps) (what in painter ? painter : history)[what](...values);
    assert.ok(map.equals(unrolled(after)));
    assert.ok(!map.equals(unrolled(before)));
    assert.ok(steps.filter(([what]) => what === "press").length >= 40);
  });
}
