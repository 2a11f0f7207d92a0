import { Pace } from "../../../static/net/pace.js";
import assert from "node:assert/strict";
import { test } from "node:test";

const after = (pace, ...times) => times.map((time) => pace.note(time)).at(-1);

test("quick pictures are drawn while drawing, slower ones after each stroke, very slow ones on demand", () => {
  assert.equal(new Pace().mode, "stroke"); // until something is known
  assert.equal(after(new Pace(), 80, 90, 85), "draw");
  assert.equal(after(new Pace(), 900, 1200, 800), "stroke");
  assert.equal(after(new Pace(), 9000, 20_000, 15_000), "demand");
});

test("one slow picture changes nothing, five do", () => {
  const pace = new Pace();
  assert.equal(after(pace, 80, 80, 80, 80, 5000), "draw");
  assert.equal(after(pace, 5000, 5000, 5000), "stroke");
});

test("at the border it does not go to and fro", () => {
  const pace = new Pace();
  after(pace, 200, 200, 200);
  assert.equal(after(pace, 440, 440, 440, 440, 440), "draw");
  assert.equal(after(pace, 460, 460, 460, 460, 460), "stroke");
  assert.equal(after(pace, 440, 440, 440, 440, 440), "stroke"); // a little better is not enough
  assert.equal(after(pace, 200, 200, 200, 200, 200), "draw");
});
