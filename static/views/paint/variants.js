/** The strip of variants: looks as they are drawn; the pointer on one shows it on the stage, a click keeps it. */
import { $, h, icon, percent, redraw, thumbnail } from "../parts/dom.js";
import { watchVariantsMenu } from "./variants_menu.js";

const SIDE = 200; // pixels of a card's canvas, in width and height; it is shown at half of that
// Numbers of looks in words.
const WORDS = { 4: "Four", 6: "Six", 8: "Eight", 12: "Twelve" };

/** Show the variants, and the buttons that draw them. */
export function watchVariants(studio) {
  const faces = new WeakMap(); // by item: its canvas
  studio.store.watch(["variants", "current", "model", "variantClasses", "variantCount", "counts"], () =>
    draw(studio, faces),
  );
  for (const id of ["variants-draw", "variants-phone"]) $(id).addEventListener("click", () => studio.variants.draw());
  watchVariantsMenu(studio);
}

/** Classes in words: "water", "water and sky", "3 classes". */
export function namesOf(studio, indices) {
  const names = indices.map((index) => studio.classes.name(index));
  return names.length > 2 ? `${names.length} classes` : names.join(" and ");
}

/**
 * Listeners that show a bitmap on the stage, and its `change()` in the panel, while the pointer or focus is on a card.
 */
export function peeking(studio, bitmap, change) {
  const look = () => studio.set({ peek: bitmap, preview: change() });
  const leave = () => studio.set({ peek: null, preview: null });
  return {
    onpointerenter: ({ pointerType }) => pointerType === "mouse" && look(),
    onpointerleave: leave,
    onfocus: ({ target }) => target.matches(":focus-visible") && look(),
    onblur: leave,
  };
}

function draw(studio, faces) {
  const { variants, model, variantCount } = studio.state;
  if (!model) return;
  const next = namesOf(studio, studio.variants.wanted);
  const words = `${WORDS[variantCount]} looks`;
  $("variants-draw").setAttribute("aria-label", `Draw ${words.toLowerCase()} of ${next}`);
  for (const id of ["variants-draw", "variants-phone"]) $(id).lastElementChild.textContent = words;
  $("variants-hint").textContent = variants?.items.length ? "Hover to compare, click to keep" : "";
  $("variants-note").textContent = variants ? progress(studio, variants) : next;
  if (variants) {
    const cards = Array.from({ length: variants.total }, (_, i) =>
      variants.items[i] ? card(studio, variants, i, faces) : waiting(variants),
    );
    redraw($("variants"), ...cards.filter(Boolean));
    return;
  }
  const button = h(
    "button.btn",
    { onclick: () => studio.variants.draw() },
    icon("dice", true),
    `Draw ${words.toLowerCase()} of ${next}`,
  );
  const text = h("p", {}, `See ${next} ${WORDS[variantCount].toLowerCase()} ways; everything else stays as it is.`);
  redraw($("variants"), h("div.empty-strip", {}, text, button));
}

function progress(studio, { indices, total, items, status }) {
  const what = namesOf(studio, indices);
  return status === "working" ? `${what} · ${items.length} of ${total} ready` : `${what} · ${items.length} looks`;
}

const waiting = ({ status }) =>
  status === "working" ? h("div.card.waiting", { "aria-hidden": "true" }, h("i.ring")) : null;

function card(studio, variants, number, faces) {
  const item = variants.items[number];
  const kept = variants.kept === number;
  const inside = item.change?.share ?? null;
  const leaked = inside === null ? "" : `${percent(1 - inside)} outside`;
  if (!faces.has(item)) faces.set(item, thumbnail(item.bitmap, SIDE, SIDE));
  const attributes = {
    "aria-label": `Look ${number + 1} of ${variants.total}${leaked && `, ${leaked}`}${kept ? ", kept" : ""}`,
    "aria-pressed": String(kept),
    title: leaked && `${percent(inside)} of the change is inside ${namesOf(studio, variants.indices)}, ${leaked}`,
    data: { variant: number },
    ...peeking(studio, item.bitmap, () => studio.variants.change(item)),
    onclick: () => {
      studio.set({ peek: null, preview: null });
      studio.variants.keep(number);
    },
  };
  return h(
    "button.card",
    attributes,
    faces.get(item),
    kept && halfHeat(studio, item),
    h("span.corner", {}, String(number + 1)),
    leaked && h("span.leak", {}, leaked),
  );
}

/** A heat map for the right half of the card that was kept. */
function halfHeat(studio, item) {
  const change = studio.variants.change(item);
  if (!change) return null;
  const heat = new OffscreenCanvas(change.width, change.height);
  heat.getContext("2d").putImageData(new ImageData(change.heat, change.width, change.height), 0, 0);
  return thumbnail(heat, SIDE, SIDE, { class: "half-heat" });
}
