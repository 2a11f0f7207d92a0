/** Work that was kept: a quiet word when it is back, and a way to begin anew. */
import { $ } from "../parts/dom.js";
import { notify } from "../parts/toasts.js";

export const unkept = () =>
  notify("This browser keeps nothing", "Export what you want to have again: a reload loses it here.");

export class Keeping {
  /** `openFirst()` lays a fresh table. */
  constructor(studio, autosave, openFirst) {
    Object.assign(this, { studio, autosave, openFirst });
    $("afresh").addEventListener("click", () => {
      $("open-menu").hidePopover();
      this.afresh();
    });
  }

  /** Lay the table that was kept for the model, or a fresh one. */
  async open(time = null) {
    if (!(await this.autosave.restore())) return this.openFirst();
    if (time === null) return;
    const actions = [{ label: "Start afresh", run: () => this.afresh() }];
    notify("Restored", `Your painting is back as it was ${ago(time)}.`, actions);
  }

  async afresh() {
    const back = await this.autosave.leave();
    await this.#clear();
    await this.openFirst();
    const bring = async () => {
      back();
      await this.#clear();
      await this.open();
    };
    notify("Started afresh", "", back ? [{ label: "Bring my painting back", run: bring }] : []);
  }

  #clear() {
    const { model } = this.studio.state;
    return this.studio.loadModel(model.id, model);
  }
}

function ago(time) {
  const minutes = Math.round((Date.now() - time) / 60_000);
  if (minutes < 1) return "a moment ago";
  if (minutes < 60) return `${minutes} min ago`;
  const hours = Math.round(minutes / 60);
  return hours < 48 ? `${hours} h ago` : `on ${new Date(time).toLocaleDateString()}`;
}
