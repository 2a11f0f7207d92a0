/** Mix: a table of classes and references, in which a click on a cell takes the class's look from the reference. */
import { faceOf } from "../paint/library.js";
import { $, h, icon, redraw, slider, thumbnail, titled } from "../parts/dom.js";
import { lookCanvas, paintCrop, swatch } from "../parts/swatch.js";
import { notify } from "../parts/toasts.js";
import { addButtons, askForReference, referenceList, watchReferences } from "./references.js";

/** Fill the panel, and keep it as the references and the mix are. */
export function watchMix(studio) {
  const table = h("div.merged");
  const blend = h("div.merged");
  $("panel-mix").append(table, blend);
  let blended = null; // what the slider is about; it is not made anew while that stays, since it may be held
  watchReferences(studio);
  studio.store.watch(
    ["model", "references", "readAnew", "mix", "order", "picture"],
    ({ references, mix }) => {
      drawPanel(studio, table);
      const { a, b } = mix.columns ?? mix.choice[mix.focus] ?? {};
      const about = [references, Boolean(mix.columns), mix.focus, a, b];
      if (blended?.every((value, i) => value === about[i])) return;
      blended = about;
      redraw(blend, blendSection(studio));
    },
    { space: "mix" },
  );
}

function drawPanel(studio, table) {
  const { references, model, order } = studio.state;
  if (!model) return;
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
        onclick: () => saveMix(studio),
        title: "Keep this style in the saved looks",
        id: "save-mix",
      },
      icon("bookmark", true),
      "Save",
    ),
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
  redraw(table, head, references.length ? matrix(studio) : empty(studio));
}

function saveMix(studio) {
  const name = `Mix ${studio.library.of(null).filter((entry) => /^Mix \d+$/.test(entry.name)).length + 1}`;
  studio.library.save(
    name,
    studio.classes.list.map(({ index }) => index),
    faceOf(studio, null),
  );
  notify(`Saved as “${name}”`, "Among the whole styles of Paint's saved looks.");
}

function empty(studio) {
  return h(
    "div.sec",
    {},
    h(
      "div.empty",
      {},
      icon("photo"),
      h("b", {}, "Take each class's look from another picture"),
      h("p", {}, "Keep the picture on the stage as a reference, roll new looks, then mix the two; or bring photos."),
      h(
        "button.btn",
        { onclick: () => studio.references.addCurrent(), disabled: !studio.state.picture },
        "Use this picture",
      ),
      h("button.btn.quiet", { onclick: () => askForReference(studio) }, "Add a photo"),
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
          { onclick: () => studio.inHand.choose(index) },
          swatch(studio, index),
          h("span", {}, studio.classes.name(index)),
        ),
      ),
      ...columns.map((column) => h("td", {}, cell(studio, index, column))),
    ),
  );
  return h(
    "div.matrix",
    { vars: { columns: columns.length } },
    h("table", {}, h("thead", {}, h("tr", {}, h("td"), heads)), h("tbody", {}, rows)),
    referenceList(studio),
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
  const className = studio.classes.name(index);
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

/** The share of a class's look that comes from a column, 0 … 1; `letter` is null for the class's own look. */
function shareOf(choice, letter) {
  if (!choice) return letter === null ? 1 : 0;
  if (choice.a === letter) return choice.b ? 1 - choice.t : 1;
  return choice.b === letter ? choice.t : 0;
}

/** Under the table, for the class or the column that was chosen last: the offer of a second reference, or a slider. */
function blendSection(studio) {
  const { choice, focus, columns } = studio.state.mix;
  const subject = columns
    ? columnSubject(studio, columns)
    : choice[focus] && classSubject(studio, focus, choice[focus]);
  if (!subject) return null;
  return subject.b ? blendSlider(studio, subject) : blendOffer(studio, subject);
}

/** One class as what is blended: {a, b, t, name}, other references, and functions that change the mix. */
function classSubject(studio, index, { a, b, t }) {
  const { references } = studio;
  const name = studio.classes.name(index);
  return {
    ...{ a, b, t, name },
    face: () => swatch(studio, index),
    others: references.list.filter(({ letter, classes }) => letter !== a && classes.includes(index)),
    blend: (letter) => references.choose(index, letter, { blend: true }),
    share: (value) => references.setBlend(index, value),
    only: (letter) => references.choose(index, letter),
  };
}

/** The same for all classes at once. */
function columnSubject(studio, { a, b, t }) {
  const { references } = studio;
  return {
    ...{ a, b, t, name: "every class" },
    face: () => null,
    others: references.list.filter(({ letter }) => letter !== a),
    blend: (letter) => references.blendColumns(a, letter, 0.5),
    share: (value) => references.blendColumns(a, b, value),
    only: (letter) => references.chooseColumn(letter),
  };
}

function blendOffer(studio, { a, name, face, others, blend }) {
  if (!others.length) return null;
  const buttons = others.map(({ letter, name: other }) =>
    h(
      "button.btn",
      {
        onclick: () => blend(letter),
        title: `Half ${studio.references.get(a).name}, half ${other}`,
        data: { blend: letter },
      },
      `Blend with ${letter}`,
    ),
  );
  return h(
    "section.sec.blend",
    {},
    h("div.sh", {}, face(), h("h3", {}, titled(name)), h("span.meta", {}, `from ${a}`)),
    h("div.row", {}, buttons),
  );
}

function blendSlider(studio, subject) {
  const { name, face, share, only, t } = subject;
  const [a, b] = [subject.a, subject.b].map((letter) => studio.references.get(letter));
  const notes = [h("span.meta"), h("span.meta")];
  const say = (value) =>
    [a, b].forEach((reference, i) => {
      notes[i].textContent = `${reference.name} ${Math.round((i ? value : 1 - value) * 100)} %`;
    });
  say(t);
  const range = slider(
    { min: 0, max: 100, value: t * 100, "aria-label": `${titled(name)}: from ${a.name} to ${b.name}`, id: "blend" },
    (value) => {
      say(value / 100);
      share(value / 100);
    },
  );
  return h(
    "section.sec.blend",
    {},
    h(
      "div.sh",
      {},
      face(),
      h("h3", {}, titled(name)),
      h("span.meta", {}, "two references"),
      h("span.gap"),
      h("button.mini", { onclick: () => only(b.letter) }, `Only ${b.letter}`),
    ),
    h("div.row", {}, h("b.letter", {}, a.letter), range, h("b.letter", {}, b.letter)),
    h("div.row.apart", {}, notes),
  );
}
