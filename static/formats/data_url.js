/** Data URLs, `data:<type>;base64,<bytes>`: how the server puts pictures and label maps into JSON. */

/** The bytes that a data URL carries, as a Uint8Array. The part before the comma may be missing. */
export function bytesOfDataUrl(url) {
  return Uint8Array.from(atob(url.slice(url.indexOf(",") + 1)), (c) => c.charCodeAt(0));
}

/** The same bytes as a Blob with the media type that the URL names. */
export function blobOfDataUrl(url) {
  return new Blob([bytesOfDataUrl(url)], { type: url.slice("data:".length, url.indexOf(";")) });
}
