/**
 * The bar over the canvases: what the tool in the hand can be set to, undo and redo, the two classes, and replacing
 * one.
 */
import { toolNamed } from "../../map/tools.js";
import { $, h, markSlider, percent, pressed, titled } from "../parts/dom.js";
import { phone, placeBeside } from "../parts/screen.js";
import { swatch } from "../parts/swatch.js";

/** Bind all of it. */
export function watchTools(studio) {
  watchReplace(studio);
  watchOptions(studio);
  watchUndo(studio);
  watchPair(studio);
}

// ---- replacing a class ----

function watchReplace(studio) {
  const [menu, from, to, go] = ["replace-menu", "replace-from", "replace-to", "replace-go"].map($);
  for (const button of document.querySelectorAll("[data-replace]")) {
    button.addEventListener("click", () => placeBeside(menu, phone.matches ? $("shapes") : button));
  }
  const check = () => (go.disabled = from.value === to.value);
  menu.addEventListener("beforetoggle", ({ newState }) => {
    if (newState !== "open" || !studio.state.model) return;
    const { current, other } = studio.state;
    const { present } = studio.labels;
    const others = present.filter((index) => index !== current);
    from.replaceChildren(...present.map((index) => option(studio, index, percent(studio.labels.share(index)))));
    to.replaceChildren(...studio.classes.list.map(({ index }) => option(studio, index)));
    from.value = others.includes(other) ? other : (others[0] ?? current);
    to.value = current;
    check();
  });
  for (const select of [from, to]) select.addEventListener("change", check);
  go.addEventListener("click", () => {
    studio.labels.replaceClass(Number(from.value), Number(to.value));
    menu.hidePopover();
  });
}

const option = (studio, index, note = "") =>
  h("option", { value: index }, [titled(studio.classes.name(index)), note].filter(Boolean).join(" · "));

/** Open the dialog in which one class is replaced by another. */
export function openReplace() {
  placeBeside($("replace-menu"), document.querySelector("#tools [data-replace]"));
  $("replace-menu").showPopover();
}

// ---- the tool's options ----

function watchOptions(studio) {
  for (const button of document.querySelectorAll("[data-shape]")) {
    button.addEventListener("click", () => studio.set({ shape: button.dataset.shape }));
  }
  $("size").addEventListener("input", ({ target }) => studio.set({ size: Number(target.value) }));
  $("pressure").addEventListener("click", () => studio.set({ pressure: !studio.state.pressure }));
  $("everywhere").addEventListener("click", () => studio.set({ everywhere: !studio.state.everywhere }));
  $("close-polygon").addEventListener("click", () => studio.inHand.finish());
  studio.store.watch(["tool"], ({ tool }) => {
    const { name, hint = "", sized } = toolNamed(tool);
    for (const part of document.querySelectorAll("[data-for]"))
      part.hidden = part.dataset.for !== name && !(sized && part.dataset.for === "sized");
    $("tool-hint").textContent = hint;
    $("tool-hint").title = hint;
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
  for (const button of undo) button.addEventListener("click", () => studio.labels.undo());
  for (const button of redo) button.addEventListener("click", () => studio.labels.redo());
  studio.store.watch(["mapVersion", "pending"], ({ pending }) => {
    const { canUndo, canRedo } = studio.labels.history;
    for (const button of undo) button.disabled = !canUndo && !pending.corners.length;
    for (const button of redo) button.disabled = !canRedo;
  });
}

function watchPair(studio) {
  $("swap").addEventListener("click", () => studio.inHand.swap());
  studio.store.watch(["model", "current", "other"], ({ model, current, other }) => {
    if (!model) return;
    const [name, otherName] = [current, other].map((index) => studio.classes.name(index));
    $("pair-main").replaceChildren(swatch(studio, current), h("b", {}, name));
    $("pair-other").replaceChildren(swatch(studio, other));
    $("swap").setAttribute("aria-label", `Paint with ${name}; swap to ${otherName}`);
  });
}
