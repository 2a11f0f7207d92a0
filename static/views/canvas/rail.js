/** The rail of tools with its fly-out of shapes, made from the rows of map/tools.js. */
import { SHAPES, SHAPES_KEY, TOOLS } from "../../map/tools.js";
import { $, h, icon, pressed } from "../parts/dom.js";
import { phone, placeBeside } from "../parts/screen.js";

const shapes = TOOLS.filter(({ place }) => place === "shape");
const inMenuOfPhones = TOOLS.filter(({ wide }) => wide);

/** The shape that the key for shapes takes: the one used last, or from a shape the next one. */
export function nextShape({ tool, shapeTool }) {
  const place = SHAPES.indexOf(tool);
  return place < 0 ? shapeTool : SHAPES[(place + 1) % SHAPES.length];
}

/** Put the tools into the rail and the fly-out, and show which one is in the hand. */
export function watchRail(studio) {
  const buttons = TOOLS.filter((tool) => tool.place !== "shape").map((tool) => railButton(studio, tool));
  const entries = [...shapes, ...inMenuOfPhones].map((tool) => menuEntry(studio, tool));
  arrange(buttons, entries);
  $("shapes").addEventListener("click", () => {
    placeBeside($("shapes-menu"), $("shapes"));
    studio.inHand.take(studio.state.shapeTool);
  });
  const draw = ({ tool, shapeTool }) => {
    for (const button of buttons) pressed(button, button.dataset.tool === tool);
    for (const entry of entries) pressed(entry, entry.dataset.shapeTool === tool);
    const inMenu = SHAPES.includes(tool) || (phone.matches && inMenuOfPhones.some(({ name }) => name === tool));
    pressed($("shapes"), inMenu);
    $("shapes").replaceChildren(icon(inMenu ? tool : shapeTool));
  };
  studio.store.watch(["tool"], ({ tool, shapeTool }) => {
    if (SHAPES.includes(tool) && tool !== shapeTool) studio.set({ shapeTool: tool });
    draw(studio.state);
  });
  phone.addEventListener("change", () => draw(studio.state));
}

/**
 * The tools that draw stand before the rail's rule, the others after it. The template has what is no tool: the button
 * of the fly-out, which comes where the shapes are in the table, and the button that replaces a class, last but one.
 */
function arrange(buttons, entries) {
  const named = new Map(buttons.map((button) => [button.dataset.tool, button]));
  const group = (wanted) => TOOLS.filter(({ place }) => wanted.includes(place)).map(({ name }) => named.get(name));
  const drawing = group(["draw", "shape"]).map((button) => button ?? $("shapes"));
  const others = group(["other"]);
  const replace = $("tools").querySelector("[data-replace]");
  const rule = $("tools").querySelector(".rail-rule");
  $("tools").replaceChildren(...new Set(drawing), rule, ...others.slice(0, -1), replace, ...others.slice(-1));
  $("shapes-menu").prepend(...entries);
  const names = shapes.map(({ label }) => label.toLowerCase()).join(", ");
  $("shapes").title = `Shapes (${SHAPES_KEY}): ${names}`;
  $("shapes").setAttribute("aria-keyshortcuts", SHAPES_KEY);
}

function railButton(studio, { name, label, keys, about, more, wide }) {
  const words = more ? `${about}; ${more}` : about;
  const attributes = {
    onclick: () => studio.inHand.take(name),
    title: `${label} (${keys.join(" or ")}). ${words}`,
    "aria-label": label,
    "aria-keyshortcuts": keys.join(" "),
    data: { tool: name },
  };
  return h(`button.ib${wide ? ".wide-only" : ""}`, attributes, icon(name));
}

/** A shape, or on a phone a tool that its rail has no room for. */
function menuEntry(studio, { name, label, about, wide }) {
  const onclick = () => {
    studio.inHand.take(name);
    $("shapes-menu").hidePopover();
  };
  const words = h("span", {}, h("b", {}, label), h(wide ? "small" : "small.keyed", {}, about));
  const key = wide ? null : h("kbd", {}, SHAPES_KEY);
  return h(wide ? "button.phone" : "button", { onclick, data: { shapeTool: name } }, icon(name), words, key);
}
