/** Model, workspace, live state, theme, menus and files: everything around the canvases. */
import { $, chooseFile, download, h, thumbnail } from "../dom.js";
import { recipeIn, recipeText } from "../files.js";
import { openPhoto } from "./manipulate.js";
import { askForReference, labelBitmap } from "./mix.js";
import { notify } from "./toasts.js";

const SPACES = ["paint", "mix", "manipulate", "morph"];

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
    const usable = models.map(({ id, title }) => h("option", { value: id }, title));
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
  });
}

function watchSpaces(studio) {
  for (const tab of document.querySelectorAll("[data-space-tab]")) {
    tab.addEventListener("click", () => studio.set({ space: tab.dataset.spaceTab }));
  }
  $("space").addEventListener("change", ({ target }) => studio.set({ space: target.value }));
  const fromHash = () => {
    const wanted = location.hash.slice(1);
    if (SPACES.includes(wanted)) studio.set({ space: wanted });
  };
  addEventListener("hashchange", fromHash);
  fromHash();
  let last = studio.state.space;
  studio.store.watch(["space"], ({ space }) => {
    document.documentElement.dataset.space = space;
    for (const tab of document.querySelectorAll("[data-space-tab]")) {
      if (tab.dataset.spaceTab === space) tab.setAttribute("aria-current", "page");
      else tab.removeAttribute("aria-current");
    }
    $("space").value = space;
    $("space-title").textContent = $("space").selectedOptions[0].textContent;
    if (`#${space}` !== (location.hash || "#paint")) history.replaceState(null, "", `#${space}`);
    if (last === "morph" && space !== "morph") studio.refresh({ demanded: true });
    last = space;
  });
}

// ---- files ----

const NAMES = { picture: "groupdnet-picture.png", labels: "groupdnet-labels.png", recipe: "groupdnet-recipe.json" };

export function watchFiles(studio) {
  const exports = {
    picture: async () => download(studio.state.picture.bytes, NAMES.picture, "image/png"),
    labels: async () => download(await studio.labelsPng(), NAMES.labels, "image/png"),
    recipe: async () => download(await recipeText(studio.state.picture), NAMES.recipe, "application/json"),
  };
  const opens = {
    labels: async () => studio.files.importLabels(await chooseFile("image/png")),
    recipe: async () => studio.files.importRecipe(await chooseFile("image/png,application/json,.json")),
  };
  for (const button of document.querySelectorAll("[data-export]")) {
    button.addEventListener("click", () => {
      $("export-menu").hidePopover();
      exports[button.dataset.export]();
    });
  }
  for (const button of document.querySelectorAll("[data-open]")) {
    button.addEventListener("click", () => {
      $("open-menu").hidePopover();
      opens[button.dataset.open]();
    });
  }
  studio.store.watch(["picture"], ({ picture }) => {
    for (const button of document.querySelectorAll("[data-export=picture], [data-export=recipe]"))
      button.disabled = !picture;
  });
  watchDrops(studio);
}

/**
 * A file dropped anywhere: in Mix and Manipulate it is a photo; else a picture made here comes back whole, and any other PNG
 * is taken for a label map.
 */
function watchDrops(studio) {
  const veil = $("drop-veil");
  let depth = 0;
  const show = (change) => {
    depth = Math.max(0, depth + change);
    veil.hidden = depth === 0;
  };
  addEventListener("dragenter", (event) => event.dataTransfer?.types.includes("Files") && show(1));
  addEventListener("dragleave", () => show(-1));
  addEventListener("dragover", (event) => event.preventDefault());
  addEventListener("drop", async (event) => {
    event.preventDefault();
    show(-depth);
    const [file] = event.dataTransfer?.files ?? [];
    if (!file || !studio.state.model) return;
    const { space } = studio.state;
    if (space === "mix" && studio.can("mix").available) await askForReference(studio, file);
    else if (space === "manipulate" && studio.can("manipulate").available) await openPhoto(studio, file);
    else if (await recipeIn(file).catch(() => null)) await studio.files.importRecipe(file);
    else await studio.files.importLabels(file);
  });
}

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
    studio.openScene(scene.map, scene);
    notify(`${scene.title} is open`, "Undo brings your label map back.");
  };
  return h(
    "button.scene",
    { onclick: open, data: { scene: scene.title }, "aria-label": `Open the scene ${scene.title}` },
    thumbnail(labelBitmap(studio, scene.map), 160, 106, { class: "map-face" }),
    h("span", {}, scene.title),
  );
}
