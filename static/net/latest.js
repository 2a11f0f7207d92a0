/**
 * Keeps one piece of work in flight and only the newest waiting. Every answer is handed on with whether it is the newest,
 * that is, nothing was asked for while it was made; failures that pass by themselves are tried again, with the newest
 * question.
 */
export class LatestWins {
  #work;
  #wanted = 0;
  #running = false;
  #wake = null;
  #resting = [];

  /**
   * `work()` does the job as things stand when it starts; `onDone(answer, newest)`, `onError(error)` and
   * `onState({busy, waiting})` report; `waiting` is the failure that is not over yet. `retryAfter(error, attempt)` gives the milliseconds until another try, or null.
   */
  constructor({ work, onDone, onError, onState = () => {}, retryAfter = () => null, sleep = null }) {
    this.#work = work;
    Object.assign(this, { onDone, onError, onState, retryAfter });
    this.sleep = sleep ?? ((ms) => new Promise((resolve) => setTimeout(resolve, ms)));
  }

  get busy() {
    return this.#running;
  }

  /** Ask for the work to be done on the state as it is now. */
  ask() {
    this.#wanted += 1;
    this.#wake?.();
    if (!this.#running) this.#run();
  }

  /** Resolves when nothing is in flight or waiting. */
  rest() {
    return this.#running ? new Promise((resolve) => this.#resting.push(resolve)) : Promise.resolve();
  }

  /** Try at once if a retry is being waited for. */
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
