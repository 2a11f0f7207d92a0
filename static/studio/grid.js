/** Looks of two classes at once: rows are looks of one, columns of the other, and each cell is a picture with both. */
import { encodeIndexPng } from "../formats/png.js";
import * as api from "../net/api.js";
import { patiently } from "../net/retry.js";
import { changeBetween } from "../picture/change.js";
import { pictureOf } from "../picture/pictures.js";
import { freshSeed, specOf, withSpecs } from "../picture/style.js";

export const SIDES = [3, 4, 5];

export class Grid {
  #studio;
  #loading = null;

  constructor(studio) {
    this.#studio = studio;
  }

  /** Draw side × side pictures of classes `row` and `column`. The first of each is the look it has now. */
  async draw(row, column, side) {
    this.close();
    this.#loading = new AbortController();
    const { signal } = this.#loading;
    const studio = this.#studio;
    const { style, picture } = studio.state;
    const looks = (index) => [specOf(style, index), ...Array.from({ length: side - 1 }, () => ({ seed: freshSeed() }))];
    const grid = { row, column, side, rows: looks(row), columns: looks(column), items: [], base: picture };
    studio.set({ grid });
    try {
      await this.#load(grid, style, signal);
    } catch (error) {
      if (!signal.aborted) studio.report(error, "The grid has the pictures that were drawn before.");
    }
  }

  async #load({ row, column, rows, columns }, style, signal) {
    const studio = this.#studio;
    const { mapVersion: version, model } = studio.state;
    const map = studio.map.clone();
    const labels = await encodeIndexPng(map, studio.palette);
    for (const [y, across] of rows.entries()) {
      for (const [x, down] of columns.entries()) {
        await studio.loop.rest(); // the main picture goes first
        const looks = withSpecs(style, { [row]: across, [column]: down });
        const answer = await patiently(() => api.render(model.id, labels, { style: looks }, { signal }));
        const item = await pictureOf(answer.pictures[0], map, version);
        if (signal.aborted) return;
        const { grid } = studio.state;
        studio.set({ grid: { ...grid, items: [...grid.items, { ...item, style: looks, x, y }] } });
      }
    }
  }

  /** Where the picture would change with a cell; null for the looks as they are. */
  change(item) {
    const { base, row, column } = this.#studio.state.grid;
    if (!base || base.version !== item.version || (item.x === 0 && item.y === 0)) return null;
    item.seen ??= changeBetween(base, item, [row, column]);
    return item.seen;
  }

  keep(item) {
    const { grid } = this.#studio.state;
    this.#studio.variants.take(item, [grid.row, grid.column], grid.base);
    this.close();
  }

  close() {
    this.#loading?.abort();
    this.#studio.set({ grid: null, peek: null, preview: null });
  }
}
