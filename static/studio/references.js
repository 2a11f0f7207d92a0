/**
 * References: photos with their label maps, or pictures made here, that a class can take its look from. Each has a
 * letter. A mixture is a style whose looks come from several of them.
 */
import { cropsOf } from "../picture/crops.js";
import { between, specOf, withSpecs } from "../picture/style.js";
import { NO_MIX } from "./state.js";

const LETTERS = [..."ABCDEFGH"];

export class References {
  #store;
  #classes;
  #labels;
  #looks;
  #photos;

  constructor({ store, classes, labels, looks, photos }) {
    [this.#store, this.#classes, this.#labels] = [store, classes, labels];
    [this.#looks, this.#photos] = [looks, photos];
  }

  get list() {
    return this.#store.state.references;
  }

  /** Whether every letter is taken. */
  get full() {
    return this.list.length >= LETTERS.length;
  }

  get(letter) {
    return this.list.find((reference) => reference.letter === letter);
  }

  /**
   * Give a reference another label map, with what is still in doubt of it: its photo is encoded again, and the looks
   * that were taken from it follow.
   */
  async correct(letter, { map, doubts }) {
    const { name, title, file } = this.get(letter);
    const labels = new File([await this.#classes.png(map)], "labels.png", { type: "image/png" });
    this.#store.set({ readAnew: letter });
    const encoded = await this.#photos
      .encode(file, labels, { resize: true })
      .finally(() => this.#store.set({ readAnew: null }));
    const corrected = { ...encoded, letter, name, title, doubts, crops: cropsOf(encoded.map), corrected: true };
    this.#store.set({ references: this.list.map((old) => (old.letter === letter ? corrected : old)) });
    const { choice, focus, columns } = this.#store.state.mix;
    const has = (index) => corrected.classes.includes(index);
    const touched = Object.entries(choice).filter(([, { a, b }]) => a === letter || b === letter);
    const again = touched.map(([index, old]) => [Number(index), has(Number(index)) ? old : null]);
    if (again.length) this.#apply(again, { focus, columns });
  }

  /** Add {name, bitmap, map, style, classes} under the first free letter, which is returned. */
  add(reference) {
    const letter = LETTERS.find((l) => !this.get(l));
    const same = this.list.filter(({ title }) => title === reference.name).length;
    const name = same ? `${reference.name} ${same + 1}` : reference.name;
    const added = { ...reference, letter, name, title: reference.name, crops: cropsOf(reference.map) };
    this.#store.set({ references: [...this.list, added] });
    return letter;
  }

  /** Add the picture on the stage. Its looks are known, so nothing has to be encoded. Null without a picture. */
  addCurrent() {
    const { picture, scene } = this.#store.state;
    if (!picture) return null;
    const all = this.#classes.list.map(({ index }) => index);
    const classes = all.filter((index) => picture.map.data.includes(index));
    const style = Object.fromEntries(classes.map((index) => [index, specOf(picture.style, index)]));
    return this.add({ name: scene ?? "Picture", bitmap: picture.bitmap, map: picture.map, style, classes });
  }

  /** Remove a reference; classes that took their look from it get back the one that they had before. */
  remove(letter) {
    const { choice } = this.#store.state.mix;
    const taken = Object.keys(choice).filter((index) => choice[index].a === letter || choice[index].b === letter);
    const back = taken.map((index) => [Number(index), null]);
    if (back.length) this.#apply(back, {});
    this.#store.set({ references: this.list.filter((reference) => reference.letter !== letter) });
  }

  /**
   * Take a class's look from the reference with this letter, or with null give it back the look it had before. With
   * `blend` the reference becomes the second of two, half of each.
   */
  choose(index, letter, { blend = false } = {}) {
    const old = this.#store.state.mix.choice[index];
    const second = blend && old && old.a !== letter;
    const next = letter && (second ? { a: old.a, b: letter, t: 0.5 } : { a: letter, b: null, t: 0 });
    this.#apply([[index, next]], { focus: index });
  }

  /** Set how much of a class's look comes from the second reference, 0 … 1. */
  setBlend(index, t) {
    this.#apply([[index, { ...this.#store.state.mix.choice[index], t }]], { focus: index });
  }

  /** Take every look that a reference has, or with null give every class back its own. */
  chooseColumn(letter) {
    const changes = this.#having(letter).map((index) => [index, letter && { a: letter, b: null, t: 0 }]);
    this.#apply(changes, { columns: letter && { a: letter, b: null, t: 0 } });
  }

  /** Take every look between two references; a class that only one of them has takes it from that one. */
  blendColumns(a, b, t) {
    const inB = new Set(this.#having(b));
    const both = this.#having(a).map((index) => [index, inB.has(index) ? { a, b, t } : { a, b: null, t: 0 }]);
    const onlyB = this.#having(b)
      .filter((index) => !this.get(a).classes.includes(index))
      .map((index) => [index, { a: b, b: null, t: 0 }]);
    this.#apply([...both, ...onlyB], { columns: { a, b, t } });
  }

  /** The classes of the map that a reference has; all of them for null. */
  #having(letter) {
    const { present } = this.#labels;
    return letter === null ? present : present.filter((index) => this.get(letter).classes.includes(index));
  }

  /**
   * Change where classes take their looks from. Each change is [class, {a, b, t}] or, to give the look back, [class,
   * null]; `about` says what the blend slider is about: {focus} or {columns}.
   */
  #apply(changes, about) {
    const { style, strengths, mix, picture, crops } = this.#store.state;
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
    this.#store.set({ mix: { ...NO_MIX, choice, base, ...about }, strengths: ways });
    this.#looks.set(withSpecs(style, specs));
  }

  #look(index, { a, b, t }) {
    const look = (letter) => this.get(letter).style[index];
    return b ? between(look(a), look(b), t) : look(a);
  }
}
