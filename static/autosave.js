/**
 * Nothing is lost: after every stroke, and whenever anything on the table changes, it is kept in the browser. A tab that is
 * reloaded, or opened after one was closed or crashed, goes on where that was.
 */
import { idle } from "./idle.js";
import { packed, unpacked } from "./packing.js";
import { pictureOfBytes } from "./pictures.js";
import { chooseSession, freshSession, prune, returnTo } from "./sessions.js";
import { TABLE } from "./studio.js";
import { Vault } from "./vault.js";

const VALUES = [...TABLE, "current", "other", "mapVersion"];
const PICTURES = 24; // of the history, the newest
const PICTURE = "picture ";

export class Autosave {
  #studio;
  #vault = null;
  #session = null; // {id, from}
  #model = null; // whose table is being kept; another model's is not touched before it is restored
  #saved = {}; // by name: the value as it was written last
  #keys = new Map(); // by picture: its name in the vault
  #writing = null;

  /** `onError(error)` is told once when nothing can be kept. */
  constructor(studio, { onError }) {
    this.#studio = studio;
    this.onError = onError;
  }

  /** {time, model} of the work to go on with, or null. */
  async open() {
    try {
      this.#vault = await Vault.open();
      this.#session = await chooseSession(this.#vault);
      prune(this.#vault).catch(() => {});
      return (await this.#vault.sessions()).find(({ id }) => id === this.#session.from) ?? null;
    } catch (error) {
      this.#fail(error);
      return null;
    }
  }

  /** Put the table back that was kept for the model that is loaded; false where there is none. */
  async restore() {
    const { model } = this.#studio.state;
    this.#follow(null);
    for (const session of new Set([this.#session?.id, this.#session?.from])) {
      const kept = await this.#read(session, model);
      if (!kept) continue;
      const { pictures, ...table } = kept;
      this.#follow(model.id);
      if (session === this.#session.id) this.#keys = pictures;
      this.#studio.resume({ ...table, pictures: [...pictures.keys()] });
      return true;
    }
    return false;
  }

  /** Keep whatever changes from now on. */
  watch() {
    this.#studio.store.watch([...VALUES, "pictures", "picture"], () => this.#note());
  }

  /** Leave this work where it is and begin another. Returns a function that brings it back, null where nothing is kept. */
  async leave() {
    await this.#writing;
    if (!this.#vault) return null;
    const { id } = this.#session;
    await this.#vault.leave(id);
    this.#session = { id: await freshSession(), from: null };
    this.#follow(null);
    return () => {
      this.#session = { id: returnTo(id), from: id };
      this.#follow(null);
    };
  }

  #follow(model) {
    [this.#model, this.#saved, this.#keys] = [model, {}, new Map()];
  }

  /** What a session has of a model, its pictures with their names; null for nothing that still fits the model. */
  async #read(session, { id, image_size: [height, width], classes }) {
    if (!this.#vault || !session) return null;
    const values = await this.#vault.read(session, id).catch((error) => this.#fail(error));
    const map = values?.map && (await unpacked(values.map));
    if (!map || map.width !== width || map.height !== height) return null;
    if (map.data.some((label) => label >= classes.length)) return null;
    const [table, pictures] = [{}, []];
    for (const [name, value] of Object.entries(values)) {
      if (name.startsWith(PICTURE)) pictures.push([await pictureFrom(await unpacked(value)), name]);
      else table[name] = await unpacked(value);
    }
    return { ...table, map, pictures: new Map(pictures.sort(([a], [b]) => b.time - a.time)) };
  }

  #note() {
    const { model, picture } = this.#studio.state;
    if (!this.#vault || !model) return;
    if (model.id !== this.#model) {
      if (!picture) return; // it is just being opened
      this.#follow(model.id);
    }
    this.#writing ??= this.#write().finally(() => (this.#writing = null));
  }

  /** Write what has changed until nothing has. */
  async #write() {
    try {
      for (;;) {
        await idle();
        const [session, model] = [this.#session.id, this.#model];
        const changed = this.#changes();
        if (!changed) return;
        await this.#vault.write(session, model, await packedAll(changed));
      }
    } catch (error) {
      this.#fail(error);
    }
  }

  /** By name what differs from what was written, or null; taken as written from now on. */
  #changes() {
    const { state, map } = this.#studio;
    if (state.model.id !== this.#model) return null;
    const changed = {};
    for (const name of VALUES) if (state[name] !== this.#saved[name]) changed[name] = this.#saved[name] = state[name];
    if ("mapVersion" in changed) changed.map = map;
    const wanted = state.pictures.slice(0, PICTURES);
    for (const [picture, key] of this.#keys) {
      if (wanted.includes(picture)) continue;
      changed[key] = null;
      this.#keys.delete(picture);
    }
    for (const picture of wanted) {
      if (this.#keys.has(picture)) continue;
      const key = `${PICTURE}${picture.time} ${crypto.getRandomValues(new Uint32Array(1))[0]}`;
      this.#keys.set(picture, key);
      const { bytes, style, map: painted, version, time } = picture;
      changed[key] = { bytes, style, map: painted, version, time };
    }
    return Object.keys(changed).length ? changed : null;
  }

  /** The page works on; it only keeps nothing. */
  #fail(error) {
    if (this.#vault === false) return;
    this.#vault = false;
    this.onError(error);
  }
}

const pictureFrom = ({ bytes, style, map, version, time }) => pictureOfBytes(bytes, style, map, version, time);

async function packedAll(values) {
  const pack = async ([name, value]) => [name, value === null ? null : await packed(value)];
  return Object.fromEntries(await Promise.all(Object.entries(values).map(pack)));
}
