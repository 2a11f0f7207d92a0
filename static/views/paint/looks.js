/** The chips under the canvases, one for each class in the map: its look, seed, strength, lock and dice. */
import { describe, specOf } from "../../picture/style.js";
import { $, h, icon, percent, pressed, redraw, slider } from "../parts/dom.js";
import { lookCanvas } from "../parts/swatch.js";

/** Show a chip for every class in the map. */
export function watchLookChips(studio) {
  const chips = new Map();
  studio.store.watch(["model"], () => chips.clear());
  studio.store.watch(["model", "order"], ({ order }) => {
    for (const index of order) if (!chips.has(index)) chips.set(index, new Chip(studio, index));
    const dense = order.length > 10; // the stage has room for two rows of five full chips
    $("chips").classList.toggle("dense", dense);
    $("chips").style.setProperty("--columns", dense ? 6 : 5);
    redraw($("chips"), ...order.map((index) => chips.get(index).element));
  });
  studio.store.watch(["order", "style", "locks", "strengths", "current"], ({ order }) => {
    for (const index of order) chips.get(index)?.update();
    const locked = order.filter((index) => studio.state.locks.has(index)).length;
    $("looks-note").textContent = locked ? `${locked} of ${order.length} locked` : `${order.length} classes`;
    $("looks-reset").disabled = studio.state.style === studio.state.startStyle;
    $("resample-all").disabled = locked === order.length;
  });
  $("resample-all").addEventListener("click", () => studio.looks.rerollUnlocked());
  $("looks-reset").addEventListener("click", () => studio.looks.reset());
}

class Chip {
  constructor(studio, index) {
    this.studio = studio;
    this.index = index;
    const name = studio.classes.name(index);
    this.seed = h("span.seed");
    this.percent = h("span.strength-note");
    this.output = h("output", {}, "100 %");
    this.slider = slider({ min: 0, max: 100, value: 100, "aria-label": `Strength of ${name}` }, (value) =>
      studio.looks.setStrength(index, value / 100),
    );
    this.lock = h("button.ib.s.lock", { onclick: () => studio.looks.toggleLock(index) });
    this.dice = h(
      "button.ib.s.dice",
      {
        onclick: () => studio.looks.reroll(index),
        "aria-label": `New look for ${name}`,
        title: `New look for ${name} (R)`,
        data: { dice: index },
      },
      icon("dice"),
    );
    this.element = h(
      "div.chip",
      { role: "group", "aria-label": name, vars: { c: `var(--class-${index})` }, data: { chip: index } },
      h(
        "button.look",
        { onclick: () => studio.inHand.choose(index), "aria-label": `Choose ${name}` },
        lookCanvas(studio, index, 104, 112),
      ),
      h(
        "div.chip-text",
        {},
        h("b", { onclick: () => studio.inHand.choose(index) }, name),
        h("div.sub", {}, this.seed, this.percent, h("span.strength", {}, this.slider, this.output)),
      ),
      this.lock,
      this.dice,
    );
  }

  update() {
    const { style, locks, strengths, current } = this.studio.state;
    const name = this.studio.classes.name(this.index);
    const locked = locks.has(this.index);
    const way = strengths[this.index];
    const t = way?.t ?? 1;
    this.element.classList.toggle("locked", locked);
    this.element.classList.toggle("chosen", current === this.index);
    this.element.classList.toggle("has-way", Boolean(way) && !locked);
    this.seed.textContent = describe(way?.to ?? specOf(style, this.index));
    this.percent.textContent = t < 1 ? percent(t) : "";
    this.output.textContent = percent(t);
    this.slider.value = Math.round(t * 100);
    this.slider.style.setProperty("--v", `${t * 100}%`);
    this.dice.disabled = locked;
    this.lock.replaceChildren(icon(locked ? "lock" : "unlock"));
    this.lock.setAttribute("aria-label", `${locked ? "Unlock" : "Lock"} ${name}`);
    this.lock.title = locked ? `Unlock ${name}` : `Lock ${name}: its look stays`;
    pressed(this.lock, locked);
  }
}
