/**
 * The calls to the server, one function each. They raise an ApiError if the server refuses, and an OfflineError if it
 * does not answer. `model` is always a model's id.
 */

/** A refusal: the server's words as message, and the fields of its error {code, field, value, allowed, details}. */
export class ApiError extends Error {
  constructor(
    status,
    { code = "failed", message, field = null, value = null, allowed = null, details = null },
    retryAfter,
  ) {
    super(message);
    Object.assign(this, { status, code, field, value, allowed, details, retryAfter });
  }
}

/** No answer from the server. */
export class OfflineError extends Error {
  constructor() {
    super("The studio server does not answer.");
  }
}

const BASE = "/api/v1";

async function call(path, init = {}) {
  let response;
  try {
    response = await fetch(path, init);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new OfflineError();
  }
  if (response.ok) return response;
  throw await asError(response);
}

async function asError(response) {
  const retryAfter = Number(response.headers.get("Retry-After")) || null;
  let body = null;
  try {
    body = (await response.json()).error;
  } catch {
    // a proxy's page, or no body at all
  }
  if (!body && [502, 503, 504].includes(response.status)) return new OfflineError();
  return new ApiError(response.status, body ?? { message: `The server answered ${response.status}.` }, retryAfter);
}

const getJson = async (path) => (await call(`${BASE}/${path}`)).json();

function form(request, files) {
  const body = new FormData();
  for (const [field, value] of Object.entries(files)) {
    for (const file of [value].flat()) {
      const blob = file instanceof Blob ? file : new Blob([file], { type: "image/png" });
      body.append(field, blob, blob.name ?? `${field}.png`);
    }
  }
  if (request) body.append("request", JSON.stringify(request));
  return body;
}

async function post(model, route, request, files, { accept = "application/json", signal } = {}) {
  const init = { method: "POST", body: form(request, files), headers: { Accept: accept }, signal };
  return call(`${BASE}/models/${encodeURIComponent(model)}/${route}`, init);
}

/** The objects of an answer that comes as lines of JSON. A line with an error is raised as an ApiError. */
async function* postLines(model, route, request, files, { signal } = {}) {
  const response = await post(model, route, request, files, { accept: "application/x-ndjson", signal });
  let rest = "";
  for await (const text of response.body.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split("\n");
    rest = lines.pop();
    for (const row of lines.map((line) => JSON.parse(line))) {
      if (row.error) throw new ApiError(response.status, row.error);
      yield row;
    }
  }
}

const postJson = async (...args) => (await post(...args)).json();

/** The address of a model's live socket. */
export function liveAddress(model) {
  const address = new URL(`${BASE}/models/${encodeURIComponent(model)}/live`, location.href);
  address.protocol = address.protocol.replace("http", "ws");
  return address.href;
}

/** Resolves if the server answers. */
export const health = () => call("/healthz");

/** {models: [{id, title}], default, unavailable: [{id, reason}]}. */
export const models = () => getJson("models");
/** A model's report: {id, title, image_size: [height, width], classes, code_shape, applications, …}. */
export const report = (model) => getJson(`models/${encodeURIComponent(model)}`);

/**
 * {pictures: [{image, style}], labels, timings}, with images as data URLs. `labels` is a File or the bytes of a PNG;
 * `resize` brings it to the model's size.
 */
export const render = (model, labels, { style, resize = false }, options) =>
  postJson(model, "render", { style, resize }, { labels }, options);

/** The bytes of the picture's PNG, which carries its recipe. */
export async function renderPng(model, labels, { style }) {
  const answer = await post(model, "render", { style }, { labels }, { accept: "image/png" });
  return new Uint8Array(await answer.arrayBuffer());
}

/** The same as `render`, from a recipe's file. */
export const renderRecipe = (model, recipe) => postJson(model, "render", null, { recipe });

/**
 * New looks of some classes: {picture} for each as soon as it is drawn, then {timings}. `request` is {style, classes,
 * n, seed}.
 */
export const resampleLines = (model, labels, request, options) =>
  postLines(model, "resample", request, { labels }, options);

/** The looks of a photo with its label map: {style, classes}. */
export const encode = (model, photo, labels, { name, resize = false }) =>
  postJson(model, "encode", { name, resize }, { photo, labels });

/** The same, fitted step by step: {step, steps, share, distance, picture?} on the way, then {style, classes, …}. */
export const fit = (model, photo, labels, { name, resize = false }, options) =>
  postLines(model, "fit", { name, resize }, { photo, photo_labels: labels }, options);

/**
 * The label map that the model's segmenter finds in a photo, brought to the model's size: {labels, regions}. `labels` is
 * a data URL; a region is {index, at: [x, y], confidence, second: {index, …}, …}.
 */
export const segment = (model, photo) => postJson(model, "segment", { resize: true }, { photo });

/** An animation: {frame, frames} for each frame that is drawn, then {animation}, a data URL. */
export const morphLines = (model, labels, request, options) => postLines(model, "morph", request, { labels }, options);

/** NumPy's file of the codes that a style gives some classes, as a Blob. `request` is {style, classes}. */
export const codesFile = async (model, request) =>
  (await post(model, "codes", request, {}, { accept: "application/octet-stream" })).blob();

/** The codes in such a file as {style, classes}. `name` is what the looks are said to come from. */
export const readCodes = (model, file, { name }) => postJson(model, "codes", { name }, { codes: file });
