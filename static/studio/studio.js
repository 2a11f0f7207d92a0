/**
 * What a person does in the studio, without the page: the label map, the looks and the pictures made from them, each in
 * a part of its own. Views call these parts and watch the store; nothing here touches an element.
 */
import { LabelMap } from "../map/labelmap.js";
import * as api from "../net/api.js";
import { persistently } from "../net/retry.js";
import { Classes } from "./classes.js";
import { Files } from "./files.js";
import { Grid } from "./grid.js";
import { InHand } from "./in_hand.js";
import { Labels } from "./labels.js";
import { Library } from "./library.js";
import { Live } from "./live.js";
import { Looks } from "./looks.js";
import { Morphing } from "./morphing.js";
import { Opening } from "./opening.js";
import { Photos } from "./photos.js";
import { Pictures } from "./pictures.js";
import { References } from "./references.js";
import { INITIAL, OF_MODEL } from "./state.js";
import { Store } from "./store.js";
import { Variants } from "./variants.js";
import { Versus } from "./versus.js";

export class Studio {
  /**
   * What needs the person: `report(error, context)` shows a failure, `tell(title, text)` says what was done, and
   * `consult(image, name)` resolves to the label map that the person takes an image for, or to null.
   */
  constructor({ report, tell, consult }) {
    this.report = report;
    const store = (this.store = new Store(INITIAL));
    const refresh = () => this.live.ask();
    const classes = (this.classes = new Classes(store));
    const labels = (this.labels = new Labels({ store, classes, refresh }));
    const looks = (this.looks = new Looks({ store, labels, refresh }));
    this.inHand = new InHand({ store, labels });
    const live = (this.live = new Live({
      store,
      wanted: () => this.#wanted(),
      drawing: () => labels.painter.active,
      show: (picture) => this.pictures.show(picture),
      report,
    }));
    const pictures = (this.pictures = new Pictures({ store, labels, looks, live }));
    this.variants = new Variants({ store, labels, pictures, report });
    const grid = (this.grid = new Grid({ store, labels, pictures, live, report }));
    const opening = (this.opening = new Opening({ store, labels, looks, grid, live }));
    const photos = (this.photos = new Photos(store));
    this.references = new References({ store, classes, labels, looks, photos });
    this.morphing = new Morphing({ store, labels, opening, live, report });
    this.versus = new Versus({ store, grid, report });
    this.library = new Library({ store, looks, report });
    const person = { report, tell, consult: (image, name) => consult(this, image, name) };
    this.files = new Files({ store, labels, opening, loadModel: (id) => this.loadModel(id), person });
  }

  get state() {
    return this.store.state;
  }

  set(patch) {
    this.store.set(patch);
  }

  /** Load the wanted model, or the server's default where it is not to be had. */
  async start(wanted) {
    const onOffline = (offline) => this.set({ offline });
    const early = api.report(wanted).catch(() => null); // asked along with the list: one round trip less
    const { models, default: fallback, unavailable = [] } = await persistently(() => api.models(), onOffline);
    this.set({ models, unavailable });
    const id = models.some((model) => model.id === wanted) ? wanted : (fallback ?? models[0]?.id);
    if (id) await this.loadModel(id, id === wanted ? await early : null);
  }

  /** Begin with another model and an empty label map. `known` is its report, if it is at hand. */
  async loadModel(id, known = null) {
    const onOffline = (offline) => this.set({ offline });
    const model = known ?? (await persistently(() => api.report(id), onOffline));
    const [height, width] = model.image_size;
    this.set({ ...OF_MODEL, model, current: 0, other: Math.min(1, model.classes.length - 1) });
    this.labels.adopt(new LabelMap(width, height));
  }

  /** What the picture on the stage is made from; its style is, in Morph, the one at the slider. */
  #wanted() {
    const { model, mapVersion: version, space, morph, style } = this.state;
    const map = this.labels.map.clone();
    const moving = space === "morph" && this.morphing.ready;
    return {
      model,
      map,
      version,
      style: moving ? this.morphing.styleAt(morph.t) : style,
      palette: this.classes.palette,
    };
  }
}
