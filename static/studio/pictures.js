/** The picture on the stage, and those that were there before it, newest first. */
import { changeBetween } from "../picture/change.js";
import { cropsOf } from "../picture/crops.js";
import { differing, specOf, withSpecs } from "../picture/style.js";

const KEPT = 1000; // pictures in the history
const DECODED = 40; // the newest of them keep their bitmap; the others have only their file

const undecoded = (picture, age) => (age < DECODED || !picture.bitmap ? picture : { ...picture, bitmap: null });

export class Pictures {
  #store;
  #labels;
  #looks;
  #live;

  constructor({ store, labels, looks, live }) {
    [this.#store, this.#labels, this.#looks, this.#live] = [store, labels, looks, live];
  }

  /** Put a picture on the stage. What changed is measured against `before`, by default the picture that stood there. */
  show(picture, before = this.#store.state.picture) {
    const { style, pictures } = this.#store.state;
    const patch = { picture, draft: null, before, change: this.#change(before, picture), stale: false };
    if (picture.version !== before?.version) patch.crops = cropsOf(picture.map);
    const again = before?.style === style && before.version === picture.version;
    if (picture.style === style && !again) patch.pictures = [picture, ...pictures].slice(0, KEPT).map(undecoded);
    this.#store.set(patch);
  }

  /** What a new look changed; null if the label map changed as well, or if there was no picture before. */
  #change(before, after) {
    const { model, space, change } = this.#store.state;
    if (!before || before.version !== after.version || space === "morph") return null;
    const present = model.classes.map(({ index }) => index).filter((index) => after.map.data.includes(index));
    const classes = differing(before.style, after.style, present);
    return classes.length ? changeBetween(before, after, classes) : change;
  }

  /**
   * Give some classes the looks of a picture {style, version, bitmap, …} that was drawn to choose from. It is shown at
   * once if nothing else has changed since it was drawn, compared with `base`; otherwise another one is asked for.
   */
  take(item, indices, base) {
    const { style, mapVersion, picture } = this.#store.state;
    const wanted = withSpecs(style, Object.fromEntries(indices.map((index) => [index, specOf(item.style, index)])));
    this.#looks.move(wanted, indices);
    const exact = item.version === mapVersion && !differing(item.style, wanted, this.#labels.present).length;
    if (!exact || this.#live.busy) this.#live.ask();
    else if (picture?.id !== item.id) this.show({ ...item, style: wanted }, base);
  }

  /** Go back to a picture of the history: its label map and its style. */
  restore(picture) {
    if (!picture.map.equals(this.#labels.map)) this.#labels.replace(picture.map);
    this.#store.set({ style: picture.style, strengths: {} });
    this.#live.ask();
  }
}
