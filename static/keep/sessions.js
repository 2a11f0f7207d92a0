/** Which of the kept sessions this tab goes on with: no two tabs ever share one. */
import { freshId } from "./ids.js";

const KEY = "session"; // in sessionStorage: survives a reload, and nothing else
const RELOADING = 500; // ms that the page before this one may take to let go
const KEPT = 8; // sessions, the newest

/** Hold a session for as long as the page lives; false where another tab has it. */
async function claim(id, patience = 0) {
  if (!navigator.locks) return true; // over plain HTTP from elsewhere: tabs then have but sessionStorage
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
 * {id, from}: this tab's session, and the one whose work it opens with (another one for a tab that was duplicated), or null
 * for a fresh start.
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

export const freshSession = fresh;

/** Go back to a session that this tab has left: it is held still. */
export const returnTo = adopt;

/** Forget the oldest sessions that no tab has open. */
export async function prune(vault) {
  const held = new Set((await navigator.locks?.query())?.held.map(({ name }) => name));
  const old = (await vault.sessions()).slice(KEPT).filter(({ id }) => !held.has(`${KEY} ${id}`));
  for (const { id } of old) await vault.forget(id);
}
