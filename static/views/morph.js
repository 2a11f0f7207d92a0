/** Morph: A and B from anything, a slider that is live, and the animation as a file. */
import { $, download, h, icon, pressed, redraw, slider, thumbnail, titled } from "../dom.js";
import { swatch } from "./swatch.js";

const FRAMES = 7;
const FORMATS = { webp: "WebP", gif: "GIF", zip: "PNG frames" };

export function watchMorph(studio) {
  const film = new Film(studio);
  const exporter = new Exporter(studio);
  const faces = { a: h("div.face"), b: h("div.face") };
  studio.store.watch(["space", "picture"], ({ space, picture }) => {
    if (space === "morph" && picture && !studio.morphing.ready)
      studio.morphing.set({ a: current(studio), b: studio.morphing.random(), t: 0 });
    if (space !== "morph") film.leave();
  });
  let drawn = [];
  studio.store.watch(["morph", "order", "space", "variants", "references", "pictures"], (state) => {
    const { morph, order, space, variants, references, pictures } = state;
    const wanted = [morph.a, morph.b, morph.still, order, variants, references, pictures];
    if (space !== "morph" || !studio.morphing.ready || wanted.every((value, i) => value === drawn[i])) return;
    drawn = wanted; // not with every move of the slider
    drawPanel(studio, faces, exporter);
  });
  studio.store.watch(["morph", "mapVersion", "space"], ({ space }) => space === "morph" && film.update(faces));
  studio.store.watch(["morph"], ({ morph: { t } }) => {
    $("morph-value").textContent = t.toFixed(2);
    $("morph-t").value = Math.round(t * 1000);
    $("playhead").style.left = `${t * 100}%`;
  });
  $("morph-t").addEventListener("input", ({ target }) => {
    film.pause();
    studio.morphing.set({ t: target.value / 1000 });
  });
  $("morph-play").addEventListener("click", () => film.toggle());
  $("morph-keep").addEventListener("click", () => {
    studio.morphing.keep();
    studio.set({ space: "paint" });
    studio.refresh({ demanded: true });
  });
}

const current = (studio) => ({ title: "Current look", style: studio.state.style });

/** Everything that A or B can be. */
function choices(studio) {
  const { variants, references, pictures, style } = studio.state;
  return [
    { title: "Current look", make: () => style },
    { title: "Random look", make: () => studio.morphing.random().style },
    ...(variants?.items ?? []).map((item, i) => ({
      title: `Look ${i + 1} of ${studio.className(variants.index)}`,
      make: () => item.style,
    })),
    ...references.map((reference) => ({
      title: `Reference ${reference.letter}, ${reference.name}`,
      make: () => ({ ...style, ...reference.style, seed: style.seed }),
    })),
    ...pictures
      .slice(0, 12)
      .map((picture, i) => ({ title: i ? `Picture ${i} before the last` : "Last picture", make: () => picture.style })),
  ];
}

function drawPanel(studio, faces, exporter) {
  const { morph, order } = studio.state;
  const moving = studio.morphing.classes;
  const end = (key) => {
    const options = choices(studio);
    const select = h(
      "select",
      { "aria-label": `What ${key.toUpperCase()} is`, id: `morph-${key}` },
      h("option", { value: "" }, morph[key].title),
      ...options.map(({ title }, i) => h("option", { value: i }, title)),
    );
    select.addEventListener("change", () => {
      const { title, make } = options[Number(select.value)];
      studio.morphing.set({ [key]: { title, style: make() } });
    });
    return h(
      "div.end",
      {},
      h("div.end-face", {}, faces[key], h("b.letter", {}, key.toUpperCase())),
      h("label.choose.under", {}, h("span", {}, morph[key].title), icon("chevron", true), select),
    );
  };
  const swap = h(
    "button.sq",
    {
      onclick: () => studio.morphing.set({ a: morph.b, b: morph.a, t: 1 - morph.t }),
      "aria-label": "Swap A and B",
      title: "Swap A and B",
    },
    icon("swap"),
  );
  const toggles = order.map((index) => classToggle(studio, index, !morph.still.has(index)));
  const all = h(
    "button.mini",
    { onclick: () => studio.morphing.set({ still: moving.length === order.length ? new Set(order) : new Set() }) },
    moving.length === order.length ? "None" : "All",
  );
  redraw(
    $("panel-morph"),
    h("div.panel-head", {}, h("h2", {}, "From and to")),
    h("section.sec.ends", {}, end("a"), swap, end("b")),
    h(
      "section.sec",
      {},
      h(
        "div.sh",
        {},
        h("h3", {}, "Classes that move"),
        h("span.meta", {}, `${moving.length} of ${order.length}`),
        h("span.gap"),
        all,
      ),
      h("div.toggles", {}, toggles),
    ),
    exporter.element,
  );
  exporter.update();
}

function classToggle(studio, index, moves) {
  const flip = () => {
    const still = new Set(studio.state.morph.still);
    if (!still.delete(index)) still.add(index);
    studio.morphing.set({ still });
  };
  const name = studio.className(index);
  return h(
    "button.toggle",
    { "aria-pressed": String(moves), onclick: flip, data: { moves: index } },
    swatch(studio, index),
    h("span", {}, titled(name)),
    icon("check", true),
  );
}

/** The strip of pictures under the slider, and playing along it. */
class Film {
  #drawn = null; // what the strip shows, to tell when it is out of date
  #playing = null;

  constructor(studio) {
    this.studio = studio;
  }

  /** Draw the strip again if A, B, the classes or the map changed. Frames come one by one, behind the main picture. */
  async update(faces) {
    const { morph, mapVersion } = this.studio.state;
    if (!this.studio.morphing.ready) return;
    const wanted = [morph.a.style, morph.b.style, morph.still, mapVersion];
    if (this.#drawn && wanted.every((value, i) => value === this.#drawn[i])) return;
    this.#drawn = wanted;
    const slots = Array.from({ length: FRAMES }, () => h("span.frame-slot"));
    $("film-strip").replaceChildren(...slots);
    const ends = [0, FRAMES - 1];
    const rest = slots.map((_, i) => i).filter((i) => !ends.includes(i));
    for (const i of [...ends, ...rest]) {
      await this.studio.loop.rest();
      if (this.#drawn !== wanted) return;
      const picture = await this.studio.morphing.frame(i / (FRAMES - 1)).catch(() => null);
      if (!picture || this.#drawn !== wanted) return;
      slots[i].replaceChildren(thumbnail(picture.bitmap, 180, 144));
      if (ends.includes(i)) faces[i ? "b" : "a"].replaceChildren(thumbnail(picture.bitmap, 384, 288));
    }
  }

  /** Stop; the strip is drawn anew when somebody comes back. */
  leave() {
    this.pause();
    this.#drawn = null;
  }

  toggle() {
    if (this.#playing) this.pause();
    else this.play();
  }

  /** To and fro, as fast as pictures come. */
  play() {
    const start = performance.now() - (this.studio.state.morph.t < 1 ? this.studio.state.morph.t * 4000 : 0);
    this.#show(true);
    const step = (now) => {
      if (!this.#playing) return;
      const phase = ((now - start) / 4000) % 2;
      if (!this.studio.loop.busy) this.studio.morphing.set({ t: phase < 1 ? phase : 2 - phase });
      this.#playing = requestAnimationFrame(step);
    };
    this.#playing = requestAnimationFrame(step);
  }

  pause() {
    if (this.#playing) cancelAnimationFrame(this.#playing);
    this.#playing = null;
    this.#show(false);
  }

  #show(playing) {
    const button = $("morph-play");
    button.replaceChildren(icon(playing ? "pause" : "play"));
    button.setAttribute("aria-label", playing ? "Pause" : "Play");
    pressed(button, playing);
  }
}

/** The animation: its settings, waiting for it, and the file. */
class Exporter {
  #abort = null;
  settings = { format: "webp", seconds: 2, steps: 24, boomerang: true };

  constructor(studio) {
    this.studio = studio;
    const { seconds, steps } = this.settings;
    this.note = h("span.meta");
    this.status = h("div.export-status", { role: "status" });
    this.formats = Object.entries(FORMATS).map(([format, title]) =>
      h("button", { data: { format }, onclick: () => this.#set({ format }) }, title),
    );
    this.go = h("button.btn.solid", { id: "morph-export", onclick: () => this.#run() }, "Make the animation");
    this.boomerang = h(
      "button.mini",
      { onclick: () => this.#set({ boomerang: !this.settings.boomerang }) },
      icon("swap", true),
      "And back",
    );
    this.element = h(
      "section.sec",
      {},
      h("div.sh", {}, h("h3", {}, "Animation"), this.note, h("span.gap"), this.boomerang),
      h("span.seg.full", { role: "group", "aria-label": "Format" }, this.formats),
      h(
        "label.slider.full",
        {},
        h("span.meta", {}, "Length"),
        slider({ min: 1, max: 8, step: 0.5, value: seconds, "aria-label": "Length in seconds" }, (v) =>
          this.#set({ seconds: v }),
        ),
      ),
      h(
        "label.slider.full",
        {},
        h("span.meta", {}, "Frames"),
        slider({ min: 2, max: 120, value: steps, "aria-label": "Number of frames" }, (v) => this.#set({ steps: v })),
      ),
      h("div.row", {}, this.go),
      this.status,
    );
    this.update();
  }

  #set(patch) {
    Object.assign(this.settings, patch);
    this.update();
  }

  update() {
    const { format, seconds, steps, boomerang } = this.settings;
    this.note.textContent = `${steps} frames, ${seconds.toFixed(1)} s`;
    for (const button of this.formats) pressed(button, button.dataset.format === format);
    pressed(this.boomerang, boomerang);
    this.go.disabled = this.#abort !== null || !this.studio.morphing.ready;
  }

  async #run() {
    this.#abort = new AbortController();
    this.update();
    const cancel = h("button.mini", { onclick: () => this.#abort.abort() }, "Cancel");
    this.status.replaceChildren(
      h("div.progress", {}, h("i")),
      h("span", {}, `Drawing ${this.settings.steps} frames`),
      cancel,
    );
    try {
      const request = { ...this.settings };
      const blob = await this.studio.morphing.export(request, this.#abort.signal);
      this.#finished(blob, request.format);
    } catch (error) {
      this.status.replaceChildren();
      if (error.name !== "AbortError") this.studio.report(error, "No animation was made.");
    }
    this.#abort = null;
    this.update();
  }

  #finished(blob, format) {
    if (this.url) URL.revokeObjectURL(this.url);
    this.url = URL.createObjectURL(blob);
    const save = h(
      "button.btn",
      { id: "morph-save", onclick: () => download(blob, `morph.${format}`, blob.type) },
      icon("save", true),
      `Save, ${size(blob.size)}`,
    );
    const image =
      format === "zip" ? null : h("img", { src: this.url, alt: "The animation from A to B", id: "morph-result" });
    this.status.replaceChildren(...[image, save].filter(Boolean));
  }
}

const size = (bytes) => (bytes > 1e6 ? `${(bytes / 1e6).toFixed(1)} MB` : `${Math.ceil(bytes / 1e3)} KB`);
