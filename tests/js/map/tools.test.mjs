import { History } from "../../../static/map/history.js";
import { LabelMap } from "../../../static/map/labelmap.js";
import { Painter } from "../../../static/map/painter.js";
import { SHAPES_KEY, TOOLS } from "../../../static/map/tools.js";
import { Random, randomly } from "../random.mjs";
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

function studio(width = 48, height = 40) {
  const map = new LabelMap(width, height);
  const history = new History(map);
  return { map, history, painter: new Painter(map, history) };
}

const corner = (map, painter, x, y, settings) => {
  painter.press({ x, y, reach: 2 }, settings);
  return painter.release();
};

const brush = (value, size = 5) => ({ tool: "brush", value, size, shape: "round" });

/** One random stroke of any tool, from press to release or cancel. */
function scribble(painter, r) {
  const settings = {
    tool: r.pick(TOOLS).name,
    value: r.whole(0, 11),
    size: r.whole(1, 24),
    shape: r.pick(["round", "square"]),
    everywhere: r.whole(0, 3) === 0,
  };
  const point = () => ({
    x: r.real(-5, 53),
    y: r.real(-5, 45),
    shift: r.whole(0, 3) === 0,
    alt: r.whole(0, 9) === 0,
    eraser: r.whole(0, 9) === 0,
    pressure: r.real(),
    reach: r.real(0, 4),
  });
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

test("pressure makes the brush thinner, and the pen's other end erases", () => {
  const { map, painter } = studio();
  painter.press({ x: 10, y: 20, pressure: 0.25 }, brush(4, 16));
  painter.drag({ x: 36, y: 20, pressure: 1 });
  painter.release();
  const height = (x) => Array.from({ length: 40 }, (_, y) => map.at(x, y)).filter((label) => label === 4).length;
  assert.equal(height(10), 4);
  assert.equal(height(36), 16);
  assert.ok(height(20) > 4 && height(20) < 16);
  painter.press({ x: 10, y: 20, eraser: true }, brush(4, 8));
  painter.release();
  assert.equal(height(10), 0);
});

test("the eraser brings back what was there when the map was opened", () => {
  const { map, history, painter } = studio();
  const opened = new LabelMap(
    48,
    40,
    Uint8Array.from({ length: 48 * 40 }, (_, i) => i % 7),
  );
  history.replace(opened);
  for (const value of [8, 9]) {
    painter.press({ x: 8, y: 8 }, brush(value, 9));
    painter.drag({ x: 30, y: 25 });
    painter.release();
  }
  painter.press({ x: 8, y: 8 }, { ...brush(0, 30), tool: "erase" });
  painter.drag({ x: 30, y: 25 });
  painter.release();
  assert.ok(map.equals(opened));
  history.undo();
  assert.ok(map.counts()[9] > 0);
});

test("with Shift a shape has equal sides, to whichever side it is dragged", () => {
  const { map, painter } = studio();
  painter.press({ x: 20.5, y: 20.5 }, { ...brush(6), tool: "rectangle" });
  painter.drag({ x: 12.5, y: 22.5, shift: true });
  painter.release();
  assert.equal(map.counts()[6], 81);
  assert.equal(map.at(12, 28), 6);
});

test("a lasso fills what it goes round and is one step", () => {
  const { map, history, painter } = studio();
  painter.press({ x: 5, y: 5 }, { ...brush(3), tool: "lasso" });
  painter.drag({ x: 25, y: 5 }, { x: 25, y: 15 }, { x: 5, y: 15 });
  painter.release();
  assert.equal(map.counts()[3], 200);
  assert.equal(history.depth, 1);
});

test("a polygon is closed on its first corner, on its last one again, or by finishing", () => {
  const settings = { ...brush(7), tool: "polygon" };
  const corners = [
    [4, 4],
    [24, 4],
    [24, 14],
  ];
  const closings = [
    ({ map, painter }) => corner(map, painter, 5, 5, settings),
    ({ map, painter }) => corner(map, painter, 24, 14, settings),
    ({ painter }) => painter.finish(7),
  ];
  for (const close of closings) {
    const table = studio();
    for (const at of corners) assert.equal(corner(table.map, table.painter, ...at, settings), null);
    assert.equal(table.painter.pending.corners.length, 3);
    assert.deepEqual(close(table), { x: 5, y: 4, w: 19, h: 10 });
    assert.equal(table.map.counts()[7], 100);
    assert.equal(table.history.depth, 1);
    assert.deepEqual(table.painter.pending.corners, []);
  }
});

test("corners are taken back one by one, or all at once", () => {
  const { map, painter, history } = studio();
  for (let i = 0; i < 3; i += 1) corner(map, painter, 4 + 9 * i, 4, { ...brush(7), tool: "polygon" });
  assert.equal(painter.back(), true);
  assert.equal(painter.pending.corners.length, 2);
  assert.equal(painter.finish(7), null, "two corners have nothing between them");
  corner(map, painter, 4, 4, { ...brush(7), tool: "polygon" });
  painter.cancel();
  assert.equal(painter.back(), false);
  assert.equal(history.depth, 0);
});

test("a region is dragged away, then scaled from what it was at first; each is one step", () => {
  const { map, history, painter } = studio();
  map.rectangle(4, 4, 9, 7, 5);
  const settings = { ...brush(1), tool: "move" };
  painter.press({ x: 6, y: 5, reach: 1 }, settings);
  painter.drag({ x: 26, y: 15 });
  painter.release();
  assert.deepEqual(painter.pending.picked.target, { x: 24, y: 14, w: 6, h: 4 });
  const at = (rect) => map.read(rect).every((label) => label === 5) && map.counts()[5] === rect.w * rect.h;
  assert.ok(at({ x: 24, y: 14, w: 6, h: 4 }));
  painter.press({ x: 30, y: 18, reach: 1 }, settings);
  painter.drag({ x: 25, y: 15 });
  painter.drag({ x: 36, y: 20 });
  painter.release();
  assert.ok(at({ x: 24, y: 14, w: 12, h: 6 }));
  painter.press({ x: 24, y: 16, reach: 1 }, settings);
  painter.drag({ x: 18, y: 16, shift: true });
  painter.release();
  assert.ok(at({ x: 18, y: 14, w: 18, h: 9 }), "with Shift its proportions stay");
  assert.equal(history.depth, 3);
  history.undo();
  assert.equal(painter.pending.picked, null, "what was picked up is let go when the map changes otherwise");
  history.undo();
  history.undo();
  assert.ok(at({ x: 4, y: 4, w: 6, h: 4 }));
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

test("each tool's row has a name, letters and a glyph of its own", () => {
  const letters = [...TOOLS.flatMap(({ keys = [] }) => keys), SHAPES_KEY];
  assert.equal(new Set(letters).size, letters.length);
  assert.equal(new Set(TOOLS.map(({ name }) => name)).size, TOOLS.length);
  const glyphs = readFileSync(new URL("../../../templates/icons.svg", import.meta.url), "utf8");
  for (const { name, keys, place, help, gesture } of TOOLS) {
    assert.ok(glyphs.includes(`id="i-${name}"`), `${name} has no glyph`);
    assert.ok(place === "shape" ? !keys : keys.length && help, `${name} cannot be taken by a key, or it is not listed`);
    assert.ok(gesture.press || gesture.drag, `${name} draws nothing`);
  }
});
