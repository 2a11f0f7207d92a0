/** The page's files lie in rooms, and imports point one way: a room imports from those before it in the list, never back. */
import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../../static", import.meta.url));

// Rooms on one line know nothing of each other.
const FLOORS = [
  ["colours", "formats"],
  ["map", "net"],
  ["picture"],
  ["keep"],
  ["studio"],
  ["views/parts"],
  ["views/canvas", "views/paint", "views/manipulate"],
  ["views/mix", "views/morph"],
  ["views/shell"],
  ["."], // main.js, which puts everything together
];
const FLOOR_OF = new Map(FLOORS.flatMap((rooms, floor) => rooms.map((room) => [room, floor])));

const files = readdirSync(ROOT, { recursive: true })
  .map((path) => path.replaceAll("\\", "/"))
  .filter((path) => path.endsWith(".js"));
const textOf = new Map(files.map((path) => [path, readFileSync(join(ROOT, path), "utf8")]));

const IMPORT = /^import (?:\* as \w+|\{([^}]*)\}) from "(\.{1,2}\/[^"]+)";/gm;

/** [{from, to, names}]: every import of one file of the page from another; `names` is empty for `import * as`. */
const imports = files.flatMap((from) =>
  [...textOf.get(from).matchAll(IMPORT)].map(([, list = "", target]) => ({
    from,
    to: normalize(join(dirname(from), target)).replaceAll("\\", "/"),
    names: list
      .split(",")
      .map((name) => name.trim())
      .filter(Boolean),
  })),
);

test("every file lies in a room that is listed here", () => {
  const rooms = new Set(files.map((path) => dirname(path)));
  assert.deepEqual([...rooms].sort(), [...FLOOR_OF.keys()].sort());
});

test("imports point one way, from room to room", () => {
  const wrong = imports
    .map(({ from, to }) => ({ from, to, a: dirname(from), b: dirname(to) }))
    .filter(({ a, b }) => a !== b && !(FLOOR_OF.get(b) < FLOOR_OF.get(a)))
    .map(({ from, to }) => `${from} imports ${to}`);
  assert.deepEqual(wrong, []);
});

test("no file imports itself by way of others", () => {
  const targets = new Map(files.map((path) => [path, []]));
  for (const { from, to } of imports) targets.get(from).push(to);
  const known = new Map(); // by file: "open" while its imports are followed, then "done"
  const visit = (path, way) => {
    assert.notEqual(known.get(path), "open", `${[...way, path].join(" → ")} is a circle`);
    if (known.has(path)) return;
    known.set(path, "open");
    for (const next of targets.get(path)) visit(next, [...way, path]);
    known.set(path, "done");
  };
  for (const path of files) visit(path, []);
});

test("every name that is imported is exported there", () => {
  for (const { from, to, names } of imports) {
    assert.ok(textOf.has(to), `${from} imports ${to}, which is not there`);
    const exported = [...textOf.get(to).matchAll(/^export (?:async )?(?:const|class|function\*?) ([\w$]+)/gm)];
    const known = new Set(exported.map(([, name]) => name));
    for (const name of names) assert.ok(known.has(name), `${from} imports ${name} from ${to}, which has none`);
  }
});

test("every import is read by these tests", () => {
  for (const [path, text] of textOf) {
    const all = text.match(/^import\b|\bimport\(|^export [^(]* from "/gm)?.length ?? 0;
    assert.equal([...text.matchAll(IMPORT)].length, all, `${path} imports in another way`);
  }
});

test("only static/net speaks to the server", () => {
  for (const [path, text] of textOf) {
    if (path.startsWith("net/")) continue;
    const found = /["'`]\/(api|static|docs|healthz|readyz|metrics)\b|\bfetch\(|new WebSocket\(/.exec(text);
    assert.equal(found, null, `${path} has ${found?.[0]}`);
  }
});

test("the studio knows no element of the page", () => {
  for (const [path, text] of textOf) {
    if (path.startsWith("views/") || !path.includes("/")) continue;
    assert.doesNotMatch(text, /\bdocument\b\.|\bquerySelector/, path);
  }
});
