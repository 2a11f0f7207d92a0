/** Small helpers to build elements; text is always set as text, so that no file name can become markup. */

const SVG = "http://www.w3.org/2000/svg";

/** h("button.mini", {onclick, "aria-label": …, data: {…}}, ...children); null children are skipped. */
export function h(selector, attributes = {}, ...children) {
  const [tag, ...classes] = selector.split(".");
  const element = document.createElement(tag || "div");
  if (classes.length) element.className = classes.join(" ");
  if (element instanceof HTMLButtonElement) element.type = "button";
  for (const [name, value] of Object.entries(attributes)) setAttribute(element, name, value);
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

function setAttribute(element, name, value) {
  if (value === null || value === undefined || value === false) return;
  if (name === "data") Object.assign(element.dataset, value);
  else if (name === "vars") for (const [key, v] of Object.entries(value)) element.style.setProperty(`--${key}`, v);
  else if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
  else if (name === "value") element.value = value;
  else element.setAttribute(name, value === true ? "" : value);
}

/** An element of a drawing. */
export function svg(tag, attributes, ...children) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

export function icon(name, small = false) {
  return svg("svg", { class: small ? "ic sm" : "ic", "aria-hidden": "true" }, svg("use", { href: `#i-${name}` }));
}

/**
 * Put other children into an element; null ones are skipped. The keyboard's focus stays on the same control, or on the one
 * that took its place.
 */
export function redraw(container, ...children) {
  const active = container.contains(document.activeElement) ? document.activeElement : null;
  container.replaceChildren(...children.filter(Boolean));
  if (!active) return;
  const same = active.isConnected ? active : container.querySelector(identity(active));
  same?.focus({ preventScroll: true });
}

function identity(element) {
  if (element.id) return `#${CSS.escape(element.id)}`;
  const [key, value] = Object.entries(element.dataset)[0] ?? [];
  if (key) return `[data-${key}="${CSS.escape(value)}"]`;
  return `[aria-label="${CSS.escape(element.getAttribute("aria-label") ?? "")}"]`;
}

export const $ = (id) => document.getElementById(id);

/** Say something else; the same words are left alone, and so is the page's layout. */
export function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Show how far a slider is: the track left of the thumb is painted from --v. */
export function markSlider(input) {
  const { min, max, value } = input;
  input.style.setProperty("--v", `${(100 * (value - min)) / (max - min || 1)}%`);
}

export function slider(attributes, oninput) {
  const input = h("input", { type: "range", ...attributes });
  markSlider(input);
  input.addEventListener("input", () => {
    markSlider(input);
    oninput?.(Number(input.value));
  });
  return input;
}

export function pressed(button, on) {
  button.setAttribute("aria-pressed", String(on));
}

/** A canvas that shows a bitmap, cropped to its middle where the shapes differ. */
export function thumbnail(bitmap, width, height, attributes = {}) {
  const canvas = h("canvas", { width, height, ...attributes });
  const scale = Math.max(width / bitmap.width, height / bitmap.height);
  const [w, hh] = [bitmap.width * scale, bitmap.height * scale];
  canvas.getContext("2d").drawImage(bitmap, (width - w) / 2, (height - hh) / 2, w, hh);
  return canvas;
}

export function download(bytes, name, type) {
  const url = URL.createObjectURL(new Blob([bytes], { type }));
  h("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

/** Ask for a file; resolves to it, or stays pending if the person changes their mind. */
export function chooseFile(accept) {
  return new Promise((resolve) => {
    const input = h("input", { type: "file", accept });
    input.addEventListener("change", () => input.files[0] && resolve(input.files[0]));
    input.click();
  });
}

const [whole, tenths] = [0, 1].map((digits) => new Intl.NumberFormat("en", { maximumFractionDigits: digits }));

/** "12 %"; below a tenth with one digit more. */
export const percent = (share) => `${(share > 0 && share < 0.1 ? tenths : whole).format(share * 100)} %`;
/** "12,345" */
export const grouped = (number) => whole.format(number);
export const titled = (name) => name.charAt(0).toUpperCase() + name.slice(1);
