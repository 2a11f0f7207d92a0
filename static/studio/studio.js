/**
 * What a person does in the studio, without the page: the label map, the style and the picture made of them.
 * Views call these methods and watch the store; nothing here touches an element.
 */
import { coloursOf } from "../colours/colours.js";
import { mapPainter } from "../colours/hatching.js";
import { encodeIndexPng } from "../formats/png.js";
import { History } from "../map/history.js";
import { LabelMap } from "../map/labelmap.js";
import { Painter } from "../map/painter.js";
import { BRUSH_SIZES } from "../map/tools.js";
import * as api from "../net/api.js";
import { persistently } from "../net/retry.js";
import { changeBetween } from "../picture/change.js";
import { cropsOf } from "../picture/crops.js";
import { between, differing, freshSeed, resampled, specOf, withSpecs } from "../picture/style.js";
import { Files } from "./files.js";
import { Grid } from "./grid.js";
import { Library } from "./library.js";
import { Live } from "./live.js";
import { Morphing } from "./morphing.js";
import { NO_MIX, References } from "./references.js";
import { INITIAL, OF_MODEL } from "./state.js";
import { Store } from "./store.js";
import { Variants } from "./variants.js";
import { Versus } from "./versus.js";

const PICTURES = 1000; // of the history
const DECODED = 40; // of them with a bitmap; the others have their file

const undecoded = (picture, age) => (age < DECODED || !picture.bitmap ? picture : { ...picture, bitmap: null });

export class Studio {
  #shown = null; // {key, paint}: how label maps are coloured, and what that was made for

  /**
   * What needs the person: `report(error, context)` shows a failure, `tell(title, text)` says what was done, and
   * `consult(image, name)` asks what a label map means; it resolves to a label map or null.
   */
  constructor({ report, tell, consult }) {
    this.report = report;
    this.tell = tell;
    this.consult = (image, name) => consult(this, image, name);
    this.store = new Store(INITIAL);
    this.map = new LabelMap(1, 1);
    this.history = new History(this.map);
    this.painter = new Painter(this.map, this.history);
    this.files = new Files(this);
    this.variants = new Variants(this);
    this.grid = new Grid(this);
    this.references = new References(this);
    this.morphing = new Morphing(this);
    this.versus = new Versus(this);
    this.library = new Library(this);
    this.live = new Live(this);
    this.loop = this.live.loop;
  }

  get state() {
    return this.store.state;
  }

  set(patch) {
    this.store.set(patch);
  }

  // ---- model and label map ----

  /** Load the wanted model, or the server's default where it is not to be had. */
  async start(wanted) {
    const onOffline = (offline) => this.set({ offline });
    const early = api.report(wanted).catch(() => null); // asked along with the list: one round trip less before first light
    const { models, default: fallback, unavailable = [] } = await persistently(() => api.models(), onOffline);
    this.set({ models, unavailable });
    const id = models.some((model) => model.id === wanted) ? wanted : (fallback ?? models[0]?.id);
    if (id) await this.loadModel(id, id === wanted ? await early : null);
  }

  async loadModel(id, known = null) {
    const model =
      known ??
      (await persistently(
        () => api.report(id),
        (offline) => this.set({ offline }),
      ));
    const [height, width] = model.image_size;
    this.set({ ...OF_MODEL, model, current: 0, other: Math.min(1, model.classes.length - 1) });
    this.#adopt(new LabelMap(width, height));
  }

  get classes() {
    return this.state.model?.classes ?? [];
  }

  /** Whether the model's checkpoint serves an application: {available, reason}. */
  can(application) {
    return this.state.model?.applications?.[application] ?? { available: true };
  }

  className(index) {
    return this.classes[index]?.name ?? "";
  }

  /** The classes' colours in files. */
  get palette() {
    return coloursOf(this.classes, "studio");
  }

  /** Part of a label map in the colours that classes are shown in, to put on a canvas. */
  coloured(map, rect = map.bounds) {
    const image = new ImageData(rect.w, rect.h);
    this.#mapPainter()(map, rect, new Uint32Array(image.data.buffer));
    return image;
  }

  #mapPainter() {
    const { model, colours, hatched } = this.state;
    const key = [model, colours, hatched];
    if (!key.every((value, i) => value === this.#shown?.key[i])) {
      this.#shown = { key, paint: mapPainter(coloursOf(this.classes, colours), hatched) };
    }
    return this.#shown.paint;
  }

  /** Classes in the map, as they are listed. */
  get present() {
    return this.state.order;
  }

  share(index) {
    return this.state.counts[index] / this.map.data.length;
  }

  /** Open a scene: `map` in the model's own classes, rendered with one seed. */
  openScene(map, { title, seed }) {
    this.replaceMap(map, { reorder: true });
    const largest = this.present.find((index) => index !== this.state.current);
    this.set({ other: largest ?? this.state.other });
    this.adoptStyle({ seed }, { scene: title });
    this.refresh({ demanded: true });
  }

  /**
   * Lay a table that was kept: map with its past, looks and pictures. The last picture is shown at once, and drawn anew if
   * it is old.
   */
  resume({ map, past, mapVersion, pictures, ...table }) {
    this.#adopt(map);
    if (past) this.history.resume(past);
    const [last = null] = pictures;
    const fits = last?.version === mapVersion && !differing(last.style, table.style, this.present).length;
    if (fits) last.style = table.style;
    this.set({ ...table, mapVersion, pictures, picture: last, crops: last ? cropsOf(last.map) : new Map() });
    if (!fits) this.refresh();
  }

  /** Another style for the whole map, to which "back to start" leads from now on. */
  adoptStyle(style, { scene = this.state.scene }) {
    this.grid.close();
    this.set({ style, startStyle: style, scene, strengths: {}, variants: null, photo: null, mix: NO_MIX });
  }

  /** Put another label map in place of this one; undo brings the old one back where the size is the same. */
  replaceMap(map, { reorder = false } = {}) {
    const untouched = !this.state.picture && !this.history.canUndo; // nothing that undo should lead back to
    if (untouched || map.width !== this.map.width || map.height !== this.map.height) {
      this.#adopt(map.clone());
    } else {
      this.painter.cancel();
      this.history.replace(map);
    }
    this.mapChanged({ reorder, render: false });
  }

  #adopt(map) {
    this.map = map;
    this.history = new History(map);
    this.painter = new Painter(map, this.history);
    this.mapChanged({ reorder: true, render: false });
  }

  /**
   * After every stroke, undo or import: count the classes and ask for the picture. `drawn` says that the label canvas
   * shows the map already, as it does when somebody has painted.
   */
  mapChanged({ reorder = false, render = true, drawn = false } = {}) {
    const { order, mapVersion, drawVersion } = this.state;
    const counts = this.map.counts();
    const kept = reorder ? [] : order.filter((index) => counts[index]);
    const added = this.classes.map(({ index }) => index).filter((index) => counts[index] && !kept.includes(index));
    added.sort((a, b) => counts[b] - counts[a]);
    const same = !added.length && kept.length === order.length;
    this.set({
      counts,
      order: same ? order : [...kept, ...added],
      mapVersion: mapVersion + 1,
      drawVersion: drawVersion + (drawn ? 0 : 1),
      pending: this.painter.pending,
    });
    if (render) this.refresh();
  }

  /** The last corner of an open polygon, or else the last stroke. */
  undo() {
    if (this.painter.active) return;
    if (this.painter.back()) this.set({ pending: this.painter.pending });
    else if (this.history.undo()) this.mapChanged();
  }

  redo() {
    if (!this.painter.active && this.history.redo()) this.mapChanged();
  }

  /** Every pixel of one class becomes another, as one step. */
  replaceClass(from, to) {
    this.painter.cancel();
    this.history.begin();
    if (this.history.commit(this.map.replace(from, to))) this.mapChanged();
  }

  // ---- tools ----

  /** Take another tool. A polygon that is open is closed first. */
  takeTool(tool) {
    const changed = this.painter.finish(this.state.current);
    this.set({ tool, pending: this.painter.pending });
    if (changed) this.mapChanged();
  }

  /** Close an open polygon, let go of a region. */
  finish() {
    this.takeTool(this.state.tool);
  }

  /** Steps that feel even: one pixel at first, an eighth of the size later. */
  resizeBrush(direction) {
    const { size } = this.state;
    const step = Math.max(1, Math.round(size / 8));
    this.set({ size: Math.min(BRUSH_SIZES.max, Math.max(BRUSH_SIZES.min, size + direction * step)) });
  }

  choose(index) {
    const { current, other } = this.state;
    if (index !== current) this.set({ current: index, other: index === other ? current : other });
  }

  swap() {
    const { current, other } = this.state;
    this.set({ current: other, other: current });
  }

  /** The two classes that cover most of the map. */
  defaultPair() {
    const { counts } = this.state;
    const [current, other = current] = [...this.present].sort((a, b) => counts[b] - counts[a]);
    if (current !== undefined) this.set({ current, other });
  }

  // ---- picture ----

  /** Ask for a picture of what is on the table now, at once or, on demand, when the person says so. */
  refresh({ demanded = false } = {}) {
    if (this.state.model) this.live.ask({ demanded });
  }

  /** The style that the picture should have: in Morph, wherever the slider stands. */
  get shownStyle() {
    const { space, morph, style } = this.state;
    return space === "morph" && this.morphing.ready ? this.morphing.styleAt(morph.t) : style;
  }

  async labelsPng() {
    return encodeIndexPng(this.map, this.palette);
  }

  /** Put a picture on the stage. What changed is measured against the one before. */
  show(picture, before = this.state.picture) {
    const { style, pictures } = this.state;
    const patch = { picture, draft: null, before, change: this.#changeBetween(before, picture), stale: false };
    if (picture.version !== before?.version) patch.crops = cropsOf(picture.map);
    const again = before?.style === style && before.version === picture.version;
    if (picture.style === style && !again) patch.pictures = [picture, ...pictures].slice(0, PICTURES).map(undecoded);
    this.set(patch);
  }

  /** What a new look changed; null if the label map changed too, or nothing was there before. */
  #changeBetween(before, after) {
    if (!before || before.version !== after.version || this.state.space === "morph") return null;
    const present = this.classes.map(({ index }) => index).filter((index) => after.map.data.includes(index));
    const classes = differing(before.style, after.style, present);
    if (!classes.length) return this.state.change;
    return changeBetween(before, after, classes);
  }

  // ---- looks ----

  setStyle(style) {
    this.set({ style });
    this.refresh();
  }

  /** A new look for one class: its own new seed, every other class as it was. */
  reroll(index) {
    if (!this.state.locks.has(index)) this.setLook(index, { seed: freshSeed() });
  }

  /** Give a class a look; its strength slider then leads from the look before to this one. */
  setLook(index, spec) {
    const { style, strengths } = this.state;
    const from = strengths[index]?.to ?? specOf(style, index);
    this.set({ strengths: { ...strengths, [index]: { from, to: spec, t: 1 } } });
    this.setStyle(withSpecs(style, { [index]: spec }));
  }

  setStrength(index, t) {
    const { style, strengths } = this.state;
    const way = strengths[index];
    if (!way) return;
    this.set({ strengths: { ...strengths, [index]: { ...way, t } } });
    this.setStyle(withSpecs(style, { [index]: between(way.from, way.to, t) }));
  }

  toggleLock(index) {
    const locks = new Set(this.state.locks);
    if (!locks.delete(index)) locks.add(index);
    this.set({ locks });
  }

  /** New looks for all that is not locked; the strength of each leads back to the look before. */
  resampleUnlocked() {
    const { style, locks, strengths } = this.state;
    const unlocked = this.present.filter((index) => !locks.has(index));
    const wanted = resampled(style, unlocked);
    const ways = unlocked.map((index) => [
      index,
      { from: strengths[index]?.to ?? specOf(style, index), to: wanted[index], t: 1 },
    ]);
    this.set({ strengths: { ...strengths, ...Object.fromEntries(ways) } });
    this.setStyle(wanted);
  }

  resetLooks() {
    this.set({ strengths: {}, mix: NO_MIX });
    this.setStyle(this.state.startStyle);
  }

  /** Back to a picture from the history: its labels and its style. */
  restore(picture) {
    if (!picture.map.equals(this.map)) this.replaceMap(picture.map);
    this.set({ style: picture.style, strengths: {} });
    this.refresh();
  }
}
