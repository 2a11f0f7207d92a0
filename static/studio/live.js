/**
 * The picture follows the hand: one request in flight, the newest waiting, drafts while somebody draws or drags and the
 * exact picture when the hand rests. How eagerly is measured, unless the person has chosen.
 */
import { OfflineError } from "../net/api.js";
import { LatestWins } from "../net/latest.js";
import { Line } from "../net/line.js";
import { Pace, WAYS } from "../net/pace.js";
import { passing, persistently } from "../net/retry.js";
import { bitmapOf, pictureOfBytes } from "../picture/pictures.js";

const CHOICE = "live"; // where the browser remembers what the person chose

export const INITIAL_LIVE = {
  busy: false,
  offline: false,
  stale: false, // on demand, and something changed since the picture
  liveChoice: "auto", // or one of the ways
  live: "stroke", // the way that is gone: "draw", "stroke" or "demand"
  liveRoute: "socket", // or "post"
  latency: null, // ms of the last picture
};

export class Live {
  #studio;
  #pace = new Pace();
  #holding = false;
  #reconnecting = false;

  constructor(studio) {
    this.#studio = studio;
    this.line = new Line({ onLost: () => this.#reconnect() });
    this.loop = new LatestWins({
      work: () => this.#picture(),
      onDone: (picture, newest) => this.#arrived(picture, newest),
      onError: (error) => this.#failed(error),
      onState: ({ busy, waiting }) =>
        studio.set({ busy: busy && !waiting, offline: waiting instanceof OfflineError, liveRoute: this.line.route }),
      retryAfter: passing,
    });
    const chosen = localStorage.getItem(CHOICE);
    if (WAYS.includes(chosen)) studio.set({ liveChoice: chosen, live: chosen });
  }

  /** "auto", or the way that the person wants whatever it costs. */
  choose(choice) {
    localStorage.setItem(CHOICE, choice);
    const live = choice === "auto" ? this.#pace.way : choice;
    const stale = this.#studio.state.stale && live === "demand";
    const missed = this.#studio.state.stale && !stale;
    this.#studio.set({ liveChoice: choice, live, stale });
    if (missed) this.loop.ask();
  }

  /** Something changed. On demand the picture waits for the word. */
  ask({ demanded = false } = {}) {
    if (this.#studio.state.live === "demand" && !demanded) this.#studio.set({ stale: true });
    else this.loop.ask();
  }

  /** A stroke has grown, and goes on. */
  moved() {
    if (this.#studio.state.live === "draw") this.loop.ask();
  }

  /** A slider is held, or let go. */
  hold(holding) {
    this.#holding = holding;
    if (!holding && this.#studio.state.draft && !this.loop.busy) this.loop.ask();
  }

  /** Now, whatever is being waited for. */
  hurry() {
    if (this.loop.busy) this.loop.hurry();
    else this.ask({ demanded: true });
  }

  get #resting() {
    return !this.#holding && !this.#studio.painter.active;
  }

  async #picture() {
    const studio = this.#studio;
    const { model, mapVersion: version } = studio.state;
    const [style, map, exact] = [studio.shownStyle, studio.map.clone(), this.#resting];
    const started = performance.now();
    const answer = await this.line.picture(model.id, map, { style, exact, palette: studio.palette });
    const picture = exact
      ? await pictureOfBytes(answer.bytes, style, map, version)
      : { draft: await bitmapOf(new Blob([answer.bytes], { type: answer.type })) };
    return { ...picture, latency: performance.now() - started, model };
  }

  #arrived(picture, newest) {
    const studio = this.#studio;
    if (picture.model !== studio.state.model) return;
    const live = this.#pace.note(picture.latency);
    if (studio.state.liveChoice === "auto") studio.set({ live });
    studio.set({ latency: picture.latency, liveRoute: this.line.route });
    if (picture.draft) {
      this.#sketch(picture.draft);
      studio.set({ stale: false });
      if (newest && this.#resting) this.loop.ask();
    } else if (newest) studio.show(picture);
    else this.#sketch(picture.bitmap); // of a moment ago, but nearer than the one before
  }

  /** The draft before is never shown again: its memory is given back at once. */
  #sketch(bitmap) {
    const { draft } = this.#studio.state;
    this.#studio.set({ draft: bitmap });
    draft?.close();
  }

  #failed(error) {
    this.#studio.set({ draft: null });
    this.#studio.report(error, "The picture is the one from before.");
  }

  /** The line broke while nobody painted: say so, and mend it before the next stroke. */
  async #reconnect() {
    if (this.#reconnecting || this.loop.busy) return;
    this.#reconnecting = true;
    const id = this.#studio.state.model?.id;
    const onOffline = (offline) => this.loop.busy || this.#studio.set({ offline });
    await persistently(() => this.line.touch(id), onOffline).catch(() => {});
    this.#reconnecting = false;
  }
}
