/** How often pictures are made, chosen by how long they take. */

/** The modes: with every move of a stroke, after each stroke, or when the person asks. The most eager comes first. */
export const MODES = ["draw", "stroke", "demand"];

const KEPT = 5; // newest times, of which the median decides
const MOST = { draw: 450, stroke: 6000, demand: Infinity }; // ms above which a mode is too eager
const BACK = 0.6; // share of that limit below which a more eager mode is taken up again

export class Pace {
  #times = [];
  #mode;

  constructor(mode = "stroke") {
    this.#mode = mode;
  }

  /** The mode that suits the times so far. */
  get mode() {
    return this.#mode;
  }

  /** Take in how long a picture took, in milliseconds. Returns the mode that suits. */
  note(milliseconds) {
    this.#times = [...this.#times, milliseconds].slice(-KEPT);
    const median = this.#times.toSorted((a, b) => a - b)[Math.floor(this.#times.length / 2)];
    const now = MODES.indexOf(this.#mode);
    this.#mode = MODES.find((mode, i) => median <= MOST[mode] * (i < now ? BACK : 1));
    return this.#mode;
  }
}
