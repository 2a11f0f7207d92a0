/**
 * Looks that a person has named: of one class, or a whole style. They are kept by the browser, by the classes' names, so that
 * they fit any label map and any model that has those classes.
 */
import { entriesIn, libraryText } from "../formats/library_file.js";
import { freshId } from "../keep/ids.js";
import { Kept } from "../keep/table.js";
import * as api from "../net/api.js";
import { sameSpec, specOf, withSpecs } from "../picture/style.js";
import { hasCode } from "../picture/translate.js";

export class Library {
  #studio;
  #kept = new Kept("groupdnet-library", "looks");

  constructor(studio) {
    this.#studio = studio;
  }

  get entries() {
    return this.#studio.state.library;
  }

  /** What was kept before. A browser that keeps nothing says so when something is saved. */
  async load() {
    const entries = await this.#kept.all().catch(() => []);
    this.#studio.set({ library: entries.sort((a, b) => b.time - a.time) });
  }

  /** Looks of one class, whole styles where `index` is null. */
  of(index) {
    const name = index === null ? null : this.#studio.className(index);
    return this.entries.filter(({ classes }) => {
      const names = Object.keys(classes);
      return name === null ? names.length > 1 : names.length === 1 && names[0] === name;
    });
  }

  /** Name the looks that these classes have now. `face` is a data URL of how they look. */
  save(name, indices, face) {
    const { style, model } = this.#studio.state;
    const classes = Object.fromEntries(indices.map((index) => [this.#studio.className(index), specOf(style, index)]));
    return this.#add([{ name, classes, codeShape: model.code_shape, model: model.id, face, time: Date.now() }]);
  }

  async #add(entries) {
    const added = entries.map((entry) => ({ ...entry, id: freshId() }));
    this.#studio.set({ library: [...added, ...this.entries] });
    try {
      for (const entry of added) await this.#kept.put(entry);
    } catch {
      const error = new Error("This browser keeps nothing for this page: export the library, or it goes with the tab.");
      this.#studio.report(error, null);
    }
  }

  async remove(id) {
    this.#studio.set({ library: this.entries.filter((entry) => entry.id !== id) });
    await this.#kept.remove(id).catch(() => {}); // gone from the page at least
  }

  /** The style that a saved one gives this model: every class it names, the others as they are. Raises an error in words. */
  styleOf({ name, classes, codeShape, model: origin }, style = this.#studio.state.style) {
    const { model } = this.#studio.state;
    const indices = new Map(model.classes.map((row) => [row.name, row.index]));
    const known = Object.entries(classes).filter(([className]) => indices.has(className));
    if (!known.length) throw new Error(`“${name}” is for ${Object.keys(classes).join(", ")}; ${model.title} has none.`);
    if (String(codeShape) !== String(model.code_shape) && known.some(([, spec]) => hasCode(spec))) {
      throw new Error(`“${name}” has codes of ${origin ?? "another model"}, which are of another shape here.`);
    }
    return withSpecs(style, Object.fromEntries(known.map(([className, spec]) => [indices.get(className), spec])));
  }

  /** Give the map a saved look or style; the strength of each class leads back to where it was. */
  apply(entry) {
    const studio = this.#studio;
    try {
      const { style, strengths } = studio.state;
      const wanted = this.styleOf(entry);
      const changed = studio.classes
        .map(({ index }) => index)
        .filter((index) => !sameSpec(specOf(style, index), specOf(wanted, index)));
      const ways = changed.map((index) => [index, { from: specOf(style, index), to: specOf(wanted, index), t: 1 }]);
      studio.set({ strengths: { ...strengths, ...Object.fromEntries(ways) } });
      studio.setStyle(wanted);
    } catch (error) {
      studio.report(error, "The looks are as they were.");
    }
  }

  get text() {
    return libraryText(this.entries);
  }

  /** NumPy's file of the codes that these classes have now. */
  async npz(indices) {
    const { model, style } = this.#studio.state;
    return api.codesFile(model.id, { style, classes: indices });
  }

  /** Take in a library's JSON or a .npz of codes; resolves to how many looks came. */
  async importFile(file) {
    const entries = file.name.toLowerCase().endsWith(".npz")
      ? [await this.#fromNpz(file)]
      : entriesIn(await file.text(), file.name);
    await this.#add(entries);
    return entries.length;
  }

  async #fromNpz(file) {
    const { model } = this.#studio.state;
    const name = file.name.replace(/\.npz$/i, "");
    const { style, classes } = await api.readCodes(model.id, file, { name: file.name });
    const looks = Object.fromEntries(classes.map((index) => [model.classes[index].name, style[index]]));
    return { name, classes: looks, codeShape: model.code_shape, model: model.id, face: null, time: Date.now() };
  }
}
