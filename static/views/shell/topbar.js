/** The top bar with model, workspaces and theme, and the buttons of the starter scenes. */
import { SPACES, spaceNamed } from "../../studio/spaces.js";
import { $, h, thumbnail } from "../parts/dom.js";
import { labelBitmap } from "../parts/swatch.js";
import { notify } from "../parts/toasts.js";
import { licenceOf } from "./licence.js";

const LONGEST = 48; // characters of a licence in the list of models

/** Bind the top bar. */
export function watchTopbar(studio) {
  watchModel(studio);
  watchSpaces(studio);
  for (const button of document.querySelectorAll("[data-theme-toggle]")) button.addEventListener("click", switchTheme);
}

function switchTheme() {
  const theme = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
  document.documentElement.dataset.theme = theme;
  localStorage.setItem("theme", theme);
}

function watchModel(studio) {
  const select = $("model");
  studio.store.watch(["models", "unavailable", "model"], ({ models, unavailable, model }) => {
    const usable = models.map(({ id, title, ...row }) =>
      h("option", { value: id, title: licenceOf(row) }, `${title} · ${short(row.licence ?? "licence not stated")}`),
    );
    const broken = unavailable.map(({ id, reason }) =>
      h("option", { disabled: true, title: reason }, `${id}: ${reason}`),
    );
    select.replaceChildren(...usable, ...broken);
    $("model-title").textContent = model?.title ?? "…";
    if (!model) return;
    const [height, width] = model.image_size;
    select.value = model.id;
    $("model-size").textContent =
      `${height === width ? height : `${width} × ${height}`} px · ${model.classes.length} classes`;
    select.title = licenceOf(model);
  });
}

/** A text that fits the list of models. */
const short = (text) => (text.length > LONGEST ? `${text.slice(0, LONGEST - 1)}…` : text);

function watchSpaces(studio) {
  const tabs = SPACES.map(({ name, title }) =>
    h("button", { onclick: () => studio.set({ space: name }), data: { spaceTab: name } }, title),
  );
  $("tabs").replaceChildren(...tabs);
  $("space").replaceChildren(...SPACES.map(({ name, title }) => h("option", { value: name }, title)));
  $("space").addEventListener("change", ({ target }) => studio.set({ space: target.value }));
  const fromHash = () => {
    const wanted = location.hash.slice(1);
    if (spaceNamed(wanted)) studio.set({ space: wanted });
  };
  addEventListener("hashchange", fromHash);
  fromHash();
  let last = studio.state.space;
  studio.store.watch(["space"], ({ space }) => {
    document.documentElement.dataset.space = space;
    for (const tab of tabs) {
      if (tab.dataset.spaceTab === space) tab.setAttribute("aria-current", "page");
      else tab.removeAttribute("aria-current");
    }
    $("space").value = space;
    $("space-title").textContent = spaceNamed(space).title;
    if (`#${space}` !== (location.hash || `#${SPACES[0].name}`)) history.replaceState(null, "", `#${space}`);
    if (last === "morph" && space !== "morph") studio.live.ask({ demanded: true });
    last = space;
  });
}

/** Show a button for every scene that the model can show. */
export function watchScenes(studio, scenes) {
  studio.store.watch(["model", "colours", "hatched"], async ({ model }) => {
    if (!model) return;
    const available = await scenes.available(model).catch((error) => (studio.report(error, null), []));
    for (const place of document.querySelectorAll("[data-scenes]")) {
      place.replaceChildren(...available.map((scene) => sceneButton(studio, scene)));
      place.hidden = available.length === 0;
    }
    for (const title of document.querySelectorAll(".scenes-title")) title.hidden = available.length === 0;
  });
}

function sceneButton(studio, scene) {
  const open = () => {
    $("open-menu").hidePopover();
    studio.opening.scene(scene.map, scene);
    notify(`${scene.title} is open`, "Undo brings your label map back.");
  };
  return h(
    "button.scene",
    { onclick: open, data: { scene: scene.title }, "aria-label": `Open the scene ${scene.title}` },
    thumbnail(labelBitmap(studio, scene.map), 160, 106, { class: "map-face" }),
    h("span", {}, scene.title),
  );
}
