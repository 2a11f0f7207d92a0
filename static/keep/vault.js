/**
 * What the page keeps in the browser (IndexedDB): sessions, one a tab, and for each of them and each model named values.
 * A write is one transaction, so what is read back is never half of it.
 */

const NAME = "groupdnet-studio";

/** What a request of the database comes to. */
export const done = (request) =>
  new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
const finished = (transaction) =>
  new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve();
    transaction.onerror = transaction.onabort = () => reject(transaction.error);
  });

/** All keys that begin with these parts. */
const under = (...parts) => IDBKeyRange.bound(parts, [...parts, []]);

export class Vault {
  #database;

  constructor(database) {
    this.#database = database;
    database.onversionchange = () => database.close();
  }

  /** Raises where the browser keeps nothing. */
  static async open() {
    const request = indexedDB.open(NAME, 1);
    request.onupgradeneeded = () => {
      request.result.createObjectStore("sessions", { keyPath: "id" });
      request.result.createObjectStore("values"); // by [session, model, name]
    };
    return new Vault(await done(request));
  }

  /** [{id, time, model, left}], the newest first. */
  async sessions() {
    const rows = await done(this.#database.transaction("sessions").objectStore("sessions").getAll());
    return rows.sort((a, b) => b.time - a.time);
  }

  /** Values by name for one model of a session; null deletes one. */
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

  /** Everything that is kept for one model of a session, by name. */
  async read(session, model) {
    const store = this.#database.transaction("values").objectStore("values");
    const range = under(session, model);
    const [keys, values] = await Promise.all([done(store.getAllKeys(range)), done(store.getAll(range))]);
    return Object.fromEntries(keys.map(([, , name], i) => [name, values[i]]));
  }

  /** A session that somebody has left on purpose is not opened again by itself. */
  async leave(session) {
    const transaction = this.#database.transaction("sessions", "readwrite");
    const store = transaction.objectStore("sessions");
    const row = await done(store.get(session));
    if (row) store.put({ ...row, left: true });
    await finished(transaction);
  }

  async forget(session) {
    const transaction = this.#database.transaction(["sessions", "values"], "readwrite");
    transaction.objectStore("sessions").delete(session);
    transaction.objectStore("values").delete(under(session));
    await finished(transaction);
  }
}
