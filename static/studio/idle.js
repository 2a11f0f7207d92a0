/** Waiting for a moment in which the page has little to do. */

const PATIENCE = 200; // ms after which the wait ends even on a busy page

/** Resolves in an idle moment, at the latest after 200 ms. */
export function idle() {
  return new Promise((resolve) => {
    if (globalThis.requestIdleCallback) requestIdleCallback(resolve, { timeout: PATIENCE });
    else setTimeout(resolve);
  });
}
