/** The section that makes an animation of a morph: settings, progress, and the file to save. */
import { download, h, icon, pressed, slider } from "../parts/dom.js";

const FORMATS = { webp: "WebP", gif: "GIF", mp4: "MP4", zip: "PNG frames" };

export class Animation {
  #abort = null;
  settings = { format: "webp", seconds: 2, steps: 24, boomerang: true };

  constructor(studio) {
    this.studio = studio;
    this.note = h("span.meta");
    this.status = h("div.export-status", { role: "status" });
    this.reason = h("p.note", { hidden: true });
    this.formats = Object.entries(FORMATS).map(([format, title]) =>
      h("button", { data: { format }, onclick: () => this.#set({ format }) }, title),
    );
    this.go = h("button.btn.solid", { id: "morph-export", onclick: () => this.#run() }, "Make the animation");
    this.boomerang = h(
      "button.mini",
      { onclick: () => this.#set({ boomerang: !this.settings.boomerang }), title: "Play it forwards, then backwards" },
      icon("swap", true),
      "And back",
    );
    const range = (title, name, values, key) => {
      const input = slider({ ...values, value: this.settings[key], "aria-label": name }, (v) =>
        this.#set({ [key]: v }),
      );
      return h("label.slider.full", {}, h("span.meta", {}, title), input);
    };
    this.element = h(
      "section.sec",
      { "aria-label": "Animation" },
      h("div.sh", {}, h("h3", {}, "Animation"), this.note, h("span.gap"), this.boomerang),
      h("span.seg.full", { role: "group", "aria-label": "Format" }, this.formats),
      this.reason,
      range("Length", "Length in seconds", { min: 1, max: 12, step: 0.5 }, "seconds"),
      range("Frames", "Number of frames", { min: 2, max: 120 }, "steps"),
      this.go,
      this.status,
    );
    studio.store.watch(["model"], () => this.update());
  }

  #set(patch) {
    Object.assign(this.settings, patch);
    this.update();
  }

  /** Show the settings, and whether an animation can be made. */
  update() {
    const { format, seconds, steps, boomerang } = this.settings;
    const mp4 = this.studio.state.model?.mp4 ?? { available: true };
    this.note.textContent = `${steps} frames, ${seconds.toFixed(1)} s`;
    for (const button of this.formats) pressed(button, button.dataset.format === format);
    this.reason.hidden = format !== "mp4" || mp4.available;
    this.reason.textContent = mp4.reason ?? "";
    pressed(this.boomerang, boomerang);
    this.go.hidden = this.#abort !== null; // the progress takes its place
    this.go.disabled = !this.studio.morphing.ready || !this.reason.hidden;
  }

  async #run() {
    this.#abort = new AbortController();
    const { signal } = this.#abort;
    this.update();
    const request = { ...this.settings };
    const bar = h("i");
    const words = h("span", {}, `Frame 0 of ${request.steps}`);
    const cancel = h("button.mini", { onclick: () => this.#abort.abort(), id: "morph-cancel" }, "Cancel");
    this.status.replaceChildren(h("div.progress", {}, bar), words, cancel);
    this.status.scrollIntoView({ block: "nearest" });
    const started = performance.now();
    const onFrame = (done, all) => {
      bar.style.width = `${(100 * done) / all}%`;
      const left = ((performance.now() - started) / done) * (all - done);
      words.textContent =
        done < all ? `Frame ${done} of ${all} · ${Math.ceil(left / 1000)} s left` : "Writing the file";
    };
    try {
      this.#finished(await this.studio.morphing.export(request, { signal, onFrame }), request.format);
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
    this.status.replaceChildren(...[save, this.#shown(format)].filter(Boolean));
    this.status.scrollIntoView({ block: "nearest" });
  }

  #shown(format) {
    const attributes = { src: this.url, id: "morph-result" };
    if (format === "zip") return null;
    if (format !== "mp4") return h("img", { ...attributes, alt: "The animation" });
    const video = h("video", {
      ...attributes,
      loop: true,
      autoplay: true,
      playsinline: true,
      "aria-label": "The animation",
    });
    video.muted = true; // browsers start only muted videos by themselves
    return video;
  }
}

const size = (bytes) => (bytes > 1e6 ? `${(bytes / 1e6).toFixed(1)} MB` : `${Math.ceil(bytes / 1e3)} KB`);
