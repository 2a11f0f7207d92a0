/**
 * Drawn at the pointer on both canvases: the brush's ring, the name of the class there, and what a tool has left open.
 */
import { toolNamed } from "../../map/tools.js";
import { $, svg } from "../parts/dom.js";

// The points of a box that can be dragged: −1 is left or top, 1 is right or bottom.
const HANDLES = [-1, 0, 1].flatMap((across) => [-1, 0, 1].map((down) => ({ across, down })));

export class Cursor {
  #place = null; // the pointer's place in a frame, {x, y} in screen pixels
  #pressure = 1;
  #shift = false;

  constructor(studio, view) {
    this.studio = studio;
    this.view = view;
  }

  /** Whether the pointer is over a canvas. */
  get shown() {
    return this.#place !== null;
  }

  /** The pointer is at a place of a frame, with a pen's pressure (0 … 1); `kind` is "mouse", "pen" or "touch". */
  move(place, pressure, kind, shift = false) {
    this.#place = place;
    this.#shift = shift;
    this.#pressure = kind === "pen" && this.studio.state.pressure && pressure ? pressure : 1;
    this.draw();
  }

  hide() {
    this.#place = null;
    this.draw();
  }

  draw() {
    const { tool, size, shape } = this.studio.state;
    const place = this.#place;
    const { sized } = toolNamed(tool);
    const ring = sized ? Math.max(4, Math.max(1, size * this.#pressure) * this.view.scale) : 8;
    for (const element of [$("cursor"), $("ghost")]) {
      element.hidden = !place;
      if (!place) continue;
      element.classList.toggle("square", sized && shape === "square");
      element.style.width = element.style.height = `${ring}px`;
      element.style.transform = `translate(${place.x - ring / 2}px, ${place.y - ring / 2}px)`;
    }
    this.#name(place, ring);
    this.#sketch();
  }

  /** Write the class under the pointer above the label map, and beside the pointer on the picture. */
  #name(place, ring) {
    const at = place && this.view.toMap(place);
    const index = at && this.studio.labels.map.at(at.x, at.y);
    const name = index === null ? "" : this.studio.classes.name(index);
    $("under-pointer").textContent = name && `${name} · ${Math.floor(at.x)}, ${Math.floor(at.y)}`;
    $("tag").hidden = !name;
    if (!name) return;
    $("tag").textContent = name;
    $("tag").style.transform = `translate(${place.x + ring / 2 + 4}px, ${Math.max(0, place.y - ring / 2 - 20)}px)`;
  }

  /** Draw the line that a click with Shift would draw, the corners of an open polygon, and the box of a region. */
  #sketch() {
    const { corners, picked } = this.studio.labels.painter.pending;
    const parts = [...this.#line(), ...this.#polygon(corners), ...this.#box(picked)];
    if (parts.length || $("sketch").childElementCount) $("sketch").replaceChildren(...parts);
  }

  #line() {
    const { lastEnd, active } = this.studio.labels.painter;
    const { continues } = toolNamed(this.studio.state.tool);
    if (!this.#shift || !this.#place || !lastEnd || active || !continues) return [];
    return outline([this.view.toFrame(lastEnd), this.#place], "polyline");
  }

  #polygon(corners) {
    if (!corners.length) return [];
    const places = corners.map((corner) => this.view.toFrame(corner));
    const shape = this.#place ? [...places, this.#place] : places;
    return [
      svg("polygon", { points: written(shape), class: "sketch-fill" }),
      ...outline(shape, "polygon"),
      ...places.map(({ x, y }, i) => svg("circle", { cx: x, cy: y, r: i ? 3 : 5, class: "handle" })),
    ];
  }

  #box(picked) {
    if (!picked) return [];
    const { x, y, w, h } = picked.target;
    const [a, b] = [this.view.toFrame({ x, y }), this.view.toFrame({ x: x + w, y: y + h })];
    const corners = [a, { x: b.x, y: a.y }, b, { x: a.x, y: b.y }];
    const along = (from, to, side) => from + ((side + 1) / 2) * (to - from);
    const handles = HANDLES.filter(({ across, down }) => across || down).map(({ across, down }) =>
      svg("rect", {
        x: along(a.x, b.x, across) - 3,
        y: along(a.y, b.y, down) - 3,
        width: 6,
        height: 6,
        class: "handle",
      }),
    );
    return [...outline(corners, "polygon"), ...handles];
  }
}

const written = (places) => places.map(({ x, y }) => `${x},${y}`).join(" ");

/** A light line on a wider dark one, which is seen on every ground. */
const outline = (places, shape) =>
  ["sketch-under", "sketch-line"].map((name) => svg(shape, { points: written(places), class: name }));
