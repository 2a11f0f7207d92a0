import { cielabOf, nearestClass } from "../../../static/colours/cielab.js";
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

const { levels, taxonomies } = JSON.parse(
  readFileSync(new URL("../../fixtures/nearest_class.json", import.meta.url), "utf8"),
);

for (const { taxonomy, nearest } of taxonomies) {
  test(`the class nearest to each colour of a grid is the server's, for ${taxonomy.name}`, () => {
    const propose = nearestClass(taxonomy.classes);
    levels.forEach((r, row) => {
      const found = levels.flatMap((g) => levels.map((b) => propose([r, g, b]).toString(36)));
      assert.equal(found.join(""), nearest[row], `red ${r}`);
    });
  });
}

test("equally near classes give the lowest index, in whatever order they are listed", () => {
  const { taxonomy } = taxonomies.find(({ taxonomy: { name } }) => name === "ties");
  const propose = nearestClass(taxonomy.classes.toReversed());
  assert.equal(propose([9, 9, 9]), 0);
  assert.equal(propose([200, 30, 30]), 1);
});

test("CIELAB has white at 100, black at 0 and no hue in greys", () => {
  for (const [grey, lightness] of [
    [0, 0],
    [119, 50.03],
    [255, 100],
  ]) {
    const [l, a, b] = cielabOf([grey, grey, grey]);
    assert.ok(Math.abs(l - lightness) < 0.01 && Math.hypot(a, b) < 1e-3, `${grey}: ${[l, a, b]}`);
  }
});
