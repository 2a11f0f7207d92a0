/** The two canvases, the label map to paint on and the picture, which share cursor, zoom and place. */
import { $, markSlider, pressed } from "../parts/dom.js";
import { Viewport } from "../parts/viewport.js";
import { Cursor } from "./cursor.js";
import { Hand } from "./hand.js";

export class Stage {
  constructor(studio) {
    this.studio = studio;
    this.labels = $("labels");
    this.picture = $("picture");
    this.overlay = $("overlay-map");
    this.frames = { labels: $("labels-frame"), picture: $("picture-frame") };
    this.view = new Viewport(
      [
        [this.labels, this.frames.labels],
        [this.picture, this.frames.picture],
        [this.overlay, this.frames.picture],
      ],
      () => this.#viewMoved(),
    );
    this.cursor = new Cursor(studio, this.view);
    this.hand = new Hand(studio, this);
    this.#watch();
  }

  #watch() {
    const { store } = this.studio;
    store.watch(["model", "drawVersion", "colours", "hatched"], () => this.repaint());
    const seen = ["picture", "draft", "peek", "preview", "showHeat", "change"];
    store.watch(seen, (state) => this.#drawPicture(state));
    store.watch(["overlay"], ({ overlay }) => {
      this.overlay.style.opacity = overlay;
      this.#drawOverlay();
    });
    store.watch(["size", "shape", "tool", "pending", "current"], () => this.cursor.draw());
    store.watch(["picture", "busy", "stale", "offline", "space", "morph"], (state) => this.#note(state));
  }

  // ---- drawing ----

  /** Draw the label map, or only the rectangle `dirty` of it. */
  repaint(dirty = null) {
    const { map } = this.studio.labels;
    if (!this.studio.state.model) return;
    if (this.labels.width !== map.width || this.labels.height !== map.height) {
      for (const canvas of [this.labels, this.overlay]) Object.assign(canvas, { width: map.width, height: map.height });
      this.frames.labels.parentElement.parentElement.style.setProperty("--ratio", map.width / map.height);
      this.view.resize(map.width, map.height);
    }
    const rect = dirty ? map.clip(dirty) : map.bounds;
    if (!rect) return;
    this.labels.getContext("2d").putImageData(this.studio.classes.coloured(map, rect), rect.x, rect.y);
    this.#drawOverlay();
  }

  #drawOverlay() {
    if (this.studio.state.overlay > 0) this.overlay.getContext("2d").drawImage(this.labels, 0, 0);
  }

  #drawPicture({ picture, draft, peek, preview, showHeat, change }) {
    const bitmap = peek ?? draft ?? picture?.bitmap;
    if (!bitmap) {
      this.picture.getContext("2d").clearRect(0, 0, this.picture.width, this.picture.height);
      return;
    }
    const shownChange = peek ? preview : draft ? null : change;
    const heat = showHeat ? shownChange : null;
    const { width, height } = heat ?? bitmap;
    if (this.picture.width !== width || this.picture.height !== height) Object.assign(this.picture, { width, height });
    const context = this.picture.getContext("2d");
    if (heat) context.putImageData(new ImageData(heat.heat, width, height), 0, 0);
    else context.drawImage(bitmap, 0, 0);
    this.picture.dataset.picture = picture?.id ?? "";
    this.picture.classList.toggle("is-draft", Boolean(draft));
    const names = this.studio.labels.present.map((index) => this.studio.classes.name(index)).join(", ");
    this.picture.setAttribute("aria-label", heat ? "Where the picture changed" : `Generated picture of ${names}`);
  }

  #note({ picture, busy, stale, offline, space }) {
    const between = space === "morph" && this.studio.morphing.ready ? this.studio.morphing.place : null;
    const size = picture ? `${picture.bitmap.width} × ${picture.bitmap.height}` : "";
    const waiting = offline ? "waiting for the server" : stale ? "not rendered yet: Ctrl+Enter" : null;
    $("picture-note").textContent = waiting ?? (busy ? "working" : (between ?? size));
    document.documentElement.classList.toggle("is-busy", busy);
  }

  #viewMoved() {
    $("zoom-value").textContent = `${Math.round(this.view.scale * 100)} %`;
    this.frames.picture.classList.toggle("is-zoomed", this.view.zoom > 1);
    this.cursor?.draw();
  }

  /** Show what the painter has done: {dirty, picked}, as it returned it. */
  applied({ dirty, picked = null }) {
    if (dirty) {
      this.repaint(dirty);
      this.studio.live.moved();
    }
    if (picked !== null) this.studio.inHand.choose(picked);
    this.studio.set({ pending: this.studio.labels.painter.pending });
  }
}

/** Bind the bar over the canvases: zoom, comparing, heat map and overlay. */
export function watchStageBar(studio, stage) {
  $("overlay").addEventListener("input", ({ target }) => {
    markSlider(target);
    studio.set({ overlay: target.value / 100 });
  });
  $("heat-toggle").addEventListener("click", () => studio.set({ showHeat: !studio.state.showHeat }));
  holdToCompare(studio);
  const actions = {
    fit: () => stage.view.fit(),
    "zoom-in": () => stage.view.zoomTo(stage.view.zoom * 1.25),
    "zoom-out": () => stage.view.zoomTo(stage.view.zoom / 1.25),
    "zoom-actual": () => stage.view.actual(),
  };
  for (const [name, action] of Object.entries(actions)) {
    for (const button of document.querySelectorAll(`[data-do=${name}]`)) button.addEventListener("click", action);
  }
  studio.store.watch(["change", "variants", "grid", "showHeat"], ({ change, variants, grid, showHeat }) => {
    const any = Boolean(change || variants || grid);
    $("heat-toggle").disabled = !any;
    $("heat-toggle").title = any ? "Show where the picture changed" : "No look has changed yet";
    pressed($("heat-toggle"), showHeat && any);
  });
}

/** While the button is held, the picture from before is shown. */
function holdToCompare(studio) {
  const button = $("compare");
  const peek = (on) => {
    pressed(button, on);
    studio.set({ peek: on ? (studio.state.before?.bitmap ?? null) : null });
  };
  button.addEventListener("pointerdown", () => peek(true));
  for (const end of ["pointerup", "pointerleave", "pointercancel", "blur", "keyup"])
    button.addEventListener(end, () => peek(false));
  button.addEventListener("keydown", ({ key }) => [" ", "Enter"].includes(key) && peek(true));
  studio.store.watch(["before"], ({ before }) => {
    button.disabled = !before;
    button.title = before ? "Hold to see the picture before" : "There is no picture before this one yet";
  });
}
