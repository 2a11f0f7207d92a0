/** Names for what the browser keeps. */

/** A name that nothing else has; unlike `crypto.randomUUID` also where the page came over plain HTTP. */
export function freshId() {
  return Array.from(crypto.getRandomValues(new Uint32Array(4)), (n) => n.toString(36)).join("");
}
