/** The label map on the canvas, with its undo history and the painter that draws on it. */
import { History } from "../map/history.js";
import { LabelMap } from "../map/labelmap.js";
import { Painter } from "../map/painter.js";

export class Labels {
  #store;
  #classes;
  #refresh;

  /** `refresh()` asks for a picture of the map as it is. */
  constructor({ store, classes, refresh }) {
    [this.#store, this.#classes, this.#refresh] = [store, classes, refresh];
    this.#take(new LabelMap(1, 1));
  }

  #take(map) {
    this.map = map;
    this.history = new History(map);
    this.painter = new Painter(map, this.history);
  }

  /** The classes in the map, in the order in which their looks are listed. */
  get present() {
    return this.#store.state.order;
  }

  /** The share of the map's pixels that a class has, 0 … 1. */
  share(index) {
    return this.#store.state.counts[index] / this.map.data.length;
  }

  /** The bytes of the map's PNG. */
  png() {
    return this.#classes.png(this.map);
  }

  /** The map as it is now, to make pictures of while it may be painted on: {map, version, png}. */
  async snapshot() {
    const map = this.map.clone();
    const version = this.#store.state.mapVersion;
    return { map, version, png: await this.#classes.png(map) };
  }

  /** Begin with another map, which may have another size: there is nothing to undo. */
  adopt(map) {
    this.#take(map);
    this.changed({ reorder: true, render: false });
  }

  /**
   * Put another map in place of this one, as a step that undo takes back; a map of another size is adopted. No picture
   * is asked for. `reorder` lists its classes' looks anew, the largest first.
   */
  replace(map, { reorder = false } = {}) {
    const untouched = !this.#store.state.picture && !this.history.canUndo; // nothing that undo should bring back
    if (untouched || map.width !== this.map.width || map.height !== this.map.height) {
      this.adopt(map.clone());
    } else {
      this.painter.cancel();
      this.history.replace(map);
    }
    this.changed({ reorder, render: false });
  }

  /**
   * To be called after every change of the map: counts the classes and asks for a picture, unless `render` is false.
   * `drawn` says that the canvas shows the change already, as it does after a stroke.
   */
  changed({ reorder = false, render = true, drawn = false } = {}) {
    const { order, mapVersion, drawVersion } = this.#store.state;
    const counts = this.map.counts();
    const kept = reorder ? [] : order.filter((index) => counts[index]);
    const all = this.#classes.list.map(({ index }) => index);
    const added = all.filter((index) => counts[index] && !kept.includes(index));
    added.sort((a, b) => counts[b] - counts[a]);
    const same = !added.length && kept.length === order.length;
    this.#store.set({
      counts,
      order: same ? order : [...kept, ...added],
      mapVersion: mapVersion + 1,
      drawVersion: drawVersion + (drawn ? 0 : 1),
      pending: this.painter.pending,
    });
    if (render) this.#refresh();
  }

  /** Take back the last corner of an open polygon or, without one, the last step. */
  undo() {
    if (this.painter.active) return;
    if (this.painter.back()) this.#store.set({ pending: this.painter.pending });
    else if (this.history.undo()) this.changed();
  }

  redo() {
    if (!this.painter.active && this.history.redo()) this.changed();
  }

  /** Turn every pixel of one class into another, as one step. */
  replaceClass(from, to) {
    this.painter.cancel();
    this.history.begin();
    if (this.history.commit(this.map.replace(from, to))) this.changed();
  }
}
