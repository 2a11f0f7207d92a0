/**
 * A grid of two classes' looks: the rows are looks of one, the columns of the other, and each cell is a picture of
 * both.
 */
import * as api from "../net/api.js";
import { patiently } from "../net/retry.js";
import { changeBetween } from "../picture/change.js";
import { pictureOf } from "../picture/pictures.js";
import { freshSeed, specOf, withSpecs } from "../picture/style.js";

export const SIDES = [3, 4, 5]; // rows, and as many columns, that a grid can have

export class Grid {
  #store;
  #labels;
  #pictures;
  #live;
  #report;
  #loading = null; // AbortController of the grid that is being drawn

  constructor({ store, labels, pictures, live, report }) {
    [this.#store, this.#labels, this.#pictures] = [store, labels, pictures];
    [this.#live, this.#report] = [live, report];
  }

  /** Draw side × side pictures of the classes `row` and `column`. The first look of each is the one that it has now. */
  async draw(row, column, side) {
    this.close();
    this.#loading = new AbortController();
    const { signal } = this.#loading;
    const { style, picture } = this.#store.state;
    const looks = (index) => [specOf(style, index), ...Array.from({ length: side - 1 }, () => ({ seed: freshSeed() }))];
    const grid = { row, column, side, rows: looks(row), columns: looks(column), items: [], base: picture };
    this.#store.set({ grid });
    try {
      await this.#load(grid, style, signal);
    } catch (error) {
      if (!signal.aborted) this.#report(error, "The grid has the pictures that were drawn before.");
    }
  }

  async #load({ row, column, rows, columns }, style, signal) {
    const { model } = this.#store.state;
    const { map, version, png } = await this.#labels.snapshot();
    for (const [y, across] of rows.entries()) {
      for (const [x, down] of columns.entries()) {
        await this.#live.rest(); // the picture on the stage goes first
        const looks = withSpecs(style, { [row]: across, [column]: down });
        const answer = await patiently(() => api.render(model.id, png, { style: looks }, { signal }));
        const item = await pictureOf(answer.pictures[0], map, version);
        if (signal.aborted) return;
        const { grid } = this.#store.state;
        this.#store.set({ grid: { ...grid, items: [...grid.items, { ...item, style: looks, x, y }] } });
      }
    }
  }

  /** What a cell would change in the picture that stood on the stage; null for the cell with the looks as they are. */
  change(item) {
    const { base, row, column } = this.#store.state.grid;
    if (!base || base.version !== item.version || (item.x === 0 && item.y === 0)) return null;
    item.seen ??= changeBetween(base, item, [row, column]);
    return item.seen;
  }

  /** Give the two classes the looks of a cell, and close the grid. */
  keep(item) {
    const { row, column, base } = this.#store.state.grid;
    this.#pictures.take(item, [row, column], base);
    this.close();
  }

  close() {
    this.#loading?.abort();
    this.#store.set({ grid: null, peek: null, preview: null });
  }
}
