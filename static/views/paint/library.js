/**
 * Saved looks of the chosen class, or whole styles: a click applies one, and others can be saved, exported and
 * imported.
 */
import { describe, specOf } from "../../picture/style.js";
import { $, chooseFile, download, h, icon, pressed, redraw, thumbnail, titled } from "../parts/dom.js";
import { paintCrop } from "../parts/swatch.js";
import { notify } from "../parts/toasts.js";

const FACE = 128; // pixels of a saved look's picture, in width and height

/** Load the saved looks, and show them. */
export function watchLibrary(studio) {
  const view = { whole: false, form: null };
  const update = () => draw(studio, view, update);
  studio.store.watch(["current", "model"], () => (view.form = null));
  studio.store.watch(["library", "current", "model"], update);
  const unlessTyping = () => view.form || update(); // the field in which somebody types is not made anew
  studio.store.watch(["style", "picture"], unlessTyping, { later: true });
  watchMenu(studio);
  studio.library.load();
}

/** A data URL of a class's look in the picture on the stage, or of the whole picture where `index` is null. */
export function faceOf(studio, index) {
  const { picture, crops } = studio.state;
  if (!picture || (index !== null && !crops.has(index))) return null;
  const canvas = index === null ? thumbnail(picture.bitmap, FACE, FACE) : h("canvas", { width: FACE, height: FACE });
  if (index !== null) paintCrop(canvas, picture.bitmap, picture.map, crops.get(index));
  return canvas.toDataURL("image/webp", 0.85);
}

/** Draw the section; `view` is {whole, form}: whether whole styles are shown, and the form that asks for a name. */
function draw(studio, view, update) {
  if (!studio.state.model) return;
  const index = view.whole ? null : studio.state.current;
  const more = h(
    "button.ib.s",
    { popovertarget: "library-menu", "aria-label": "Export and import saved looks", title: "Export and import" },
    icon("more", true),
  );
  const entries = studio.library.of(index);
  const cards = entries.map((entry) => card(studio, entry));
  redraw(
    $("library"),
    h("div.sh", {}, h("h3", {}, "Saved looks"), h("span.gap"), saveButton(studio, view, update, index), more),
    h("span.seg.full", { role: "group", "aria-label": "Which" }, tabs(studio, view, update)),
    view.form,
    cards.length ? h("div.saved", { role: "list" }, cards) : h("p.note", {}, emptyWords(studio, index)),
  );
}

/** The choice between looks of the class and whole styles. */
function tabs(studio, view, update) {
  return [false, true].map((whole) => {
    const show = () => {
      Object.assign(view, { whole, form: null });
      update();
    };
    const title = whole ? "Whole styles" : titled(studio.classes.name(studio.state.current));
    const button = h("button", { onclick: show, data: { saved: whole ? "styles" : "class" } }, title);
    pressed(button, whole === view.whole);
    return button;
  });
}

function saveButton(studio, view, update, index) {
  const onclick = () => {
    view.form = nameForm(studio, view, update, index);
    update();
    $("library-name").focus();
    $("library-name").select();
  };
  const disabled = !studio.state.picture;
  const attributes = { id: "library-save", disabled, onclick, "aria-label": "Save", title: "Save this look" };
  return h("button.mini", attributes, icon("bookmark", true), h("span", {}, "Save"));
}

function emptyWords(studio, index) {
  const what = index === null ? "the whole style" : `this look of ${studio.classes.name(index)}`;
  return `Save ${what}: it stays in this browser and fits any label map.`;
}

function nameForm(studio, view, update, index) {
  const { style, scene } = studio.state;
  const suggested =
    index === null ? `${scene ?? "Style"}` : `${titled(studio.classes.name(index))} ${describe(specOf(style, index))}`;
  const input = h("input", { "aria-label": "Name", value: suggested.slice(0, 60), maxlength: 60, id: "library-name" });
  const close = () => {
    view.form = null;
    update();
  };
  const keep = () => {
    const name = input.value.trim();
    if (!name) return;
    const indices = index === null ? studio.classes.list.map((row) => row.index) : [index];
    view.form = null;
    studio.library.save(name, indices, faceOf(studio, index));
  };
  input.addEventListener("keydown", ({ key }) => {
    if (key === "Enter") keep();
    if (key === "Escape") close();
  });
  return h(
    "div.row",
    {},
    h("label.field", {}, input),
    h("button.btn.solid", { onclick: keep, id: "library-keep" }, "Keep"),
    h("button.ib.s", { onclick: close, "aria-label": "Do not save" }, icon("close", true)),
  );
}

function card(studio, entry) {
  const { id, name, face, classes } = entry;
  const [className] = Object.keys(classes);
  const colour = studio.classes.list.find((row) => row.name === className)?.display;
  const picture = face
    ? h("img", { src: face, alt: "", draggable: "false" })
    : h("span.faceless", { vars: { c: colour ?? "transparent" } });
  return h(
    "div.saved-look",
    { role: "listitem" },
    h(
      "button",
      { onclick: () => studio.library.apply(entry), title: `Apply ${name}`, data: { look: id } },
      picture,
      h("span", {}, name),
    ),
    h(
      "button.ib.s.remove",
      { onclick: () => studio.library.remove(id), "aria-label": `Remove ${name}`, title: "Remove" },
      icon("close", true),
    ),
  );
}

/** The menu that exports and imports saved looks. */
function watchMenu(studio) {
  const menu = $("library-menu");
  const actions = {
    import: async () => {
      const file = await chooseFile(".json,.npz,application/json");
      const count = await studio.library.importFile(file);
      notify(`${count} saved ${count === 1 ? "look" : "looks"} came from ${file.name}`);
    },
    json: () => download(studio.library.text, "groupdnet-looks.json", "application/json"),
    code: async () => {
      const { current } = studio.state;
      const name = studio.classes.name(current).replace(/\W+/g, "-");
      download(await studio.library.npz([current]), `${name}.npz`, "application/octet-stream");
    },
    codes: async () =>
      download(
        await studio.library.npz(studio.classes.list.map(({ index }) => index)),
        "style.npz",
        "application/octet-stream",
      ),
  };
  for (const button of menu.querySelectorAll("[data-library]")) {
    button.addEventListener("click", async () => {
      menu.hidePopover();
      try {
        await actions[button.dataset.library]();
      } catch (error) {
        studio.report(error, "The saved looks are as they were.");
      }
    });
  }
  studio.store.watch(["library", "current", "model"], ({ library, model }) => {
    if (!model) return;
    menu.querySelector("[data-library=json]").disabled = !library.length;
    $("library-code-name").textContent = `Code of ${studio.classes.name(studio.state.current)}`;
  });
}
