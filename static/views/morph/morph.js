/** Morph: the panel with the key styles, the classes that move and the animation, and the strip under the canvases. */
import { LETTERS, MOST_KEYS } from "../../studio/morphing.js";
import { namesOf } from "../paint/variants.js";
import { $, chooseFile, h, icon, redraw, thumbnail, titled } from "../parts/dom.js";
import { DRAGGED, since } from "../parts/past.js";
import { swatch } from "../parts/swatch.js";
import { Animation } from "./animation.js";
import { Film } from "./film.js";

const PAST = 12; // newest pictures of the history that are offered as key styles

/** Fill the panel, and keep it as the morph is. */
export function watchMorph(studio) {
  const { morphing, store } = studio;
  const faces = LETTERS.map(() => h("div.face"));
  const film = new Film(studio, (number, bitmap) => faces[number].replaceChildren(thumbnail(bitmap, 384, 288)));
  const animation = new Animation(studio);
  const shown = { space: "morph" };
  store.watch(["picture"], ({ picture }) => picture && !morphing.ready && morphing.begin(), shown);
  store.watch(["space"], ({ space }) => space !== "morph" && film.leave());
  let drawn = [];
  store.watch(
    ["morph", "order", "variants", "references", "pictures", "library"],
    (state) => {
      const { morph, order, variants, references, pictures, library } = state;
      const wanted = [morph.keys, morph.still, order, variants, references, pictures, library];
      if (!morphing.ready || wanted.every((value, i) => value === drawn[i])) return;
      drawn = wanted; // a move of the slider alone draws nothing anew
      drawPanel(studio, faces, animation);
    },
    shown,
  );
  store.watch(["morph", "mapVersion", "space"], () => film.update(), shown);
  const onLine = takesPictures(studio, (key, { clientX }) => {
    const { left, width } = $("film").getBoundingClientRect();
    morphing.set({ t: Math.min(1, Math.max(0, (clientX - left) / width)) });
    morphing.addKey(key);
  });
  for (const [name, act] of Object.entries(onLine)) $("film").addEventListener(name.slice(2), act);
  $("morph-keep").addEventListener("click", () => {
    morphing.keep();
    studio.set({ space: "paint" });
    studio.live.ask({ demanded: true });
  });
}

/** What a key style can be: [{title, make}]; `make()` gives the key or resolves to it, and may raise an Error. */
function choices(studio) {
  const { variants, references, pictures, style, scene } = studio.state;
  const fixed = (title, looks) => ({ title, make: () => ({ title, style: looks }) });
  return [
    fixed("Current look", style),
    { title: "Random look", make: () => studio.morphing.random() },
    ...(variants?.items ?? []).map((item, i) =>
      fixed(`Look ${i + 1} of ${namesOf(studio, variants.indices)}`, item.style),
    ),
    ...references.map(({ letter, name, style: looks }) =>
      fixed(`Reference ${letter}, ${name}`, { ...style, ...looks, seed: style.seed }),
    ),
    ...studio.library.entries.map((entry) => ({
      title: `Saved: ${entry.name}`,
      make: () => ({ title: entry.name, style: studio.library.styleOf(entry) }),
    })),
    ...pictures
      .slice(0, PAST)
      .map(({ time, style: looks }, i) => fixed(`Picture ${i + 1}, ${scene ?? "history"}, ${since(time)}`, looks)),
    {
      title: "Recipe from a file…",
      make: async () => studio.morphing.keyFromFile(await chooseFile("image/png,application/json,.json")),
    },
  ];
}

function drawPanel(studio, faces, animation) {
  const { keys } = studio.state.morph;
  const options = choices(studio);
  const last = keys.length - 1;
  const full = keys.length >= MOST_KEYS;
  const add = h(
    "button.mini",
    {
      id: "morph-add",
      disabled: full,
      title: full ? `${MOST_KEYS} key styles are the most` : "Another style on the way, where the slider is",
      onclick: () => studio.morphing.addKey(),
    },
    icon("plus", true),
    "Key style",
  );
  const swap = h(
    "button.sq",
    { onclick: () => studio.morphing.reverse(), "aria-label": "The other way round", title: "The other way round" },
    icon("swap"),
  );
  const between = keys.slice(1, -1).map((key, i) => keyRow(studio, options, key, i + 1, faces));
  redraw(
    $("panel-morph"),
    h("div.panel-head", {}, h("h2", {}, "From and to"), h("span.gap"), add),
    h(
      "section.sec.ends",
      { "aria-label": "First and last style" },
      end(studio, options, keys[0], 0, faces),
      swap,
      end(studio, options, keys[last], last, faces),
    ),
    between.length ? h("ul.keys", { "aria-label": "Styles on the way" }, between) : null,
    movers(studio),
    animation.element,
  );
  animation.update();
}

/**
 * Listeners for a place where a picture of the history can be dropped: `onKey({title, style}, event)` takes its key.
 */
function takesPictures(studio, onKey) {
  return {
    ondragover: (event) => event.dataTransfer.types.includes(DRAGGED) && event.preventDefault(),
    ondrop: (event) => {
      const id = event.dataTransfer.getData(DRAGGED);
      const picture = studio.state.pictures.find((other) => String(other.id) === id);
      if (!picture) return;
      event.preventDefault();
      onKey({ title: `Picture, ${since(picture.time)}`, style: picture.style }, event);
    },
  };
}

function end(studio, options, key, number, faces) {
  return h(
    "div.end",
    takesPictures(studio, (dropped) => studio.morphing.setKey(number, dropped)),
    h("div.end-face", {}, faces[number], h("b.letter", {}, LETTERS[number])),
    source(studio, options, key, number),
  );
}

function keyRow(studio, options, key, number, faces) {
  const letter = LETTERS[number];
  return h(
    "li",
    { data: { key: number }, ...takesPictures(studio, (dropped) => studio.morphing.setKey(number, dropped)) },
    h("div.key-face", {}, faces[number]),
    h("b.letter", {}, letter),
    source(studio, options, key, number),
    h(
      "button.ib.s",
      { onclick: () => studio.morphing.removeKey(number), "aria-label": `Remove ${letter}`, title: "Remove" },
      icon("close", true),
    ),
  );
}

/** The select in which a key style is chosen. */
function source(studio, options, key, number) {
  const letter = LETTERS[number];
  const select = h(
    "select",
    { "aria-label": `What ${letter} is`, id: `morph-${letter.toLowerCase()}` },
    h("option", { value: "" }, key.title),
    options.map(({ title }, i) => h("option", { value: i }, title)),
  );
  select.addEventListener("change", async () => {
    const { make } = options[Number(select.value)];
    select.value = ""; // shows the key as it is: the new one may take long to make, or never come
    try {
      studio.morphing.setKey(number, await make());
    } catch (error) {
      studio.report(error, `${letter} is as it was.`);
    }
  });
  return h("label.choose.under", {}, h("span", {}, key.title), icon("chevron", true), select);
}

/** The section in which the classes that move are chosen. */
function movers(studio) {
  const { order } = studio.state;
  const moving = studio.morphing.classes;
  const everything = moving.length === order.length;
  const flip = (index) => {
    const still = new Set(studio.state.morph.still);
    if (!still.delete(index)) still.add(index);
    studio.morphing.set({ still });
  };
  const toggles = order.map((index) =>
    h(
      "button.toggle",
      { "aria-pressed": String(moving.includes(index)), onclick: () => flip(index), data: { moves: index } },
      swatch(studio, index),
      h("span", {}, titled(studio.classes.name(index))),
      icon("check", true),
    ),
  );
  return h(
    "section.sec",
    { "aria-label": "Classes that move" },
    h(
      "div.sh",
      {},
      h("h3", {}, "Classes that move"),
      h("span.meta", {}, `${moving.length} of ${order.length}`),
      h("span.gap"),
      h(
        "button.mini",
        { onclick: () => studio.morphing.set({ still: everything ? new Set(order) : new Set() }) },
        everything ? "None" : "All",
      ),
    ),
    h("div.toggles", {}, toggles),
  );
}
