/**
 * References: their cards in the strip under the canvases, their list on narrow screens, and buttons to add another.
 */
import { openDoubts } from "../../map/doubts.js";
import { markDoubts } from "../manipulate/doubts.js";
import { correctLabels } from "../manipulate/label_editor.js";
import { addPhoto } from "../manipulate/photo_dialog.js";
import { $, h, icon, redraw, thumbnail } from "../parts/dom.js";
import { labelBitmap } from "../parts/swatch.js";

const MARKED = 45; // how many times as wide as its outline of a doubt a card's label map is

/** Fill the strip, and keep it as the references are. */
export function watchReferences(studio) {
  studio.store.watch(
    ["model", "references", "readAnew", "picture"],
    ({ model, references }) => {
      if (!model) return;
      $("refs-note").textContent = note(studio, references);
      const cards = references.map((reference) => card(studio, reference));
      redraw($("ref-strip"), ...cards, ...addButtons(studio, "button.ref-add"));
    },
    { space: "mix" },
  );
}

function note(studio, references) {
  if (!references.length) return "Photos, or pictures made here";
  if (!references.some(({ file }) => file)) return "Pictures made here bring their looks with them";
  return studio.photos.can("encode").available ? "A photo is encoded once" : "A photo's look is fitted once";
}

function card(studio, reference) {
  const { letter, bitmap, map } = reference;
  const labels = labelBitmap(studio, map);
  markDoubts(labels, doubtsOf(reference), { reach: Math.ceil(map.width / MARKED) });
  const faces = [thumbnail(bitmap, 240, 168), thumbnail(labels, 160, 168, { class: "map-face" })];
  return h(
    "div.ref-card",
    { data: { reference: letter } },
    h("div.ref-faces", {}, faces),
    words(studio, reference),
    h("span.ref-actions", {}, correctButton(studio, reference, "ib.s"), removeButton(studio, reference, "ib.s")),
  );
}

/** The regions of a reference of which the segmenter is not sure, and nobody has said what they are. */
const doubtsOf = ({ map, doubts = [] }) => openDoubts(map, doubts);

/** The list of references, with their buttons, for narrow screens. */
export function referenceList(studio) {
  const rows = studio.references.list.map((reference) =>
    h(
      "li",
      { data: { listed: reference.letter } },
      thumbnail(reference.bitmap, 88, 88),
      words(studio, reference),
      correctButton(studio, reference, "ib"),
      removeButton(studio, reference, "ib"),
    ),
  );
  return h("ul.ref-list", { "aria-label": "References" }, rows);
}

function words(studio, reference) {
  const { letter, name, classes, corrected } = reference;
  const working = letter === studio.state.readAnew;
  const reading = studio.photos.can("encode").available ? "Encoding it anew" : "Fitting its look anew";
  const open = doubtsOf(reference).length;
  const unsure = open ? `, ${open} ${open === 1 ? "region" : "regions"} unsure` : "";
  const found = `${classes.length} classes${corrected ? ", labels corrected" : ""}${unsure}`;
  return h(
    "span.ref-text",
    {},
    h("b", {}, h("i", {}, letter), name),
    h("span.meta", { role: "status" }, working ? reading : found),
  );
}

/** The button that corrects a photo's labels. Null for a picture made here, whose labels cannot be wrong. */
function correctButton(studio, { letter, file }, kind) {
  if (!file) return null;
  const attributes = {
    onclick: () => correct(studio, studio.references.get(letter)),
    disabled: studio.state.readAnew !== null,
    "aria-label": `Correct the labels of ${letter}`,
    title: "Correct its labels",
  };
  return h(`button.${kind}`, attributes, icon("brush", true));
}

function removeButton(studio, { letter }, kind) {
  const attributes = {
    onclick: () => studio.references.remove(letter),
    "aria-label": `Remove reference ${letter}`,
    title: "Remove",
  };
  return h(`button.${kind}`, attributes, icon("close", true));
}

async function correct(studio, reference) {
  const corrected = await correctLabels(studio, reference);
  if (!corrected) return;
  try {
    await studio.references.correct(reference.letter, corrected);
  } catch (error) {
    studio.report(error, `${reference.name} has the labels from before.`);
  }
}

/** The buttons that add a reference; `kind` is the selector that `h` makes them of. */
export function addButtons(studio, kind) {
  const full = studio.references.full ? "Eight references are the most: remove one first." : null;
  const button = (what, name, title, disabled, onclick) =>
    h(
      kind,
      { disabled, title: full ?? title, "aria-label": name, data: { add: what }, onclick },
      icon(what === "photo" ? "photo" : "plus"),
      kind.includes("ref-add") && h("span", {}, name),
    );
  return [
    button("photo", "Add a photo", "A photo, with its label map if you have one", full, () => askForReference(studio)),
    button("current", "Use this picture", "The picture on the stage", !studio.state.picture || full, () =>
      studio.references.addCurrent(),
    ),
  ];
}

/** Ask for a photo to take as a reference, beginning with `file` if there is one. */
export async function askForReference(studio, file = null) {
  const photo = await addPhoto(studio, "Add a reference", "Add", file);
  if (photo) studio.references.add(photo);
}
