/** What the page knows, key by key, as it is before anything is opened. */
import { NOTHING_PENDING } from "../map/tools.js";
import { INITIAL_LIVE } from "./live.js";
import { NO_MORPH } from "./morphing.js";
import { NO_MIX } from "./references.js";

const FIRST_STYLE = { seed: 7 };

/** What belongs to one model's label map and goes with it. */
export const OF_MODEL = {
  scene: null,
  style: FIRST_STYLE,
  startStyle: FIRST_STYLE,
  locks: new Set(),
  strengths: {}, // by class: {from, to, t}, the way between two looks that its strength slider goes
  picture: null,
  draft: null, // a bitmap shown until the exact picture is there
  before: null,
  change: null, // {classes, share, inside, outside, heat, width, height}
  crops: new Map(), // by class: where in the picture its look is seen best
  variants: null, // {indices, total, items, status, kept, base}
  variantClasses: new Set(), // classes to draw looks of; empty: the current one
  grid: null, // {row, column, side, rows, columns, items, base}
  pictures: [], // newest first
  versus: null, // {kind, a, b, mode, next}
  references: [],
  readAnew: null, // letter of the reference whose labels were corrected, while its looks are read again
  mix: NO_MIX, // choice by class: {before, a, b, t}; base: the picture before any of them
  photo: null,
  labelOpacity: 0.65, // of the label map over the photo
  morph: NO_MORPH,
  palette: null, // [{name, rgb}]: further colours that label maps may come in
};

/** Of that, what is derived from the rest, or drawn again when it is wanted. */
const DERIVED = ["picture", "draft", "before", "change", "crops", "variants", "pictures", "readAnew"];

/** What a table must have to be laid again, besides its map and its pictures. */
export const TABLE = Object.keys(OF_MODEL).filter((key) => !DERIVED.includes(key));

export const INITIAL = {
  models: [],
  unavailable: [],
  model: null,
  space: "paint",
  tool: "brush",
  shapeTool: "rectangle", // the shape that was used last
  size: 26,
  shape: "round",
  pressure: true, // a pen's pressure is the brush's width
  everywhere: false, // fill takes every pixel of the class
  pending: NOTHING_PENDING, // corners of a polygon, or a region that was picked up
  colours: "studio", // or another of COLOUR_SETS
  hatched: false,
  current: 0,
  other: 0,
  mapVersion: 0,
  drawVersion: 0, // another one when the label canvas must be drawn anew
  counts: new Uint32Array(256),
  order: [], // classes present, as the looks are listed
  ...INITIAL_LIVE,
  peek: null, // a bitmap shown for as long as the pointer asks for it
  library: [], // saved looks, newest first
  preview: null, // what would change with the picture that is peeked at
  variantCount: 6,
  showHeat: false,
  overlay: 0, // 0 … 1, the label map over the picture
  ...OF_MODEL,
};
