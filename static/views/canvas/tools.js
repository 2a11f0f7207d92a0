/** The tools: the rail with its fly-outs, and what the bar over the canvases says about the one in the hand. */
import { $, h, icon, markSlider, percent, pressed, titled } from "../parts/dom.js";
import { swatch } from "../parts/swatch.js";

const SHAPES = ["rectangle", "ellipse", "polygon"];
const narrow = matchMedia("(max-width: 599px)");

const HINTS = {
  erase: "Back to the map as it was opened",
  rectangle: "Shift: equal sides",
  ellipse: "Shift: a circle",
  polygon: "Enter or the first corner closes it",
  lasso: "Draw round what is to be filled",
  pick: "Click the class to paint with",
  move: "Drag a region; drag its box to scale it",
};

export function watchTools(studio) {
  watchRail(studio);
  watchReplace(studio);
  watchOptions(studio);
  watchUndo(studio);
  watchPair(studio);
}

/** Put a fly-out beside what opens it; over it on a phone, whose tools are at the bottom. */
export function placeBeside(popover, button) {
  const { top, right, left } = button.getBoundingClientRect();
  const below = innerHeight - top;
  const place = narrow.matches
    ? { left: "8px", right: "8px", top: "auto", bottom: `${below + 8}px` }
    : top > innerHeight / 2
      ? { left: `${left}px`, right: "auto", top: "auto", bottom: `${below + 4}px` }
      : { left: `${right + 8}px`, right: "auto", top: `${top}px`, bottom: "auto" };
  Object.assign(popover.style, place);
}

// ---- rail ----

function watchRail(studio) {
  const buttons = [...document.querySelectorAll("[data-tool]")];
  const shapes = [...document.querySelectorAll("[data-shape-tool]")];
  for (const button of buttons) button.addEventListener("click", () => studio.takeTool(button.dataset.tool));
  for (const button of shapes) {
    button.addEventListener("click", () => {
      studio.takeTool(button.dataset.shapeTool);
      $("shapes-menu").hidePopover();
    });
  }
  $("shapes").addEventListener("click", () => {
    placeBeside($("shapes-menu"), $("shapes"));
    studio.takeTool(studio.state.shapeTool);
  });
  const draw = ({ tool, shapeTool }) => {
    for (const button of buttons) pressed(button, button.dataset.tool === tool);
    for (const button of shapes) pressed(button, button.dataset.shapeTool === tool);
    const inMenu = SHAPES.includes(tool) || (narrow.matches && ["lasso", "move"].includes(tool));
    pressed($("shapes"), inMenu);
    $("shapes").replaceChildren(icon(inMenu ? tool : shapeTool));
  };
  studio.store.watch(["tool"], ({ tool, shapeTool }) => {
    if (SHAPES.includes(tool) && tool !== shapeTool) studio.set({ shapeTool: tool });
    draw(studio.state);
  });
  narrow.addEventListener("change", () => draw(studio.state));
}

/** The shape that was used last; from a shape the next one. */
export function nextShape({ tool, shapeTool }) {
  const place = SHAPES.indexOf(tool);
  return place < 0 ? shapeTool : SHAPES[(place + 1) % SHAPES.length];
}

// ---- replace ----

function watchReplace(studio) {
  const [menu, from, to, go] = ["replace-menu", "replace-from", "replace-to", "replace-go"].map($);
  for (const button of document.querySelectorAll("[data-replace]")) {
    button.addEventListener("click", () => placeBeside(menu, narrow.matches ? $("shapes") : button));
  }
  const check = () => (go.disabled = from.value === to.value);
  menu.addEventListener("beforetoggle", ({ newState }) => {
    if (newState !== "open" || !studio.state.model) return;
    const { current, other } = studio.state;
    const present = studio.present.filter((index) => index !== current);
    from.replaceChildren(...studio.present.map((index) => option(studio, index, percent(studio.share(index)))));
    to.replaceChildren(...studio.classes.map(({ index }) => option(studio, index)));
    from.value = present.includes(other) ? other : (present[0] ?? current);
    to.value = current;
    check();
  });
  for (const select of [from, to]) select.addEventListener("change", check);
  go.addEventListener("click", () => {
    studio.replaceClass(Number(from.value), Number(to.value));
    menu.hidePopover();
  });
}

const option = (studio, index, note = "") =>
  h("option", { value: index }, [titled(studio.className(index)), note].filter(Boolean).join(" · "));

export function openReplace() {
  placeBeside($("replace-menu"), document.querySelector("#tools [data-replace]"));
  $("replace-menu").showPopover();
}

// ---- the bar ----

function watchOptions(studio) {
  for (const button of document.querySelectorAll("[data-shape]")) {
    button.addEventListener("click", () => studio.set({ shape: button.dataset.shape }));
  }
  $("size").addEventListener("input", ({ target }) => studio.set({ size: Number(target.value) }));
  $("pressure").addEventListener("click", () => studio.set({ pressure: !studio.state.pressure }));
  $("everywhere").addEventListener("click", () => studio.set({ everywhere: !studio.state.everywhere }));
  $("close-polygon").addEventListener("click", () => studio.finish());
  studio.store.watch(["tool"], ({ tool }) => {
    for (const part of document.querySelectorAll("[data-for]"))
      part.hidden = !part.dataset.for.split(" ").includes(tool);
    $("tool-hint").textContent = HINTS[tool] ?? "";
    $("tool-hint").title = HINTS[tool] ?? "";
  });
  studio.store.watch(["size", "shape", "pressure", "everywhere"], ({ size, shape, pressure, everywhere }) => {
    $("size").value = size;
    markSlider($("size"));
    $("size-value").textContent = `${size} px`;
    $("dock-size-value").textContent = size;
    for (const button of document.querySelectorAll("[data-shape]")) pressed(button, button.dataset.shape === shape);
    pressed($("pressure"), pressure);
    pressed($("everywhere"), everywhere);
  });
  studio.store.watch(["pending"], ({ pending }) => ($("close-polygon").disabled = pending.corners.length < 3));
}

function watchUndo(studio) {
  const [undo, redo] = ["undo", "redo"].map((name) => document.querySelectorAll(`[data-do=${name}]`));
  for (const button of undo) button.addEventListener("click", () => studio.undo());
  for (const button of redo) button.addEventListener("click", () => studio.redo());
  studio.store.watch(["mapVersion", "pending"], ({ pending }) => {
    for (const button of undo) button.disabled = !studio.history.canUndo && !pending.corners.length;
    for (const button of redo) button.disabled = !studio.history.canRedo;
  });
}

function watchPair(studio) {
  $("swap").addEventListener("click", () => studio.swap());
  studio.store.watch(["model", "current", "other"], ({ model, current, other }) => {
    if (!model) return;
    $("pair-main").replaceChildren(swatch(studio, current), h("b", {}, studio.className(current)));
    $("pair-other").replaceChildren(swatch(studio, other));
    $("swap").setAttribute("aria-label", `Paint with ${studio.className(current)}; swap to ${studio.className(other)}`);
  });
}
