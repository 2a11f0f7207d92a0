import { PngError, decodeIndexPng, encodeIndexPng, isPng, readText } from "../../../static/formats/png.js";
import { LabelMap } from "../../../static/map/labelmap.js";
import { Random } from "../random.mjs";
import assert from "node:assert/strict";
import { test } from "node:test";
import { deflateSync } from "node:zlib";

const palette = Array.from({ length: 12 }, (_, i) => [i * 20, 255 - i, i]);
const noise = (width, height, top, seed = 1) => {
  const r = new Random(seed);
  return new LabelMap(
    width,
    height,
    Uint8Array.from({ length: width * height }, () => r.whole(0, top)),
  );
};

/** Put a chunk before IEND; readers here do not check sums. */
function withChunk(png, type, data) {
  const body = new Uint8Array(12 + data.length);
  new DataView(body.buffer).setUint32(0, data.length);
  body.set(new TextEncoder().encode(type), 4);
  body.set(data, 8);
  return Uint8Array.from([...png.subarray(0, -12), ...body, ...png.subarray(-12)]);
}

const itxt = (keyword, text, compressed) => {
  const words = new TextEncoder().encode(text);
  return Uint8Array.from([
    ...new TextEncoder().encode(keyword),
    0,
    compressed ? 1 : 0,
    0,
    0,
    0,
    ...(compressed ? deflateSync(words) : words),
  ]);
};

test("what is encoded is decoded byte for byte, at any size, with a palette and without", async () => {
  for (const [width, height] of [
    [1, 1],
    [7, 3],
    [256, 256],
    [300, 2],
  ]) {
    const map = noise(width, height, 11, width);
    assert.deepEqual(await decodeIndexPng(await encodeIndexPng(map, palette)), { width, height, data: map.data });
    const grey = noise(width, height, 255, height);
    assert.deepEqual((await decodeIndexPng(await encodeIndexPng(grey))).data, grey.data);
  }
});

test("the file has the chunks and checksums of the standard", async () => {
  const png = await encodeIndexPng(noise(5, 4, 11), palette);
  assert.ok(isPng(png));
  const view = new DataView(png.buffer);
  const end = png.length - 12;
  assert.equal(String.fromCharCode(...png.subarray(end + 4, end + 8)), "IEND");
  assert.equal(view.getUint32(end + 8), 0xae426082); // the IEND checksum every PNG ends with
  assert.deepEqual([...png.subarray(16, 29)], [0, 0, 0, 5, 0, 0, 0, 4, 8, 3, 0, 0, 0]);
});

test("all five row filters and palettes of 1, 2 and 4 bits are read", async () => {
  const header = (width, height, depth, kind) => {
    const data = new Uint8Array(13);
    const view = new DataView(data.buffer);
    view.setUint32(0, width);
    view.setUint32(4, height);
    data.set([depth, kind, 0, 0, 0], 8);
    return data;
  };
  const file = (head, raw) => {
    const parts = [Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a)];
    for (const [type, data] of [
      ["IHDR", head],
      ["IDAT", deflateSync(Uint8Array.from(raw))],
      ["IEND", new Uint8Array(0)],
    ]) {
      const body = new Uint8Array(12 + data.length);
      new DataView(body.buffer).setUint32(0, data.length);
      body.set(new TextEncoder().encode(type), 4);
      body.set(data, 8);
      parts.push(body);
    }
    return Uint8Array.from(parts.flatMap((part) => [...part]));
  };
  const rows = [
    [0, 10, 20, 30], // none
    [1, 5, 1, 1], // left:    5, 6, 7
    [2, 1, 1, 1], // up:      6, 7, 8
    [3, 1, 1, 1], // average: (0+6)/2+1=4, (4+7)/2+1=6, (6+8)/2+1=8
    [4, 1, 1, 1], // paeth:   4+1=5, then 6+1=7, then 8+1=9
  ];
  const filtered = await decodeIndexPng(file(header(3, 5, 8, 0), rows.flat()));
  assert.deepEqual([...filtered.data], [10, 20, 30, 5, 6, 7, 6, 7, 8, 4, 6, 8, 5, 7, 9]);
  const narrow = await decodeIndexPng(file(header(3, 1, 4, 3), [0, 0x1b, 0x70]));
  assert.deepEqual([...narrow.data], [1, 11, 7]);
  const bits = await decodeIndexPng(file(header(9, 1, 1, 3), [0, 0b10100001, 0b10000000]));
  assert.deepEqual([...bits.data], [1, 0, 1, 0, 0, 0, 0, 1, 1]);
  const pairs = await decodeIndexPng(file(header(4, 1, 2, 3), [0, 0b00011011]));
  assert.deepEqual([...pairs.data], [0, 1, 2, 3]);
});

test("text is found by keyword, plain or compressed, in any letters", async () => {
  const png = await encodeIndexPng(noise(3, 3, 2), palette);
  const recipe = JSON.stringify({ model: "landscape", from: "Zürich – 湖.jpg" });
  for (const compressed of [false, true]) {
    const tagged = withChunk(
      withChunk(png, "iTXt", itxt("other", "no", false)),
      "iTXt",
      itxt("groupdnet-recipe", recipe, compressed),
    );
    assert.equal(await readText(tagged, "groupdnet-recipe"), recipe);
  }
  assert.equal(await readText(png, "groupdnet-recipe"), null);
});

test("files that are no PNG, cut short or of colours are refused in words", async () => {
  const png = await encodeIndexPng(noise(20, 20, 11), palette);
  await assert.rejects(decodeIndexPng(new TextEncoder().encode("GIF89a-not-a-png")), PngError);
  await assert.rejects(decodeIndexPng(png.subarray(0, png.length - 60)), PngError);
  const colours = png.slice();
  colours[25] = 2; // colour type RGB
  await assert.rejects(decodeIndexPng(colours), /does not hold class indices/);
});
