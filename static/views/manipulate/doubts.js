/** What is asked about the regions of which a segmenter is not sure, and how they are marked on the label map. */
import { answerOf, openDoubts, placeOf, question, rimOf } from "../../map/doubts.js";
import { h, icon, percent, redraw } from "../parts/dom.js";

// Stripes of the outlines; those of the pointed region are dark and amber.
const DARK = [14, 15, 14];
const LIGHT = [231, 232, 227];
const AMBER = [242, 174, 76];

/** Draw hatched outlines of doubts, so many pixels wide, into a canvas that has the label map's size. */
export function markDoubts(canvas, doubts, { reach, pointed = null }) {
  const context = canvas.getContext("2d");
  for (const doubt of doubts) {
    const { x, y, w, h: height } = doubt.rect;
    const picture = context.getImageData(x, y, w, height);
    const bright = doubt === pointed ? AMBER : LIGHT;
    rimOf(doubt, reach).forEach((on, i) => {
      if (!on) return;
      const place = x + (i % w) + y + Math.floor(i / w);
      picture.data.set([...(Math.floor(place / (reach + 1)) % 2 ? bright : DARK), 255], 4 * i);
    });
    context.putImageData(picture, x, y);
  }
}

/**
 * The question, and for each doubt its two classes to choose from. `choose(doubt, value)` is told what the person says,
 * `point(doubt)` which region the pointer or the keyboard is at, or null.
 */
export class DoubtList {
  constructor(studio, { choose, point }) {
    Object.assign(this, { studio, choose, point });
    this.sentence = h("p", { role: "status" });
    this.rows = h("ul", { "aria-label": "Unsure regions" });
    this.element = h("div.doubts", { hidden: true }, this.sentence, this.rows);
  }

  /** Show the doubts of a map as they are. */
  draw(map, doubts) {
    const names = this.studio.classes.list.map(({ name }) => name);
    const open = openDoubts(map, doubts);
    this.element.hidden = !doubts.length;
    this.sentence.textContent = question(open, names) || (doubts.length ? "You have settled every unsure region." : "");
    redraw(this.rows, ...doubts.map((doubt, i) => this.#row(map, doubt, i, !open.includes(doubt))));
  }

  #row(map, doubt, i, settled) {
    const share = percent(doubt.mask.reduce((sum, on) => sum + on, 0) / map.data.length);
    const where = `${placeOf(doubt, map)}, ${share}`;
    const answer = answerOf(map, doubt);
    const button = (value) => {
      const { name, display } = this.studio.classes.list[value];
      return h(
        "button",
        {
          "aria-pressed": String(answer === value),
          onclick: () => this.choose(doubt, value),
          data: { doubt: `${i}-${value === doubt.value ? "first" : "second"}` },
        },
        h("span.sw", { vars: { c: display }, "aria-hidden": "true" }),
        name,
      );
    };
    return h(
      "li",
      {
        onpointerenter: () => this.point(doubt),
        onpointerleave: () => this.point(null),
        onfocusin: () => this.point(doubt),
        onfocusout: () => this.point(null),
      },
      settled ? icon("check", true) : h("i.doubt-sign", { "aria-hidden": "true" }),
      h("span.seg", { role: "group", "aria-label": `Region ${i + 1}, ${where}` }, button(doubt.value), button(doubt.second)),
      h("span.meta", { "aria-hidden": "true" }, where),
    );
  }
}
