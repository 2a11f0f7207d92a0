/**
 * The keyboard. Keys go by their place on it, whatever letter the layout has there, and do nothing while somebody
 * types.
 */
import { SHAPES, SHAPES_KEY, TOOLS, toolNamed } from "../../map/tools.js";
import { spaceNamed } from "../../studio/spaces.js";
import { classOfDigit, findClass } from "../canvas/classes.js";
import { nextShape } from "../canvas/rail.js";
import { openReplace } from "../canvas/tools.js";
import { $, h } from "../parts/dom.js";

/** The entries of a tool's keys. The list of keys has only the first, which names them all. */
function toolKeys({ name, keys = [], held, help }) {
  const take = ({ studio }) => studio.inHand.take(name);
  const listed = [...keys, ...(held ? [held] : [])].join(" or ");
  return keys.map((key, i) => [`Key${key}`, i ? [null, null, take] : [listed, help, take]]);
}

const shapes = `Shapes: ${SHAPES.map((name) => toolNamed(name).label.toLowerCase()).join(", ")} in turn`;

// By a key's code: [its name in the list of keys, what it does in words, the function]. Null: it is not listed.
const PLAIN = {
  ...Object.fromEntries(TOOLS.flatMap(toolKeys)),
  [`Key${SHAPES_KEY}`]: [SHAPES_KEY, shapes, ({ studio }) => studio.inHand.take(nextShape(studio.state))],
  BracketLeft: ["[ and ]", "Smaller and larger brush (also Ctrl and wheel)", ({ studio }) => studio.inHand.resize(-1)],
  BracketRight: [null, null, ({ studio }) => studio.inHand.resize(1)],
  KeyX: ["X", "Swap the two classes", ({ studio }) => studio.inHand.swap()],
  KeyD: ["D", "The two largest classes of the map", ({ studio }) => studio.inHand.chooseLargest()],
  KeyR: ["R", "New look for the class", ({ studio }) => studio.looks.reroll(studio.state.current)],
  KeyV: ["V", "Looks to pick from", ({ studio }) => studio.variants.draw()],
  Slash: ["/", "Find a class; Enter takes it", findClass],
  KeyO: ["O", "Open", () => $("open-menu").togglePopover()],
};
const SHIFT = {
  KeyX: ["Shift+X", "Replace a class everywhere", openReplace],
  KeyR: ["Shift+R", "New looks for all that is not locked", ({ studio }) => studio.looks.rerollUnlocked()],
  Slash: ["Shift+?", "This list", () => $("help-dialog").showModal()],
};
const CONTROL = {
  KeyZ: ["Ctrl+Z", "Undo", ({ studio }) => studio.labels.undo()],
  KeyY: ["Ctrl+Shift+Z or Ctrl+Y", "Redo", ({ studio }) => studio.labels.redo()],
  Digit0: ["Ctrl+0", "Fit", ({ stage }) => stage.view.fit()],
  Digit1: ["Ctrl+1", "One pixel to one", ({ stage }) => stage.view.actual()],
  Enter: ["Ctrl+Enter", "Render now", ({ studio }) => studio.live.ask({ demanded: true })],
  KeyS: ["Ctrl+S", "Export", () => $("export-menu").togglePopover()],
};
const CONTROL_SHIFT = { KeyZ: [null, null, ({ studio }) => studio.labels.redo()] };
// Further lines of the list of keys.
const OTHER = [
  ["1 to 0", "The first ten classes of the list"],
  ["Shift+click", "A line from the last point; with shapes, equal sides"],
  ["Space or middle button", "Move the view; the wheel zooms"],
  ["Enter", "Close the polygon, let go of the region"],
  ["Esc", "Take the unfinished stroke back"],
];

const typing = (element) => element.matches("input:not([type=range]), textarea, select");
const pressing = (element) => element.matches("button, a, input, [role=option]");

/** Bind the keyboard, and fill the list of keys. */
export function watchKeys(studio, stage) {
  const context = { studio, stage };
  addEventListener("keydown", (event) => {
    stage.hand.controlHeld = event.ctrlKey;
    if (typing(event.target)) return;
    if (event.key === "Escape") stage.hand.cancel();
    if (event.key === "Alt") event.preventDefault(); // Alt picks a class; by default it opens the browser's menu
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

/** The space bar holds the view, or plays the morph; Enter ends what a tool has left open. */
function hold(event, { studio, stage }) {
  event.preventDefault();
  if (event.code !== "Space") studio.inHand.finish();
  else if (!spaceNamed(studio.state.space).plays) stage.hand.holdView(true);
  else if (!event.repeat) $("morph-play").click();
}

function chooseDigit(studio, digit) {
  const index = classOfDigit(studio, digit);
  if (index !== undefined) studio.inHand.choose(index);
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
