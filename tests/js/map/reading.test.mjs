import { readPalette, toGpl, toJson } from "../../../static/colours/palettes.js";
import { decodePng, encodeColourPng, encodeIndexPng } from "../../../static/formats/png.js";
import { LabelMap } from "../../../static/map/labelmap.js";
import { applied, doubtful, fitted, readings, rest, rows } from "../../../static/map/reading.js";
import { filePalette } from "../../../static/studio/bundle.js";
import { Random } from "../random.mjs";
import assert from "node:assert/strict";
import { test } from "node:test";
import { deflateSync } from "node:zlib";

const NAMES = ["sky", "cloud", "mountain", "snow", "grass", "tree"];
const hex = (...rgb) => `#${rgb.map((v) => v.toString(16).padStart(2, "0")).join("")}`;
const classes = NAMES.map((name, index) => ({
  index,
  name,
  colour: hex(20 + 40 * index, 10, 200 - 30 * index),
  display: hex(10, 30 + 35 * index, 90),
}));
const model = { classes, unknown: null };
const rgbs = (key) => classes.map((row) => [1, 3, 5].map((i) => parseInt(row[key].slice(i, i + 2), 16)));
const noise = (seed = 1, top = 5) => {
  const r = new Random(seed);
  return new LabelMap(
    20,
    15,
    Uint8Array.from({ length: 300 }, () => r.whole(0, top)),
  );
};
const read = async (png, ...more) => readings(await decodePng(await png), model, ...more);

/** A PNG of any colour type, as others write them; readers here do not check sums. */
function png(kind, width, height, bytes, depth = 8, interlaced = 0) {
  const number = (n) => Buffer.from([n >>> 24, n >>> 16, n >>> 8, n]);
  const chunk = (type, data) => Buffer.concat([number(data.length), Buffer.from(type), data, number(0)]);
  const stride = bytes.length / height;
  const raw = Buffer.alloc((stride + 1) * height); // each row led by filter 0
  for (let y = 0; y < height; y += 1) raw.set(bytes.slice(y * stride, (y + 1) * stride), y * (stride + 1) + 1);
  const header = Buffer.concat([number(width), number(height), Buffer.from([depth, kind, 0, 0, interlaced])]);
  const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  const chunks = [chunk("IHDR", header), chunk("IDAT", deflateSync(raw)), chunk("IEND", Buffer.alloc(0))];
  return new Uint8Array(Buffer.concat([signature, ...chunks]));
}

test("index, palette and both sets of colours are told apart, and mean the same map", async () => {
  const map = noise();
  const files = {
    index: [encodeIndexPng(map), /grey values/],
    palette: [encodeIndexPng(map, rgbs("display")), /palette's indices/],
    own: [encodeColourPng(map, rgbs("colour")), /data set's/],
    display: [encodeColourPng(map, rgbs("display")), /studio's/],
  };
  for (const [name, [file, title]] of Object.entries(files)) {
    const ways = await read(file);
    assert.match(ways[0].title, title, name);
    assert.equal(doubtful(ways), false, name);
    assert.ok(applied(ways[0], map).equals(map), name);
  }
});

test("a palette whose indices and colours mean different maps is a matter for the person", async () => {
  const map = noise();
  const turned = [...rgbs("colour")].reverse();
  const ways = await read(encodeIndexPng(map, turned));
  assert.equal(ways.filter(({ pixels }) => !pixels).length, 2);
  assert.ok(doubtful(ways));
  const byColour = ways.find(({ title, pixels }) => !pixels && /colours/.test(title));
  assert.deepEqual(
    [...applied(byColour, map).data],
    [...map.data].map((label) => 5 - label),
  );
});

test("unknown values are counted, the most frequent first, each with a proposal that can be changed", async () => {
  const map = noise();
  map.data.fill(200, 0, 6);
  map.data[10] = 13;
  const ways = await read(encodeIndexPng(map));
  const [reading] = ways;
  assert.ok(doubtful(ways));
  assert.deepEqual(
    rows(reading).map(({ name, pixels }) => [name, pixels]),
    [
      ["200", 6],
      ["13", 1],
    ],
  );
  assert.equal(reading.pixels, 7);
  assert.equal(reading.nearest(200), 5); // as the server proposes: the last class
  const opened = applied(reading, map, new Map([[13, 2]]));
  assert.deepEqual([...opened.data.subarray(0, 6)], [5, 5, 5, 5, 5, 5]);
  assert.equal(opened.data[10], 2);
  map.data.forEach((value, i) => value < 6 && assert.equal(opened.data[i], value)); // the rest is as it was
});

test("a blurred colour map has one row for all its rare colours", async () => {
  const map = noise();
  const colours = rgbs("colour");
  const bytes = [...map.data].flatMap((label) => colours[label]);
  for (let i = 0; i < 60; i += 1) bytes[3 * i + 1] = 11 + i; // sixty colours of nothing
  const [reading] = readings(await decodePng(png(2, 20, 15, bytes)), model);
  assert.equal(reading.unknown.length, 60);
  assert.equal(rows(reading).length + rest(reading).length, 60);
  assert.ok(rest(reading).length > 40);
  const all = applied(reading, map, new Map([[null, 3]]));
  const listed = new Set(rows(reading).map(({ value }) => value));
  for (let i = 0; i < 60; i += 1) if (!listed.has(reading.valueAt(i))) assert.equal(all.data[i], 3);
  const nearest = applied(reading, map);
  assert.ok(nearest.data.subarray(0, 10).every((label, i) => label === map.data[i])); // one step off its own colour
});

test("255 is the class for the unknown where the model has one", async () => {
  const map = noise();
  map.data[0] = 255;
  const image = await decodePng(await encodeIndexPng(map));
  assert.equal(readings(image, model)[0].pixels, 1);
  const [reading] = readings(image, { classes, unknown: 0 });
  assert.equal(reading.pixels, 0);
  assert.equal(applied(reading, map).data[0], 0);
});

test("what is not opaque is a value of its own", async () => {
  const bytes = [...noise(2).data].flatMap((label, i) => [...rgbs("colour")[label], i < 9 ? 40 : 255]);
  const [reading] = readings(await decodePng(png(6, 20, 15, bytes)), model);
  assert.deepEqual(
    rows(reading).map(({ name, pixels }) => [name, pixels]),
    [["not opaque", 9]],
  );
  assert.ok(!applied(reading, { width: 20, height: 15 }).data.includes(255));
});

test("a photo is no label map, and 16 bits or interlaced rows are named", async () => {
  const r = new Random(5);
  const photo = Array.from({ length: 300 * 300 * 3 }, () => r.whole(0, 255));
  const image = await decodePng(png(2, 300, 300, photo));
  assert.throws(() => readings(image, model), /more than 50000 colours/);
  await assert.rejects(decodePng(png(0, 4, 4, new Array(32).fill(0), 16)), /16 bits/);
  await assert.rejects(decodePng(png(0, 4, 4, new Array(16).fill(0), 8, 1)), /interlaced/);
});

test("another size is sampled, never blended, whole or the middle of it", () => {
  const map = new LabelMap(40, 20);
  map.rectangle(10, 0, 29, 19, 4);
  const stretched = fitted(map, 20, 20);
  assert.deepEqual([...new Set(stretched.data)].sort(), [0, 4]);
  assert.equal(stretched.data.filter((label) => label === 4).length, 200);
  assert.ok(fitted(map, 20, 20, { crop: true }).data.every((label) => label === 4));
  assert.equal(fitted(map, 40, 20), map);
});

test("palettes go out as GPL and JSON, come back the same, and read label maps in their colours", async () => {
  const palette = filePalette(classes);
  assert.deepEqual(
    palette.map(({ rgb }) => rgb),
    rgbs("colour"),
  );
  for (const text of [toGpl("Tiny", palette), toJson("Tiny", palette)]) assert.deepEqual(readPalette(text), palette);
  const mine = NAMES.map((name, i) => ({ name, rgb: [255, 40 * i, 7] })).reverse();
  const map = noise(7);
  const file = encodeColourPng(
    map,
    mine.toReversed().map(({ rgb }) => rgb),
  );
  assert.ok(doubtful(await read(file)));
  const ways = await read(file, mine);
  assert.match(ways[0].title, /your palette/);
  assert.ok(applied(ways[0], map).equals(map));
  for (const nonsense of [
    "",
    "{}",
    "[1]",
    '{"classes": [{"name": 1}]}',
    "GIMP Palette\nName: x\n",
    "GIMP Palette\n300 1 1 a",
  ])
    assert.equal(readPalette(nonsense), null, nonsense);
});

test("classes that share a colour go out in the studio's colours", () => {
  const shared = classes.map((row) => ({ ...row, colour: "#000000" }));
  assert.deepEqual(
    filePalette(shared).map(({ rgb }) => rgb),
    rgbs("display"),
  );
});
