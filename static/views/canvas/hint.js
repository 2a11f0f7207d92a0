/** A few words for somebody who is here for the first time. They go with the first stroke, and do not come back. */
import { $, h, icon } from "../parts/dom.js";

const KEY = "hinted";
const WORDS = [
  ["brush", "Pick a class and paint it on the labels: the picture follows."],
  ["dice", "The dice gives a class another look. All else stays as it is."],
  ["open", "Drop a label map or a picture made here anywhere. Your work is kept in this browser."],
];

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
