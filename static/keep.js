/** A table of objects by their `id`, kept by the browser across visits (IndexedDB). */

const ask = (request) =>
  new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });

export class Kept {
  #open = null;

  constructor(database, table) {
    Object.assign(this, { database, table });
  }

  async #table(mode) {
    this.#open ??= new Promise((resolve, reject) => {
      const request = indexedDB.open(this.database, 1);
      request.onupgradeneeded = () => request.result.createObjectStore(this.table, { keyPath: "id" });
      request.onsuccess = () => resolve(request.result);
      request.onerror = () => reject(request.error);
    });
    return (await this.#open).transaction(this.table, mode).objectStore(this.table);
  }

  async all() {
    return ask((await this.#table("readonly")).getAll());
  }

  async put(entry) {
    return ask((await this.#table("readwrite")).put(entry));
  }

  async remove(id) {
    return ask((await this.#table("readwrite")).delete(id));
  }
}
