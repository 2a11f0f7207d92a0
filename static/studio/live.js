/**
 * Makes pictures while the person paints: one request is in flight and the newest one waits. While somebody draws or
 * drags a slider the answers are drafts; when the hand rests, the exact picture follows. The mode, which says how often
 * pictures are made, is chosen by how long they take, unless the person has chosen one.
 */
import { OfflineError } from "../net/api.js";
import { LatestWins } from "../net/latest.js";
import { Line } from "../net/line.js";
import { MODES, Pace } from "../net/pace.js";
import { passing, persistently } from "../net/retry.js";
import { bitmapOf, pictureOfBytes } from "../picture/pictures.js";

const CHOICE = "live"; // key in localStorage of the mode that the person chose

export class Live {
  #store;
  #wanted;
  #drawing;
  #show;
  #report;
  #line = new Line({ onLost: () => this.#reconnect() });
  #loop = new LatestWins({
    work: () => this.#picture(),
    onDone: (picture, newest) => this.#arrived(picture, newest),
    onError: (error) => this.#failed(error),
    onState: (state) => this.#note(state),
    retryAfter: passing,
  });
  #pace = new Pace();
  #holding = false; // a slider is held
  #reconnecting = false;

  /**
   * `wanted()` gives what the next picture is made from: {model, map, version, style, palette}. `drawing()` says
   * whether a stroke is being drawn. `show(picture)` takes an exact picture, `report(error, context)` a failure.
   */
  constructor({ store, wanted, drawing, show, report }) {
    [this.#store, this.#wanted, this.#drawing, this.#show, this.#report] = [store, wanted, drawing, show, report];
    const chosen = localStorage.getItem(CHOICE);
    if (MODES.includes(chosen)) store.set({ liveChoice: chosen, live: chosen });
  }

  /** Whether a picture is being made. */
  get busy() {
    return this.#loop.busy;
  }

  /** Resolves when no picture is being made or waited for. */
  rest() {
    return this.#loop.rest();
  }

  /** Set the mode: "draw", "stroke", "demand", or "auto" to have it chosen by how long pictures take. */
  choose(choice) {
    localStorage.setItem(CHOICE, choice);
    const live = choice === "auto" ? this.#pace.mode : choice;
    const stale = this.#store.state.stale && live === "demand";
    const missed = this.#store.state.stale && !stale;
    this.#store.set({ liveChoice: choice, live, stale });
    if (missed) this.#loop.ask();
  }

  /** Ask for a picture after a change. In the mode "demand" it is made only if it is `demanded`. */
  ask({ demanded = false } = {}) {
    const { model, live } = this.#store.state;
    if (!model) return;
    if (live === "demand" && !demanded) this.#store.set({ stale: true });
    else this.#loop.ask();
  }

  /** To be called when a stroke has grown and goes on. */
  moved() {
    if (this.#store.state.live === "draw") this.#loop.ask();
  }

  /** To be called when a slider is taken hold of, or let go. */
  hold(holding) {
    this.#holding = holding;
    if (!holding && this.#store.state.draft && !this.busy) this.#loop.ask();
  }

  /** Ask at once, even while a retry or the person's demand is waited for. */
  hurry() {
    if (this.busy) this.#loop.hurry();
    else this.ask({ demanded: true });
  }

  get #resting() {
    return !this.#holding && !this.#drawing();
  }

  async #picture() {
    const { model, map, version, style, palette } = this.#wanted();
    const exact = this.#resting;
    const started = performance.now();
    const answer = await this.#line.picture(model.id, map, { style, exact, palette });
    const picture = exact
      ? await pictureOfBytes(answer.bytes, style, map, version)
      : { draft: await bitmapOf(new Blob([answer.bytes], { type: answer.type })) };
    return { ...picture, latency: performance.now() - started, model };
  }

  #arrived(picture, newest) {
    const { model, liveChoice } = this.#store.state;
    if (picture.model !== model) return;
    const live = this.#pace.note(picture.latency);
    if (liveChoice === "auto") this.#store.set({ live });
    this.#store.set({ latency: picture.latency, liveRoute: this.#line.route });
    if (picture.draft) {
      this.#sketch(picture.draft);
      this.#store.set({ stale: false });
      if (newest && this.#resting) this.#loop.ask();
    } else if (newest) this.#show(picture);
    else this.#sketch(picture.bitmap); // out of date already, but closer than the picture before it
  }

  /** Show a bitmap as a draft. The draft before it is never shown again: its memory is freed at once. */
  #sketch(bitmap) {
    const { draft } = this.#store.state;
    this.#store.set({ draft: bitmap });
    draft?.close();
  }

  #note({ busy, waiting }) {
    const offline = waiting instanceof OfflineError;
    this.#store.set({ busy: busy && !waiting, offline, liveRoute: this.#line.route });
  }

  #failed(error) {
    this.#store.set({ draft: null });
    this.#report(error, "The picture is the one from before.");
  }

  /** The line broke while no picture was waited for: say so, and mend it before the next stroke. */
  async #reconnect() {
    if (this.#reconnecting || this.busy) return;
    this.#reconnecting = true;
    const id = this.#store.state.model?.id;
    const onOffline = (offline) => this.busy || this.#store.set({ offline });
    await persistently(() => this.#line.touch(id), onOffline).catch(() => {});
    this.#reconnecting = false;
  }
}
