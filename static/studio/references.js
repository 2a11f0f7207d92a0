/**
 * References: photos with their label maps, or pictures made here, whose looks a class can take. Each is encoded once; a
 * mixture is then nothing but a style whose specs come from several of them.
 */
import { bytesOfDataUrl } from "../formats/data_url.js";
import { encodeIndexPng } from "../formats/png.js";
import * as api from "../net/api.js";
import { patiently } from "../net/retry.js";
import { cropsOf } from "../picture/crops.js";
import { bitmapOf } from "../picture/pictures.js";
import { between, specOf, withSpecs } from "../picture/style.js";
import { fit } from "./fitting.js";

const LETTERS = [..."ABCDEFGH"];
export const NO_MIX = { choice: {}, focus: null, columns: null, base: null };

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

  /**
   * The looks of a photo with its label map, encoded, or fitted where the model has no encoder: then `onStep` hears how
   * far it is, and `signal` may end it. Raises what the server says. Gives {name, bitmap, map, style, classes}.
   */
  async encode(photo, labels, { resize = false, signal, onStep } = {}) {
    const { state, files } = this.#studio;
    const answer = this.#studio.can("encode").available
      ? await patiently(() => api.encode(state.model.id, photo, labels, { name: photo.name, resize }))
      : await fit(state.model.id, photo, labels, { resize, signal, onStep });
    const map = await files.readLabels(labels, { style: answer.style, resize });
    const { style, classes } = answer;
    return { name: photo.name, file: photo, bitmap: await bitmapOf(photo), map, style, classes };
  }

  /** The label map that the model's segmenter finds in a photo, as a file. */
  async segment(photo) {
    const { model } = this.#studio.state;
    const { labels } = await patiently(() => api.segment(model.id, photo));
    return new File([bytesOfDataUrl(labels)], "labels.png", { type: "image/png" });
  }

  /** Other labels for a reference: its photo is encoded again, and what was taken from it follows. */
  async correct(letter, map) {
    const studio = this.#studio;
    const { name, title, file } = this.get(letter);
    const labels = new File([await encodeIndexPng(map, studio.palette)], "labels.png", { type: "image/png" });
    studio.set({ readAnew: letter });
    const encoded = await this.encode(file, labels, { resize: true }).finally(() => studio.set({ readAnew: null }));
    const corrected = { ...encoded, letter, name, title, crops: cropsOf(encoded.map), corrected: true };
    studio.set({ references: this.list.map((old) => (old.letter === letter ? corrected : old)) });
    const { choice, focus, columns } = studio.state.mix;
    const has = (index) => corrected.classes.includes(index);
    const touched = Object.entries(choice).filter(([, { a, b }]) => a === letter || b === letter);
    const again = touched.map(([index, old]) => [Number(index), has(Number(index)) ? old : null]);
    if (again.length) this.#apply(again, { focus, columns });
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
    const { choice } = this.#studio.state.mix;
    const taken = Object.keys(choice).filter((index) => choice[index].a === letter || choice[index].b === letter);
    if (taken.length)
      this.#apply(
        taken.map((index) => [Number(index), null]),
        {},
      );
    this.#studio.set({ references: this.list.filter((reference) => reference.letter !== letter) });
  }

  /**
   * Take a class's look from the reference with this letter; null gives back the look it had before. With `blend` the
   * reference becomes the second of two sources.
   */
  choose(index, letter, { blend = false } = {}) {
    const old = this.#studio.state.mix.choice[index];
    const second = blend && old && old.a !== letter;
    const next = letter && (second ? { a: old.a, b: letter, t: 0.5 } : { a: letter, b: null, t: 0 });
    this.#apply([[index, next]], { focus: index });
  }

  setBlend(index, t) {
    this.#apply([[index, { ...this.#studio.state.mix.choice[index], t }]], { focus: index });
  }

  /** Every look that a reference has; null gives all of them back. */
  chooseColumn(letter) {
    const changes = this.#having(letter).map((index) => [index, letter && { a: letter, b: null, t: 0 }]);
    this.#apply(changes, { columns: letter && { a: letter, b: null, t: 0 } });
  }

  /** Every look between two references; a class that only one of them has takes it from that one. */
  blendColumns(a, b, t) {
    const inB = new Set(this.#having(b));
    const both = this.#having(a).map((index) => [index, inB.has(index) ? { a, b, t } : { a, b: null, t: 0 }]);
    const onlyB = this.#having(b)
      .filter((index) => !this.get(a).classes.includes(index))
      .map((index) => [index, { a: b, b: null, t: 0 }]);
    this.#apply([...both, ...onlyB], { columns: { a, b, t } });
  }

  /** Classes of the map that a reference has; all of them for null. */
  #having(letter) {
    const { present } = this.#studio;
    return letter === null ? present : present.filter((index) => this.get(letter).classes.includes(index));
  }

  /** Leave the looks as they are, but forget where they came from. */
  settle() {
    this.#studio.set({ mix: NO_MIX });
  }

  /** Each change is [class, {a, b, t} or null]; `patch` says what the blend slider is about. */
  #apply(changes, patch) {
    const { style, strengths, mix, picture, crops } = this.#studio.state;
    const choice = { ...mix.choice };
    const ways = { ...strengths };
    const specs = {};
    for (const [index, next] of changes) {
      const before = choice[index]?.before ?? specOf(style, index);
      delete ways[index];
      if (next) choice[index] = { ...next, before };
      else delete choice[index];
      specs[index] = next ? this.#look(index, next) : before;
    }
    const now = picture && { bitmap: picture.bitmap, map: picture.map, crops };
    const base = Object.keys(choice).length ? (mix.base ?? now) : null;
    this.#studio.set({ mix: { choice, base, focus: null, columns: null, ...patch }, strengths: ways });
    this.#studio.setStyle(withSpecs(style, specs));
  }

  #look(index, { a, b, t }) {
    const look = (letter) => this.get(letter).style[index];
    return b ? between(look(a), look(b), t) : look(a);
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
