/** The menus that open and export files, and files that are dropped on the page. */
import { exportsOf } from "../../studio/bundle.js";
import { spaceNamed } from "../../studio/spaces.js";
import { openPhoto } from "../manipulate/manipulate.js";
import { askForReference } from "../mix/references.js";
import { $, chooseFile, download } from "../parts/dom.js";

const DROPS = { reference: askForReference, photo: openPhoto }; // by the `drop` of a workspace
// Exports that need a picture on the stage.
const NEEDS_PICTURE = ["picture", "recipe", "zip"];
const ACCEPTED = { labels: "image/png", recipe: "image/png,application/json,.json", any: "image/png,.json,.gpl,.zip" };

/** Bind the menus, and take dropped files. */
export function watchFiles(studio) {
  const exports = exportsOf(studio);
  for (const button of document.querySelectorAll("[data-export]")) {
    const { name, type, bytes } = exports[button.dataset.export];
    button.addEventListener("click", async () => {
      $("export-menu").hidePopover();
      download(await bytes(), name, type);
    });
  }
  const opens = {
    labels: (file) => studio.files.importLabels(file),
    recipe: (file) => studio.files.importRecipe(file),
    any: (file) => studio.files.open(file),
  };
  for (const button of document.querySelectorAll("[data-open]")) {
    const kind = button.dataset.open;
    button.addEventListener("click", async () => {
      $("open-menu").hidePopover();
      await opens[kind](await chooseFile(ACCEPTED[kind]));
    });
  }
  studio.store.watch(["picture"], ({ picture }) => {
    for (const kind of NEEDS_PICTURE) document.querySelector(`[data-export=${kind}]`).disabled = !picture;
  });
  watchDrops(studio);
}

/** Take a file that is dropped anywhere: a picture as the workspace takes it, any other file by what is in it. */
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
    const take = file.type.startsWith("image/") && DROPS[spaceNamed(studio.state.space).drop];
    await (take ? take(studio, file) : studio.files.open(file));
  });
}
