/** Photos: their label maps and the looks of the classes in them, as the model's checkpoint can find them. */
import { doubtsIn } from "../map/doubts.js";
import * as api from "../net/api.js";
import { patiently } from "../net/retry.js";
import { bitmapOf } from "../picture/pictures.js";
import { mapOf } from "../picture/recipe.js";
import { fit } from "./fitting.js";

export class Photos {
  #store;

  constructor(store) {
    this.#store = store;
  }

  /** Whether the model's checkpoint serves an application, such as "encode": {available, reason, note}. */
  can(application) {
    return this.#store.state.model?.applications?.[application] ?? { available: true };
  }

  /**
   * The label map in a file, as the server reads it: it is rendered on the way. `resize` brings it to the model's size.
   */
  async readLabels(file, { style, resize = false } = {}) {
    const { model, style: current } = this.#store.state;
    const answer = await patiently(() => api.render(model.id, file, { style: style ?? current, resize }));
    return mapOf(answer.labels);
  }

  /** What the model's segmenter finds in a photo: {map, doubts}, its label map and the regions that may be wrong. */
  async segment(photo) {
    const { model } = this.#store.state;
    const { labels, regions } = await patiently(() => api.segment(model.id, photo));
    const map = await mapOf(labels);
    return { map, doubts: doubtsIn(map, regions) };
  }

  /**
   * The looks of a photo with its label map, both as files: {name, file, bitmap, map, style, classes}. They are
   * encoded, or fitted where the model has no encoder; `onStep` is then told how far the fit is, and `signal` may end
   * it. Raises ApiError or OfflineError.
   */
  async encode(photo, labels, { resize = false, signal, onStep } = {}) {
    const { model } = this.#store.state;
    const { style, classes } = this.can("encode").available
      ? await patiently(() => api.encode(model.id, photo, labels, { name: photo.name, resize }))
      : await fit(model.id, photo, labels, { resize, signal, onStep });
    const map = await this.readLabels(labels, { style, resize });
    return { name: photo.name, file: photo, bitmap: await bitmapOf(photo), map, style, classes };
  }
}
