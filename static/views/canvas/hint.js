/** First steps, for somebody who has not been here before. They are shown until the first stroke, and not again. */
import { $, h, icon } from "../parts/dom.js";

const KEY = "hinted"; // key in localStorage; set once the first steps were shown
const WORDS = [
  ["brush", "Pick a class and paint it on the labels: the picture follows."],
  ["dice", "The dice gives a class another look. All else stays as it is."],
  ["open", "Drop a label map or a picture made here anywhere. Your work is kept in this browser."],
];

/** Show the first steps in this browser's first visit. */
export function watchHint(studio) {
  if (localStorage.getItem(KEY)) return;
  const gone = () => {
    localStorage.setItem(KEY, "yes");
    card.remove();
  };
  const lines = WORDS.map(([name, words]) => h("li", {}, icon(name, true), h("span", {}, words)));
  const card = h(
    "aside.toast.hint",
    { "aria-label": "First steps" },
    h(
      "div",
      {},
      h("b", {}, "First steps"),
      h("ul", {}, lines),
      h("div.toast-actions", {}, h("button.btn", { onclick: gone }, "Got it")),
    ),
  );
  $("toasts").append(card);
  studio.store.watch(["mapVersion"], () => card.isConnected && studio.labels.history.canUndo && gone());
}
