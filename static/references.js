/**
 * References: photos with their label maps, or pictures made here, whose looks a class can take. Each is encoded once; a
 * mixture is then nothing but a style whose specs come from several of them.
 */
import * as api from "./api.js";
import { cropsOf } from "./crops.js";
import { bitmapOf } from "./pictures.js";
import { patiently } from "./retry.js";
import { between, specOf, withSpecs } from "./style.js";

const LETTERS = [..."ABCDEFGH"];
export const NO_MIX = { choice: {}, focus: null, base: null };

export class References {
  #studio;

  constructor(studio) {
    this.#studio = studio;
  }

  get list() {
    return this.#studio.state.references;
  }

  get full() {
    return this.list.length >= LETTERS.length;
  }

  get(letter) {
    return this.list.find((reference) => reference.letter === letter);
  }

  /** Encode a photo with its label map; raises what the server says. Gives {name, bitmap, map, style, classes}. */
  async encode(photo, labels, { resize = false } = {}) {
    const { state, files } = this.#studio;
    const answer = await patiently(() => api.encode(state.model.id, photo, labels, { name: photo.name, resize }));
    const map = await files.readLabels(labels, { style: answer.style, resize });
    return { name: photo.name, bitmap: await bitmapOf(photo), map, style: answer.style, classes: answer.classes };
  }

  add(reference) {
    const letter = LETTERS.find((l) => !this.get(l));
    const same = this.list.filter(({ title }) => title === reference.name).length;
    const name = same ? `${reference.name} ${same + 1}` : reference.name;
    const added = { ...reference, letter, name, title: reference.name, crops: cropsOf(reference.map) };
    this.#studio.set({ references: [...this.list, added] });
    return letter;
  }

  /** The picture on the stage: its looks are known, so nothing has to be estimated. */
  addCurrent() {
    const { picture, scene } = this.#studio.state;
    if (!picture) return null;
    const classes = this.#studio.classes.map(({ index }) => index).filter((index) => picture.map.data.includes(index));
    const style = Object.fromEntries(classes.map((index) => [index, specOf(picture.style, index)]));
    return this.add({ name: scene ?? "Picture", bitmap: picture.bitmap, map: picture.map, style, classes });
  }

  remove(letter) {
    for (const [index, { a, b }] of Object.entries(this.#studio.state.mix.choice)) {
      if (a === letter || b === letter) this.choose(Number(index), null);
    }
    this.#studio.set({ references: this.list.filter((reference) => reference.letter !== letter) });
  }

  /**
   * Take a class's look from the reference with this letter; null gives back the look it had before. With `blend` the
   * reference becomes the second of two sources.
   */
  choose(index, letter, { blend = false } = {}) {
    const { mix, style, picture, crops } = this.#studio.state;
    const old = mix.choice[index];
    const before = old ? old.before : specOf(style, index);
    if (!mix.base && picture)
      this.#studio.set({ mix: { ...mix, base: { bitmap: picture.bitmap, map: picture.map, crops } } });
    const choice = { ...mix.choice };
    if (letter === null) delete choice[index];
    else if (blend && old && old.a !== letter) choice[index] = { before, a: old.a, b: letter, t: 0.5 };
    else choice[index] = { before, a: letter, b: null, t: 0 };
    this.#apply(index, choice, before);
  }

  setBlend(index, t) {
    const { choice } = this.#studio.state.mix;
    this.#apply(index, { ...choice, [index]: { ...choice[index], t } }, choice[index].before);
  }

  /** Every look that a reference has; null gives all of them back. */
  chooseColumn(letter) {
    const { present } = this.#studio;
    const has = letter === null ? present : present.filter((index) => this.get(letter).classes.includes(index));
    for (const index of has) this.choose(index, letter);
  }

  /** Leave the looks as they are, but forget where they came from. */
  settle() {
    this.#studio.set({ mix: NO_MIX });
  }

  #apply(index, choice, before) {
    const { style, strengths, mix } = this.#studio.state;
    const { a, b, t } = choice[index] ?? {};
    const look = (letter) => this.get(letter).style[index];
    const blend = b && between(look(a), look(b), t);
    const { [index]: _, ...others } = strengths;
    const base = Object.keys(choice).length ? mix.base : null;
    this.#studio.set({ mix: { choice, focus: index, base }, strengths: others });
    this.#studio.setStyle(withSpecs(style, { [index]: a ? blend || look(a) : before }));
  }

  /** A photo to repaint: its labels become the map, its codes the style. What it lacks keeps the style's seed. */
  openPhoto(photo) {
    const studio = this.#studio;
    studio.replaceMap(photo.map, { reorder: true });
    studio.adoptStyle({ ...photo.style, seed: studio.state.style.seed }, { scene: photo.name });
    studio.set({ photo: { ...photo, crops: cropsOf(photo.map) } });
    studio.refresh({ demanded: true });
  }
}
