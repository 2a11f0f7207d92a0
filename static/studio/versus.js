/**
 * Two pictures at once: any two of the history, a photo and what was made of it, or two checkpoints on the same labels.
 * The state is {kind, a, b, mode, next}: a and b are {title, bitmap}, b null for whatever stands on the stage; `mode` is
 * "wipe" (a left of a line, b right of it) or "beside" (a in place of the label map).
 */
import { encodeIndexPng } from "../formats/png.js";
import * as api from "../net/api.js";
import { LatestWins } from "../net/latest.js";
import { passing } from "../net/retry.js";
import { bitmapFor, pictureOf } from "../picture/pictures.js";
import { translatedMap, translatedStyle } from "../picture/translate.js";

export class Versus {
  #studio;
  #other = null; // the report of the other checkpoint
  #loop;

  constructor(studio) {
    this.#studio = studio;
    this.#loop = new LatestWins({
      work: () => this.#render(),
      onDone: ({ bitmap }) => this.#patch({ a: { ...this.state?.a, bitmap } }),
      onError: (error) => this.#failed(error),
      retryAfter: passing,
    });
  }

  get state() {
    return this.#studio.state.versus;
  }

  #patch(patch) {
    if (this.state) this.#studio.set({ versus: { ...this.state, ...patch } });
  }

  #open(kind, a, b = null) {
    this.#studio.grid.close();
    const mode = this.state?.mode ?? "wipe";
    this.#studio.set({ versus: { kind, a, b, mode, next: "a" }, peek: null });
  }

  setMode(mode) {
    this.#patch({ mode });
  }

  end() {
    this.#other = null;
    this.#studio.set({ versus: null });
  }

  // ---- two pictures of the history ----

  /** Begin with the picture on the stage and the one before it. */
  async pictures() {
    const { pictures, picture } = this.#studio.state;
    const b = pictures.find(({ id }) => id === picture?.id) ?? pictures[0];
    const a = pictures.find(({ id }) => id !== b.id) ?? b;
    this.#open("pictures", await side(a), await side(b));
  }

  /** Which of the two the next click in the history chooses. */
  setNext(next) {
    this.#patch({ next });
  }

  async pick(picture) {
    const { next } = this.state;
    const chosen = await side(picture);
    this.#patch({ [next]: chosen, next: next === "a" ? "b" : "a" });
  }

  // ---- a photo, and what was made of it ----

  photo() {
    const { photo } = this.#studio.state;
    this.#open("photo", { title: "Before", bitmap: photo.bitmap });
  }

  // ---- another checkpoint ----

  /** The other model's picture of the same labels, made anew whenever ours is. */
  async model(id, title) {
    try {
      this.#other = await api.report(id);
      this.#open("model", { title, bitmap: null });
      this.#loop.ask();
    } catch (error) {
      this.#failed(error);
    }
  }

  /** Call when there is another picture on the stage. */
  follow() {
    if (this.#other && this.state?.kind === "model") this.#loop.ask();
  }

  async #render() {
    const { model, picture } = this.#studio.state;
    const other = this.#other;
    const map = translatedMap(picture.map, model, other);
    const classes = [...new Set(picture.map.data)];
    const style = translatedStyle(picture.style, classes, model, other);
    const answer = await api.render(other.id, await encodeIndexPng(map), { style });
    return pictureOf(answer.pictures[0], map, picture.version);
  }

  #failed(error) {
    this.end();
    this.#studio.report(error, "The two checkpoints cannot be compared on these labels.");
  }
}

/** What a picture of the history is called, and its bitmap; those of long ago are decoded again. */
async function side(picture) {
  return { id: picture.id, time: picture.time, bitmap: await bitmapFor(picture) };
}
