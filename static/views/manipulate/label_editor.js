/** A dialog in which a photo's label map is corrected: the photo under its labels, with a few of the tools. */
import { openDoubts, settle } from "../../map/doubts.js";
import { History } from "../../map/history.js";
import { Painter } from "../../map/painter.js";
import { toolNamed } from "../../map/tools.js";
import { grouped, h, icon, pressed, redraw, slider } from "../parts/dom.js";
import { DoubtList, markDoubts } from "./doubts.js";

const EDITOR_TOOLS = ["brush", "fill", "pick"].map(toolNamed);
const SEEN = 60; // opacity of the labels when it opens, in percent
const MARKED = 160; // how many times as wide as its outline of a doubt the label map is

/**
 * Open it for {name, bitmap, map, doubts}. Resolves to {map, doubts}, corrected, or to null if the person closes it.
 */
export function correctLabels(studio, { name, bitmap, map, doubts = [] }) {
  const own = doubts.map((doubt) => ({ ...doubt }));
  return new Promise((resolve) => new LabelEditor(studio, { name, bitmap, map: map.clone(), doubts: own }, resolve));
}

class LabelEditor {
  settings = { tool: "brush", size: 18, shape: "round", value: 0 };

  constructor(studio, { name, bitmap, map, doubts }, resolve) {
    Object.assign(this, { studio, map, doubts, resolve });
    this.original = map.clone();
    this.history = new History(map);
    this.painter = new Painter(map, this.history);
    this.settings.value = map.data[0];
    this.canvas = h("canvas.map-face", {
      width: map.width,
      height: map.height,
      role: "application",
      "aria-label": "Label map over the photo. Draw with the pointer",
    });
    this.marks = h("canvas.doubt-marks", { width: map.width, height: map.height, "aria-hidden": "true" });
    this.asked = new DoubtList(studio, {
      choose: (doubt, value) => this.#settle(doubt, value),
      point: (doubt) => this.#mark(doubt),
    });
    this.note = h("span.meta", { role: "status" });
    this.classes = h("div.editor-classes", { role: "radiogroup", "aria-label": "Class to paint with" });
    this.element = h(
      "dialog.label-editor",
      { "aria-label": `Labels of ${name}`, onclose: () => this.#end(null) },
      this.#head(name),
      this.asked.element,
      h("div.editor-body", {}, this.#stage(bitmap), this.classes),
      h(
        "div.dialog-actions",
        {},
        h("button.btn.solid", { onclick: () => this.#done(), data: { editor: "done" } }, "Use these labels"),
        h("button.btn.quiet", { onclick: () => this.#end(null) }, "Cancel"),
        this.note,
      ),
    );
    this.#listen();
    document.body.append(this.element);
    this.element.showModal();
    this.#draw();
    this.#drawClasses();
  }

  #head(name) {
    this.tools = EDITOR_TOOLS.map(({ name: tool, label: title }) =>
      h("button.ib.s", { onclick: () => this.#set({ tool }), "aria-label": title, title, data: { tool } }, icon(tool)),
    );
    this.undo = h(
      "button.ib.s",
      { onclick: () => this.#step("undo"), "aria-label": "Undo", title: "Undo (Ctrl+Z)" },
      icon("undo"),
    );
    this.redo = h(
      "button.ib.s",
      { onclick: () => this.#step("redo"), "aria-label": "Redo", title: "Redo (Ctrl+Shift+Z)" },
      icon("redo"),
    );
    const size = slider({ min: 1, max: 64, value: this.settings.size, "aria-label": "Brush size" }, (value) =>
      this.#set({ size: value }),
    );
    const seen = slider({ min: 0, max: 100, value: SEEN, "aria-label": "Opacity of the labels" }, (value) => {
      this.canvas.style.opacity = value / 100;
    });
    this.canvas.style.opacity = SEEN / 100;
    this.tools[0].setAttribute("aria-pressed", "true");
    return h(
      "div.ph.editor-head",
      {},
      h("h2", {}, `Labels of ${name}`),
      h("span.gap"),
      h("span.editor-tools", { role: "group", "aria-label": "Tools" }, this.tools),
      h("span.editor-tools", {}, this.undo, this.redo),
      h("label.slider", {}, h("span.meta", {}, "Size"), size),
      h("label.slider", {}, h("span.meta", {}, "Labels"), seen),
    );
  }

  #stage(bitmap) {
    const photo = h("canvas", { width: bitmap.width, height: bitmap.height });
    photo.getContext("2d").drawImage(bitmap, 0, 0);
    return h("div.editor-stage", { vars: { ratio: this.map.width / this.map.height } }, photo, this.canvas, this.marks);
  }

  #set(patch) {
    Object.assign(this.settings, patch);
    for (const button of this.tools) pressed(button, button.dataset.tool === this.settings.tool);
    if ("value" in patch) this.#drawClasses();
  }

  // ---- pointer and keys ----

  #listen() {
    const point = (event) => {
      const { left, top, width, height } = this.canvas.getBoundingClientRect();
      return {
        x: ((event.clientX - left) / width) * this.map.width,
        y: ((event.clientY - top) / height) * this.map.height,
        shift: event.shiftKey,
        alt: event.altKey,
      };
    };
    this.canvas.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      this.canvas.setPointerCapture(event.pointerId);
      this.#applied(this.painter.press(point(event), this.settings));
    });
    this.canvas.addEventListener("pointermove", (event) => {
      if (this.painter.active) this.#applied(this.painter.drag(point(event)));
    });
    this.canvas.addEventListener("pointerup", () => {
      this.painter.release();
      this.#draw();
    });
    this.canvas.addEventListener("pointercancel", () => {
      this.painter.cancel();
      this.#draw();
    });
    this.classes.addEventListener("keydown", (event) => this.#walk(event));
    this.element.addEventListener("keydown", (event) => {
      if (!(event.ctrlKey || event.metaKey) || event.code !== "KeyZ") return;
      event.preventDefault();
      this.#step(event.shiftKey ? "redo" : "undo");
    });
  }

  /** Arrow keys choose the next or the previous class. */
  #walk(event) {
    const step = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const count = this.studio.classes.list.length;
    const value = (this.settings.value + step + count) % count;
    this.#set({ value });
    this.classes.children[value].focus();
  }

  #applied({ dirty, picked }) {
    if (dirty) this.canvas.getContext("2d").putImageData(this.studio.classes.coloured(this.map), 0, 0);
    if (picked !== null) this.#set({ value: picked });
  }

  /** A region is what the person says, as a step that undo takes back. */
  #settle(doubt, value) {
    this.history.begin();
    this.history.commit(settle(this.map, doubt, value));
    this.#draw();
    this.#mark(doubt);
  }

  /** Mark the open doubts; the one that is pointed at stands out. */
  #mark(pointed = null) {
    const { width, height } = this.marks;
    this.marks.getContext("2d").clearRect(0, 0, width, height);
    const reach = Math.ceil(width / MARKED);
    markDoubts(this.marks, openDoubts(this.map, this.doubts), { reach, pointed });
  }

  #step(way) {
    this.history[way]();
    this.#draw();
  }

  // ---- drawing ----

  #draw() {
    this.canvas.getContext("2d").putImageData(this.studio.classes.coloured(this.map), 0, 0);
    this.undo.disabled = !this.history.canUndo;
    this.redo.disabled = !this.history.canRedo;
    const changed = this.map.data.reduce((sum, label, i) => sum + (label !== this.original.data[i]), 0);
    this.asked.draw(this.map, this.doubts);
    this.#mark();
    this.note.textContent = changed ? `${grouped(changed)} pixels corrected` : "As they were found";
  }

  #drawClasses() {
    const counts = this.map.counts();
    const rows = this.studio.classes.list.map(({ index, name, display }) =>
      h(
        "button.editor-class",
        {
          role: "radio",
          "aria-checked": String(index === this.settings.value),
          tabindex: index === this.settings.value ? 0 : -1,
          class: `editor-class${counts[index] ? "" : " absent"}`,
          onclick: () => this.#set({ value: index }),
          data: { paint: index },
        },
        h("span.sw", { vars: { c: display }, "aria-hidden": "true" }),
        h("span.name", {}, name),
      ),
    );
    redraw(this.classes, ...rows);
  }

  #done() {
    this.#end({ map: this.map, doubts: this.doubts });
  }

  #end(result) {
    this.resolve(result);
    this.element.remove();
  }
}
