/** Functions that make and fill elements. Text is always set as text, so that no file name can become markup. */

const SVG = "http://www.w3.org/2000/svg";

/**
 * A new element: h("button.mini", {onclick, "aria-label": …}, ...children). The selector has its tag and classes.
 * Attributes whose names begin with "on" are listeners; `data` has its dataset, `vars` its CSS variables. Attributes
 * and children that are null, undefined or false are left out.
 */
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

/** A new element of an SVG. */
export function svg(tag, attributes, ...children) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

/** A symbol of templates/icons.svg. */
export function icon(name, small = false) {
  return svg("svg", { class: small ? "ic sm" : "ic", "aria-hidden": "true" }, svg("use", { href: `#i-${name}` }));
}

/**
 * Put other children into an element; those that are null or false are left out. The keyboard's focus stays on its
 * control, or moves to the new one with the same id, data attribute or label.
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

/** The element with this id. */
export const $ = (id) => document.getElementById(id);

/** Set an element's text, unless it has that text: then the browser need not lay the page out again. */
export function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Paint a slider's track up to its thumb, by the CSS variable --v. */
export function markSlider(input) {
  const { min, max, value } = input;
  input.style.setProperty("--v", `${(100 * (value - min)) / (max - min || 1)}%`);
}

/** A new slider; `oninput(number)` is told every value. */
export function slider(attributes, oninput) {
  const input = h("input", { type: "range", ...attributes });
  markSlider(input);
  input.addEventListener("input", () => {
    markSlider(input);
    oninput?.(Number(input.value));
  });
  return input;
}

/** Show whether a toggle button is pressed. */
export function pressed(button, on) {
  button.setAttribute("aria-pressed", String(on));
}

/** A new canvas that shows a bitmap, cut to its middle where the proportions differ. */
export function thumbnail(bitmap, width, height, attributes = {}) {
  const canvas = h("canvas", { width, height, ...attributes });
  const scale = Math.max(width / bitmap.width, height / bitmap.height);
  const [w, hh] = [bitmap.width * scale, bitmap.height * scale];
  canvas.getContext("2d").drawImage(bitmap, (width - w) / 2, (height - hh) / 2, w, hh);
  return canvas;
}

/** Have the browser save a file. */
export function download(bytes, name, type) {
  const url = URL.createObjectURL(new Blob([bytes], { type }));
  h("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

/** Ask for a file. Resolves to it; stays pending if the person cancels. */
export function chooseFile(accept) {
  return new Promise((resolve) => {
    const input = h("input", { type: "file", accept });
    input.addEventListener("change", () => input.files[0] && resolve(input.files[0]));
    input.click();
  });
}

const [whole, tenths] = [0, 1].map((digits) => new Intl.NumberFormat("en", { maximumFractionDigits: digits }));

/** A share, 0 … 1, as "12 %", or below a tenth as "1.2 %". */
export const percent = (share) => `${(share > 0 && share < 0.1 ? tenths : whole).format(share * 100)} %`;
/** A number as "12,345". */
export const grouped = (number) => whole.format(number);
/** A name with a capital letter. */
export const titled = (name) => name.charAt(0).toUpperCase() + name.slice(1);
