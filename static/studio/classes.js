/** The classes of the model in use: their names, and their colours in files and on the page. */
import { coloursOf } from "../colours/colours.js";
import { colouring } from "../colours/hatching.js";
import { encodeIndexPng } from "../formats/png.js";

export class Classes {
  #store;
  #colouring = null; // {key, paint}: the function that colours label maps, and what it was made for

  constructor(store) {
    this.#store = store;
  }

  /** The rows of the model's report, [{index, name, colour, display}]; empty before a model is loaded. */
  get list() {
    return this.#store.state.model?.classes ?? [];
  }

  /** The name of a class, "" for an index that is none. */
  name(index) {
    return this.list[index]?.name ?? "";
  }

  /** The classes' colours in files, [r, g, b] (0 … 255) by index. */
  get palette() {
    return coloursOf(this.list, "studio");
  }

  /** The bytes of a PNG whose pixel values are the map's class indices, with the classes' palette. */
  png(map) {
    return encodeIndexPng(map, this.palette);
  }

  /**
   * A rectangle of a label map, all of it if none is given, as ImageData in the colours that are chosen for the page.
   */
  coloured(map, rect = map.bounds) {
    const image = new ImageData(rect.w, rect.h);
    this.#paint(map, rect, new Uint32Array(image.data.buffer));
    return image;
  }

  get #paint() {
    const { model, colours, hatched } = this.#store.state;
    const key = [model, colours, hatched];
    if (!key.every((value, i) => value === this.#colouring?.key[i])) {
      this.#colouring = { key, paint: colouring(coloursOf(this.list, colours), hatched) };
    }
    return this.#colouring.paint;
  }
}
