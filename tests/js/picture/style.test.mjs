import { between, describe, differing, freshSeed, onTheWay, resampled, specOf } from "../../../static/picture/style.js";
import assert from "node:assert/strict";
import { test } from "node:test";

const base = Object.freeze({ seed: 7, 3: { seed: 50 } });
const photo = { code: "AAAA", from: "beach.jpg" };

test("a class that is left out has the style's seed", () => {
  assert.deepEqual(specOf(base, 3), { seed: 50 });
  assert.deepEqual(specOf(base, 4), { seed: 7 });
});

test("a new seed for some classes leaves every other look as it was", () => {
  let next = 100;
  const style = resampled(base, [4, 6], () => (next += 1));
  assert.deepEqual(style, { seed: 7, 3: { seed: 50 }, 4: { seed: 101 }, 6: { seed: 102 } });
  assert.deepEqual(base, { seed: 7, 3: { seed: 50 } });
  assert.deepEqual(differing(base, style, [3, 4, 5, 6]), [4, 6]);
});

test("a blend has a use only between two different looks", () => {
  assert.deepEqual(between({ seed: 1 }, photo, 0), { seed: 1 });
  assert.deepEqual(between({ seed: 1 }, photo, 1), photo);
  assert.deepEqual(between({ seed: 1 }, { seed: 1 }, 0.5), { seed: 1 });
  assert.deepEqual(between({ seed: 1 }, photo, 0.12345), { blend: [{ seed: 1 }, photo], t: 0.123 });
});

test("a morph moves the chosen classes and no other", () => {
  const style = onTheWay([base, { seed: 9 }], 0.5, [3]);
  assert.deepEqual(style, { seed: 7, 3: { blend: [{ seed: 50 }, { seed: 9 }], t: 0.5 } });
});

test("a way through several styles meets each of them, and what stays is as in the first", () => {
  const styles = [1, 2, 3, 4].map((seed) => ({ seed }));
  styles.forEach((style, i) => {
    const met = onTheWay(styles, i / 3, [5]);
    assert.deepEqual(specOf(met, 5), { seed: style.seed });
    assert.deepEqual(specOf(met, 6), { seed: 1 });
  });
  assert.deepEqual(specOf(onTheWay(styles, 0.5, [5]), 5), { blend: [{ seed: 2 }, { seed: 3 }], t: 0.5 });
});

test("looks are described by what they come from", () => {
  assert.equal(describe({ seed: 31407 }), "31407");
  assert.equal(describe(photo), "beach.jpg");
  assert.equal(describe({ blend: [{ seed: 1 }, photo], t: 0.3 }), "1 → beach.jpg");
});

test("seeds are whole numbers that a person can type", () => {
  for (let i = 0; i < 100; i += 1) {
    const seed = freshSeed();
    assert.ok(Number.isInteger(seed) && seed >= 0 && seed < 1_000_000);
  }
});
