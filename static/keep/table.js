/** A table in IndexedDB: objects by their `id`, which the browser keeps from visit to visit. */
import { done } from "./vault.js";

export class Table {
  #database;
  #name;
  #open = null; // promise of the open database

  /** Names of the database and of the table, which are made if there are none. */
  constructor(database, name) {
    [this.#database, this.#name] = [database, name];
  }

  async #table(mode) {
    this.#open ??= this.#opened();
    return (await this.#open).transaction(this.#name, mode).objectStore(this.#name);
  }

  async #opened() {
    const request = indexedDB.open(this.#database, 1);
    request.onupgradeneeded = () => request.result.createObjectStore(this.#name, { keyPath: "id" });
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
