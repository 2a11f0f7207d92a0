/**
 * The grid of two classes' looks, which covers the label map. The stage shows the picture of the cell at the pointer.
 */
import { $, h, icon, percent, redraw, thumbnail, titled } from "../parts/dom.js";
import { swatch } from "../parts/swatch.js";
import { peeking } from "./variants.js";

const SIDE = 176; // pixels of a cell's canvas, in width and height

/** Show the grid while there is one. */
export function watchGrid(studio) {
  const place = $("grid");
  const faces = new WeakMap();
  studio.store.watch(["grid"], ({ grid }) => {
    const opened = place.hidden && grid;
    const left = !grid && place.contains(document.activeElement);
    place.hidden = !grid;
    if (left) document.querySelector("[popovertarget=variants-menu]").focus({ focusVisible: false });
    if (!grid) return place.replaceChildren();
    redraw(place, head(studio, grid), cells(studio, grid, faces));
    if (!opened) return undefined;
    $("scrim").click(); // closes a phone's sheet, which would lie over the grid
    place.querySelector("[data-close]").focus({ focusVisible: false });
    return undefined;
  });
  // The label map under the grid is neither painted nor moved.
  for (const type of ["pointerdown", "wheel"]) place.addEventListener(type, (event) => event.stopPropagation());
  place.addEventListener("keydown", (event) => {
    if (event.key === "Escape") studio.grid.close();
    else moveAcross(event, place, studio.state.grid?.side);
  });
  studio.store.watch(["mapVersion", "space"], () => studio.state.grid && studio.grid.close());
}

function head(studio, { row, column, side, items }) {
  const total = side * side;
  return h(
    "div.grid-head",
    {},
    swatch(studio, row),
    h("span", {}, `${titled(studio.classes.name(row))} down`),
    swatch(studio, column),
    h("span", {}, `${titled(studio.classes.name(column))} across`),
    h("span.meta", { role: "status" }, items.length < total ? `${items.length} of ${total}` : ""),
    h("span.gap"),
    h(
      "button.ib.s",
      {
        onclick: () => studio.grid.close(),
        "aria-label": "Close the grid",
        title: "Close (Esc)",
        data: { close: "grid" },
      },
      icon("close", true),
    ),
  );
}

function cells(studio, grid, faces) {
  const { side, items } = grid;
  const all = Array.from({ length: side * side }, (_, i) =>
    items[i] ? cell(studio, grid, items[i], faces) : h("span.grid-cell.waiting", { "aria-hidden": "true" }),
  );
  return h("div.grid-cells", { vars: { side } }, all);
}

function cell(studio, { row, column, rows, columns }, item, faces) {
  if (!faces.has(item)) faces.set(item, thumbnail(item.bitmap, SIDE, SIDE));
  const now = item.x === 0 && item.y === 0;
  const seed = (spec, first) => (first ? "as it is" : String(spec.seed));
  const change = () => studio.grid.change(item);
  const down = `${titled(studio.classes.name(row))} ${seed(rows[item.y], item.y === 0)}`;
  const words = `${down}, ${studio.classes.name(column)} ${seed(columns[item.x], item.x === 0)}`;
  const element = h(
    "button.grid-cell",
    {
      "aria-label": now ? `${words}: the picture now` : words,
      data: { gridCell: `${item.y}-${item.x}` },
      ...peeking(studio, item.bitmap, change),
      onclick: () => studio.grid.keep(item),
    },
    faces.get(item),
    now ? h("span.corner", {}, "now") : h("span.leak", {}, ""),
  );
  if (!now) {
    const measured = change();
    const leaked = measured ? `${percent(1 - measured.share)} outside` : "";
    element.lastChild.textContent = leaked;
    element.title = `${words}${leaked && `: ${leaked} the two classes`}`;
  }
  return element;
}

/** Arrow keys move the focus from cell to cell. */
function moveAcross(event, place, side) {
  const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -side, ArrowDown: side }[event.key];
  const all = [...place.querySelectorAll(".grid-cell")];
  const next = all[all.indexOf(document.activeElement) + step];
  if (!step || !next) return;
  event.preventDefault();
  next.focus();
}
