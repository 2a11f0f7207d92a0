/** Ids for what the browser keeps. */

/** A random id. `crypto.randomUUID` would be missing on a page that came over plain HTTP. */
export function freshId() {
  return Array.from(crypto.getRandomValues(new Uint32Array(4)), (n) => n.toString(36)).join("");
}
