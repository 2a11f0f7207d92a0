/**
 * The tools, one row each. The rail, the keys, the hints, the cursor and the painter all read these rows: another tool
 * is another row, and the gesture that draws.
 *
 * name      what settings and recordings call it, and its symbol in templates/icons.svg
 * label     what the page calls it
 * keys      letters that take it; a shape has none, since one key takes the shapes in turn
 * held      key that stands for the tool as long as it is held, whatever tool is in the hand
 * place     where its button is: "draw" or "other", the rail's two groups, or "shape", the fly-out
 * wide      whether the rail has room for it on wide screens only; a phone has it in the fly-out
 * about     what it does, in its tooltip; `more` follows there
 * hint      what the bar over the canvases says while it is in the hand
 * help      what the list of keys says
 * sized     whether the brush's size and shape matter to it; the cursor is then a ring of that size
 * continues whether Shift draws a line from the end of the last stroke
 * gesture   how it draws
 */
import { draws, fill, lasso, move, pick, polygon, spans } from "./gestures.js";

/** The rows, in the order of the rail. */
export const TOOLS = [
  {
    name: "brush",
    label: "Brush",
    keys: ["B"],
    place: "draw",
    about: "Shift+click draws a line from the last point",
    more: "a pen's pressure is its width",
    help: "Brush",
    sized: true,
    continues: true,
    gesture: draws(({ settings }) => settings.value),
  },
  {
    name: "fill",
    label: "Fill",
    keys: ["G", "F"],
    place: "draw",
    about: "Shift+click fills the class everywhere",
    help: "Fill (Shift+click: the class everywhere)",
    gesture: fill,
  },
  {
    name: "rectangle",
    label: "Rectangle",
    place: "shape",
    about: "Shift: equal sides",
    hint: "Shift: equal sides",
    gesture: spans("rectangle"),
  },
  {
    name: "ellipse",
    label: "Ellipse",
    place: "shape",
    about: "Shift: a circle",
    hint: "Shift: a circle",
    gesture: spans("ellipse"),
  },
  {
    name: "polygon",
    label: "Polygon",
    place: "shape",
    about: "Corner by corner, then Enter",
    hint: "Enter or the first corner closes it",
    gesture: polygon,
  },
  {
    name: "lasso",
    label: "Lasso",
    keys: ["L"],
    place: "draw",
    wide: true,
    about: "Draw round what is to be filled",
    hint: "Draw round what is to be filled",
    help: "Lasso",
    gesture: lasso,
  },
  {
    name: "erase",
    label: "Eraser",
    keys: ["E"],
    place: "draw",
    about: "Back to the class that was there when the map was opened",
    more: "a pen's other end does it too",
    hint: "Back to the map as it was opened",
    help: "Eraser: back to the class beneath",
    sized: true,
    continues: true,
    gesture: draws(({ history }) => history.base),
  },
  {
    name: "pick",
    label: "Pick a class",
    keys: ["I"],
    held: "Alt",
    place: "other",
    about: "Or hold Alt with any tool",
    hint: "Click the class to paint with",
    help: "Pick the class under the pointer",
    gesture: pick,
  },
  {
    name: "move",
    label: "Move a region",
    keys: ["M"],
    place: "other",
    wide: true,
    about: "Drag a connected region, then its sides or corners to scale it",
    more: "Shift keeps its proportions",
    hint: "Drag a region; drag its box to scale it",
    help: "Move and scale a region",
    gesture: move,
  },
];

const byName = new Map(TOOLS.map((tool) => [tool.name, tool]));

/** The row of a tool. */
export const toolNamed = (name) => byName.get(name);

/** Names of the tools in the fly-out, which one key takes in turn. */
export const SHAPES = TOOLS.filter(({ place }) => place === "shape").map(({ name }) => name);

/** The letter that takes the shapes in turn. */
export const SHAPES_KEY = "U";

/** Diameters that the brush can have, in map pixels. */
export const BRUSH_SIZES = { min: 1, max: 128 };
