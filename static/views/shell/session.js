/** The work of this tab's session: it is opened with a word when it is back, or begun afresh. */
import { $ } from "../parts/dom.js";
import { notify } from "../parts/toasts.js";

/** Say that this browser keeps nothing. */
export const unkept = () =>
  notify("This browser keeps nothing", "Export what you want to have again: a reload loses it here.");

export class Session {
  /** `openFirst()` opens the first scene. */
  constructor(studio, autosave, openFirst) {
    Object.assign(this, { studio, autosave, openFirst });
    $("afresh").addEventListener("click", () => {
      $("open-menu").hidePopover();
      this.afresh();
    });
  }

  /**
   * Open the work that was kept for the model in use, or else the first scene. `time` is when it was kept, to say so.
   */
  async open(time = null) {
    if (!(await this.autosave.restore())) return this.openFirst();
    if (time === null) return;
    const actions = [{ label: "Start afresh", run: () => this.afresh() }];
    notify("Restored", `Your painting is back as it was ${ago(time)}.`, actions);
  }

  /** Begin another session with the first scene; a message offers to go back. */
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
