/** The indicator of the live picture: how long the last one took, the mode in use, and the choice of another mode. */
import { $, write } from "../parts/dom.js";

// Modes in words.
const SAID = { draw: "while drawing", stroke: "after each stroke", demand: "on demand" };
const ROUTES = { socket: "over the live line", post: "by single requests: the live line is blocked" };

/** Bind the indicator and its menu; the sliders of the page make drafts while they are held. */
export function watchLive(studio) {
  const choices = [...document.querySelectorAll("[data-live]")];
  for (const button of choices) {
    button.addEventListener("click", () => studio.live.choose(button.dataset.live));
    button.addEventListener("keydown", (event) => walk(event, choices));
  }
  $("render-now").addEventListener("click", () => studio.live.hurry());
  watchSliders(studio);
  studio.store.watch(["offline", "latency", "live", "liveChoice", "liveRoute", "stale"], show);
  studio.store.watch(["liveChoice"], ({ liveChoice }) => {
    for (const button of choices) {
      const chosen = button.dataset.live === liveChoice;
      button.setAttribute("aria-checked", String(chosen));
      button.tabIndex = chosen ? 0 : -1;
    }
  });
}

function show({ offline, latency, live, liveChoice, liveRoute, stale }) {
  const time = latency === null ? "Ready" : duration(latency);
  $("live").dataset.state = offline ? "offline" : live === "demand" ? "demand" : "connected";
  write($("live-value"), offline ? "Offline" : time);
  write($("live-mode"), offline ? "Painting on, will resend" : SAID[live]);
  $("render-now").hidden = !offline && !stale;
  write($("render-now"), offline ? "Try now" : "Render");
  write($("live-auto"), liveChoice === "auto" ? `now ${SAID[live]}` : "as fast as pictures come");
  const line = offline
    ? "The server does not answer. Your painting is kept here and sent when it does."
    : latency === null
      ? "No picture was asked for since the page was opened."
      : `The last picture took ${time}, ${ROUTES[liveRoute]}.`;
  write($("live-line"), line);
}

/** Arrow keys choose the next or the previous mode. */
function walk(event, choices) {
  const step = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[event.key];
  if (!step) return;
  event.preventDefault();
  const next = choices[(choices.indexOf(event.target) + step + choices.length) % choices.length];
  next.focus();
  next.click();
}

/** While a slider is held, drafts are made; when it is let go, the exact picture. */
function watchSliders(studio) {
  addEventListener("pointerdown", ({ target }) => target.matches?.("input[type=range]") && studio.live.hold(true));
  for (const end of ["pointerup", "pointercancel", "blur"]) addEventListener(end, () => studio.live.hold(false));
}

const duration = (ms) => (ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`);
