/** Variants of the chosen class, and every picture since the page was opened. */
import { $, h, icon, percent, redraw, thumbnail } from "../dom.js";
import { heatMap } from "../heat.js";
import { pixelsOf } from "../pictures.js";

const SIDE = 200; // canvas pixels of a card that is shown at 100

export function watchShelf(studio) {
  studio.store.watch(["variants", "current", "model"], () => drawVariants(studio));
  for (const id of ["variants-draw", "variants-phone"]) $(id).addEventListener("click", () => studio.variants.draw());
  const cards = new Map();
  studio.store.watch(["pictures", "picture"], (state) => drawHistory(studio, state, cards));
  setInterval(() => cards.forEach(({ age }, picture) => (age.textContent = since(picture.time))), 15_000);
}

function drawVariants(studio) {
  const { variants, current, model } = studio.state;
  if (!model) return;
  const name = studio.className(variants ? variants.index : current);
  $("variants-draw").setAttribute("aria-label", `Draw six looks of ${studio.className(current)}`);
  $("variants-hint").textContent = variants?.items.length ? "Hover to compare, click to keep" : "";
  if (!variants) {
    $("variants-note").textContent = name;
    const draw = h(
      "button.btn",
      { onclick: () => studio.variants.draw() },
      icon("dice", true),
      `Draw six looks of ${name}`,
    );
    redraw(
      $("variants"),
      h("div.empty-strip", {}, h("p", {}, `See ${name} six ways; everything else stays as it is.`), draw),
    );
    return;
  }
  $("variants-note").textContent =
    variants.status === "working" ? `${name} · drawing ${variants.total}` : `${name} · ${variants.items.length} looks`;
  const cards = Array.from({ length: variants.total }, (_, i) =>
    variants.items[i]
      ? variantCard(studio, variants, i)
      : h("div.card.waiting", { "aria-hidden": "true" }, h("i.ring")),
  );
  redraw($("variants"), ...cards);
}

function variantCard(studio, variants, number) {
  const item = variants.items[number];
  const kept = variants.kept === number;
  const outside = item.change ? 1 - item.change.share_inside : null;
  const leaked = outside === null ? "" : `${percent(outside)} outside`;
  const face = thumbnail(item.bitmap, SIDE, SIDE);
  if (kept && variants.base) drawHalfHeat(face, variants, item);
  const attributes = {
    "aria-label": `Look ${number + 1} of ${variants.total}${leaked && `, ${leaked}`}${kept ? ", kept" : ""}`,
    "aria-pressed": String(kept),
    title: leaked && `${percent(1 - outside)} of the change is inside ${studio.className(variants.index)}, ${leaked}`,
    data: { variant: number },
    onclick: () => {
      studio.set({ peek: null });
      studio.variants.keep(number);
    },
    onpointerenter: ({ pointerType }) => pointerType === "mouse" && studio.set({ peek: item.bitmap }),
    onpointerleave: () => studio.set({ peek: null }),
  };
  return h(
    "button.card",
    attributes,
    face,
    h("span.corner", {}, String(number + 1)),
    leaked && h("span.leak", {}, leaked),
  );
}

/** The right half of the kept card is its heat map. */
function drawHalfHeat(face, { base, index }, item) {
  const { width, height } = item.map;
  const [old, now] = [base, item].map(({ bitmap }) => pixelsOf(bitmap, width, height));
  const heat = new OffscreenCanvas(width, height);
  heat.getContext("2d").putImageData(new ImageData(heatMap(old, now, item.map, [index]), width, height), 0, 0);
  const scale = Math.max(SIDE / width, SIDE / height);
  const context = face.getContext("2d");
  context.save();
  context.beginPath();
  context.rect(SIDE / 2, 0, SIDE / 2, SIDE);
  context.clip();
  context.drawImage(heat, (SIDE - width * scale) / 2, (SIDE - height * scale) / 2, width * scale, height * scale);
  context.restore();
  context.fillStyle = "#fff";
  context.fillRect(SIDE / 2 - 1, 0, 2, SIDE);
}

function drawHistory(studio, { pictures, picture: shown }, cards) {
  for (const picture of cards.keys()) if (!pictures.includes(picture)) cards.delete(picture);
  for (const picture of pictures) if (!cards.has(picture)) cards.set(picture, historyCard(studio, picture));
  for (const [picture, { element }] of cards) element.setAttribute("aria-current", String(picture.id === shown?.id));
  redraw($("history"), ...pictures.map((picture) => cards.get(picture).item));
  $("history-note").textContent = pictures.length
    ? `${pictures.length} ${pictures.length === 1 ? "picture" : "pictures"}`
    : "";
}

function historyCard(studio, picture) {
  const age = h("span.age", {}, since(picture.time));
  const attributes = {
    title: "Back to these labels and looks",
    onclick: () => studio.restore(picture),
  };
  const element = h(
    "button.card.past",
    attributes,
    thumbnail(picture.bitmap, SIDE, SIDE),
    h("span.said", {}, "Back to the picture of "),
    age,
  );
  return { age, element, item: h("div", { role: "listitem" }, element) };
}

function since(time) {
  const minutes = Math.floor((Date.now() - time) / 60_000);
  return minutes < 1 ? "now" : `${minutes} min`;
}
