/** How eagerly pictures are asked for, chosen by how long they take to come. */

export const WAYS = ["draw", "stroke", "demand"];
const KEPT = 5; // times; their median decides

/** Milliseconds above which a way is too eager; to come back to it takes a good deal less. */
const MOST = { draw: 450, stroke: 6000, demand: Infinity };
const BACK = 0.6;

export class Pace {
  #times = [];
  #way;

  constructor(way = "stroke") {
    this.#way = way;
  }

  get way() {
    return this.#way;
  }

  /** Take in that a picture took so long. Returns the way that suits. */
  note(milliseconds) {
    this.#times = [...this.#times, milliseconds].slice(-KEPT);
    const median = this.#times.toSorted((a, b) => a - b)[Math.floor(this.#times.length / 2)];
    const now = WAYS.indexOf(this.#way);
    this.#way = WAYS.find((way, i) => median <= MOST[way] * (i < now ? BACK : 1));
    return this.#way;
  }
}
