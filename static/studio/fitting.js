/** The looks of a photo for a model without an encoder: the server fits them step by step, and tells how far it is. */
import * as api from "../net/api.js";
import { patiently } from "../net/retry.js";

/**
 * Fit the looks of a photo with its label map, both as files. Resolves to {style, classes, picture, distance}.
 * `onStep({step, steps, share, distance, picture?})` is called on the way, `share` being the part that is done, 0 … 1.
 * Aborting `signal` ends the work on the server too. Raises ApiError, or OfflineError if the answer is cut short.
 */
export function fit(model, photo, labels, { resize = false, signal, onStep }) {
  return patiently(async () => {
    for await (const row of api.fit(model, photo, labels, { name: photo.name, resize }, { signal })) {
      if (row.style) return row;
      onStep?.(row);
    }
    throw new api.OfflineError();
  });
}
