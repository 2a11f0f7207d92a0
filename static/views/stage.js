/** The two canvases: labels to paint on, the picture beside them, cursor and zoom shared. */
import { $, markSlider, pressed } from "../dom.js";
import { Viewport } from "../viewport.js";
import { swatch } from "./swatch.js";

export class Stage {
  #pointer = null; // last place in a frame, in screen pixels
  #panning = null;
  spaceHeld = false;

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
    this.#watch();
    this.#listen();
  }

  #watch() {
    const { store } = this.studio;
    store.watch(["model", "mapVersion"], () => this.repaint());
    store.watch(["picture", "peek", "showHeat", "change"], (state) => this.#drawPicture(state));
    store.watch(["overlay"], ({ overlay }) => {
      this.overlay.style.opacity = overlay;
      this.#drawOverlay();
    });
    store.watch(["size", "shape", "tool"], () => this.#drawCursor());
    store.watch(["picture", "busy", "stale", "offline", "space", "morph"], (state) => this.#note(state));
  }

  // ---- drawing ----

  /** Draw the whole label map, or the part that a stroke touched. */
  repaint(dirty = null) {
    const { map, classes } = this.studio;
    if (!classes.length) return;
    if (this.labels.width !== map.width || this.labels.height !== map.height) {
      for (const canvas of [this.labels, this.overlay]) Object.assign(canvas, { width: map.width, height: map.height });
      this.frames.labels.parentElement.parentElement.style.setProperty("--ratio", map.width / map.height);
      this.view.resize(map.width, map.height);
    }
    const rect = dirty ? map.clip(dirty) : map.bounds;
    if (!rect) return;
    this.labels.getContext("2d").putImageData(this.studio.coloured(map, rect), rect.x, rect.y);
    this.#drawOverlay();
  }

  #drawOverlay() {
    if (this.studio.state.overlay > 0) this.overlay.getContext("2d").drawImage(this.labels, 0, 0);
  }

  #drawPicture({ picture, peek, showHeat, change }) {
    const bitmap = peek ?? picture?.bitmap;
    if (!bitmap) {
      this.picture.getContext("2d").clearRect(0, 0, this.picture.width, this.picture.height);
      return;
    }
    const heat = showHeat && change && !peek ? change : null;
    const { width, height } = heat ?? bitmap;
    if (this.picture.width !== width || this.picture.height !== height) Object.assign(this.picture, { width, height });
    const context = this.picture.getContext("2d");
    if (heat) context.putImageData(new ImageData(heat.heat, width, height), 0, 0);
    else context.drawImage(bitmap, 0, 0);
    this.picture.dataset.picture = picture?.id ?? "";
    const names = this.studio.present.map((index) => this.studio.className(index)).join(", ");
    this.picture.setAttribute("aria-label", heat ? "Where the picture changed" : `Generated picture of ${names}`);
  }

  #note({ picture, busy, stale, offline, space, morph }) {
    const between = space === "morph" && this.studio.morphing.ready ? `${morph.t.toFixed(2)} between A and B` : null;
    const size = picture ? `${picture.bitmap.width} × ${picture.bitmap.height}` : "";
    const waiting = offline ? "waiting for the server" : stale ? "not rendered yet: Ctrl+Enter" : null;
    $("picture-note").textContent = waiting ?? (busy ? "working" : (between ?? size));
    document.documentElement.classList.toggle("is-busy", busy);
  }

  #viewMoved() {
    $("zoom-value").textContent = `${Math.round(this.view.scale * 100)} %`;
    this.#drawCursor();
  }

  /** A ring of the brush's true size, on both canvases, and the class under it. */
  #drawCursor() {
    const { tool, size, shape } = this.studio.state;
    const ring = tool === "brush" ? Math.max(4, size * this.view.scale) : 8;
    const place = this.#pointer;
    for (const element of [$("cursor"), $("ghost")]) {
      element.hidden = !place;
      if (!place) continue;
      element.classList.toggle("square", tool === "brush" && shape === "square");
      element.style.width = element.style.height = `${ring}px`;
      element.style.transform = `translate(${place.x - ring / 2}px, ${place.y - ring / 2}px)`;
    }
    const at = place && this.view.toMap(place);
    const index = at && this.studio.map.at(at.x, at.y);
    const name = index === null || index === undefined ? "" : this.studio.className(index);
    $("under-pointer").textContent = name && `${name} · ${Math.floor(at.x)}, ${Math.floor(at.y)}`;
    $("tag").hidden = !name;
    if (!name) return;
    $("tag").textContent = name;
    $("tag").style.transform = `translate(${place.x + ring / 2 + 4}px, ${Math.max(0, place.y - ring / 2 - 20)}px)`;
  }

  // ---- pointer ----

  #listen() {
    for (const frame of Object.values(this.frames)) {
      frame.addEventListener("wheel", (event) => this.#wheel(event, frame), { passive: false });
      frame.addEventListener("pointerdown", (event) => this.#down(event, frame));
      frame.addEventListener("pointermove", (event) => this.#move(event, frame));
      frame.addEventListener("pointerup", () => this.#up());
      frame.addEventListener("pointercancel", () => this.cancel());
      frame.addEventListener("pointerleave", () => this.#leave());
    }
    this.labels.addEventListener("contextmenu", (event) => event.preventDefault());
  }

  #place(event, frame) {
    const { left, top } = frame.getBoundingClientRect();
    return { x: event.clientX - left, y: event.clientY - top };
  }

  #point(event, frame) {
    return { ...this.view.toMap(this.#place(event, frame)), shift: event.shiftKey, alt: event.altKey };
  }

  #down(event, frame) {
    if (event.button === 1 || (event.button === 0 && this.spaceHeld)) {
      this.#panning = this.#place(event, frame);
      frame.setPointerCapture(event.pointerId);
      event.preventDefault();
    } else if (event.button === 0 && frame === this.frames.labels && this.studio.state.model) {
      frame.setPointerCapture(event.pointerId);
      const { tool, size, shape, current } = this.studio.state;
      this.#applied(this.studio.painter.press(this.#point(event, frame), { tool, size, shape, value: current }));
    }
  }

  #move(event, frame) {
    const place = this.#place(event, frame);
    if (this.#panning) {
      this.view.panBy(place.x - this.#panning.x, place.y - this.#panning.y);
      this.#panning = place;
    } else if (this.studio.painter.active) {
      const moves = event.getCoalescedEvents?.() ?? [];
      for (const move of moves.length ? moves : [event])
        this.#applied(this.studio.painter.drag(this.#point(move, frame)));
    }
    this.#pointer = place;
    this.#drawCursor();
  }

  #applied({ dirty, picked }) {
    if (dirty) this.repaint(dirty);
    if (picked !== null) this.studio.choose(picked);
  }

  #up() {
    this.#panning = null;
    if (this.studio.painter.active && this.studio.painter.release()) this.studio.mapChanged();
  }

  /** Take an unfinished stroke back. */
  cancel() {
    this.#panning = null;
    const dirty = this.studio.painter.cancel();
    if (dirty) this.repaint(dirty);
  }

  #leave() {
    if (this.studio.painter.active || this.#panning) return;
    this.#pointer = null;
    this.#drawCursor();
  }

  #wheel(event, frame) {
    event.preventDefault();
    if (event.ctrlKey) resizeBrush(this.studio, event.deltaY < 0 ? 1 : -1);
    else this.view.zoomTo(this.view.zoom * 1.0015 ** -event.deltaY, this.#place(event, frame));
  }
}

/** Steps that feel even: one pixel at first, an eighth of the size later. */
export function resizeBrush(studio, direction) {
  const { size } = studio.state;
  const step = Math.max(1, Math.round(size / 8));
  studio.set({ size: Math.min(128, Math.max(1, size + direction * step)) });
}

/** The bar over the canvases, and the tools. */
export function watchTools(studio, stage) {
  for (const button of document.querySelectorAll("[data-tool]")) {
    button.addEventListener("click", () => studio.set({ tool: button.dataset.tool }));
  }
  for (const button of document.querySelectorAll("[data-shape]")) {
    button.addEventListener("click", () => studio.set({ shape: button.dataset.shape }));
  }
  $("size").addEventListener("input", ({ target }) => studio.set({ size: Number(target.value) }));
  $("overlay").addEventListener("input", ({ target }) => {
    markSlider(target);
    studio.set({ overlay: target.value / 100 });
  });
  $("swap").addEventListener("click", () => studio.swap());
  $("heat-toggle").addEventListener("click", () => studio.set({ showHeat: !studio.state.showHeat }));
  holdToCompare(studio);
  const actions = {
    undo: () => studio.undo(),
    redo: () => studio.redo(),
    fit: () => stage.view.fit(),
    "zoom-in": () => stage.view.zoomTo(stage.view.zoom * 1.25),
    "zoom-out": () => stage.view.zoomTo(stage.view.zoom / 1.25),
    "zoom-actual": () => stage.view.actual(),
  };
  for (const button of document.querySelectorAll("[data-do]")) {
    button.addEventListener("click", actions[button.dataset.do]);
  }
  studio.store.watch(["tool"], ({ tool }) => {
    for (const button of document.querySelectorAll("[data-tool]")) pressed(button, button.dataset.tool === tool);
  });
  studio.store.watch(["size", "shape"], ({ size, shape }) => {
    $("size").value = size;
    markSlider($("size"));
    $("size-value").textContent = `${size} px`;
    $("dock-size-value").textContent = size;
    for (const button of document.querySelectorAll("[data-shape]")) pressed(button, button.dataset.shape === shape);
  });
  studio.store.watch(["mapVersion"], () => {
    for (const button of document.querySelectorAll("[data-do=undo]")) button.disabled = !studio.history.canUndo;
    for (const button of document.querySelectorAll("[data-do=redo]")) button.disabled = !studio.history.canRedo;
  });
  studio.store.watch(["model", "current", "other"], ({ model, current, other }) => {
    if (!model) return;
    const name = document.createElement("b");
    name.textContent = studio.className(current);
    $("pair-main").replaceChildren(swatch(studio, current), name);
    $("pair-other").replaceChildren(swatch(studio, other));
    $("swap").setAttribute("aria-label", `Paint with ${studio.className(current)}; swap to ${studio.className(other)}`);
  });
  studio.store.watch(["change", "showHeat"], ({ change, showHeat }) => {
    $("heat-toggle").disabled = !change;
    $("heat-toggle").title = change ? "Show where the picture changed" : "No look has changed yet";
    pressed($("heat-toggle"), showHeat && Boolean(change));
  });
}

/** While it is held the picture from before is shown. */
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
