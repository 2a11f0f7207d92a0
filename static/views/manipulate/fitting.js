/** Progress of fitting a photo's looks: the model's picture so far, a bar, and the time that is left. */
import { blobOfDataUrl } from "../../formats/data_url.js";
import { bitmapOf } from "../../picture/pictures.js";
import { h, percent } from "../parts/dom.js";

const WARM_UP = 0.05; // share of the work before which the time left is not shown: it would be a guess

export class FitProgress {
  #started = performance.now();
  #face = h("canvas", { width: 1, height: 1, "aria-hidden": "true" });
  #bar = h("i");
  #words = h("span", { "aria-live": "polite" }, "Fitting the look");

  constructor() {
    this.element = h(
      "div.fit",
      { role: "group", "aria-label": "Fitting the look" },
      this.#face,
      h("div", {}, this.#words, h("div.progress", {}, this.#bar)),
    );
  }

  /** Show a step of the fit: `share` of it is done, 0 … 1; `picture` is a data URL or missing. */
  async show({ share, picture }) {
    this.#bar.style.width = percent(share).replace(" ", "");
    const seconds = ((performance.now() - this.#started) / 1000) * (1 / share - 1);
    const left = share > WARM_UP ? `, about ${Math.ceil(seconds)} s left` : "";
    this.#words.textContent = `Fitting the look${left}`;
    if (!picture) return;
    const bitmap = await bitmapOf(blobOfDataUrl(picture));
    Object.assign(this.#face, { width: bitmap.width, height: bitmap.height });
    this.#face.getContext("2d").drawImage(bitmap, 0, 0);
  }
}
