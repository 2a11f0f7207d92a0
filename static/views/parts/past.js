/** The history: every picture so far. A click brings its labels and looks back, or chooses it for a comparison. */
import { $, h, redraw } from "./dom.js";

/** Media type under which a card of the history is dragged; its data is the picture's id. */
export const DRAGGED = "application/x-groupdnet-picture";

/** Show the history. */
export function watchPast(studio) {
  const cards = new Map(); // by picture's id: {age, side, time, url, element, item}
  const later = { later: true };
  studio.store.watch(["pictures", "picture", "versus"], (state) => drawPast(studio, state, cards), later);
  setInterval(() => cards.forEach(({ age, time }) => (age.textContent = since(time))), 15_000);
}

function drawPast(studio, { pictures, picture: shown, versus }, cards) {
  const kept = new Set(pictures.map(({ id }) => id));
  for (const [id, { url }] of cards) {
    if (kept.has(id)) continue;
    URL.revokeObjectURL(url);
    cards.delete(id);
  }
  for (const picture of pictures) if (!cards.has(picture.id)) cards.set(picture.id, pastCard(studio, picture));
  const comparing = versus?.kind === "pictures" ? versus : null;
  for (const [id, { element, side }] of cards) {
    element.setAttribute("aria-current", String(id === shown?.id));
    const letters = ["a", "b"].filter((key) => comparing?.[key]?.id === id).map((key) => key.toUpperCase());
    side.textContent = letters.join(" ");
    side.hidden = !letters.length;
    element.title = comparing ? `Compare as ${comparing.next.toUpperCase()}` : "Back to these labels and looks";
  }
  redraw($("history"), ...pictures.map(({ id }) => cards.get(id).item));
  $("history-note").textContent = pictures.length
    ? `${pictures.length} ${pictures.length === 1 ? "picture" : "pictures"}`
    : "";
}

function pastCard(studio, picture) {
  const { id, time } = picture;
  const age = h("span.age", {}, since(time));
  const side = h("span.corner", { hidden: true });
  const url = URL.createObjectURL(new Blob([picture.bytes], { type: "image/png" }));
  const click = () => {
    const found = studio.state.pictures.find((other) => other.id === id);
    if (studio.state.versus?.kind === "pictures") studio.versus.pick(found);
    else studio.pictures.restore(found);
  };
  const ondragstart = ({ dataTransfer }) => dataTransfer.setData(DRAGGED, id);
  const element = h(
    "button.card.past",
    { onclick: click, data: { past: id }, draggable: "true", ondragstart },
    h("img", { src: url, alt: "", loading: "lazy", decoding: "async", draggable: "false" }),
    h("span.said", {}, "Back to the picture of "),
    side,
    age,
  );
  return { age, side, time, url, element, item: h("div", { role: "listitem" }, element) };
}

/** How long ago a time was, in words: "now", "5 min", "2 h". */
export function since(time) {
  const minutes = Math.floor((Date.now() - time) / 60_000);
  if (minutes < 1) return "now";
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h`;
}
