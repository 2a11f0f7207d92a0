/** Starter scenes: label maps that come with the page, in the classes of any model that has them by name. */
import { decodeIndexPng } from "../formats/png.js";
import { LabelMap } from "../map/labelmap.js";

const FOLDER = "/static/starters/";

async function fetchOk(path) {
  const response = await fetch(path);
  if (!response.ok) throw new Error(`${path} could not be loaded: ${response.status}`);
  return response;
}

export class Scenes {
  #list = null;
  #maps = new Map();

  /** {classes, scenes: [{file, title, seed}]} */
  list() {
    this.#list ??= fetchOk(`${FOLDER}starters.json`).then((response) => response.json());
    return this.#list;
  }

  /** The map as it is in its file, in the list's own classes. */
  raw(file) {
    if (!this.#maps.has(file)) {
      const load = fetchOk(FOLDER + file).then(async (response) =>
        decodeIndexPng(new Uint8Array(await response.arrayBuffer())),
      );
      this.#maps.set(file, load);
    }
    return this.#maps.get(file);
  }

  /** The scene in a model's classes and size; null where the model lacks one of its classes. */
  async map(scene, { classes, image_size: [height, width] }) {
    const [{ classes: names }, { width: w, height: h, data }] = await Promise.all([this.list(), this.raw(scene.file)]);
    const index = new Map(classes.map((row) => [row.name, row.index]));
    if ([...new Set(data)].some((label) => !index.has(names[label]))) return null;
    const map = new LabelMap(
      w,
      h,
      data.map((label) => index.get(names[label])),
    );
    return w === width && h === height ? map : map.scaled(width, height);
  }

  /** Every scene that the model can show, with its map. */
  async available(model) {
    const { scenes } = await this.list();
    const maps = await Promise.all(scenes.map((scene) => this.map(scene, model)));
    return scenes.map((scene, i) => ({ ...scene, map: maps[i] })).filter(({ map }) => map);
  }
}
