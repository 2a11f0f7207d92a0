/** A fit comes line by line: what is told on the way, and every way in which it can end. */
import { ApiError, OfflineError } from "../../../static/net/api.js";
import { fit } from "../../../static/studio/fitting.js";
import assert from "node:assert/strict";
import { afterEach, test } from "node:test";

const { fetch } = globalThis;
afterEach(() => (globalThis.fetch = fetch));

const ON_THE_WAY = [
  { step: 0, steps: 2, share: 0, distance: 0.5 },
  { step: 2, steps: 2, share: 1, distance: 0.25 },
];
const RESULT = { style: { seed: 0, 6: { seed: 1 } }, classes: [6], distance: 0.25 };
const PHOTO = new File(["photo"], "beach.png");

/** A server that sends these texts, in pieces that need not end where lines do. */
function serve(...pieces) {
  const asked = [];
  globalThis.fetch = async (url, init) => {
    asked.push({ url, request: JSON.parse(init.body.get("request")), files: [...init.body.keys()] });
    return new Response(new Blob(pieces).stream(), { status: 200 });
  };
  return asked;
}

const line = (row) => `${JSON.stringify(row)}\n`;

test("steps are told in their order, the result is given back", async () => {
  const text = [...ON_THE_WAY, RESULT].map(line).join("");
  const asked = serve(text.slice(0, 30), text.slice(30, 100), text.slice(100));
  const told = [];
  const answer = await fit("tiny", PHOTO, PHOTO, { resize: true, onStep: (row) => told.push(row) });
  assert.deepEqual(told, ON_THE_WAY);
  assert.deepEqual(answer, RESULT);
  assert.equal(asked[0].url, "/api/v1/models/tiny/fit");
  assert.deepEqual(asked[0].request, { name: "beach.png", resize: true });
  assert.deepEqual(asked[0].files.sort(), ["photo", "photo_labels", "request"]);
});

test("an error on the way is the server's own", async () => {
  serve(line(ON_THE_WAY[0]), line({ error: { code: "internal", message: "the ground is gone" } }));
  await assert.rejects(
    fit("tiny", PHOTO, PHOTO, {}),
    (error) => error instanceof ApiError && error.message.includes("ground"),
  );
});

test("an answer that is cut short is a server that is gone", async () => {
  serve(line(ON_THE_WAY[0]));
  await assert.rejects(fit("tiny", PHOTO, PHOTO, {}), OfflineError);
});
