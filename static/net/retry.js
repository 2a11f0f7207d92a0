/** Failures that pass by themselves, and trying again until they are over. */
import { ApiError, OfflineError } from "./api.js";

const OFFLINE = [500, 1000, 2000, 4000]; // ms until each next try; the last one repeats

/** Milliseconds until the work should be tried again after a failure, or null for a failure that does not pass. */
export function passing(error, attempt) {
  if (error instanceof OfflineError) return OFFLINE[Math.min(attempt, OFFLINE.length - 1)];
  if (error instanceof ApiError && error.status === 503) return (error.retryAfter ?? 1) * 1000;
  return null;
}

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/**
 * The result of `ask()`, tried again while the server is busy. Every other failure is raised, and so is the last one.
 */
export async function patiently(ask, tries = 10) {
  for (let attempt = 0; ; attempt += 1) {
    try {
      return await ask();
    } catch (error) {
      if (!(error instanceof ApiError && error.status === 503) || attempt >= tries) throw error;
      await pause(passing(error, attempt));
    }
  }
}

/**
 * The result of `ask()`, tried until the server answers. `onOffline(offline)` is told before each new try, and at the
 * end, whether the server is out of reach. A failure that does not pass is raised.
 */
export async function persistently(ask, onOffline) {
  for (let attempt = 0; ; attempt += 1) {
    try {
      const answer = await ask();
      onOffline(false);
      return answer;
    } catch (error) {
      const delay = passing(error, attempt);
      if (delay === null) throw error;
      onOffline(error instanceof OfflineError);
      await pause(delay);
    }
  }
}
