import { Store } from "../../../static/studio/store.js";
import assert from "node:assert/strict";
import { test } from "node:test";

/** A store and a list of what a watcher of `key` was told, one value for each call. */
function watched(state, key, options) {
  const store = new Store(state);
  const told = [];
  store.watch([key], (now) => told.push(now[key]), options);
  return { store, told };
}

test("a watcher is told at once, and once for all changes of a task", async () => {
  const { store, told } = watched({ size: 1, tool: "brush" }, "size");
  assert.deepEqual(told, [1]);
  store.set({ size: 2 });
  store.set({ size: 3, tool: "fill" });
  assert.deepEqual(told, [1]);
  await null;
  assert.deepEqual(told, [1, 3]);
  store.set({ size: 3, tool: "erase" }); // its key is as it was
  await null;
  assert.deepEqual(told, [1, 3]);
});

test("a watcher of a workspace is told what it missed when the workspace is shown, and nothing otherwise", async () => {
  const { store, told } = watched({ space: "paint", style: 1 }, "style", { space: "mix" });
  const change = async (patch) => {
    store.set(patch);
    await null;
  };
  await change({ style: 2 });
  await change({ style: 3 });
  assert.deepEqual(told, []);
  await change({ space: "mix" });
  assert.deepEqual(told, [3]);
  await change({ style: 4 });
  assert.deepEqual(told, [3, 4]);
  await change({ space: "paint" });
  await change({ space: "mix" });
  assert.deepEqual(told, [3, 4]);
  await change({ space: "paint", style: 5 });
  await change({ space: "mix" });
  assert.deepEqual(told, [3, 4, 5]);
});
