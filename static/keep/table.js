/** A table of objects by their `id`, kept by the browser across visits (IndexedDB). */
import { done } from "./vault.js";

export class Kept {
  #open = null;

  constructor(database, table) {
    Object.assign(this, { database, table });
  }

  async #table(mode) {
    this.#open ??= this.#opened();
    return (await this.#open).transaction(this.table, mode).objectStore(this.table);
  }

  async #opened() {
    const request = indexedDB.open(this.database, 1);
    request.onupgradeneeded = () => request.result.createObjectStore(this.table, { keyPath: "id" });
    return done(request);
  }

  async all() {
    return done((await this.#table("readonly")).getAll());
  }

  async put(entry) {
    return done((await this.#table("readwrite")).put(entry));
  }

  async remove(id) {
    return done((await this.#table("readwrite")).delete(id));
  }
}
