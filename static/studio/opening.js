/** Everything that can be opened takes the place of the label map, the style or both; then a picture is asked for. */
import { cropsOf } from "../picture/crops.js";
import { differing } from "../picture/style.js";

export class Opening {
  #store;
  #labels;
  #looks;
  #grid;
  #live;

  constructor({ store, labels, looks, grid, live }) {
    [this.#store, this.#labels, this.#looks, this.#grid, this.#live] = [store, labels, looks, grid, live];
  }

  /** Begin with another style for the whole map. No picture is asked for. `scene` is what it is called. */
  style(style, { scene } = {}) {
    this.#grid.close();
    this.#looks.adopt(style, { scene });
  }

  /** Open a starter scene: a map in the model's classes, rendered with one seed. */
  scene(map, { title, seed }) {
    this.#labels.replace(map, { reorder: true });
    const { current, other } = this.#store.state;
    this.#store.set({ other: this.#labels.present.find((index) => index !== current) ?? other });
    this.style({ seed }, { scene: title });
    this.#live.ask({ demanded: true });
  }

  /** Open a recipe: a map and its style. */
  recipe(map, style, name) {
    this.#labels.replace(map, { reorder: true });
    this.style(style, { scene: name });
    this.#live.ask({ demanded: true });
  }

  /** Open a label map; the style stays. */
  map(map, name) {
    this.#labels.replace(map, { reorder: true });
    this.#store.set({ scene: name, photo: null });
    this.#live.ask({ demanded: true });
  }

  /**
   * Open a photo to repaint: its labels become the map, its looks the style. A class that it lacks keeps the look of
   * the style's seed.
   */
  photo(photo) {
    this.#labels.replace(photo.map, { reorder: true });
    this.style({ ...photo.style, seed: this.#store.state.style.seed }, { scene: photo.name });
    this.#store.set({ photo: { ...photo, crops: cropsOf(photo.map) } });
    this.#live.ask({ demanded: true });
  }

  /**
   * Open work that was kept: the label map with its undo history, the looks and the pictures. The last picture is shown
   * at once; if it is not of this map and style, another one is asked for.
   */
  kept({ map, past, mapVersion, pictures, ...values }) {
    this.#labels.adopt(map);
    if (past) this.#labels.history.resume(past);
    const [last = null] = pictures;
    const fits = last?.version === mapVersion && !differing(last.style, values.style, this.#labels.present).length;
    if (fits) last.style = values.style;
    this.#store.set({ ...values, mapVersion, pictures, picture: last, crops: last ? cropsOf(last.map) : new Map() });
    if (!fits) this.#live.ask();
  }
}
