/** Keys by their place on the keyboard, silent while somebody types. */
import { classOfDigit, findClass } from "../canvas/classes.js";
import { nextShape, openReplace } from "../canvas/tools.js";
import { $, h } from "../parts/dom.js";

const take =
  (tool) =>
  ({ studio }) =>
    studio.takeTool(tool);

const PLAIN = {
  KeyB: ["B", "Brush", take("brush")],
  KeyE: ["E", "Eraser: back to the class beneath", take("erase")],
  KeyG: ["G or F", "Fill (Shift+click: the class everywhere)", take("fill")],
  KeyF: [null, null, take("fill")],
  KeyU: ["U", "Shapes: rectangle, ellipse, polygon in turn", ({ studio }) => studio.takeTool(nextShape(studio.state))],
  KeyL: ["L", "Lasso", take("lasso")],
  KeyM: ["M", "Move and scale a region", take("move")],
  KeyI: ["I or Alt", "Pick the class under the pointer", take("pick")],
  BracketLeft: ["[ and ]", "Smaller and larger brush (also Ctrl and wheel)", ({ studio }) => studio.resizeBrush(-1)],
  BracketRight: [null, null, ({ studio }) => studio.resizeBrush(1)],
  KeyX: ["X", "Swap the two classes", ({ studio }) => studio.swap()],
  KeyD: ["D", "The two largest classes of the map", ({ studio }) => studio.defaultPair()],
  KeyR: ["R", "New look for the class", ({ studio }) => studio.reroll(studio.state.current)],
  KeyV: ["V", "Looks to pick from", ({ studio }) => studio.variants.draw()],
  Slash: ["/", "Find a class; Enter takes it", findClass],
  KeyO: ["O", "Open", () => $("open-menu").togglePopover()],
};
const SHIFT = {
  KeyX: ["Shift+X", "Replace a class everywhere", openReplace],
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
  ["1 to 0", "The first ten classes of the list"],
  ["Shift+click", "A line from the last point; with shapes, equal sides"],
  ["Space or middle button", "Move the view; the wheel zooms"],
  ["Enter", "Close the polygon, let go of the region"],
  ["Esc", "Take the unfinished stroke back"],
];

const typing = (element) => element.matches("input:not([type=range]), textarea, select");
const pressing = (element) => element.matches("button, a, input, [role=option]");

export function watchKeys(studio, stage) {
  const context = { studio, stage };
  addEventListener("keydown", (event) => {
    stage.hand.controlHeld = event.ctrlKey;
    if (typing(event.target)) return;
    if (event.key === "Escape") stage.hand.cancel();
    if (event.key === "Alt") event.preventDefault(); // it is the eyedropper here, not the browser's menu
    if (["Space", "Enter", "NumpadEnter"].includes(event.code) && !event.ctrlKey) {
      if (stage.cursor.shown || !pressing(event.target)) hold(event, context);
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
  addEventListener("keyup", ({ code, ctrlKey }) => {
    stage.hand.controlHeld = ctrlKey;
    if (code === "Space") stage.hand.holdView(false);
  });
  addEventListener("blur", () => {
    stage.hand.controlHeld = false;
    stage.hand.holdView(false);
  });
  describeKeys();
}

/** Space takes hold of the view, or plays the morph; Enter ends what a tool has left open. */
function hold(event, { studio, stage }) {
  event.preventDefault();
  if (event.code !== "Space") studio.finish();
  else if (studio.state.space !== "morph") stage.hand.holdView(true);
  else if (!event.repeat) $("morph-play").click();
}

function chooseDigit(studio, digit) {
  const index = classOfDigit(studio, digit);
  if (index !== undefined) studio.choose(index);
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
