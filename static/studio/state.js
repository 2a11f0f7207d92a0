/** The page's state, key by key, as it is before anything is opened. `Store` holds it, and views watch it by key. */
import { NOTHING_PENDING } from "../map/gestures.js";
import { SPACES } from "./spaces.js";

const FIRST_STYLE = { seed: 7 };

/** No class takes its look from a reference. */
export const NO_MIX = {
  choice: {}, // by class: {a, b, t, before}; letters of one or two references, the share of b, and the look before
  focus: null, // class that the blend slider is about
  columns: null, // {a, b, t} if the blend slider is about every class
  base: null, // {bitmap, map, crops} of the picture before any of them
};

/** No morph has been begun. */
export const NO_MORPH = {
  keys: [], // styles on the way, [{title, style}]
  t: 0, // place of the slider, 0 … 1
  still: new Set(), // classes that do not move
};

/** When pictures are made, and how the last one came. */
const LIVE = {
  busy: false, // a picture is on its way
  offline: false, // the server does not answer
  stale: false, // pictures are made on demand, and something has changed since the last one
  liveChoice: "auto", // "auto", or the mode that the person chose
  live: "stroke", // the mode in use: "draw", "stroke" or "demand"
  liveRoute: "socket", // way of the last picture: "socket" or "post"
  latency: null, // ms that the last picture took
};

/** What belongs to one model's label map: another model begins without it. */
export const OF_MODEL = {
  scene: null, // what the work is called
  style: FIRST_STYLE,
  startStyle: FIRST_STYLE, // style that "back to start" leads to
  locks: new Set(), // classes whose look stays when all are rerolled
  strengths: {}, // by class: {from, to, t}, the way between two looks that its strength slider moves along
  picture: null,
  draft: null, // bitmap that is shown until the exact picture is there
  before: null, // picture that the one on the stage is compared with
  change: null, // {classes, share, inside, outside, heat, width, height}
  crops: new Map(), // by class: rectangle of the label map in which its look is seen best
  variants: null, // {indices, total, items, status, kept, base}
  variantClasses: new Set(), // classes to draw looks for; if empty, the current one
  grid: null, // {row, column, side, rows, columns, items, base}
  pictures: [], // newest first
  versus: null, // {kind, a, b, mode, next}
  references: [],
  readAnew: null, // letter of the reference whose looks are read again, because its labels were corrected
  mix: NO_MIX,
  photo: null, // the photo that is repainted
  labelOpacity: 0.65, // opacity of the label map over the photo, 0 … 1
  morph: NO_MORPH,
  palette: null, // [{name, rgb}]: further colours that label maps may come in
};

/** Keys of `OF_MODEL` that are worked out from the others, or drawn again when they are wanted. */
const DERIVED = ["picture", "draft", "before", "change", "crops", "variants", "pictures", "readAnew"];

/** Keys of `OF_MODEL` that are kept in the browser, besides the label map and the pictures. */
export const KEPT = Object.keys(OF_MODEL).filter((key) => !DERIVED.includes(key));

/** The state of the page before a model is loaded. */
export const INITIAL = {
  models: [], // [{id, title}] that the server offers
  unavailable: [], // [{id, reason}] that it could not load
  model: null, // report of the model in use
  space: SPACES[0].name,
  tool: "brush",
  shapeTool: "rectangle", // the shape that was used last
  size: 26, // diameter of the brush, in map pixels
  shape: "round", // shape of the brush: "round" or "square"
  pressure: true, // a pen's pressure sets the brush's width
  everywhere: false, // the fill tool takes every pixel of the class
  pending: NOTHING_PENDING, // what a tool has left open
  colours: "studio", // set of class colours, one of COLOUR_SETS
  hatched: false,
  current: 0, // class that is painted with
  other: 0, // class to swap it with
  mapVersion: 0, // grows with every change of the label map
  drawVersion: 0, // grows when the label canvas must be drawn anew
  counts: new Uint32Array(256), // pixels of each class
  order: [], // classes in the map, as their looks are listed
  ...LIVE,
  peek: null, // bitmap that is shown as long as the pointer is on its card
  preview: null, // change that would come with it
  library: [], // saved looks, newest first
  variantCount: 6, // looks that are drawn at a time
  showHeat: false,
  overlay: 0, // opacity of the label map over the picture, 0 … 1
  ...OF_MODEL,
};
