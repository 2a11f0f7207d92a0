/** The menu of the variants: how many looks, of which classes, and the grid of two classes. */
import { SIDES } from "../../studio/grid.js";
import { COUNTS } from "../../studio/variants.js";
import { $, h, icon, pressed, redraw, titled } from "../parts/dom.js";
import { swatch } from "../parts/swatch.js";

/** Fill the menu when it is opened, and keep it while it is. */
export function watchVariantsMenu(studio) {
  const menu = $("variants-menu");
  const pair = { row: null, column: null, side: 4 };
  const rebuild = () => redraw(menu, ...several(studio), ...gridOf(studio, pair, rebuild));
  menu.addEventListener("beforetoggle", ({ newState }) => {
    if (newState === "open") rebuild();
  });
  studio.store.watch(["variantCount", "variantClasses", "order", "model", "picture"], () => {
    if (menu.matches(":popover-open")) rebuild();
  });
}

function several(studio) {
  const { variantCount, variantClasses, order } = studio.state;
  const counts = COUNTS.map((count) => {
    const button = h("button", { onclick: () => studio.set({ variantCount: count }), data: { count } }, String(count));
    pressed(button, count === variantCount);
    return button;
  });
  const toggles = order.map((index) => {
    const flip = () => {
      const picked = new Set(studio.state.variantClasses);
      if (!picked.delete(index)) picked.add(index);
      studio.set({ variantClasses: picked });
    };
    const attributes = { "aria-pressed": String(variantClasses.has(index)), onclick: flip, data: { vary: index } };
    return h(
      "button.toggle",
      attributes,
      swatch(studio, index),
      h("span", {}, titled(studio.classes.name(index))),
      icon("check", true),
    );
  });
  const note = variantClasses.size
    ? "These change together; the rest stays."
    : `None picked: it is the chosen class, ${studio.classes.name(studio.state.current)}.`;
  const draw = () => {
    $("variants-menu").hidePopover();
    studio.variants.draw();
  };
  return [
    h("h3", {}, "Looks"),
    h("span.seg.full", { role: "group", "aria-label": "How many looks" }, counts),
    h("div.toggles", { role: "group", "aria-label": "Classes that change together" }, toggles),
    h("div.row.apart", {}, h("p.note", {}, note), h("button.btn.solid", { onclick: draw, id: "variants-go" }, "Draw")),
  ];
}

/** The section for the grid; `pair` is {row, column, side}: its two classes and its number of rows. */
function gridOf(studio, pair, rebuild) {
  const { order, picture } = studio.state;
  choosePair(studio, pair);
  const sides = SIDES.map((side) => {
    const click = () => {
      pair.side = side;
      rebuild();
    };
    const button = h("button", { onclick: click, data: { side } }, `${side} × ${side}`);
    pressed(button, side === pair.side);
    return button;
  });
  const draw = () => {
    $("variants-menu").hidePopover();
    studio.grid.draw(pair.row, pair.column, pair.side);
  };
  const ready = picture && order.length > 1;
  return [
    h("h3", {}, "Grid of two classes"),
    h(
      "div.grid-picks",
      {},
      classPicker(studio, pair, rebuild, "row", "Rows"),
      classPicker(studio, pair, rebuild, "column", "Columns"),
    ),
    h("span.seg.full", { role: "group", "aria-label": "Size of the grid" }, sides),
    h(
      "div.row.apart",
      {},
      h("p.note", {}, ready ? "It lies over the labels while you choose." : "Two classes in the map are needed."),
      h("button.btn.solid", { onclick: draw, id: "grid-go", disabled: !ready }, "Draw"),
    ),
  ];
}

/** Replace a class of the pair that is not in the map, or that is both of them. */
function choosePair(studio, pair) {
  const { order, current, other } = studio.state;
  const has = (index) => order.includes(index);
  const fallback = [current, other, ...order].filter(has);
  if (!has(pair.row)) pair.row = fallback[0];
  if (!has(pair.column) || pair.column === pair.row) pair.column = fallback.find((index) => index !== pair.row);
}

/** The select for one class of the pair, "row" or "column"; taking the other's class swaps them. */
function classPicker(studio, pair, rebuild, key, title) {
  const options = studio.state.order.map((index) =>
    h("option", { value: index, selected: index === pair[key] }, titled(studio.classes.name(index))),
  );
  const select = h("select", { "aria-label": title, id: `grid-${key}` }, options);
  select.addEventListener("change", () => {
    const other = key === "row" ? "column" : "row";
    if (Number(select.value) === pair[other]) pair[other] = pair[key];
    pair[key] = Number(select.value);
    rebuild();
  });
  const name = titled(studio.classes.name(pair[key] ?? 0));
  return h("label.choose.under", {}, h("span.meta", {}, title), h("b", {}, name), icon("chevron", true), select);
}
