/** The looks of a photo where the model has no encoder: the server fits them, and tells how far it is. */
import * as api from "../net/api.js";
import { patiently } from "../net/retry.js";

/**
 * Gives {style, classes, picture, distance}; `onStep` gets {step, steps, share, distance, picture?} on the way. Aborting
 * the signal ends the work on the server too.
 */
export function fit(model, photo, labels, { resize = false, signal, onStep }) {
  return patiently(async () => {
    for await (const row of api.fit(model, photo, labels, { name: photo.name, resize }, { signal })) {
      if (row.style) return row;
      onStep?.(row);
    }
    throw new api.OfflineError(); // cut short
  });
}
