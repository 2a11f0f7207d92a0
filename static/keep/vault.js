/**
 * Sessions in IndexedDB, one for each tab, and named values for each session and model. Everything that is written at
 * once is one transaction, so that it is read back whole or not at all.
 */

const NAME = "groupdnet-studio"; // the database's

/** The result of a request to IndexedDB, as a promise. */
export const done = (request) =>
  new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });

/** Resolves when a transaction is complete. */
const finished = (transaction) =>
  new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve();
    transaction.onerror = transaction.onabort = () => reject(transaction.error);
  });

/** The range of all keys that begin with these parts. */
const under = (...parts) => IDBKeyRange.bound(parts, [...parts, []]);

export class Vault {
  #database;

  constructor(database) {
    this.#database = database;
    database.onversionchange = () => database.close();
  }

  /** Open the vault. Raises if the browser keeps nothing for this page. */
  static async open() {
    const request = indexedDB.open(NAME, 1);
    request.onupgradeneeded = () => {
      request.result.createObjectStore("sessions", { keyPath: "id" });
      request.result.createObjectStore("values"); // keys are [session, model, name]
    };
    return new Vault(await done(request));
  }

  /** All sessions, [{id, time, model, left}], the one that was written last first. */
  async sessions() {
    const rows = await done(this.#database.transaction("sessions").objectStore("sessions").getAll());
    return rows.sort((a, b) => b.time - a.time);
  }

  /** Write values by name for one model of a session; null deletes a value. */
  async write(session, model, values) {
    const transaction = this.#database.transaction(["sessions", "values"], "readwrite");
    transaction.objectStore("sessions").put({ id: session, time: Date.now(), model, left: false });
    const store = transaction.objectStore("values");
    for (const [name, value] of Object.entries(values)) {
      if (value === null) store.delete([session, model, name]);
      else store.put(value, [session, model, name]);
    }
    await finished(transaction);
  }

  /** All values for one model of a session, by name. */
  async read(session, model) {
    const store = this.#database.transaction("values").objectStore("values");
    const range = under(session, model);
    const [keys, values] = await Promise.all([done(store.getAllKeys(range)), done(store.getAll(range))]);
    return Object.fromEntries(keys.map(([, , name], i) => [name, values[i]]));
  }

  /** Mark a session as left on purpose: it is not opened by itself again. */
  async leave(session) {
    const transaction = this.#database.transaction("sessions", "readwrite");
    const store = transaction.objectStore("sessions");
    const row = await done(store.get(session));
    if (row) store.put({ ...row, left: true });
    await finished(transaction);
  }

  /** Delete a session with its values. */
  async forget(session) {
    const transaction = this.#database.transaction(["sessions", "values"], "readwrite");
    transaction.objectStore("sessions").delete(session);
    transaction.objectStore("values").delete(under(session));
    await finished(transaction);
  }
}
