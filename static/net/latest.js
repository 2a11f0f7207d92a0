/**
 * Runs one piece of work at a time; of those asked for meanwhile only the newest follows. Each answer is handed on with
 * whether it is the newest: whether nothing was asked for while it was made. After a failure that passes by itself, the
 * work is tried again as things stand then.
 */
export class LatestWins {
  #work;
  #wanted = 0; // number of the newest question
  #running = false;
  #wake = null; // ends the wait before a retry
  #resting = []; // resolvers of `rest`

  /**
   * `work()` does the work as things stand when it is called. `onDone(answer, newest)` takes its answer,
   * `onError(error)` a failure that stays, and `onState({busy, waiting})` every change of state, `waiting` being the
   * failure after which the work is being tried again, or null. `retryAfter(error, attempt)` gives the milliseconds
   * until the next try, or null for a failure that stays; `sleep(milliseconds)` waits.
   */
  constructor({ work, onDone, onError, onState = () => {}, retryAfter = () => null, sleep = null }) {
    this.#work = work;
    Object.assign(this, { onDone, onError, onState, retryAfter });
    this.sleep = sleep ?? ((ms) => new Promise((resolve) => setTimeout(resolve, ms)));
  }

  /** Whether work is being done or tried again. */
  get busy() {
    return this.#running;
  }

  /** Ask for the work to be done on the state as it is now. */
  ask() {
    this.#wanted += 1;
    this.#wake?.();
    if (!this.#running) this.#run();
  }

  /** Resolves when no work is being done or waiting. */
  rest() {
    return this.#running ? new Promise((resolve) => this.#resting.push(resolve)) : Promise.resolve();
  }

  /** Try again at once, if a retry is being waited for. */
  hurry() {
    this.#wake?.();
  }

  async #run() {
    this.#running = true;
    let attempt = 0;
    let finished = -1;
    let failure = null;
    while (finished !== this.#wanted) {
      const asked = this.#wanted;
      this.onState({ busy: true, waiting: failure });
      try {
        const answer = await this.#work();
        [attempt, failure] = [0, null];
        finished = asked;
        await this.onDone(answer, asked === this.#wanted);
      } catch (error) {
        const delay = this.retryAfter(error, attempt);
        attempt += 1;
        failure = delay === null ? null : error;
        if (delay === null) {
          finished = asked;
          if (asked === this.#wanted) this.onError(error);
        } else {
          this.onState({ busy: false, waiting: failure });
          await Promise.race([this.sleep(delay), new Promise((resolve) => (this.#wake = resolve))]);
          this.#wake = null;
        }
      }
    }
    this.#running = false;
    this.onState({ busy: false, waiting: null });
    for (const resolve of this.#resting.splice(0)) resolve();
  }
}
