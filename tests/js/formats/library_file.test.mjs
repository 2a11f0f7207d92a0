import { entriesIn, isSpec, libraryText } from "../../../static/formats/library_file.js";
import { LabelMap } from "../../../static/map/labelmap.js";
import { translatedMap, translatedStyle } from "../../../static/picture/translate.js";
import assert from "node:assert/strict";
import { test } from "node:test";

const entry = {
  name: "Dusk",
  classes: { sky: { seed: 7 }, water: { blend: [{ seed: 1 }, { code: "AAAA", from: "a.jpg" }], t: 0.5 } },
  codeShape: [8, 1, 1],
  model: "landscape",
  face: "data:image/webp;base64,AA",
  time: 1_700_000_000_000,
};

test("a library comes back from its file", () => {
  assert.deepEqual(entriesIn(libraryText([entry]), "looks.json"), [entry]);
});

test("a file that is no library says so, with its name", () => {
  const broken = (change) => JSON.stringify({ ...JSON.parse(libraryText([entry])), ...change });
  for (const [text, says] of [
    ["{", /looks\.json is not JSON/],
    ["{}", /looks\.json is no library/],
    [broken({ version: 9 }), /version 9/],
    [broken({ looks: [{}] }), /look 1 of looks\.json has no name/],
    [broken({ looks: [{ name: "x", classes: {} }] }), /“x”, has no classes/],
    [broken({ looks: [{ name: "x", classes: { sky: { seed: -1 } } }] }), /of sky is no look/],
  ]) {
    assert.throws(() => entriesIn(text, "looks.json"), says);
  }
});

test("a picture that is no picture is left out", () => {
  const text = libraryText([{ ...entry, face: "javascript:alert(1)" }]);
  assert.equal(entriesIn(text, "looks.json")[0].face, null);
});

test("specs are told from other things", () => {
  assert.ok(isSpec(entry.classes.water));
  for (const other of [null, 7, {}, { seed: 1.5 }, { seed: "7" }, { blend: [{ seed: 1 }], t: 0 }, { code: 5 }]) {
    assert.ok(!isSpec(other), JSON.stringify(other));
  }
});

const model = (title, names, shape = [8, 1, 1], size = [2, 2]) => ({
  title,
  classes: names.map((name, index) => ({ name, index })),
  code_shape: shape,
  image_size: size,
});
const here = model("Here", ["sky", "sea", "tree"]);

test("a label map is put into another model's classes by name, and into its size", () => {
  const map = new LabelMap(2, 2, Uint8Array.from([0, 1, 1, 0]));
  const there = model("There", ["sea", "road", "sky"], [8, 1, 1], [4, 4]);
  const translated = translatedMap(map, here, there);
  assert.deepEqual([translated.width, translated.height], [4, 4]);
  assert.deepEqual([...translated.data.slice(0, 4)], [2, 2, 0, 0]);
  map.data[0] = 2;
  assert.throws(() => translatedMap(map, here, there), /There has no tree/);
});

test("a style goes along, but for codes of another shape", () => {
  const style = { seed: 3, 0: { seed: 9 }, 1: { blend: [{ seed: 1 }, { code: "AAAA" }], t: 0.5 } };
  const there = (shape) => model("There", ["sea", "road", "sky"], shape);
  assert.deepEqual(translatedStyle(style, [0, 1], here, there([8, 1, 1])), { seed: 3, 2: style[0], 0: style[1] });
  assert.deepEqual(translatedStyle(style, [0, 1], here, there([8, 4, 4])), { seed: 3, 2: style[0] });
});
