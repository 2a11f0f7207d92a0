/** Work that can wait for a frame without much to do. */

const PATIENCE = 200; // ms after which it is done in any frame

/** Resolves when the page has time. */
export function idle() {
  return new Promise((resolve) => {
    if (globalThis.requestIdleCallback) requestIdleCallback(resolve, { timeout: PATIENCE });
    else setTimeout(resolve);
  });
}
