/** Two pictures at once: left and right of a line over the picture, or one of them in place of the label map. */
import { $, h, icon, markSlider, pressed, redraw } from "../parts/dom.js";
import { since } from "../parts/past.js";

/** Show the two pictures while there are two, and bind the bar over the history. */
export function watchVersus(studio, stage) {
  const { versus } = studio;
  watchFaces(studio, stage);
  studio.store.watch(["picture"], () => versus.follow());
  studio.store.watch(["space", "photo", "model"], () => {
    const { kind } = versus.state ?? {};
    if (kind === "photo" && (studio.state.space !== "manipulate" || !studio.state.photo)) versus.end();
  });
  addEventListener("keydown", ({ key }) => key === "Escape" && versus.state && versus.end());
  watchBar(studio);
}

/** The canvases of the two pictures, their names, and the line between them. */
function watchFaces(studio, stage) {
  const [wipe, beside] = ["wipe", "beside"].map($);
  const [left, right, instead] = [h("canvas"), h("canvas"), h("canvas")]; // two beside the line, one over the labels
  const tags = { a: h("span.side-tag.a"), b: h("span.side-tag.b") };
  const cut = h("div.wipe-left", {}, left);
  const line = h("i.wipe-line");
  const range = lineSlider(cut, line);
  wipe.append(right, cut, line, tags.a, tags.b, range);
  beside.append(instead);
  for (const canvas of [left, right]) stage.view.add(canvas, stage.frames.picture);
  stage.view.add(instead, stage.frames.labels);
  // Labels that are covered are not painted, and a press on the line drags it and not the view.
  const stop = (event) => event.button === 0 && event.stopPropagation();
  for (const element of [beside, range]) element.addEventListener("pointerdown", stop);

  studio.store.watch(["versus", "picture"], (state) => {
    const { a, b, mode } = state.versus ?? {};
    wipe.hidden = !state.versus;
    beside.hidden = mode !== "beside";
    wipe.classList.toggle("beside", mode === "beside");
    if (!state.versus) return;
    paint(left, mode === "wipe" ? a.bitmap : null);
    paint(right, b?.bitmap ?? null);
    paint(instead, mode === "beside" ? a.bitmap : null);
    for (const [side, tag] of Object.entries(tags)) tag.textContent = name(studio, side);
    beside.dataset.title = name(studio, "a");
    range.setAttribute("aria-label", `Line between ${name(studio, "a")} and ${name(studio, "b")}`);
  });
}

/** The slider that places the line; what lies left of it shows through `cut`. */
function lineSlider(cut, line) {
  const range = h("input", { type: "range", min: 0, max: 1000, value: 500 });
  const place = () => {
    cut.style.clipPath = `inset(0 ${100 - range.value / 10}% 0 0)`;
    line.style.left = `${range.value / 10}%`;
    markSlider(range);
  };
  range.addEventListener("input", place);
  place();
  return range;
}

/** Draw a bitmap, or hide the canvas without one. */
function paint(canvas, bitmap) {
  canvas.hidden = !bitmap;
  if (!bitmap) return;
  Object.assign(canvas, { width: bitmap.width, height: bitmap.height });
  canvas.getContext("2d").drawImage(bitmap, 0, 0);
}

/** A model's title with its id, the name of its folder, which tells two trainings with one title apart. */
export const called = ({ title, id }) => (title.toLowerCase() === id.toLowerCase() ? title : `${title} (${id})`);

/** The name of a side, "a" or "b". */
function name(studio, key) {
  const { kind, a, b } = studio.state.versus;
  const side = { a, b }[key];
  if (side?.time) return `${key.toUpperCase()} · ${since(side.time)}`;
  if (side) return side.title;
  return kind === "model" ? called(studio.state.model) : "After";
}

/** The bar over the history: it begins and ends a comparison, and says how the two are shown. */
function watchBar(studio) {
  const bar = $("versus-bar");
  studio.store.watch(["versus", "models", "model", "pictures", "space"], ({ versus, space, ...state }) => {
    const hint = space === "morph" ? h("span.meta.hint", {}, "Drag one onto A, B or the line") : null;
    bar.classList.toggle("on", Boolean(versus));
    redraw(bar, ...(versus ? running(studio, versus) : [hint, ...starting(studio, state)]));
  });
}

function starting(studio, { models, model, pictures }) {
  const enough = pictures.length > 1;
  const compare = h(
    "button.mini",
    {
      id: "compare-two",
      "aria-label": "A / B",
      disabled: !enough,
      title: enough ? "Two pictures of the history at once" : "Two pictures are needed",
      onclick: () => studio.versus.pictures(),
    },
    icon("compare", true),
    h("span", {}, "A / B"),
  );
  const others = models.filter(({ id }) => id !== model?.id);
  const select = h(
    "select",
    { "aria-label": "Compare with another checkpoint", id: "compare-model", disabled: !others.length },
    h("option", { value: "" }, "Another checkpoint"),
    others.map(({ id, title }) => h("option", { value: id }, called({ id, title }))),
  );
  select.addEventListener("change", () => {
    const chosen = others.find(({ id }) => id === select.value);
    if (chosen) studio.versus.model(chosen.id, called(chosen));
  });
  const title = others.length
    ? "The same labels by another checkpoint"
    : "This studio has one checkpoint: put another into its checkpoints folder";
  return [
    compare,
    h(
      "label.mini.under",
      { title, class: `mini under checkpoint${others.length ? "" : " off"}` },
      icon("model", true),
      h("span", {}, "Checkpoint"),
      select,
    ),
  ];
}

function running(studio, { kind, mode, next }) {
  const modes = [
    ["wipe", "Wipe"],
    ["beside", "Side by side"],
  ].map(([key, title]) => {
    const button = h("button", { onclick: () => studio.versus.setMode(key), data: { versusMode: key } }, title);
    pressed(button, key === mode);
    return button;
  });
  const sides = (kind === "pictures" ? ["a", "b"] : []).map((key) => {
    const button = h(
      "button",
      { onclick: () => studio.versus.setNext(key), data: { versusSide: key }, title: "Then click a picture" },
      h("span", {}, key.toUpperCase()),
      h("span.when", {}, ` · ${since(studio.state.versus[key].time)}`),
    );
    pressed(button, key === next);
    return button;
  });
  return [
    kind === "pictures" && h("span.seg", { role: "group", "aria-label": "Which one a click chooses" }, sides),
    h("span.seg", { role: "group", "aria-label": "How the two are shown" }, modes),
    h(
      "button.ib.s",
      {
        onclick: () => studio.versus.end(),
        "aria-label": "End comparing",
        title: "End comparing (Esc)",
        id: "versus-end",
      },
      icon("close", true),
    ),
  ].filter(Boolean);
}
