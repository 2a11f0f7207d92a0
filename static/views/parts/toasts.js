/** Messages at the edge of the page: what was done, and what went wrong, why, and what can be done about it. */
import { ApiError, OfflineError } from "../../net/api.js";
import { $, grouped, h, icon } from "./dom.js";

// By an error's code.
const TITLES = {
  unknown_label: "Values that have no class",
  wrong_size: "The size does not fit",
  too_large: "That is too large",
  not_an_image: "This file is no picture",
  no_encoder: "This model reads no photos",
  missing_class: "A class is missing",
  unknown_model: "No such model",
  busy: "The studio is busy",
};
const LISTED = 6; // unknown values that are listed

/** Show a message for 5 seconds, or 12 if it has actions, [{label, run}]. */
export function notify(title, text = "", actions = []) {
  const buttons = actions.map(({ label, run }) => h("button.btn", { onclick: () => (toast.remove(), run()) }, label));
  const words = h("div", {}, h("b", {}, title), text && h("p", {}, text));
  if (buttons.length) words.append(h("div.toast-actions", {}, buttons));
  const toast = h("div.toast", { role: "status" }, words);
  $("toasts").append(toast);
  setTimeout(() => toast.remove(), buttons.length ? 12_000 : 5000);
}

/** Show an error until it is dismissed. `undone` says what did not happen, or is null; actions are [{label, run}]. */
export function showError(error, undone, actions = []) {
  const title =
    error instanceof OfflineError ? "The studio server does not answer" : (TITLES[error.code] ?? "That did not work");
  const dismiss = () => toast.remove();
  const list = unknownValues(error);
  const words = list ? null : error.message;
  const buttons = actions.map(({ label, run }, i) =>
    h(i ? "button.btn.quiet" : "button.btn.solid", { onclick: () => (dismiss(), run()) }, label),
  );
  const toast = h(
    "div.toast.error",
    { role: "alert" },
    icon("alert"),
    h(
      "div",
      {},
      h("b", {}, title),
      words && h("p", {}, words),
      list,
      undone && h("p", {}, undone),
      buttons.length ? h("div.toast-actions", {}, buttons) : null,
    ),
    h("button.ib.s", { onclick: dismiss, "aria-label": "Dismiss" }, icon("close", true)),
  );
  for (const same of [...$("toasts").children]) if (same.dataset.words === error.message) same.remove();
  toast.dataset.words = error.message;
  $("toasts").append(toast);
}

/** The values of a label map that mean no class, as a list of lines "13 on 47 pixels; closest is rock", or null. */
function unknownValues(error) {
  if (!(error instanceof ApiError) || error.code !== "unknown_label" || !Array.isArray(error.details)) return null;
  const rows = error.details
    .slice(0, LISTED)
    .map(({ value, pixels, nearest }) =>
      h(
        "li",
        {},
        h("code", {}, String(value)),
        ` on ${grouped(pixels)} ${pixels === 1 ? "pixel" : "pixels"}; closest is ${nearest.name}`,
      ),
    );
  const more = error.details.length - rows.length;
  return h(
    "ul.values",
    {},
    rows,
    more > 0 && h("li", {}, `and ${more} more`),
    error.allowed && h("li", {}, `Allowed: ${error.allowed}.`),
  );
}
