/** The menu of the classes' colours and hatching, which hold for the label map and for every swatch. */
import { COLOUR_SETS, coloursOf, hexOf } from "../../colours/colours.js";
import { hatchOf, lineColour } from "../../colours/hatching.js";
import { $ } from "../parts/dom.js";
import { placeBeside } from "../parts/screen.js";

/** Bind the menu, and bring back the choice that the browser remembers. */
export function watchColours(studio) {
  const { colours, hatched } = remembered();
  studio.set({ colours, hatched });
  const choices = [...document.querySelectorAll("[data-colours]")];
  $("colours").addEventListener("click", () => placeBeside($("colours-menu"), $("colours")));
  for (const button of choices) {
    button.addEventListener("click", () => studio.set({ colours: button.dataset.colours }));
  }
  $("hatched").addEventListener("click", () => studio.set({ hatched: !studio.state.hatched }));
  studio.store.watch(["model", "colours", "hatched"], ({ model, colours, hatched }) => {
    for (const button of choices) button.setAttribute("aria-checked", String(button.dataset.colours === colours));
    $("hatched").setAttribute("aria-checked", String(hatched));
    $("colours-title").textContent = COLOUR_SETS[colours];
    localStorage.setItem("colours", JSON.stringify({ colours, hatched }));
    if (model) dye(coloursOf(model.classes, colours), hatched);
  });
}

function remembered() {
  try {
    const { colours, hatched } = JSON.parse(localStorage.getItem("colours"));
    return { colours: colours in COLOUR_SETS ? colours : "studio", hatched: hatched === true };
  } catch {
    return { colours: "studio", hatched: false };
  }
}

/** Set the CSS variables from which every swatch takes its colour and its hatching. */
function dye(colours, hatched) {
  const { style } = document.documentElement;
  colours.forEach((colour, index) => {
    style.setProperty(`--class-${index}`, hexOf(colour));
    style.setProperty(`--hatch-${index}`, hatched ? `url(${tileOf(index, colour)})` : "none");
  });
}

/** The tile of a class's hatching on its colour, as a data URL. */
function tileOf(index, colour) {
  const tile = hatchOf(index);
  const side = Math.sqrt(tile.length);
  const canvas = Object.assign(document.createElement("canvas"), { width: side, height: side });
  const context = canvas.getContext("2d");
  context.fillStyle = hexOf(lineColour(colour));
  tile.forEach((line, i) => line && context.fillRect(i % side, Math.floor(i / side), 1, 1));
  return canvas.toDataURL();
}
