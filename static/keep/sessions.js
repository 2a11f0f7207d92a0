/** Which of the kept sessions this tab goes on with. Each session is held by a lock, so that no two tabs share one. */
import { freshId } from "./ids.js";

const KEY = "session"; // key in sessionStorage, which is kept over a reload of the tab
const RELOADING = 500; // ms that the page before this one may take to let go
const KEPT = 8; // newest sessions that are not forgotten

/**
 * Hold a session for as long as the page lives. False if another tab holds it, after `patience` milliseconds of
 * waiting.
 */
async function claim(id, patience = 0) {
  if (!navigator.locks) return true; // a page over plain HTTP has no locks: sessionStorage alone keeps tabs apart
  const options = patience ? { signal: AbortSignal.timeout(patience) } : { ifAvailable: true };
  return new Promise((resolve) => {
    const held = navigator.locks.request(`${KEY} ${id}`, options, (lock) => {
      resolve(Boolean(lock));
      return lock && new Promise(() => {});
    });
    held.catch(() => resolve(false)); // patience ran out
  });
}

async function fresh() {
  const id = freshId();
  await claim(id);
  return adopt(id);
}

function adopt(id) {
  sessionStorage.setItem(KEY, id);
  return id;
}

/**
 * This tab's session, {id, from}: `from` is the session whose work it opens, or null for none. That is another session
 * if the tab was duplicated, since the first tab holds its own.
 */
export async function chooseSession(vault) {
  const mine = sessionStorage.getItem(KEY);
  if (mine && (await claim(mine, RELOADING))) return { id: mine, from: mine };
  if (mine) return { id: await fresh(), from: mine };
  for (const { id, left } of await vault.sessions()) {
    if (!left && (await claim(id))) return { id: adopt(id), from: id };
  }
  return { id: await fresh(), from: null };
}

/** Begin a new session; resolves to its id. */
export const freshSession = fresh;

/** Go back to a session that this tab has left, and still holds; returns its id. */
export const returnTo = adopt;

/** Forget the oldest sessions, except those that a tab holds. */
export async function prune(vault) {
  const held = new Set((await navigator.locks?.query())?.held.map(({ name }) => name));
  const old = (await vault.sessions()).slice(KEPT).filter(({ id }) => !held.has(`${KEY} ${id}`));
  for (const { id } of old) await vault.forget(id);
}
