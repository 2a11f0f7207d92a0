/**
 * Saved looks: one class's, or a whole style. The browser keeps them under the names of their classes, so they fit any
 * label map, and any model that has classes of those names.
 */
import { entriesIn, libraryText } from "../formats/library_file.js";
import { freshId } from "../keep/ids.js";
import { Table } from "../keep/table.js";
import * as api from "../net/api.js";
import { hasCode, sameSpec, specOf, withSpecs } from "../picture/style.js";

export class Library {
  #store;
  #looks;
  #report;
  #kept = new Table("groupdnet-library", "looks");

  constructor({ store, looks, report }) {
    [this.#store, this.#looks, this.#report] = [store, looks, report];
  }

  /**
   * Saved looks [{id, name, classes, codeShape, model, face, time}], newest first; `classes` has looks by class name.
   */
  get entries() {
    return this.#store.state.library;
  }

  /** Read what the browser kept. One that keeps nothing says so only when something is saved. */
  async load() {
    const entries = await this.#kept.all().catch(() => []);
    this.#store.set({ library: entries.sort((a, b) => b.time - a.time) });
  }

  /** The saved looks of one class, or the whole styles where `index` is null. */
  of(index) {
    const name = index === null ? null : this.#store.state.model.classes[index].name;
    return this.entries.filter(({ classes }) => {
      const names = Object.keys(classes);
      return name === null ? names.length > 1 : names.length === 1 && names[0] === name;
    });
  }

  /** Save the looks that these classes have now, under a name. `face` is a data URL of a picture of them, or null. */
  save(name, indices, face) {
    const { style, model } = this.#store.state;
    const classes = Object.fromEntries(indices.map((index) => [model.classes[index].name, specOf(style, index)]));
    return this.#add([{ name, classes, codeShape: model.code_shape, model: model.id, face, time: Date.now() }]);
  }

  async #add(entries) {
    const added = entries.map((entry) => ({ ...entry, id: freshId() }));
    this.#store.set({ library: [...added, ...this.entries] });
    try {
      for (const entry of added) await this.#kept.put(entry);
    } catch {
      const error = new Error("This browser keeps nothing for this page: export the library, or it goes with the tab.");
      this.#report(error, null);
    }
  }

  async remove(id) {
    this.#store.set({ library: this.entries.filter((entry) => entry.id !== id) });
    await this.#kept.remove(id).catch(() => {}); // the browser may keep nothing: it is gone from the page at least
  }

  /**
   * The style with the saved looks in the classes of this model; other classes as in `style`. Raises an Error in words.
   */
  styleOf({ name, classes, codeShape, model: origin }, style = this.#store.state.style) {
    const { model } = this.#store.state;
    const indices = new Map(model.classes.map((row) => [row.name, row.index]));
    const known = Object.entries(classes).filter(([className]) => indices.has(className));
    if (!known.length) throw new Error(`“${name}” is for ${Object.keys(classes).join(", ")}; ${model.title} has none.`);
    if (String(codeShape) !== String(model.code_shape) && known.some(([, spec]) => hasCode(spec))) {
      throw new Error(`“${name}” has codes of ${origin ?? "another model"}, which are of another shape here.`);
    }
    return withSpecs(style, Object.fromEntries(known.map(([className, spec]) => [indices.get(className), spec])));
  }

  /** Give the map a saved look or style, and ask for its picture. Strengths lead back to the looks as they are now. */
  apply(entry) {
    try {
      const { style, model } = this.#store.state;
      const wanted = this.styleOf(entry);
      const changed = model.classes
        .map(({ index }) => index)
        .filter((index) => !sameSpec(specOf(style, index), specOf(wanted, index)));
      this.#looks.move(wanted, changed, (index) => specOf(style, index));
      this.#looks.set(wanted);
    } catch (error) {
      this.#report(error, "The looks are as they were.");
    }
  }

  /** All saved looks as the text of a file. */
  get text() {
    return libraryText(this.entries);
  }

  /** NumPy's file of the codes that these classes have now, as a Blob. */
  async npz(indices) {
    const { model, style } = this.#store.state;
    return api.codesFile(model.id, { style, classes: indices });
  }

  /**
   * Add the looks in a file: a library's JSON, or a .npz of codes. Resolves to how many there were. Raises an Error.
   */
  async importFile(file) {
    const entries = file.name.toLowerCase().endsWith(".npz")
      ? [await this.#fromNpz(file)]
      : entriesIn(await file.text(), file.name);
    await this.#add(entries);
    return entries.length;
  }

  async #fromNpz(file) {
    const { model } = this.#store.state;
    const name = file.name.replace(/\.npz$/i, "");
    const { style, classes } = await api.readCodes(model.id, file, { name: file.name });
    const looks = Object.fromEntries(classes.map((index) => [model.classes[index].name, style[index]]));
    return { name, classes: looks, codeShape: model.code_shape, model: model.id, face: null, time: Date.now() };
  }
}
