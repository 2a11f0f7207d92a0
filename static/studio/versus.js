/**
 * Two pictures at once: two of the history, a photo and the picture made from it, or two checkpoints on one label map.
 * The state is {kind, a, b, mode, next}: a and b are {title, bitmap}, b being null for the picture on the stage; `mode`
 * is "wipe" (a left of a line, b right of it) or "beside" (a in place of the label map); `next` is the side that the
 * next click on the history sets.
 */
import { encodeIndexPng } from "../formats/png.js";
import * as api from "../net/api.js";
import { LatestWins } from "../net/latest.js";
import { passing } from "../net/retry.js";
import { bitmapFor, pictureOf } from "../picture/pictures.js";
import { translatedMap, translatedStyle } from "../picture/translate.js";

export class Versus {
  #store;
  #grid;
  #report;
  #other = null; // report of the other checkpoint
  #loop = new LatestWins({
    work: () => this.#render(),
    onDone: ({ bitmap }) => this.#patch({ a: { ...this.state?.a, bitmap } }),
    onError: (error) => this.#failed(error),
    retryAfter: passing,
  });

  constructor({ store, grid, report }) {
    [this.#store, this.#grid, this.#report] = [store, grid, report];
  }

  get state() {
    return this.#store.state.versus;
  }

  #patch(patch) {
    if (this.state) this.#store.set({ versus: { ...this.state, ...patch } });
  }

  #open(kind, a, b = null) {
    this.#grid.close();
    const mode = this.state?.mode ?? "wipe";
    this.#store.set({ versus: { kind, a, b, mode, next: "a" }, peek: null });
  }

  /** Show the two as "wipe" or "beside". */
  setMode(mode) {
    this.#patch({ mode });
  }

  end() {
    this.#other = null;
    this.#store.set({ versus: null });
  }

  // ---- two pictures of the history ----

  /** Begin with the picture on the stage and the one before it. */
  async pictures() {
    const { pictures, picture } = this.#store.state;
    const b = pictures.find(({ id }) => id === picture?.id) ?? pictures[0];
    const a = pictures.find(({ id }) => id !== b.id) ?? b;
    this.#open("pictures", await side(a), await side(b));
  }

  /** Set the side, "a" or "b", that the next click on the history chooses a picture for. */
  setNext(next) {
    this.#patch({ next });
  }

  /** Put a picture of the history on that side; the other side is next. */
  async pick(picture) {
    const { next } = this.state;
    const chosen = await side(picture);
    this.#patch({ [next]: chosen, next: next === "a" ? "b" : "a" });
  }

  // ---- a photo and the picture made from it ----

  photo() {
    const { photo } = this.#store.state;
    this.#open("photo", { title: "Before", bitmap: photo.bitmap });
  }

  // ---- another checkpoint ----

  /**
   * Compare with another model's picture of the same label map; it is made again whenever the stage has a new picture.
   */
  async model(id, title) {
    try {
      this.#other = await api.report(id);
      this.#open("model", { title, bitmap: null });
      this.#loop.ask();
    } catch (error) {
      this.#failed(error);
    }
  }

  /** To be called when there is another picture on the stage. */
  follow() {
    if (this.#other && this.state?.kind === "model") this.#loop.ask();
  }

  async #render() {
    const { model, picture } = this.#store.state;
    const other = this.#other;
    const map = translatedMap(picture.map, model, other);
    const classes = [...new Set(picture.map.data)];
    const style = translatedStyle(picture.style, classes, model, other);
    const answer = await api.render(other.id, await encodeIndexPng(map), { style });
    return pictureOf(answer.pictures[0], map, picture.version);
  }

  #failed(error) {
    this.end();
    this.#report(error, "The two checkpoints cannot be compared on these labels.");
  }
}

/** A picture of the history as a side {id, time, bitmap}; an old one is decoded again. */
async function side(picture) {
  return { id: picture.id, time: picture.time, bitmap: await bitmapFor(picture) };
}
