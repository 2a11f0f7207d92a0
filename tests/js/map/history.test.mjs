import { History } from "../../../static/map/history.js";
import { LabelMap } from "../../../static/map/labelmap.js";
import assert from "node:assert/strict";
import { test } from "node:test";

function paint(map, history, x, y, w, h, value) {
  history.begin();
  return history.commit(map.rectangle(x, y, x + w - 1, y + h - 1, value));
}

test("a step holds only what really changed", () => {
  const map = new LabelMap(20, 20);
  const history = new History(map);
  paint(map, history, 4, 5, 3, 2, 1);
  history.begin();
  map.rectangle(4, 5, 6, 8, 1); // the upper two rows are 1 already
  assert.deepEqual(history.commit(map.bounds), { x: 4, y: 7, w: 3, h: 2 });
});

test("a stroke that changes nothing is no step", () => {
  const map = new LabelMap(8, 8);
  const history = new History(map);
  assert.equal(paint(map, history, 0, 0, 8, 8, 0), null);
  assert.equal(history.canUndo, false);
});

test("undo and redo report the rectangle to repaint, and null at the ends", () => {
  const map = new LabelMap(8, 8);
  const history = new History(map);
  paint(map, history, 1, 2, 3, 4, 9);
  assert.deepEqual(history.undo(), { x: 1, y: 2, w: 3, h: 4 });
  assert.equal(history.undo(), null);
  assert.deepEqual(history.redo(), { x: 1, y: 2, w: 3, h: 4 });
  assert.equal(history.redo(), null);
});

test("a new stroke ends what could be redone", () => {
  const map = new LabelMap(8, 8);
  const history = new History(map);
  paint(map, history, 0, 0, 2, 2, 1);
  history.undo();
  paint(map, history, 4, 4, 2, 2, 2);
  assert.equal(history.canRedo, false);
});

test("at least 200 steps are kept, whatever they hold; more as long as they are small", () => {
  const map = new LabelMap(16, 16);
  const tight = new History(map, { steps: 200, bytes: 0 });
  for (let i = 0; i < 250; i += 1) paint(map, tight, 0, 0, 16, 16, (i % 11) + 1);
  assert.equal(tight.depth, 200);

  const other = new LabelMap(16, 16);
  const roomy = new History(other);
  for (let i = 0; i < 250; i += 1) paint(other, roomy, 0, 0, 16, 16, (i % 11) + 1);
  assert.equal(roomy.depth, 250);
});

test("a past that was taken from one history goes on in another, bases and all", () => {
  const map = new LabelMap(8, 8);
  const history = new History(map);
  paint(map, history, 0, 0, 3, 3, 1);
  history.replace(new LabelMap(8, 8, new Uint8Array(64).fill(5)));
  paint(map, history, 2, 2, 3, 3, 2);
  paint(map, history, 4, 4, 3, 3, 3);
  history.undo();

  const again = map.clone();
  const resumed = new History(again);
  resumed.resume(history.past);
  assert.ok(resumed.base.data.every((label) => label === 5));
  for (const step of ["redo", "redo", "undo", "undo", "undo", "undo", "undo", "redo"]) {
    assert.deepEqual(resumed[step](), history[step](), step);
    assert.ok(again.equals(map) && resumed.base.equals(history.base), step);
  }
  paint(again, resumed, 0, 0, 8, 8, 4);
  assert.ok(history.canRedo && !resumed.canRedo, "the two do not share their steps' lists");
});

test("while a stroke is painted the settled map is the one before it", () => {
  const map = new LabelMap(8, 8);
  const history = new History(map);
  history.begin();
  const touched = map.rectangle(0, 0, 3, 3, 1);
  assert.equal(history.settled.counts()[1], 0);
  history.commit(touched);
  assert.equal(history.settled.counts()[1], 16);
});

test("opening another map is one step, and its base comes and goes with it", () => {
  const map = new LabelMap(4, 4);
  const history = new History(map);
  paint(map, history, 0, 0, 2, 2, 3);
  assert.ok(history.base.data.every((label) => label === 0));
  const other = new LabelMap(4, 4, new Uint8Array(16).fill(8));
  history.replace(other);
  assert.ok(map.equals(other) && history.base.equals(other));
  paint(map, history, 0, 0, 1, 1, 1);
  assert.ok(history.base.equals(other), "a stroke leaves the base alone");
  history.undo();
  history.undo();
  assert.equal(map.counts()[3], 4);
  assert.ok(history.base.data.every((label) => label === 0));
  history.redo();
  assert.ok(map.equals(other) && history.base.equals(other));
});
