import { unite } from "../../../static/map/geometry.js";
import { LabelMap } from "../../../static/map/labelmap.js";
import { randomly } from "../random.mjs";
import assert from "node:assert/strict";
import { test } from "node:test";

const distance = (px, py, x0, y0, x1, y1) => {
  const [dx, dy] = [x1 - x0, y1 - y0];
  const length2 = dx * dx + dy * dy;
  const t = length2 ? Math.min(1, Math.max(0, ((px - x0) * dx + (py - y0) * dy) / length2)) : 0;
  return Math.hypot(px - x0 - t * dx, py - y0 - t * dy);
};

test("a buffer of the wrong length is refused with both numbers", () => {
  assert.throws(() => new LabelMap(4, 3, new Uint8Array(11)), /4 × 3 label map has 12 pixels, not 11/);
});

test("a point lies in the pixel that contains it, and nowhere outside of the map", () => {
  const map = new LabelMap(3, 2, Uint8Array.of(0, 1, 2, 3, 4, 5));
  assert.equal(map.at(2.99, 1.99), 5);
  assert.equal(map.at(3, 1), null);
  assert.equal(map.at(-0.01, 0), null);
});

test("a round stroke paints exactly the pixels whose centre is within half its size of the segment", () => {
  randomly(60, (r) => {
    const map = new LabelMap(40, 30);
    const [x0, y0, x1, y1] = [r.real(-8, 48), r.real(-8, 38), r.real(-8, 48), r.real(-8, 38)];
    const size = r.whole(2, 20);
    map.stroke({ x: x0, y: y0, size }, { x: x1, y: y1, size }, "round", 7);
    for (let y = 0; y < 30; y += 1) {
      for (let x = 0; x < 40; x += 1) {
        const isEnd = [
          [x0, y0],
          [x1, y1],
        ].some(([ex, ey]) => Math.floor(ex) === x && Math.floor(ey) === y);
        const away = distance(x + 0.5, y + 0.5, x0, y0, x1, y1) - size / 2;
        if (Math.abs(away) > 1e-9 && !isEnd) assert.equal(map.at(x, y) === 7, away < 0, `pixel ${x}, ${y}`);
      }
    }
  });
});

test("a one pixel stroke has no gaps and paints the pixels it starts and ends in", () => {
  randomly(100, (r) => {
    const map = new LabelMap(32, 32);
    const [x0, y0, x1, y1] = [r.real(0, 32), r.real(0, 32), r.real(0, 32), r.real(0, 32)];
    map.stroke({ x: x0, y: y0, size: 1 }, { x: x1, y: y1, size: 1 }, "round", 1);
    assert.equal(map.at(x0, y0), 1);
    assert.equal(map.at(x1, y1), 1);
    const reached = new LabelMap(
      32,
      32,
      map.data.map((v) => v),
    );
    // 8-connected: a flood over eight neighbours from the start reaches every painted pixel
    const stack = [[Math.floor(x0), Math.floor(y0)]];
    while (stack.length) {
      const [x, y] = stack.pop();
      if (reached.at(x, y) !== 1) continue;
      reached.data[y * 32 + x] = 2;
      for (const dx of [-1, 0, 1]) for (const dy of [-1, 0, 1]) stack.push([x + dx, y + dy]);
    }
    assert.ok(!reached.data.includes(1));
  });
});

test("a square brush covers size × size pixels", () => {
  const map = new LabelMap(20, 20);
  map.stroke({ x: 10, y: 10, size: 6 }, { x: 10, y: 10, size: 6 }, "square", 3);
  assert.equal(map.counts()[3], 36);
});

test("a stroke whose width changes covers exactly the discs of its way", () => {
  randomly(40, (r) => {
    const map = new LabelMap(40, 30);
    const end = () => ({ x: r.real(-8, 48), y: r.real(-8, 38), size: r.real(1, 24) });
    const [from, to] = [end(), end()];
    map.stroke(from, to, "round", 7);
    const along = (key, t) => from[key] + t * (to[key] - from[key]);
    for (let y = 0; y < 30; y += 1) {
      for (let x = 0; x < 40; x += 1) {
        const [px, py] = [x + 0.5, y + 0.5];
        const reach = Array.from({ length: 401 }, (_, i) => i / 400).map(
          (t) => along("size", t) / 2 - Math.hypot(px - along("x", t), py - along("y", t)),
        );
        const inside = Math.max(...reach);
        const isEnd = [from, to].some((at) => Math.floor(at.x) === x && Math.floor(at.y) === y);
        if (Math.abs(inside) > 0.05 && !isEnd) assert.equal(map.at(x, y) === 7, inside > 0, `pixel ${x}, ${y}`);
      }
    }
  });
});

test("drawing with another map takes its pixels over where the brush goes, and no others", () => {
  randomly(20, (r) => {
    const beneath = new LabelMap(
      30,
      20,
      Uint8Array.from({ length: 600 }, () => r.whole(3, 9)),
    );
    const [map, mask] = [new LabelMap(30, 20), new LabelMap(30, 20)];
    const end = () => ({ x: r.real(-4, 34), y: r.real(-4, 24), size: r.real(1, 12) });
    const way = [end(), end(), r.pick(["round", "square"])];
    map.stroke(...way, beneath);
    mask.stroke(...way, 1);
    map.data.forEach((label, i) => assert.equal(label, mask.data[i] ? beneath.data[i] : 0));
  });
});

test("an ellipse fills its box from side to side, is the same from all sides and has its area", () => {
  randomly(40, (r) => {
    const [w, h] = [r.whole(1, 30), r.whole(1, 24)];
    const map = new LabelMap(34, 28);
    assert.deepEqual(map.ellipse(2.5, 1.5, 1.5 + w, 0.5 + h, 4), { x: 2, y: 1, w, h });
    const inside = (x, y) => map.at(x + 2, y + 1) === 4;
    for (let x = 0; x < w; x += 1) {
      for (let y = 0; y < h; y += 1) {
        assert.equal(inside(x, y), inside(w - 1 - x, y));
        assert.equal(inside(x, y), inside(x, h - 1 - y));
      }
    }
    if (Math.min(w, h) >= 6) assert.ok(inside(0, h >> 1) && inside(w >> 1, 0));
    assert.ok(Math.abs(map.counts()[4] - (Math.PI / 4) * w * h) <= w + h);
  });
});

test("a polygon paints the pixels whose centre it goes round, also where it crosses itself", () => {
  const winding = (points, x, y) =>
    points.reduce((turns, a, i) => {
      const b = points[(i + 1) % points.length];
      const side = (b.x - a.x) * (y - a.y) - (b.y - a.y) * (x - a.x);
      if (a.y <= y && b.y > y && side > 0) return turns + 1;
      return a.y > y && b.y <= y && side < 0 ? turns - 1 : turns;
    }, 0);
  randomly(60, (r) => {
    const map = new LabelMap(30, 24);
    const points = Array.from({ length: r.whole(3, 9) }, () => ({ x: r.real(-6, 36), y: r.real(-6, 30) }));
    map.polygon(points, 8);
    for (let y = 0; y < 24; y += 1) {
      for (let x = 0; x < 30; x += 1) {
        assert.equal(map.at(x, y) === 8, winding(points, x + 0.5, y + 0.5) !== 0, `pixel ${x}, ${y}`);
      }
    }
  });
});

test("replacing a class takes every pixel of it and no other", () => {
  const map = new LabelMap(4, 2, Uint8Array.of(1, 2, 0, 1, 2, 1, 1, 5));
  map.replace(1, 5);
  assert.deepEqual([...map.data], [5, 2, 0, 5, 2, 5, 5, 5]);
});

test("every change lies inside the rectangle it returns", () => {
  randomly(200, (r) => {
    const map = new LabelMap(
      24,
      17,
      Uint8Array.from({ length: 24 * 17 }, () => r.whole(0, 2)),
    );
    const before = map.clone();
    const p = () => r.real(-10, 34);
    const end = () => ({ x: p(), y: p(), size: r.real(1, 9) });
    const change = r.pick([
      () => map.stroke(end(), end(), r.pick(["round", "square"]), 2),
      () => map.rectangle(p(), p(), p(), p(), 1),
      () => map.ellipse(p(), p(), p(), p(), 1),
      () => map.polygon([end(), end(), end(), end(), end()], 1),
      () => map.fill(r.real(0, 24), r.real(0, 17), 1, r.whole(0, 1) === 1),
    ]);
    const rect = change();
    for (let y = 0; y < 17; y += 1) {
      for (let x = 0; x < 24; x += 1) {
        if (map.at(x, y) === before.at(x, y)) continue;
        assert.ok(rect && x >= rect.x && y >= rect.y && x < rect.x + rect.w && y < rect.y + rect.h);
      }
    }
  });
});

test("a flood stays inside its 4-connected region; with everywhere it takes the whole class", () => {
  // two regions of 1 that touch at a corner only
  const pattern = () => new LabelMap(4, 2, Uint8Array.of(1, 1, 0, 0, 0, 0, 1, 1));
  const near = pattern();
  near.fill(0, 0, 5);
  assert.deepEqual([...near.data], [5, 5, 0, 0, 0, 0, 1, 1]);
  const far = pattern();
  far.fill(0, 0, 5, true);
  assert.deepEqual([...far.data], [5, 5, 0, 0, 0, 0, 5, 5]);
  assert.equal(pattern().fill(0, 0, 1), null);
});

test("a flood over a spiral reaches its end", () => {
  const rows = ["#######", "#.....#", "#.###.#", "#.#...#", "#.#####", "#......"].map((row) => row.padEnd(7, "."));
  const map = new LabelMap(
    7,
    6,
    Uint8Array.from(rows.join(""), (c) => (c === "#" ? 1 : 0)),
  );
  map.fill(1, 1, 9);
  assert.equal(map.at(3, 3), 9);
  assert.equal(map.at(6, 5), 9);
  assert.ok(!map.data.includes(0));
});

test("what changed is the smallest rectangle that holds every difference, of those in the part that is looked at", () => {
  const map = new LabelMap(64, 48);
  assert.equal(map.clone().changedSince(map), null);
  randomly(200, (r) => {
    const after = map.clone();
    const [x, y] = [r.whole(0, 40), r.whole(0, 30)];
    const part = { x, y, w: r.whole(1, 64 - x), h: r.whole(1, 48 - y) };
    const places = Array.from({ length: r.whole(1, 6) }, () => ({ x: r.whole(0, 63), y: r.whole(0, 47), w: 1, h: 1 }));
    for (const place of places) after.write(place, Uint8Array.of(200));
    const inside = places.filter((at) => at.x >= x && at.y >= y && at.x < x + part.w && at.y < y + part.h);
    assert.deepEqual(after.changedSince(map), places.reduce(unite));
    assert.deepEqual(after.changedSince(map, part), inside.length ? inside.reduce(unite) : null);
  });
});

test("read and write of a rectangle are inverse", () => {
  const map = new LabelMap(
    9,
    9,
    Uint8Array.from({ length: 81 }, (_, i) => i),
  );
  const rect = { x: 2, y: 3, w: 4, h: 5 };
  const copy = map.read(rect);
  const blank = new LabelMap(9, 9);
  blank.write(rect, copy);
  assert.deepEqual(blank.read(rect), copy);
  assert.equal(blank.at(1, 3), 0);
  assert.equal(blank.at(2, 3), map.at(2, 3));
});

test("scaling keeps to the values there are and is exact for whole factors", () => {
  const map = new LabelMap(2, 2, Uint8Array.of(3, 9, 200, 0));
  const big = map.scaled(6, 4);
  assert.deepEqual([...big.read({ x: 0, y: 0, w: 6, h: 1 })], [3, 3, 3, 9, 9, 9]);
  assert.deepEqual(
    [...new Set(big.data)].sort((a, b) => a - b),
    [0, 3, 9, 200],
  );
  assert.ok(big.scaled(2, 2).equals(map));
});

test("unite covers both rectangles and takes null for nothing", () => {
  assert.deepEqual(unite({ x: 0, y: 5, w: 2, h: 2 }, { x: 4, y: 1, w: 1, h: 1 }), { x: 0, y: 1, w: 5, h: 6 });
  assert.deepEqual(unite(null, { x: 1, y: 2, w: 3, h: 4 }), { x: 1, y: 2, w: 3, h: 4 });
  assert.equal(unite(null, null), null);
});
