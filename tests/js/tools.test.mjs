import assert from "node:assert/strict";
import { test } from "node:test";
import { History } from "../../static/history.js";
import { LabelMap } from "../../static/labelmap.js";
import { Painter, TOOL_NAMES } from "../../static/tools.js";
import { Random, randomly } from "./random.mjs";

function studio(width = 48, height = 40) {
  const map = new LabelMap(width, height);
  const history = new History(map);
  return { map, history, painter: new Painter(map, history) };
}

const brush = (value, size = 5) => ({ tool: "brush", value, size, shape: "round" });

/** One random stroke of any tool, from press to release or cancel. */
function scribble(painter, r) {
  const settings = {
    tool: r.pick(TOOL_NAMES),
    value: r.whole(0, 11),
    size: r.whole(1, 24),
    shape: r.pick(["round", "square"]),
  };
  const point = () => ({ x: r.real(-5, 53), y: r.real(-5, 45), shift: r.whole(0, 3) === 0, alt: r.whole(0, 9) === 0 });
  painter.press(point(), settings);
  for (let i = r.whole(0, 4); i > 0; i -= 1) painter.drag(point());
  return r.whole(0, 9) === 0 ? painter.cancel() : painter.release();
}

test("a drag paints an unbroken line between the points it was told of", () => {
  const { map, painter } = studio();
  painter.press({ x: 5.5, y: 20.5 }, brush(4, 3));
  painter.drag({ x: 40.5, y: 20.5 });
  painter.release();
  for (let x = 5; x <= 40; x += 1) assert.equal(map.at(x, 20), 4);
});

test("a stroke is one step back, whatever the number of its moves", () => {
  const { map, history, painter } = studio();
  painter.press({ x: 5, y: 5 }, brush(4));
  for (let x = 6; x < 30; x += 1) painter.drag({ x, y: 5 });
  painter.release();
  assert.equal(history.depth, 1);
  history.undo();
  assert.ok(map.data.every((v) => v === 0));
});

test("Shift continues the brush from where the last stroke ended", () => {
  const { map, painter } = studio();
  painter.press({ x: 4.5, y: 4.5 }, brush(2, 1));
  painter.release();
  painter.press({ x: 30.5, y: 4.5, shift: true }, brush(2, 1));
  painter.release();
  assert.equal(map.at(17, 4), 2);
});

test("a dragged rectangle leaves only its last shape", () => {
  const { map, painter } = studio();
  painter.press({ x: 2, y: 2 }, { ...brush(6), tool: "rectangle" });
  painter.drag({ x: 30, y: 30 });
  painter.drag({ x: 5, y: 4 });
  painter.release();
  assert.equal(map.counts()[6], 4 * 3);
});

test("the eyedropper tells the class and changes nothing; Alt is the eyedropper of every tool", () => {
  const { map, history, painter } = studio();
  map.rectangle(0, 0, 9, 9, 8);
  assert.equal(painter.press({ x: 3, y: 3 }, { ...brush(1), tool: "pick" }).picked, 8);
  assert.equal(painter.drag({ x: 20, y: 3 }).picked, 0);
  assert.equal(painter.release(), null);
  assert.equal(painter.press({ x: 3, y: 3, alt: true }, brush(1)).picked, 8);
  painter.release();
  assert.equal(history.depth, 0);
});

test("Shift makes fill take the class everywhere", () => {
  const { map, painter } = studio(8, 8);
  map.rectangle(0, 0, 1, 1, 3);
  map.rectangle(6, 6, 7, 7, 3);
  painter.press({ x: 0, y: 0, shift: true }, { ...brush(5), tool: "fill" });
  painter.release();
  assert.equal(map.counts()[3], 0);
  assert.equal(map.counts()[5], 8);
});

test("cancelling a stroke leaves map and history as they were", () => {
  const { map, history, painter } = studio();
  painter.press({ x: 10, y: 10 }, brush(3, 12));
  painter.drag({ x: 30, y: 30 });
  painter.cancel();
  assert.ok(map.data.every((v) => v === 0));
  assert.equal(history.depth, 0);
  assert.equal(painter.active, false);
});

test("any thousand operations: undo restores every state before, redo every state after", () => {
  randomly(5, (r) => {
    const { map, history, painter } = studio();
    const states = [map.data.slice()];
    for (let i = 0; i < 200; i += 1) {
      if (r.whole(0, 4) === 0 && history.canUndo) {
        history.undo();
        states.pop();
      } else if (scribble(painter, r) && history.depth === states.length) {
        states.push(map.data.slice());
      }
      assert.deepEqual(map.data, states.at(-1));
    }
    for (let i = states.length - 2; i >= 0; i -= 1) {
      history.undo();
      assert.deepEqual(map.data, states[i]);
    }
    for (let i = 1; i < states.length; i += 1) {
      history.redo();
      assert.deepEqual(map.data, states[i]);
    }
  });
});

test("a recorded session replays to the same pixels", () => {
  const [one, two] = [studio(), studio()];
  const [first, second] = [new Random(3), new Random(3)];
  for (let i = 0; i < 100; i += 1) {
    scribble(one.painter, first);
    scribble(two.painter, second);
  }
  assert.ok(one.map.equals(two.map));
});
