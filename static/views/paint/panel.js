/** The right-hand panel of Paint: the look of the chosen class, and what changed last. */
import { describe, specOf } from "../../picture/style.js";
import { $, h, icon, percent, pressed, slider, titled } from "../parts/dom.js";
import { swatch } from "../parts/swatch.js";

const BIGGEST_SEED = 2 ** 53 - 1; // largest whole number that JavaScript and JSON keep exactly

/** Fill the panel, and keep it as the chosen class and its look are. */
export function watchPanel(studio) {
  const editor = new LookEditor(studio);
  studio.store.watch(["model", "current"], () => editor.choose());
  studio.store.watch(["model", "current", "counts", "style", "locks", "strengths", "variants"], () => editor.update());
  studio.store.watch(["change", "preview"], ({ change, preview }) => drawChange(studio, preview ?? change, preview));
}

class LookEditor {
  constructor(studio) {
    this.studio = studio;
    this.seed = h("input", {
      inputmode: "numeric",
      "aria-label": "Seed",
      autocomplete: "off",
      onchange: () => this.#typed(),
    });
    this.dice = h(
      "button.sq",
      { onclick: () => studio.looks.reroll(studio.state.current), title: "New look (R)" },
      icon("dice"),
    );
    this.lock = h("button.sq", { onclick: () => studio.looks.toggleLock(studio.state.current) });
    this.output = h("output");
    this.strength = slider({ min: 0, max: 100, "aria-label": "Strength" }, (value) =>
      studio.looks.setStrength(studio.state.current, value / 100),
    );
    this.note = h("p.note");
    $("look-editor").replaceChildren(
      h("div.row", {}, h("label.field", {}, h("span.meta", {}, "Seed"), this.seed), this.dice, this.lock),
      h("label.slider.full", {}, h("span.meta", {}, "Strength"), this.strength, this.output),
      this.note,
    );
  }

  choose() {
    const { current, model } = this.studio.state;
    if (!model) return;
    const name = this.studio.classes.name(current);
    this.share = h("span.meta");
    $("look-head").replaceChildren(swatch(this.studio, current), h("h2", {}, titled(name)), this.share);
    $("panel-paint").setAttribute("aria-label", `Look of ${name}`);
    this.dice.setAttribute("aria-label", `New look for ${name}`);
  }

  update() {
    const { model, current, style, locks, strengths } = this.studio.state;
    if (!model) return;
    const name = this.studio.classes.name(current);
    const way = strengths[current];
    const spec = way?.to ?? specOf(style, current);
    const locked = locks.has(current);
    this.share.textContent = `${percent(this.studio.labels.share(current))} of the map`;
    this.seed.value = spec.seed ?? "";
    this.seed.placeholder = spec.seed === undefined ? describe(spec) : "";
    this.seed.disabled = locked;
    this.dice.disabled = locked;
    this.lock.replaceChildren(icon(locked ? "lock" : "unlock"));
    this.lock.setAttribute("aria-label", `${locked ? "Unlock" : "Lock"} ${name}`);
    pressed(this.lock, locked);
    this.strength.disabled = !way || locked;
    this.strength.value = Math.round((way?.t ?? 1) * 100);
    this.strength.style.setProperty("--v", `${this.strength.value}%`);
    this.output.textContent = percent(way?.t ?? 1);
    this.note.textContent = this.#origin(spec, way, name);
  }

  #origin(spec, way, name) {
    const { variants, current, counts } = this.studio.state;
    if (!counts[current]) return `No ${name} in the map yet: paint some.`;
    if (variants?.kept != null && variants.indices.includes(current))
      return `Look ${variants.kept + 1} of ${variants.total} drawn.`;
    if (spec.code) return `Taken from ${describe(spec)}.`;
    if (way) return `Strength leads back to ${describe(way.from)}.`;
    return "Roll it, or type a seed: the same seed is the same look.";
  }

  #typed() {
    const seed = Number(this.seed.value.replace(/\s/g, ""));
    if (this.seed.value.trim() && Number.isInteger(seed) && seed >= 0 && seed <= BIGGEST_SEED) {
      this.studio.looks.give(this.studio.state.current, { seed });
      return;
    }
    this.studio.report(
      new Error(`“${this.seed.value}” is no seed: take a whole number from 0 to 9 007 199 254 740 991.`),
      "The look is as it was.",
    );
    this.update();
  }
}

/** A canvas with the heat map of a change {heat, width, height}. */
function heatCanvas({ heat, width, height }, attributes = {}) {
  const canvas = h("canvas", { width, height, role: "img", ...attributes });
  canvas.getContext("2d").putImageData(new ImageData(heat, width, height), 0, 0);
  return canvas;
}

/** What a look has changed, or with `preview`, would change; a hint where there is no change. */
function drawChange(studio, change, preview) {
  const head = h(
    "div.sh",
    {},
    h("h3", {}, preview ? "What would change" : "What changed"),
    h("span.gap"),
    change && !preview && h("span.meta.hint", {}, "against before"),
  );
  const hint =
    "Give a class a new look: here you see where the picture changed, " +
    "and how much of that leaked outside the class.";
  $("change").replaceChildren(head, ...(change ? changeParts(studio, change) : [h("p.note", {}, hint)]));
}

/** The heat map, a bar of the shares inside and outside the classes, and its legend. */
function changeParts(studio, change) {
  const names = change.classes.map((index) => studio.classes.name(index));
  const subject = names.length === 1 ? names[0] : `${names.length} classes`;
  const [inside, outside] = [change.share, 1 - change.share];
  const label = `Change inside ${names.join(", ")} in amber, outside in blue`;
  return [
    h("div.heat", {}, heatCanvas(change, { "aria-label": label })),
    h(
      "div.split",
      { "aria-hidden": "true" },
      h("i", { vars: { part: inside } }),
      h("i.outside", { vars: { part: outside } }),
    ),
    h(
      "div.legend",
      {},
      h("span", {}, h("i.key"), `inside ${subject} `, h("b", {}, percent(inside))),
      h("span", {}, h("i.key.outside"), "outside ", h("b", {}, percent(outside))),
    ),
  ];
}
