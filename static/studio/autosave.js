/**
 * Keeps the work in the browser after every change. A tab that is reloaded, or opened after another was closed or
 * crashed, goes on with the work of that one.
 */
import { freshId } from "../keep/ids.js";
import { packed, unpacked } from "../keep/packing.js";
import { chooseSession, freshSession, prune, returnTo } from "../keep/sessions.js";
import { Vault } from "../keep/vault.js";
import { bytesOf } from "../map/history.js";
import { LabelMap } from "../map/labelmap.js";
import { pictureOfBytes } from "../picture/pictures.js";
import { idle } from "./idle.js";
import { KEPT } from "./state.js";

const VALUES = [...KEPT, "current", "other", "mapVersion"];
const PICTURES = 24; // newest pictures of the history that are kept
const PAST_BYTES = 16 * 2 ** 20; // undo and redo steps that are kept, those nearest to the present
const [PICTURE, STEP, BASE] = ["picture ", "step ", "base "]; // begin the names of such values in the vault

export class Autosave {
  #store;
  #labels;
  #opening;
  #onError;
  #vault = null; // false once it has failed
  #session = null; // {id, from}
  #model = null; // id of the model whose work is kept; another model's is not touched before it is restored
  #saved = {}; // by name: the value as it was written last
  #keys = new Map(); // by picture, step or base: its name in the vault
  #writing = null; // promise of the write in progress

  /** `onError(error)` is told once when nothing can be kept. */
  constructor({ store, labels, opening }, { onError }) {
    [this.#store, this.#labels, this.#opening, this.#onError] = [store, labels, opening, onError];
  }

  /** Choose the session of this tab. Resolves to {time, model} of the work to go on with, or to null. */
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

  /** Open the work that was kept for the model in use. Resolves to false if there is none. */
  async restore() {
    const { model } = this.#store.state;
    this.#follow(null);
    for (const session of new Set([this.#session?.id, this.#session?.from])) {
      const kept = await this.#read(session, model);
      if (!kept) continue;
      this.#follow(model.id);
      if (session === this.#session.id) this.#keys = kept.keys;
      this.#opening.kept(kept.work);
      return true;
    }
    return false;
  }

  /** Keep whatever changes from now on. */
  watch() {
    this.#store.watch([...VALUES, "pictures", "picture"], () => this.#note());
  }

  /** Begin another session. Resolves to a function that goes back to this one, or to null where nothing is kept. */
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

  /**
   * The work of a session with a model: {work, keys}, `keys` being the names of its pictures, steps and bases. Null if
   * there is none, or none that still fits the model.
   */
  async #read(session, { id, image_size: [height, width], classes }) {
    if (!this.#vault || !session) return null;
    const packed = await this.#vault.read(session, id).catch((error) => this.#fail(error));
    const values = new Map();
    for (const [name, value] of Object.entries(packed ?? {})) values.set(name, await unpacked(value));
    const known = (data) => !data.some((label) => label >= classes.length);
    const fits = (map) => map && map.width === width && map.height === height && known(map.data);
    if (!fits(values.get("map"))) return null;

    const keys = new Map();
    for (const [name, value] of values) {
      if (name.startsWith(PICTURE)) keys.set(await pictureFrom(value), name);
      if (name.startsWith(BASE)) keys.set(value, name);
      if (name.startsWith(STEP)) keys.set(Object.assign(value, { bases: named(values, value.bases) }), name);
    }
    const pictures = [...keys.keys()].filter(({ bitmap }) => bitmap).sort((a, b) => b.time - a.time);
    const { undo, redo, base } = named(values, values.get("past") ?? {});
    const whole = base && [...undo, ...redo].every(({ before, after }) => known(before) && known(after)) && fits(base);
    const kept = Object.fromEntries([...values].filter(([name]) => VALUES.includes(name)));
    const past = whole ? { undo, redo, base } : null;
    return { work: { ...kept, map: values.get("map"), past, pictures }, keys };
  }

  #note() {
    const { model, picture } = this.#store.state;
    if (!this.#vault || !model) return;
    if (model.id !== this.#model) {
      if (!picture) return; // the model is just being opened
      this.#follow(model.id);
    }
    this.#writing ??= this.#write();
  }

  /** Write what has changed until nothing has. */
  async #write() {
    try {
      for (;;) {
        await idle();
        const [session, model] = [this.#session.id, this.#model];
        const changed = this.#changes();
        if (!changed) break;
        await this.#vault.write(session, model, await packedAll(changed));
      }
    } catch (error) {
      this.#fail(error);
    }
    this.#writing = null; // no await since the last look: changes from here on start another write
  }

  /** The values that differ from what was written, by name, or null if none does. They count as written from now on. */
  #changes() {
    const { state } = this.#store;
    const { history } = this.#labels;
    if (state.model.id !== this.#model) return null;
    const changed = {};
    for (const name of VALUES) if (state[name] !== this.#saved[name]) changed[name] = this.#saved[name] = state[name];
    const { undo, redo, base } = nearest(history.past, PAST_BYTES);
    const steps = [...undo, ...redo];
    const bases = [base, ...steps.flatMap(({ bases }) => Object.values(bases))];
    this.#list(changed, new Set([...bases, ...steps, ...state.pictures.slice(0, PICTURES)]));
    if ("mapVersion" in changed) {
      changed.map = history.settled;
      changed.past = named(this.#keys, { undo, redo, base });
    }
    return Object.keys(changed).length ? changed : null;
  }

  /** Add to `changed` what must be written so that these pictures, steps and bases are kept, and no others. */
  #list(changed, wanted) {
    for (const [thing, key] of this.#keys) {
      if (wanted.has(thing)) continue;
      changed[key] = null;
      this.#keys.delete(thing);
    }
    for (const thing of wanted) {
      if (this.#keys.has(thing)) continue;
      const [kind, value] = recordOf(thing, this.#keys);
      const key = kind + freshId();
      this.#keys.set(thing, key);
      changed[key] = value;
    }
  }

  /** Stop keeping; the page works on. */
  #fail(error) {
    if (this.#vault === false) return;
    this.#vault = false;
    this.#onError(error);
  }
}

/** The steps nearest to the present that together hold no more than `bytes`. */
function nearest({ undo, redo, base }, bytes) {
  let left = bytes;
  const take = (steps) => {
    const beyond = steps.findLastIndex((step) => {
      left -= bytesOf(step);
      return left < 0;
    });
    return steps.slice(beyond + 1);
  };
  return { undo: take(undo), redo: take(redo), base };
}

/**
 * The same object with each value in it, or each item where it is a list, replaced by what the map `names` has for it.
 */
function named(names, things) {
  const change = (thing) => (Array.isArray(thing) ? thing.map(change) : names.get(thing));
  return Object.fromEntries(Object.entries(things).map(([key, thing]) => [key, change(thing)]));
}

/** How a base, a step or a picture is written: [kind, value], with the bases of a step by their names. */
function recordOf(thing, keys) {
  if (thing instanceof LabelMap) return [BASE, thing];
  if ("rect" in thing) return [STEP, { ...thing, bases: named(keys, thing.bases) }];
  const { bytes, style, map, version, time } = thing;
  return [PICTURE, { bytes, style, map, version, time }];
}

const pictureFrom = ({ bytes, style, map, version, time }) => pictureOfBytes(bytes, style, map, version, time);

async function packedAll(values) {
  const pack = async ([name, value]) => [name, value === null ? null : await packed(value)];
  return Object.fromEntries(await Promise.all(Object.entries(values).map(pack)));
}
