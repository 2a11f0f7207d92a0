/** Mouse, pen and fingers on the canvases: they draw strokes, and move and zoom the view. */

const REACH = { mouse: 8, pen: 10, touch: 20 }; // screen pixels from a handle that still count as on it
const SLOP = 5; // screen pixels that a finger may move and still count as resting
const HESITATION = 120; // ms after which a resting finger begins to paint; before, a second one may make it a pinch
const MISTAKEN = 400; // ms of a stroke within which a second finger takes it back and begins a pinch
const ERASER = 32; // bit of PointerEvent.buttons for the other end of a pen

export class Hand {
  #fingers = new Map(); // by pointer id: place in the frame, {x, y} in screen pixels
  #resting = null; // {id, point, place, timer} of a finger that rests, and may paint or begin a pinch
  #painting = null; // {id, since} of the pointer that draws a stroke
  #panning = null; // {id, place} of the pointer that moves the view
  #pinch = null; // {middle, span} of two fingers, or "over" until all fingers are up
  #spaceHeld = false;
  controlHeld = false; // the Control key is down

  constructor(studio, stage) {
    this.studio = studio;
    this.stage = stage;
    for (const frame of Object.values(stage.frames)) {
      frame.addEventListener("wheel", (event) => this.#wheel(event, frame), { passive: false });
      frame.addEventListener("pointerdown", (event) => this.#down(event, frame));
      frame.addEventListener("pointermove", (event) => this.#move(event, frame));
      frame.addEventListener("pointerup", (event) => this.#up(event));
      frame.addEventListener("pointercancel", (event) => this.#lost(event));
      frame.addEventListener("pointerleave", () => this.#leave());
    }
    stage.frames.labels.addEventListener("contextmenu", (event) => event.preventDefault());
  }

  /** Take the unfinished stroke back or, without one, let go of what a tool has left open. */
  cancel() {
    this.#painting = null;
    this.#forgetRest();
    this.stage.applied({ dirty: this.studio.labels.painter.cancel() });
  }

  /** From `true` to `false`, while the space bar is down, the pointer moves the view. */
  holdView(on) {
    this.#spaceHeld = on;
    for (const frame of Object.values(this.stage.frames)) frame.classList.toggle("is-held", on);
  }

  #place(event, frame) {
    const { left, top } = frame.getBoundingClientRect();
    return { x: event.clientX - left, y: event.clientY - top };
  }

  #point(event, frame) {
    const kind = event.pointerType;
    return {
      ...this.stage.view.toMap(this.#place(event, frame)),
      shift: event.shiftKey,
      alt: event.altKey,
      eraser: kind === "pen" && (event.buttons & ERASER) !== 0,
      pressure: kind === "pen" && this.studio.state.pressure ? event.pressure : 1,
      reach: (REACH[kind] ?? REACH.mouse) / this.stage.view.scale,
    };
  }

  #down(event, frame) {
    const penDraws = this.#painting && !this.#fingers.has(this.#painting.id);
    if (penDraws && event.pointerType === "touch") return; // the palm of the hand that draws
    frame.setPointerCapture(event.pointerId);
    const place = this.#place(event, frame);
    const paints = frame === this.stage.frames.labels && this.studio.state.model;
    if (event.pointerType === "touch") this.#finger(event, frame, place, paints);
    else if (event.button === 1 || !paints || this.#spaceHeld) this.#startPan(event, place);
    else if (event.button === 0 || (event.buttons & ERASER) !== 0)
      this.#press(event.pointerId, this.#point(event, frame));
    this.stage.cursor.move(place, event.pressure, event.pointerType);
  }

  #finger(event, frame, place, paints) {
    this.#fingers.set(event.pointerId, place);
    if (this.#fingers.size === 2) this.#startPinch();
    else if (this.#fingers.size === 1 && !paints) this.#startPan(event, place);
    else if (this.#fingers.size === 1) {
      const id = event.pointerId;
      const timer = setTimeout(() => this.#endRest(), HESITATION);
      this.#resting = { id, place, point: this.#point(event, frame), timer };
    }
  }

  #startPan(event, place) {
    event.preventDefault();
    this.#panning = { id: event.pointerId, place };
  }

  #press(id, point) {
    const { tool, size, shape, everywhere, current } = this.studio.state;
    this.#painting = { id, since: performance.now() };
    this.stage.applied(this.studio.labels.painter.press(point, { tool, size, shape, everywhere, value: current }));
  }

  /** The resting finger paints: its stroke begins where it was put down. */
  #endRest() {
    const { id, point } = this.#resting;
    this.#forgetRest();
    this.#press(id, point);
  }

  #forgetRest() {
    clearTimeout(this.#resting?.timer);
    this.#resting = null;
  }

  #move(event, frame) {
    const place = this.#place(event, frame);
    const id = event.pointerId;
    if (this.#fingers.has(id)) this.#fingers.set(id, place);
    if (this.#pinch) return this.#movePinch();
    const trembles = this.#resting?.id === id && distance(place, this.#resting.place) < SLOP;
    if (this.#resting?.id === id && !trembles) this.#endRest();
    if (this.#panning?.id === id) {
      this.stage.view.panBy(place.x - this.#panning.place.x, place.y - this.#panning.place.y);
      this.#panning.place = place;
    } else if (this.#painting?.id === id) {
      const moves = event.getCoalescedEvents?.() ?? [];
      const points = (moves.length ? moves : [event]).map((move) => this.#point(move, frame));
      this.stage.applied(this.studio.labels.painter.drag(...points));
    }
    this.stage.cursor.move(place, event.pressure, event.pointerType, event.shiftKey);
  }

  #up({ pointerId: id, pointerType }) {
    if (this.#resting?.id === id) this.#endRest(); // a tap paints one dot
    if (this.#painting?.id === id) this.#release();
    this.#end(id, pointerType);
  }

  /** The browser has taken the pointer away: the stroke is taken back. */
  #lost({ pointerId: id, pointerType }) {
    if (this.#painting?.id === id || this.#resting?.id === id) this.cancel();
    this.#end(id, pointerType);
  }

  #end(id, kind) {
    this.#fingers.delete(id);
    if (this.#panning?.id === id) this.#panning = null;
    if (this.#pinch) this.#pinch = this.#fingers.size ? "over" : null;
    if (kind === "touch") this.stage.cursor.hide();
  }

  #release() {
    this.#painting = null;
    const changed = this.studio.labels.painter.release();
    this.stage.applied({ dirty: null });
    if (changed) this.studio.labels.changed({ drawn: true });
    else this.studio.live.hold(false);
  }

  #leave() {
    if (!this.#painting && !this.#panning) this.stage.cursor.hide();
  }

  // ---- two fingers ----

  #startPinch() {
    const early = this.#painting && performance.now() - this.#painting.since < MISTAKEN;
    if (this.#resting || early) this.cancel();
    else if (this.#painting) this.#release();
    this.#panning = null;
    this.#pinch = this.#spread();
  }

  #spread() {
    const [a, b] = this.#fingers.values();
    return { middle: { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 }, span: Math.max(1, distance(a, b)) };
  }

  #movePinch() {
    if (this.#pinch === "over") return;
    const before = this.#pinch;
    this.#pinch = this.#spread();
    const { middle, span } = this.#pinch;
    this.stage.view.panBy(middle.x - before.middle.x, middle.y - before.middle.y);
    this.stage.view.zoomTo((this.stage.view.zoom * span) / before.span, middle);
  }

  /**
   * The wheel zooms; with Ctrl it sizes the brush. A touchpad's pinch comes as a wheel with Ctrl too, but no key is
   * held.
   */
  #wheel(event, frame) {
    event.preventDefault();
    if (event.ctrlKey && this.controlHeld) return this.studio.inHand.resize(event.deltaY < 0 ? 1 : -1);
    const speed = event.ctrlKey ? 1.01 : 1.0015;
    this.stage.view.zoomTo(this.stage.view.zoom * speed ** -event.deltaY, this.#place(event, frame));
  }
}

const distance = (a, b) => Math.hypot(a.x - b.x, a.y - b.y);
