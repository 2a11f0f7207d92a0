import { LabelMap } from "../../../static/map/labelmap.js";
import { regionAt, stamp, without } from "../../../static/map/regions.js";
import { randomly } from "../random.mjs";
import assert from "node:assert/strict";
import { test } from "node:test";

const drawn = (...rows) =>
  new LabelMap(
    rows[0].length,
    rows.length,
    Uint8Array.from(rows.join(""), (c) => c.charCodeAt(0) - 48),
  );
const noise = (r, width, height, classes) =>
  new LabelMap(
    width,
    height,
    Uint8Array.from({ length: width * height }, () => r.whole(0, classes - 1)),
  );

test("a region is what a fill would reach, in its tightest rectangle", () => {
  randomly(40, (r) => {
    const map = noise(r, 15, 11, 3);
    const [x, y] = [r.real(0, 15), r.real(0, 11)];
    const region = regionAt(map, x, y);
    const filled = map.clone();
    filled.fill(x, y, 9);
    const stamped = map.clone();
    stamp(stamped, { ...region, value: 9 }, region.rect);
    assert.ok(stamped.equals(filled));
    assert.equal(region.value, map.at(x, y));
  });
  assert.equal(regionAt(new LabelMap(3, 3), 5, 1), null);
});

test("a region taken out and put back leaves the map as it was", () => {
  randomly(40, (r) => {
    const map = noise(r, 13, 13, 3);
    const region = regionAt(map, r.real(0, 13), r.real(0, 13));
    const out = without(map, region, noise(r, 13, 13, 4));
    stamp(out, region, region.rect);
    assert.ok(out.equals(map));
  });
});

test("what lay beneath comes back where it is known", () => {
  const beneath = drawn("1122", "1122", "3344");
  const map = drawn("1122", "1552", "3554");
  assert.ok(without(map, regionAt(map, 1, 1), beneath).equals(beneath));
});

test("where nothing is known the nearest class closes the hole", () => {
  const map = drawn("1111111", "1555552", "2222222");
  const closed = without(map, regionAt(map, 3, 1), map);
  assert.ok([...closed.read({ x: 1, y: 1, w: 5, h: 1 })].every((label) => label === 1 || label === 2));
  const wide = drawn("155555552");
  assert.deepEqual([...without(wide, regionAt(wide, 4, 0), wide).data], [1, 1, 1, 1, 1, 2, 2, 2, 2]);
});

test("a hole never spreads over the left or right border, and a map of one class stays what it is", () => {
  const map = drawn("105", "105", "105");
  assert.ok(without(map, regionAt(map, 2, 0), map).equals(drawn("100", "100", "100")));
  const plain = drawn("77", "77");
  assert.ok(without(plain, regionAt(plain, 0, 0), plain).equals(plain));
});

test("a region is scaled without a class that was not there, and exactly by whole factors", () => {
  const map = drawn("50", "55");
  const out = new LabelMap(6, 4);
  stamp(out, regionAt(map, 0, 0), { x: 0, y: 0, w: 6, h: 4 });
  assert.ok(out.equals(drawn("555000", "555000", "555555", "555555")));
});

test("a region may be put half or wholly outside of the map", () => {
  const map = drawn("555", "555");
  const region = regionAt(map, 0, 0);
  const out = new LabelMap(4, 4);
  assert.deepEqual(stamp(out, region, { x: 2, y: 3, w: 3, h: 2 }), { x: 2, y: 3, w: 2, h: 1 });
  assert.equal(out.counts()[5], 2);
  assert.equal(stamp(out, region, { x: 9, y: 0, w: 3, h: 2 }), null);
});
