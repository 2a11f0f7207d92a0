/** A dialog that asks for a photo and its label map, encodes them, and says what is wrong with them. */
import { bytesOfDataUrl } from "../../formats/data_url.js";
import { openDoubts, settle } from "../../map/doubts.js";
import { bitmapOf } from "../../picture/pictures.js";
import { mapOfRecipe, recipeIn } from "../../picture/recipe.js";
import { chooseFile, h, icon } from "../parts/dom.js";
import { labelBitmap } from "../parts/swatch.js";
import { DoubtList, markDoubts } from "./doubts.js";
import { FitProgress } from "./fitting.js";
import { correctLabels } from "./label_editor.js";

const LABELS_WANTED = "PNG of the same scene";
const MARKED = 85; // how many times as wide as its outline of a doubt the face of a label map is

/**
 * Open it, with `file` as the photo if there is one. Resolves to the encoded photo {name, file, bitmap, map, style,
 * classes, doubts}, or to null if the person closes it.
 */
export function addPhoto(studio, title, action, file = null) {
  return new Promise((resolve) => {
    const dialog = new PhotoDialog(studio, title, action, resolve);
    if (file) dialog.take("photo", file);
  });
}

class PhotoDialog {
  photo = null;
  labels = null; // a file, or where they were found or corrected here `map`
  map = null;
  doubts = []; // unsure regions of `map`
  given = false; // the labels came as a file: another photo does not replace them
  leaving = new AbortController(); // aborted when the dialog is closed, which ends a fit

  constructor(studio, title, action, resolve) {
    this.studio = studio;
    this.resolve = resolve;
    this.slots = {
      photo: this.#slot("photo", "Photo", "PNG, JPEG or WebP"),
      labels: this.#slot("labels", "Label map", LABELS_WANTED),
    };
    this.asked = new DoubtList(studio, {
      choose: (doubt, value) => this.#settle(doubt, value),
      point: (doubt) => this.#drawMap(doubt),
    });
    this.message = h("p.dialog-error", { role: "alert", hidden: true });
    this.encoder = studio.photos.can("encode").available;
    this.segmenter = studio.state.model.applications.segment?.available === true;
    this.correct = h(
      "button.mini.correct",
      { hidden: true, onclick: () => this.#correct(), data: { correct: "labels" } },
      icon("brush", true),
      "Correct the labels",
    );
    this.go = h("button.btn.solid", { disabled: true, onclick: () => this.#encode() }, action);
    const size = studio.state.model.image_size;
    this.element = h(
      "dialog.photo-dialog",
      { "aria-label": title, onclose: () => this.#end(null) },
      h(
        "div.ph",
        {},
        h("h2", {}, title),
        h("span.gap"),
        h("button.ib.s", { onclick: () => this.#end(null), "aria-label": "Close" }, icon("close")),
      ),
      h("div.slots", {}, this.slots.photo, this.slots.labels),
      this.asked.element,
      this.correct,
      h("p.note", {}, this.#hint(size)),
      !this.encoder &&
        h("p.note", {}, `This model has no encoder: the look is fitted, which ${studio.photos.can("fit").note}.`),
      this.message,
      h("div.dialog-actions", {}, this.go, h("button.btn.quiet", { onclick: () => this.#end(null) }, "Cancel")),
    );
    document.body.append(this.element);
    this.element.showModal();
  }

  #hint([height, width]) {
    const both = `Both ${width} × ${height}. A picture made here brings its labels along`;
    return this.segmenter ? `${both}; of any other photo they are found, and you can correct them.` : `${both}.`;
  }

  #slot(kind, title, hint) {
    const accept = kind === "photo" ? "image/png,image/jpeg,image/webp" : "image/png";
    const name = h("span.meta", {}, hint);
    const button = h(
      "button.file-slot",
      { data: { slot: kind }, onclick: async () => this.take(kind, await chooseFile(accept)) },
      h("span.face", {}, icon(kind === "photo" ? "photo" : "map")),
      h("b", {}, title),
      name,
    );
    button.addEventListener("dragover", (event) => event.preventDefault());
    button.addEventListener("drop", (event) => {
      event.preventDefault();
      event.stopPropagation();
      if (event.dataTransfer.files[0]) this.take(kind, event.dataTransfer.files[0]);
    });
    return button;
  }

  /** Take a file as the "photo" or as its "labels". */
  async take(kind, file) {
    this[kind] = file;
    this.#say(null);
    if (kind === "labels") this.#giveUpMap();
    else if (!this.given) this.#forgetLabels();
    try {
      await this.#face(kind, file, file.name);
    } catch {
      this.#say(new Error(`${file.name} cannot be shown: it is no picture that a browser reads.`));
    }
    if (kind === "photo") {
      await this.#labelsFromRecipe(file);
      if (!this.#hasLabels && this.segmenter) await this.#find();
    }
    this.#ready();
  }

  /** Labels that were found in one photo do not hold for another. */
  #forgetLabels() {
    this.labels = null;
    this.#setMap(null);
    this.#ready();
    this.slots.labels.querySelector(".face").replaceChildren(icon("map"));
    this.slots.labels.querySelector(".meta").textContent = LABELS_WANTED;
  }

  /** A label map was given as a file: it is the one that counts. */
  #giveUpMap() {
    this.given = true;
    this.#setMap(null);
  }

  get #hasLabels() {
    return Boolean(this.labels ?? this.map);
  }

  #ready() {
    this.go.disabled = !(this.photo && this.#hasLabels);
    this.correct.hidden = this.go.disabled;
  }

  /** Have the labels found by the model's segmenter. */
  async #find() {
    const meta = this.slots.labels.querySelector(".meta");
    meta.textContent = "looking for them";
    const { photo } = this;
    try {
      const { map, doubts } = await this.studio.photos.segment(photo);
      if (this.#hasLabels || photo !== this.photo) return; // another file was given in the meantime
      this.#setMap(map, doubts, "found in the photo");
    } catch (error) {
      meta.textContent = LABELS_WANTED;
      this.#say(error);
    }
  }

  /** Take a label map that was found or corrected here, with its doubts; null for none. */
  #setMap(map, doubts = [], note = null) {
    Object.assign(this, { map, doubts });
    if (map) {
      this.labels = null;
      this.slots.labels.querySelector(".meta").textContent = note;
      this.#drawMap();
    }
    this.asked.draw(map, doubts);
  }

  /** Show the label map with its open doubts marked; the one that is pointed at stands out. */
  #drawMap(pointed = null) {
    const face = labelBitmap(this.studio, this.map);
    const reach = Math.ceil(this.map.width / MARKED);
    markDoubts(face, openDoubts(this.map, this.doubts), { reach, pointed });
    this.slots.labels.querySelector(".face").replaceChildren(face);
  }

  /** A region is what the person says. */
  #settle(doubt, value) {
    settle(this.map, doubt, value);
    this.#drawMap(doubt);
    this.asked.draw(this.map, this.doubts);
  }

  /** The labels as a file. */
  async #labelFile() {
    if (!this.map) return this.labels;
    return new File([await this.studio.classes.png(this.map)], "labels.png", { type: "image/png" });
  }

  /** Open the labels, those in a file as the server reads them, over the photo to be corrected. */
  async #correct() {
    this.#say(null);
    try {
      const { studio, photo, doubts } = this;
      const map = this.map ?? (await studio.photos.readLabels(this.labels, { resize: true }));
      const corrected = await correctLabels(studio, { name: photo.name, bitmap: await bitmapOf(photo), map, doubts });
      if (corrected) this.#setMap(corrected.map, corrected.doubts, "corrected");
    } catch (error) {
      this.#say(error);
    }
  }

  async #face(kind, blob, name) {
    const bitmap = await bitmapOf(blob);
    const canvas = h("canvas", { width: bitmap.width, height: bitmap.height });
    canvas.getContext("2d").drawImage(bitmap, 0, 0);
    this.slots[kind].querySelector(".face").replaceChildren(canvas);
    this.slots[kind].querySelector(".meta").textContent = name;
  }

  /** Take the label map of a picture that was made here from its recipe. */
  async #labelsFromRecipe(file) {
    const recipe = await recipeIn(file).catch(() => null);
    if (!recipe || this.#hasLabels) return;
    const map = await mapOfRecipe(recipe).catch(() => null);
    if (!map) return;
    const bytes = bytesOfDataUrl(recipe.labels);
    this.labels = new File([bytes], "labels.png", { type: "image/png" });
    await this.#face("labels", this.labels, "found in the picture");
  }

  async #encode(resize = false) {
    this.go.disabled = true;
    this.element.classList.add("is-busy");
    this.#say(null);
    const fitting = this.encoder ? null : new FitProgress();
    if (fitting) this.slots.labels.parentElement.after(fitting.element);
    const options = { resize, signal: this.leaving.signal, onStep: (row) => fitting?.show(row) };
    try {
      const photo = await this.studio.photos.encode(this.photo, await this.#labelFile(), options);
      this.#end({ ...photo, doubts: this.doubts });
    } catch (error) {
      if (this.leaving.signal.aborted) return;
      const resize = { label: "Resize to fit", run: () => this.#encode(true) };
      this.#say(error, error.code === "wrong_size" ? [resize] : []);
    }
    fitting?.element.remove();
    this.element.classList.remove("is-busy");
    this.go.disabled = false;
  }

  #say(error, actions = []) {
    this.message.hidden = !error;
    const buttons = actions.map(({ label, run }) => h("button.btn", { onclick: run }, label));
    this.message.replaceChildren(...(error ? [error.message, ...buttons] : []));
  }

  #end(result) {
    this.leaving.abort();
    this.resolve(result);
    this.element.remove();
  }
}
