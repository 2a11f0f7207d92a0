/** Which failures pass by themselves, and waiting for them. */
import { ApiError, OfflineError } from "./api.js";

const OFFLINE = [500, 1000, 2000, 4000]; // ms; the last one for ever

/** Milliseconds until a failure that passes by itself should be tried again, null for one that does not. */
export function passing(error, attempt) {
  if (error instanceof OfflineError) return OFFLINE[Math.min(attempt, OFFLINE.length - 1)];
  if (error instanceof ApiError && error.status === 503) return (error.retryAfter ?? 1) * 1000;
  return null;
}

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Try again while the server is busy; everything else is the caller's. */
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

/** Try until the server is there. */
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
