import { LatestWins } from "../../../static/net/latest.js";
import assert from "node:assert/strict";
import { test } from "node:test";

const turn = () => new Promise((resolve) => setImmediate(resolve));

/** Work that is finished by hand, so that the order of events is the test's. */
function bench(options = {}) {
  const calls = [];
  const log = { done: [], passed: [], errors: [], states: [] };
  const loop = new LatestWins({
    work: () => new Promise((resolve, reject) => calls.push({ resolve, reject })),
    onDone: (answer, newest) => log[newest ? "done" : "passed"].push(answer),
    onError: (error) => log.errors.push(error.message),
    onState: (state) => log.states.push(state),
    ...options,
  });
  return { loop, calls, log };
}

test("one job is in flight at most, and what was asked for meanwhile is asked once, at the end", async () => {
  const { loop, calls, log } = bench();
  loop.ask();
  loop.ask();
  loop.ask();
  await turn();
  assert.equal(calls.length, 1);
  calls[0].resolve("old");
  await turn();
  assert.equal(calls.length, 2);
  calls[1].resolve("new");
  await turn();
  assert.deepEqual(log.done, ["new"]);
  assert.deepEqual(log.passed, ["old"]); // handed on as what it is
  assert.equal(loop.busy, false);
});

test("rest comes when everything that was asked for is done", async () => {
  const { loop, calls } = bench();
  const events = [];
  await loop.rest(); // at once, with nothing to do
  loop.ask();
  loop.rest().then(() => events.push("rest"));
  loop.ask();
  await turn();
  calls[0].resolve("old");
  await turn();
  events.push("second");
  calls[1].resolve("new");
  await turn();
  assert.deepEqual(events, ["second", "rest"]);
});

test("a failure that counts is reported once; the next question is asked as usual", async () => {
  const { loop, calls, log } = bench();
  loop.ask();
  await turn();
  calls[0].reject(new Error("label 200"));
  await turn();
  assert.deepEqual(log.errors, ["label 200"]);
  loop.ask();
  await turn();
  calls[1].resolve("fine");
  await turn();
  assert.deepEqual(log.done, ["fine"]);
});

test("a failure of a question that nobody asks any more is not reported", async () => {
  const { loop, calls, log } = bench();
  loop.ask();
  await turn();
  loop.ask();
  calls[0].reject(new Error("stale"));
  await turn();
  calls[1].resolve("fresh");
  await turn();
  assert.deepEqual([log.errors, log.done], [[], ["fresh"]]);
});

test("what passes by itself is tried again until it works, and nothing is lost", async () => {
  const waits = [];
  const { loop, calls, log } = bench({
    retryAfter: (error, attempt) => (error.message === "offline" ? 100 * (attempt + 1) : null),
    sleep: (ms) => (waits.push(ms), turn()),
  });
  loop.ask();
  for (let i = 0; i < 3; i += 1) {
    await turn();
    calls[i].reject(new Error("offline"));
    await turn();
    await turn();
  }
  calls[3].resolve("back");
  await turn();
  assert.deepEqual(waits, [100, 200, 300]);
  assert.deepEqual([log.errors, log.done], [[], ["back"]]);
  const [first, ...tries] = log.states.filter((state) => state.busy);
  assert.equal(first.waiting, null);
  for (const state of tries) assert.equal(state.waiting.message, "offline"); // not over until an answer is there
  assert.deepEqual(log.states.at(-1), { busy: false, waiting: null });
});

test("a new question does not wait for the retry of an old one", async () => {
  const { loop, calls, log } = bench({ retryAfter: () => 1e9, sleep: () => new Promise(() => {}) });
  loop.ask();
  await turn();
  calls[0].reject(new Error("offline"));
  await turn();
  loop.ask();
  await turn();
  calls[1].resolve("now");
  await turn();
  assert.deepEqual(log.done, ["now"]);
});
