/** A dialog that asks what a label map means if its pixels do not say it. It shows the map as it would be opened. */
import { applied, fitted, readings, rest, rows } from "../../map/reading.js";
import { grouped, h, icon, percent, redraw } from "../parts/dom.js";
import { licenceOf } from "./licence.js";

const DIM = 0.22; // opacity of the pixels that the pointed row is not about

/** Open it for a decoded PNG. Resolves to the label map that the person agreed to, or to null. */
export function consult(studio, image, name) {
  return new Promise((resolve) => new DoctorDialog(studio, image, name, resolve));
}

class DoctorDialog {
  constructor(studio, image, name, resolve) {
    Object.assign(this, { studio, image, resolve });
    const { model, palette } = studio.state;
    [this.height, this.width] = model.image_size;
    this.readings = readings(image, model, palette);
    this.reading = this.readings[0];
    this.choices = new Map();
    this.crop = false;
    this.pointed = null; // values of the row at the pointer, whose pixels stand out
    this.face = h("canvas.map-face", { role: "img" });
    this.body = h("div.doctor-body");
    this.go = h("button.btn.solid", { id: "doctor-open", onclick: () => this.#end(this.map) }, "Open it");
    const close = () => this.#end(null);
    this.element = h(
      "dialog.doctor",
      { "aria-labelledby": "doctor-title", onclose: close },
      h(
        "div.ph",
        {},
        h("h2", { id: "doctor-title" }, "What does this label map mean?"),
        h("span.gap"),
        h("button.ib.s", { onclick: close, "aria-label": "Close" }, icon("close")),
      ),
      h("p.meta.doctor-file", {}, `${name} · ${image.width} × ${image.height} px, ${KINDS[image.kind]}`),
      h("div.doctor-sides", {}, h("div.doctor-face", {}, this.face), this.body),
      h("p.meta.doctor-model", {}, `Model ${model.title}. ${licenceOf(model)}`),
      h("div.dialog-actions", {}, this.go, h("button.btn.quiet", { onclick: close }, "Cancel")),
    );
    document.body.append(this.element);
    this.#update();
    this.element.showModal();
  }

  /** Draw everything anew, as the choices are. */
  #update() {
    redraw(this.body, this.#ways(), this.#verdict(), this.#table(), this.#size());
    this.#draw();
  }

  #draw() {
    this.whole = applied(this.reading, this.image, this.choices);
    this.map = fitted(this.whole, this.width, this.height, this);
    Object.assign(this.face, { width: this.map.width, height: this.map.height });
    const context = this.face.getContext("2d");
    const picture = this.studio.classes.coloured(this.map);
    if (this.pointed) this.#dim(picture);
    context.putImageData(picture, 0, 0);
    this.face.setAttribute("aria-label", "The label map as it would be opened");
  }

  /** Dim all pixels but those of the row at the pointer. */
  #dim({ data }) {
    const values = new Set(this.pointed.map(({ value }) => value));
    const mask = this.whole.clone();
    for (let i = 0; i < mask.data.length; i += 1) mask.data[i] = values.has(this.reading.valueAt(i)) ? 1 : 0;
    fitted(mask, this.width, this.height, this).data.forEach((on, i) => (data[4 * i + 3] = on ? 255 : 255 * DIM));
  }

  #ways() {
    const { readings: ways } = this;
    if (ways.length === 1) return h("p.doctor-way", {}, "Read as ", h("b", {}, this.reading.title), ".");
    const select = h(
      "select",
      { id: "doctor-way" },
      ...ways.map(({ title, pixels }, i) =>
        h("option", { value: i }, pixels ? `${title}: ${grouped(pixels)} px without a class` : title),
      ),
    );
    select.value = ways.indexOf(this.reading);
    select.addEventListener("change", () => {
      this.reading = ways[Number(select.value)];
      this.choices = new Map();
      this.#update();
    });
    return h("label.doctor-way", {}, h("span", {}, "Read as"), h("span.picker", {}, select));
  }

  #verdict() {
    const { unknown, pixels, unit } = this.reading;
    if (!pixels) return h("p.note", {}, "Every pixel has a class.");
    const share = percent(pixels / this.reading.labels.length);
    const number = unknown.length === 1 ? `One ${unit} is` : `${grouped(unknown.length)} ${unit}s are`;
    return h("p.note", {}, `${number} no class here: ${grouped(pixels)} px, ${share} of the map. What shall they be?`);
  }

  #table() {
    const { reading } = this;
    if (!reading.pixels) return null;
    const others = rest(reading);
    const list = rows(reading).map((row) => this.#row([row], row.value, row.name));
    if (others.length) list.push(this.#row(others, null, `${grouped(others.length)} more`));
    return h("ul.doctor-rows", { "aria-label": "Values without a class" }, list);
  }

  #row(those, key, name) {
    const { list: classes } = this.studio.classes;
    const [{ rgb, value }] = those;
    const nearest = this.reading.nearest(value);
    const select = h(
      "select",
      { "aria-label": `Class of ${name}`, data: { unknown: key ?? "rest" } },
      key === null && h("option", { value: "" }, "each the class nearest to it"),
      ...classes.map(({ index, name: title }) =>
        h("option", { value: index }, key !== null && index === nearest ? `${title} (nearest)` : title),
      ),
    );
    select.value = this.choices.get(key) ?? (key === null ? "" : nearest);
    select.addEventListener("change", () => {
      if (select.value === "") this.choices.delete(key);
      else this.choices.set(key, Number(select.value));
      this.#draw();
    });
    const point = (row) => () => {
      this.pointed = row;
      this.#draw();
    };
    const pixels = those.reduce((sum, row) => sum + row.pixels, 0);
    return h(
      "li",
      { onpointerenter: point(those), onpointerleave: point(null), onfocusin: point(those), onfocusout: point(null) },
      rgb && key !== null ? h("i.doctor-colour", { vars: { c: `rgb(${rgb.join(" ")})` } }) : h("i.doctor-colour.mixed"),
      h("code", {}, name),
      h("span.meta", {}, `${grouped(pixels)} px`),
      h("span.picker", {}, select),
    );
  }

  #size() {
    const { image, width, height } = this;
    if (image.width === width && image.height === height) return null;
    const way = (crop, title) =>
      h(
        "button",
        { "aria-pressed": String(this.crop === crop), data: { crop }, onclick: () => this.#cut(crop) },
        title,
      );
    const same = image.width * height === image.height * width;
    return h(
      "div.doctor-size",
      {},
      h("p.note", {}, `The model takes ${width} × ${height} px: each pixel takes the class of the one nearest to it.`),
      !same &&
        h("span.seg", { role: "group", "aria-label": "Fit" }, way(false, "Stretch"), way(true, "Cut to the middle")),
    );
  }

  #cut(crop) {
    this.crop = crop;
    this.#update();
  }

  #end(map) {
    this.resolve(map);
    this.element.remove();
  }
}

const KINDS = { grey: "greyscale", palette: "with a palette", colour: "in colours" };
