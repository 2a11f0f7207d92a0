/** The strip of pictures along the way of a morph, with marks for the key styles, a slider, and playing. */
import { LETTERS } from "../../studio/morphing.js";
import { $, h, icon, pressed, thumbnail } from "../parts/dom.js";

const BETWEEN = 6; // steps of the strip at least; each leg between two keys has the same whole number of them
const LEG_SECONDS = 3; // time from one key to the next when playing

export class Film {
  #drawn = null; // [keys, still, mapVersion] that the strip was drawn from
  #playing = null; // number of the animation frame that is waited for

  /** `onKey(number, bitmap)` takes the picture of each key style. */
  constructor(studio, onKey) {
    this.studio = studio;
    this.onKey = onKey;
    $("morph-t").addEventListener("input", ({ target }) => {
      this.pause();
      studio.morphing.set({ t: target.value / 1000 });
    });
    $("morph-play").addEventListener("click", () => (this.#playing ? this.pause() : this.play()));
    studio.store.watch(["morph"], ({ morph: { t } }) => {
      $("morph-value").textContent = t.toFixed(2);
      $("morph-t").value = Math.round(t * 1000);
      $("morph-t").setAttribute("aria-valuetext", studio.morphing.ready ? studio.morphing.place : "");
      $("playhead").style.left = `${t * 100}%`;
    });
  }

  /**
   * Draw the strip again if keys, moving classes or map changed: frame by frame, whenever the stage waits for no
   * picture.
   */
  async update() {
    const { morph, mapVersion } = this.studio.state;
    if (!this.studio.morphing.ready) return;
    const wanted = [morph.keys, morph.still, mapVersion];
    if (this.#drawn && wanted.every((value, i) => value === this.#drawn[i])) return;
    this.#drawn = wanted;
    const legs = morph.keys.length - 1;
    const perLeg = Math.max(1, Math.ceil(BETWEEN / legs));
    const slots = Array.from({ length: legs * perLeg + 1 }, () => h("span.frame-slot"));
    $("film-strip").replaceChildren(...slots);
    this.#markKeys(morph.keys);
    const isKey = (i) => i % perLeg === 0;
    const numbers = slots.map((_, i) => i);
    for (const i of [...numbers.filter(isKey), ...numbers.filter((n) => !isKey(n))]) {
      await this.studio.live.rest();
      if (this.#drawn !== wanted) return;
      const picture = await this.studio.morphing.frame(i / (slots.length - 1)).catch(() => null);
      if (!picture || this.#drawn !== wanted) return;
      slots[i].replaceChildren(thumbnail(picture.bitmap, 180, 144));
      if (isKey(i)) this.onKey(i / perLeg, picture.bitmap);
    }
  }

  /** Put a mark over the strip for every key style; a click moves the slider there. */
  #markKeys(keys) {
    const marks = keys.map(({ title }, i) => {
      const t = i / (keys.length - 1);
      const go = () => {
        this.pause();
        this.studio.morphing.set({ t });
      };
      const end = i === 0 ? "first" : i === keys.length - 1 ? "last" : "between";
      const attributes = { onclick: go, title, "aria-label": `Go to ${LETTERS[i]}, ${title}`, data: { mark: i, end } };
      const mark = h("button.key-mark", attributes, h("i"), h("b", {}, LETTERS[i]), h("span", {}, title));
      mark.style.left = `${t * 100}%`;
      return mark;
    });
    $("film-keys").replaceChildren(...marks);
  }

  /** Stop playing; the strip is drawn anew when Morph is opened again. */
  leave() {
    this.pause();
    this.#drawn = null;
  }

  /** Move the slider to and fro, as fast as pictures come. */
  play() {
    const { keys, t } = this.studio.state.morph;
    const length = LEG_SECONDS * 1000 * (keys.length - 1);
    const start = performance.now() - (t < 1 ? t * length : 0);
    this.#show(true);
    const step = (now) => {
      if (!this.#playing) return;
      const phase = ((now - start) / length) % 2;
      if (!this.studio.live.busy) this.studio.morphing.set({ t: phase < 1 ? phase : 2 - phase });
      this.#playing = requestAnimationFrame(step);
    };
    this.#playing = requestAnimationFrame(step);
  }

  pause() {
    if (this.#playing) cancelAnimationFrame(this.#playing);
    this.#playing = null; // number of the animation frame that is waited for
    this.#show(false);
  }

  #show(playing) {
    const button = $("morph-play");
    button.replaceChildren(icon(playing ? "pause" : "play"));
    button.setAttribute("aria-label", playing ? "Pause" : "Play");
    pressed(button, playing);
  }
}
