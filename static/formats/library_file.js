/** The library of saved looks as a file: JSON that another browser, or a script, can read. */

const KIND = "groupdnet-library";
const VERSION = 1;
const MOST = 2000; // looks in a file

/**
 * The text of a file of these entries: [{name, classes, codeShape, model, face, time}], `classes` being looks by name.
 */
export function libraryText(entries) {
  const rows = entries.map(({ name, classes, codeShape, model, face, time }) => ({
    name,
    classes,
    code_shape: codeShape,
    model,
    face,
    saved: new Date(time).toISOString(),
  }));
  return JSON.stringify({ kind: KIND, version: VERSION, looks: rows }, null, 1);
}

/** The entries of such a file, without ids. Raises an Error that says what is wrong with it. */
export function entriesIn(text, fileName) {
  let file = null;
  try {
    file = JSON.parse(text);
  } catch {
    throw new Error(`${fileName} is not JSON.`);
  }
  if (file?.kind !== KIND || !Array.isArray(file.looks)) {
    throw new Error(`${fileName} is no library: take a JSON that was exported here, or a .npz of codes.`);
  }
  if (file.version !== VERSION) throw new Error(`${fileName} has version ${file.version}; this page reads ${VERSION}.`);
  if (file.looks.length > MOST) throw new Error(`${fileName} has ${file.looks.length} looks; ${MOST} are the most.`);
  return file.looks.map((row, i) => entryOf(row, `look ${i + 1} of ${fileName}`));
}

function entryOf({ name, classes, code_shape: codeShape, model, face, saved }, where) {
  if (typeof name !== "string" || !name.trim()) throw new Error(`${where} has no name.`);
  if (!classes || typeof classes !== "object" || !Object.keys(classes).length) {
    throw new Error(`${where}, “${name}”, has no classes.`);
  }
  for (const [className, spec] of Object.entries(classes)) {
    if (!isSpec(spec)) throw new Error(`${where}, “${name}”: what it says of ${className} is no look.`);
  }
  const time = Date.parse(saved) || Date.now();
  const shown = typeof face === "string" && face.startsWith("data:image/") ? face : null;
  return { name: name.trim(), classes, codeShape: codeShape ?? null, model: model ?? null, face: shown, time };
}

/** Whether a value has the form of a look: {"seed"}, {"code", "from"} or {"blend": [spec, spec], "t"}. */
export function isSpec(spec) {
  if (!spec || typeof spec !== "object") return false;
  if (Array.isArray(spec.blend)) return spec.blend.length === 2 && spec.blend.every(isSpec) && Number.isFinite(spec.t);
  return typeof spec.code === "string" || (Number.isInteger(spec.seed) && spec.seed >= 0);
}
