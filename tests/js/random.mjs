/** Seeded random numbers (mulberry32), so that a failing case is the same one on every run. */
export class Random {
  constructor(seed) {
    this.state = seed >>> 0;
  }

  real(low = 0, high = 1) {
    this.state = (this.state + 0x6d2b79f5) >>> 0;
    let t = this.state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return low + (((t ^ (t >>> 14)) >>> 0) / 2 ** 32) * (high - low);
  }

  /** Whole number, both ends included. */
  whole(low, high) {
    return Math.floor(this.real(low, high + 1));
  }

  pick(list) {
    return list[this.whole(0, list.length - 1)];
  }
}

/** Run a property on `count` seeds; a failure names the seed. */
export function randomly(count, property) {
  for (let seed = 1; seed <= count; seed += 1) {
    try {
      property(new Random(seed));
    } catch (error) {
      error.message = `seed ${seed}: ${error.message}`;
      throw error;
    }
  }
}
