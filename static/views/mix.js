/** Mix: classes as rows, references as columns; a cell takes that class's look from that picture. */
import { $, h, icon, redraw, slider, thumbnail, titled } from "../dom.js";
import { addPhoto } from "./photo_dialog.js";
import { lookCanvas, paintCrop, swatch } from "./swatch.js";

export function watchMix(studio) {
  studio.store.watch(["model", "references", "picture"], () => drawStrip(studio));
  studio.store.watch(["model", "references", "mix", "order", "picture"], () => drawPanel(studio));
}

function drawStrip(studio) {
  const { references, model } = studio.state;
  if (!model) return;
  $("refs-note").textContent = references.length
    ? "Each is encoded once"
    : "Photos with their label maps, or pictures made here";
  redraw(
    $("ref-strip"),
    ...references.map((reference) => referenceCard(studio, reference)),
    ...addButtons(studio, "button.ref-add"),
  );
}

function referenceCard(studio, { letter, name, bitmap, map, classes }) {
  const labels = labelBitmap(studio, map);
  return h(
    "div.ref-card",
    { data: { reference: letter } },
    h("div.ref-faces", {}, thumbnail(bitmap, 240, 168), thumbnail(labels, 160, 168, { class: "map-face" })),
    h("span.ref-text", {}, h("b", {}, h("i", {}, letter), name), h("span.meta", {}, `${classes.length} classes`)),
    h(
      "button.ib.s.remove",
      { onclick: () => studio.references.remove(letter), "aria-label": `Remove reference ${letter}`, title: "Remove" },
      icon("close", true),
    ),
  );
}

/** Colours of a label map, as a canvas. */
export function labelBitmap(studio, map) {
  const canvas = h("canvas", { width: map.width, height: map.height });
  canvas.getContext("2d").putImageData(studio.coloured(map), 0, 0);
  return canvas;
}

/** In the strip, or where there is no room for it, in the panel's head. */
function addButtons(studio, kind) {
  const { available, reason } = studio.can("mix");
  const full = studio.references.full ? "Eight references are the most: remove one first." : null;
  const button = (what, name, title, disabled, onclick) =>
    h(
      kind,
      { disabled, title: full ?? title, "aria-label": name, data: { add: what }, onclick },
      icon(what === "photo" ? "photo" : "plus"),
      kind.includes("ref-add") && h("span", {}, name),
    );
  return [
    button("photo", "Add a photo", reason ?? "A photo and its label map", !available || full, () =>
      askForReference(studio),
    ),
    button("current", "Use this picture", "The picture on the stage", !studio.state.picture || full, () =>
      studio.references.addCurrent(),
    ),
  ];
}

export async function askForReference(studio, file = null) {
  const photo = await addPhoto(studio, "Add a reference", "Add", file);
  if (photo) studio.references.add(photo);
}

function drawPanel(studio) {
  const { references, model, order } = studio.state;
  if (!model) return;
  const { available, reason } = studio.can("mix");
  const chosen = Object.keys(studio.state.mix.choice).length;
  const head = h(
    "div.panel-head",
    {},
    h("h2", {}, "Look sources"),
    h(
      "span.meta",
      {},
      references.length
        ? `${order.length} classes, ${references.length} ${references.length === 1 ? "reference" : "references"}`
        : "",
    ),
    h("span.gap"),
    ...addButtons(studio, "button.ib.s.narrow"),
    h(
      "button.mini",
      {
        disabled: !chosen,
        onclick: () => studio.references.chooseColumn(null),
        title: "Give every class the look back that it had",
      },
      icon("undo", true),
      "Clear",
    ),
  );
  const notice = available ? null : h("p.notice", {}, icon("alert", true), reason);
  const body = references.length ? matrix(studio) : empty(studio, available);
  redraw($("panel-mix"), ...[head, notice, body, blendSection(studio)].filter(Boolean));
}

function empty(studio, available) {
  return h(
    "div.sec",
    {},
    h(
      "div.empty",
      {},
      icon("photo"),
      h("b", {}, "Take each class's look from another picture"),
      h(
        "p",
        {},
        "Keep the picture on the stage as a reference, roll new looks, then mix the two; or bring photos with their label maps.",
      ),
      h(
        "button.btn",
        { onclick: () => studio.references.addCurrent(), disabled: !studio.state.picture },
        "Use this picture",
      ),
      available && h("button.btn.quiet", { onclick: () => askForReference(studio) }, "Add a photo"),
    ),
  );
}

function matrix(studio) {
  const { references, order, mix } = studio.state;
  const columns = [{ letter: null, name: "Now" }, ...references];
  const heads = columns.map((column) => h("th", { scope: "col" }, columnHead(studio, column)));
  const rows = order.map((index) =>
    h(
      "tr",
      { class: mix.focus === index ? "focused" : null },
      h(
        "th",
        { scope: "row" },
        h(
          "button",
          { onclick: () => studio.choose(index) },
          swatch(studio, index),
          h("span", {}, studio.className(index)),
        ),
      ),
      ...columns.map((column) => h("td", {}, cell(studio, index, column))),
    ),
  );
  return h(
    "div.matrix",
    { vars: { columns: columns.length } },
    h("table", {}, h("thead", {}, h("tr", {}, h("td"), heads)), h("tbody", {}, rows)),
  );
}

function columnHead(studio, { letter, name, bitmap }) {
  const { mix, picture } = studio.state;
  const face = bitmap ?? mix.base?.bitmap ?? picture?.bitmap;
  const label = letter ? `Take everything from ${name}` : "Give every class its own look back";
  const attributes = { onclick: () => studio.references.chooseColumn(letter), title: label, "aria-label": label };
  return h("button.column-head", attributes, face && thumbnail(face, 112, 112), h("b", {}, letter ?? "Now"));
}

function cell(studio, index, { letter, name, bitmap, map, crops, classes }) {
  const className = studio.className(index);
  const choice = studio.state.mix.choice[index];
  if (letter && !classes.includes(index)) {
    return h("span.cell.missing", { title: `${name} has no ${className}` }, `no ${className}`);
  }
  const share = shareOf(choice, letter);
  const title = letter ? `${titled(className)} from ${name}` : `${titled(className)} as it was`;
  const attributes = {
    title: choice?.a && letter && choice.a !== letter ? `${title}. Shift+click blends` : title,
    "aria-label": title,
    "aria-pressed": String(share > 0),
    class: `cell${share > 0 ? " chosen" : ""}`,
    data: { cell: `${index}-${letter ?? "now"}` },
    onclick: ({ shiftKey }) => studio.references.choose(index, letter, { blend: shiftKey }),
  };
  return h(
    "button",
    attributes,
    cellFace(studio, index, { letter, bitmap, map, crops }),
    share > 0 && h("em", {}, share < 1 ? String(Math.round(share * 100)) : icon("check")),
  );
}

function cellFace(studio, index, { letter, bitmap, map, crops }) {
  const { base } = studio.state.mix;
  if (!letter && !base?.crops.has(index)) return lookCanvas(studio, index, 120, 76);
  const source = letter ? { bitmap, map, crops } : base;
  const canvas = h("canvas", { width: 120, height: 76, "aria-hidden": "true" });
  paintCrop(canvas, source.bitmap, source.map, source.crops.get(index));
  return canvas;
}

/** How much of a class's look a column gives, 0 … 1. */
function shareOf(choice, letter) {
  if (!choice) return letter === null ? 1 : 0;
  if (choice.a === letter) return choice.b ? 1 - choice.t : 1;
  return choice.b === letter ? choice.t : 0;
}

/** Under the matrix, for the class that was chosen last: a second source, and how much of each. */
function blendSection(studio) {
  const { mix } = studio.state;
  const choice = mix.choice[mix.focus];
  if (!choice) return null;
  return choice.b ? blendSlider(studio, choice) : blendOffer(studio, choice);
}

function blendOffer(studio, { a }) {
  const index = studio.state.mix.focus;
  const others = studio.references.list.filter(({ letter, classes }) => letter !== a && classes.includes(index));
  if (!others.length) return null;
  const buttons = others.map(({ letter, name }) =>
    h(
      "button.btn",
      {
        onclick: () => studio.references.choose(index, letter, { blend: true }),
        title: `Half ${studio.references.get(a).name}, half ${name}`,
        data: { blend: letter },
      },
      `Blend with ${letter}`,
    ),
  );
  return h(
    "section.sec.blend",
    {},
    h(
      "div.sh",
      {},
      swatch(studio, index),
      h("h3", {}, titled(studio.className(index))),
      h("span.meta", {}, `from ${a}`),
    ),
    h("div.row", {}, buttons),
  );
}

function blendSlider(studio, choice) {
  const { mix } = studio.state;
  const [a, b] = [choice.a, choice.b].map((letter) => studio.references.get(letter));
  const index = mix.focus;
  const notes = [h("span.meta"), h("span.meta")];
  const say = (t) =>
    [a, b].forEach(({ name }, i) => (notes[i].textContent = `${name} ${Math.round((i ? t : 1 - t) * 100)} %`));
  say(choice.t);
  const range = slider(
    {
      min: 0,
      max: 100,
      value: choice.t * 100,
      "aria-label": `${studio.className(index)}: from ${a.name} to ${b.name}`,
    },
    (v) => say(v / 100),
  );
  range.addEventListener("change", () => studio.references.setBlend(index, range.value / 100));
  return h(
    "section.sec.blend",
    {},
    h(
      "div.sh",
      {},
      swatch(studio, index),
      h("h3", {}, titled(studio.className(index))),
      h("span.meta", {}, "two references"),
      h("span.gap"),
      h("button.mini", { onclick: () => studio.references.choose(index, b.letter) }, `Only ${b.letter}`),
    ),
    h("div.row", {}, h("b.letter", {}, a.letter), range, h("b.letter", {}, b.letter)),
    h("div.row.apart", {}, notes),
  );
}
