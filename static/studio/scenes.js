/** Starter scenes: label maps that come with the page, in the classes of any model that has classes of their names. */
import { decodeIndexPng } from "../formats/png.js";
import { LabelMap } from "../map/labelmap.js";
import { starterFile, starters } from "../net/starters.js";

export class Scenes {
  #list = null; // promise of the list
  #maps = new Map(); // by file name: promise of the map

  /** {classes, scenes: [{file, title, seed}]}, loaded once. */
  list() {
    this.#list ??= starters();
    return this.#list;
  }

  /** The map in a scene's file, {width, height, data}, in the classes of the list. Loaded once. */
  raw(file) {
    if (!this.#maps.has(file)) this.#maps.set(file, starterFile(file).then(decodeIndexPng));
    return this.#maps.get(file);
  }

  /** A scene's label map in a model's classes and size; null if the model lacks one of its classes. */
  async map(scene, { classes, image_size: [height, width] }) {
    const [{ classes: names }, raw] = await Promise.all([this.list(), this.raw(scene.file)]);
    const indices = new Map(classes.map(({ name, index }) => [name, index]));
    if ([...new Set(raw.data)].some((label) => !indices.has(names[label]))) return null;
    const data = raw.data.map((label) => indices.get(names[label]));
    const map = new LabelMap(raw.width, raw.height, data);
    return raw.width === width && raw.height === height ? map : map.scaled(width, height);
  }

  /** Every scene that the model can show, with its map: [{file, title, seed, map}]. */
  async available(model) {
    const { scenes } = await this.list();
    const maps = await Promise.all(scenes.map((scene) => this.map(scene, model)));
    return scenes.map((scene, i) => ({ ...scene, map: maps[i] })).filter(({ map }) => map);
  }
}
