/** Narrow screens: their panels as a drawer or as sheets, and the choice of the canvas that a phone shows. */
import { $, pressed } from "../parts/dom.js";
import { phone } from "../parts/screen.js";

/** Bind the buttons that open sheets and switch canvases. */
export function watchSheets(studio) {
  const root = document.documentElement;
  const close = () => open(null);
  const open = (name) => {
    if (name) root.dataset.sheet = name;
    else delete root.dataset.sheet;
    $("scrim").hidden = !name;
    for (const button of document.querySelectorAll("button[data-sheet]"))
      button.setAttribute("aria-expanded", String(button.dataset.sheet === name));
    $("panel-toggle").setAttribute("aria-expanded", String(name === "panel"));
  };
  for (const button of document.querySelectorAll("button[data-sheet]")) {
    button.addEventListener("click", () =>
      open(root.dataset.sheet === button.dataset.sheet ? null : button.dataset.sheet),
    );
  }
  $("panel-toggle").addEventListener("click", () => open(root.dataset.sheet === "panel" ? null : "panel"));
  $("dock-size").addEventListener("click", () => open(root.dataset.sheet === "size" ? null : "size"));
  $("scrim").addEventListener("click", close);
  addEventListener("keydown", ({ key }) => key === "Escape" && close());
  // Manipulate begins with a photo, and the button that asks for one is in the panel.
  studio.store.watch(["space", "photo"], ({ space, photo }) => {
    if (phone.matches) open(space === "manipulate" && !photo ? "panel" : null);
  });
  for (const button of document.querySelectorAll("[data-show]")) {
    button.addEventListener("click", () => {
      $("pair").dataset.shown = button.dataset.show;
      for (const other of document.querySelectorAll("[data-show]")) pressed(other, other === button);
    });
  }
}
