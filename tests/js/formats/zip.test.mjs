import { crc32 } from "../../../static/formats/png.js";
import { isZip, unzip, zip } from "../../../static/formats/zip.js";
import { Random } from "../random.mjs";
import assert from "node:assert/strict";
import { test } from "node:test";
import { deflateRawSync } from "node:zlib";

const bytes = (seed, length) => {
  const r = new Random(seed);
  return Uint8Array.from({ length }, () => r.whole(0, 255));
};

test("what goes in comes out, byte for byte", async () => {
  const files = { "a.bin": bytes(1, 5000), "folder/ü.txt": bytes(2, 1), empty: new Uint8Array(0) };
  const archive = zip(files);
  assert.ok(isZip(archive));
  const read = await unzip(archive);
  assert.deepEqual(Object.keys(read), Object.keys(files));
  for (const [name, content] of Object.entries(files)) assert.deepEqual([...read[name]], [...content], name);
  assert.deepEqual(zip(files), archive); // the same files, the same archive
});

test("an archive of nothing, and one inside other bytes", async () => {
  assert.deepEqual(await unzip(zip({})), {});
  const padded = new Uint8Array([9, 9, ...zip({ a: bytes(3, 20) })]);
  assert.equal((await unzip(padded.subarray(2))).a.length, 20);
});

test("packed by somebody else it is read too", async () => {
  const content = new TextEncoder().encode("sky ".repeat(200));
  const [packed, name] = [deflateRawSync(content), new TextEncoder().encode("labels.txt")];
  const head = (size, parts) => {
    const view = new DataView(new ArrayBuffer(size));
    for (const [at, value, wide] of parts) wide ? view.setUint32(at, value, true) : view.setUint16(at, value, true);
    return new Uint8Array(view.buffer);
  };
  const [sum, small, large] = [crc32(content), packed.length, content.length];
  const local = head(30, [
    [0, 0x04034b50, 1],
    [8, 8],
    [14, sum, 1],
    [18, small, 1],
    [22, large, 1],
    [26, name.length],
  ]);
  const entry = [
    [0, 0x02014b50, 1],
    [10, 8],
    [16, sum, 1],
    [20, small, 1],
    [24, large, 1],
    [28, name.length],
  ];
  const start = local.length + name.length + packed.length;
  const end = head(22, [
    [0, 0x06054b50, 1],
    [8, 1],
    [10, 1],
    [12, 46 + name.length, 1],
    [16, start, 1],
  ]);
  const archive = Uint8Array.from([...local, ...name, ...packed, ...head(46, entry), ...name, ...end]);
  assert.deepEqual(Object.keys(await unzip(archive)), ["labels.txt"]);
  assert.deepEqual([...(await unzip(archive))["labels.txt"]], [...content]);
});

test("damage is noticed, wherever it is", async () => {
  const archive = zip({ "a.bin": bytes(4, 300), "b.bin": bytes(5, 40) });
  await assert.rejects(unzip(archive.subarray(0, 100)), /no directory/);
  const spoilt = archive.slice();
  spoilt[60] ^= 1;
  await assert.rejects(unzip(spoilt), /a\.bin in this archive is damaged/);
  for (let seed = 0; seed < 300; seed += 1) {
    const r = new Random(seed);
    const broken = archive.slice();
    broken[r.whole(0, broken.length - 1)] ^= 1 << r.whole(0, 7);
    await unzip(broken).catch((error) => assert.ok(error.message.length > 10)); // an end, with words
  }
});
