/** Keys by their place on the keyboard, silent while somebody types. */
import { $, h } from "./dom.js";
import { resizeBrush } from "./views/stage.js";

const PLAIN = {
  KeyB: ["B", "Brush", ({ studio }) => studio.set({ tool: "brush" })],
  KeyG: ["G or F", "Fill (Shift: the class everywhere)", ({ studio }) => studio.set({ tool: "fill" })],
  KeyF: [null, null, ({ studio }) => studio.set({ tool: "fill" })],
  KeyU: ["U", "Rectangle", ({ studio }) => studio.set({ tool: "rectangle" })],
  KeyI: ["I or Alt", "Pick the class under the pointer", ({ studio }) => studio.set({ tool: "pick" })],
  BracketLeft: ["[ and ]", "Smaller and larger brush (also Ctrl and wheel)", ({ studio }) => resizeBrush(studio, -1)],
  BracketRight: [null, null, ({ studio }) => resizeBrush(studio, 1)],
  KeyX: ["X", "Swap the two classes", ({ studio }) => studio.swap()],
  KeyR: ["R", "New look for the class", ({ studio }) => studio.reroll(studio.state.current)],
  KeyV: ["V", "Six looks of the class", ({ studio }) => studio.variants.draw()],
  Slash: ["/", "Find a class", () => $("class-search").focus()],
  KeyO: ["O", "Open", () => $("open-menu").togglePopover()],
};
const SHIFT = {
  KeyR: ["Shift+R", "New looks for all that is not locked", ({ studio }) => studio.resampleUnlocked()],
  Slash: ["Shift+?", "This list", () => $("help-dialog").showModal()],
};
const CONTROL = {
  KeyZ: ["Ctrl+Z", "Undo", ({ studio }) => studio.undo()],
  KeyY: ["Ctrl+Shift+Z or Ctrl+Y", "Redo", ({ studio }) => studio.redo()],
  Digit0: ["Ctrl+0", "Fit", ({ stage }) => stage.view.fit()],
  Digit1: ["Ctrl+1", "One pixel to one", ({ stage }) => stage.view.actual()],
  Enter: ["Ctrl+Enter", "Render now", ({ studio }) => studio.refresh({ demanded: true })],
  KeyS: ["Ctrl+S", "Export", () => $("export-menu").togglePopover()],
};
const CONTROL_SHIFT = { KeyZ: [null, null, ({ studio }) => studio.redo()] };
const OTHER = [
  ["1 to 0", "Choose a class"],
  ["Shift+click", "Continue the line with the brush"],
  ["Space or middle button", "Move the view; the wheel zooms"],
  ["Esc", "Take the unfinished stroke back"],
];

const typing = (element) => element.matches("input:not([type=range]), textarea, select");
const pressing = (element) => element.matches("button, a, input, [role=option]");

export function watchKeys(studio, stage) {
  const context = { studio, stage };
  addEventListener("keydown", (event) => {
    if (typing(event.target)) return;
    if (event.key === "Escape") stage.cancel();
    if (event.code === "Space" && !pressing(event.target)) {
      event.preventDefault();
      if (studio.state.space === "morph" && !event.repeat) $("morph-play").click();
      else stage.spaceHeld = true;
      return;
    }
    const control = event.ctrlKey || event.metaKey;
    const table = control ? (event.shiftKey ? CONTROL_SHIFT : CONTROL) : event.shiftKey ? SHIFT : PLAIN;
    const digit = !control && !event.shiftKey && /^Digit(\d)$/.exec(event.code);
    const action = digit ? () => chooseDigit(studio, Number(digit[1])) : table[event.code]?.[2];
    if (!action || event.altKey || document.querySelector("dialog[open]")) return;
    event.preventDefault();
    action(context);
  });
  addEventListener("keyup", ({ code }) => {
    if (code === "Space") stage.spaceHeld = false;
  });
  addEventListener("blur", () => (stage.spaceHeld = false));
  describeKeys();
}

function chooseDigit(studio, digit) {
  const index = (digit + 9) % 10;
  if (index < studio.classes.length) studio.choose(index);
}

function describeKeys() {
  const rows = [PLAIN, SHIFT, CONTROL].flatMap((table) => Object.values(table).filter(([keys]) => keys));
  $("help-keys").replaceChildren(
    ...[...rows, ...OTHER].flatMap(([keys, what]) => [h("dt", {}, keys), h("dd", {}, what)]),
  );
  $("help").addEventListener("click", () => $("help-dialog").showModal());
  $("help-dialog")
    .querySelector("[data-close]")
    .addEventListener("click", () => $("help-dialog").close());
}
