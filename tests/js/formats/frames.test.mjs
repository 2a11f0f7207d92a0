import { pack, request, unpack } from "../../../static/formats/frames.js";
import { LabelMap } from "../../../static/map/labelmap.js";
import { Random } from "../random.mjs";
import assert from "node:assert/strict";
import { test } from "node:test";
import { inflateSync } from "node:zlib";

const noise = (seed, width = 64, height = 48) => {
  const r = new Random(seed);
  return new LabelMap(
    width,
    height,
    Uint8Array.from({ length: width * height }, () => r.whole(0, 11)),
  );
};

/** What the server makes of a message: the map that it had, changed. */
function painted(message, before) {
  const { header, payload } = unpack(message.buffer);
  const map = before?.clone() ?? new LabelMap(64, 48);
  const [x, y, w, h] = header.rect ?? [0, 0, map.width, map.height];
  const pixels = header.deflate ? new Uint8Array(inflateSync(payload)) : payload;
  if (pixels.length) map.write({ x, y, w, h }, pixels);
  return { header, map };
}

test("a message is taken apart as it was put together", () => {
  const header = { seq: 3, style: { seed: 7, 6: { seed: 1 } }, from: "Strand 7 · Düne" };
  const { header: read, payload } = unpack(pack(header, Uint8Array.of(1, 2, 255)).buffer);
  assert.deepEqual(read, header);
  assert.deepEqual([...payload], [1, 2, 255]);
});

test("whatever was painted, base and message together are the map", async () => {
  let base = null;
  const r = new Random(9);
  const map = noise(3);
  for (let seq = 1; seq < 60; seq += 1) {
    const before = base?.map;
    const { header, map: after } = painted(await request(map, base, { seq, style: { seed: 1 }, exact: false }), before);
    assert.ok(after.equals(map));
    assert.equal(header.base ?? null, base?.seq ?? null);
    base = { seq, map: map.clone() };
    if (r.whole(0, 3))
      map.stroke(r.real(0, 64), r.real(0, 48), r.real(0, 64), r.real(0, 48), { size: r.whole(1, 40) }, 3);
  }
});

test("a map that did not change costs no pixels, a small change only its own, and no base the whole map", async () => {
  const map = noise(4);
  const base = { seq: 7, map: map.clone() };
  const asked = { seq: 8, style: { seed: 1 }, exact: true };
  assert.equal(unpack((await request(map, base, asked)).buffer).payload.length, 0);
  map.data[5] = 99;
  assert.deepEqual(unpack((await request(map, base, asked)).buffer).header.rect, [5, 0, 1, 1]);
  const whole = unpack((await request(map, null, asked)).buffer).header;
  assert.deepEqual([whole.rect, whole.base, whole.deflate], [undefined, undefined, true]);
  const other = { seq: 7, map: new LabelMap(32, 32) }; // another model's map
  assert.equal(unpack((await request(map, other, asked)).buffer).header.base, undefined);
});
