/** Manipulate: a photo's labels are repainted, its looks stay. */
import { $, h, icon, pressed, redraw, thumbnail, titled } from "../dom.js";
import { specOf } from "../style.js";
import { labelBitmap } from "./mix.js";
import { addPhoto } from "./photo_dialog.js";
import { swatch } from "./swatch.js";

export function watchManipulate(studio) {
  studio.store.watch(["model", "photo"], () => drawPanel(studio));
  studio.store.watch(["order", "style", "photo"], () => drawClasses(studio));
}

export async function openPhoto(studio, file = null) {
  const photo = await addPhoto(studio, "Open a photo", "Open", file);
  if (photo) studio.references.openPhoto(photo);
}

function drawPanel(studio) {
  const { model, photo } = studio.state;
  if (!model) return;
  const { available, reason } = studio.can("manipulate");
  const head = h("div.panel-head", {}, h("h2", {}, "Photo"), photo && h("span.meta", {}, photo.name));
  const privacy = h("section.sec", {}, h("p.note", {}, "Photos go only to the studio server you are connected to."));
  const body = photo ? loaded(studio, photo) : [empty(studio, available, reason)];
  redraw($("panel-manipulate"), head, ...body, privacy);
}

function empty(studio, available, reason) {
  return h(
    "section.sec",
    {},
    h(
      "div.empty",
      {},
      icon("photo"),
      h("b", {}, "Repaint a photo"),
      h(
        "p",
        {},
        available ? "Bring a photo and its label map. Then repaint the labels, and the photo keeps its look." : reason,
      ),
      h("button.btn", { onclick: () => openPhoto(studio), disabled: !available, id: "open-photo" }, "Choose a photo"),
    ),
  );
}

function loaded(studio, photo) {
  return [
    h(
      "section.sec",
      {},
      h(
        "div.photo-pair",
        {},
        thumbnail(photo.bitmap, 232, 232),
        thumbnail(labelBitmap(studio, photo.map), 232, 232, { class: "map-face" }),
      ),
      h(
        "div.row",
        {},
        compareButton(studio, photo),
        h("button.btn.quiet", { onclick: () => openPhoto(studio) }, "Another"),
      ),
    ),
    h(
      "section.sec",
      {},
      h("div.sh", {}, h("h3", {}, "Looks")),
      h("ul.sources", { id: "photo-classes" }),
      h(
        "button.mini",
        { onclick: () => backToPhoto(studio, photo), title: "The labels as the photo has them" },
        icon("undo", true),
        "The photo's own labels",
      ),
    ),
  ];
}

function backToPhoto(studio, photo) {
  studio.replaceMap(photo.map);
  studio.refresh();
}

function compareButton(studio, photo) {
  const button = h(
    "button.btn",
    { "aria-pressed": "false", title: "Hold to see the photo" },
    icon("compare", true),
    "See the photo",
  );
  const peek = (on) => {
    pressed(button, on);
    studio.set({ peek: on ? photo.bitmap : null });
  };
  button.addEventListener("pointerdown", () => peek(true));
  button.addEventListener("keydown", ({ key }) => [" ", "Enter"].includes(key) && peek(true));
  for (const end of ["pointerup", "pointerleave", "pointercancel", "blur", "keyup"])
    button.addEventListener(end, () => peek(false));
  return button;
}

/** Which looks are the photo's, and which were rolled because the photo lacks the class. */
function drawClasses(studio) {
  const { order, style, photo } = studio.state;
  if (!photo || !$("photo-classes")) return;
  const rows = order.map((index) => {
    const name = studio.className(index);
    const spec = specOf(style, index);
    const own = JSON.stringify(spec) === JSON.stringify(photo.style[index]);
    const back = photo.style[index] && !own;
    const origin = own ? "from the photo" : photo.style[index] ? "changed" : "not in the photo";
    return h(
      "li",
      {},
      swatch(studio, index),
      h("span", {}, titled(name)),
      h("span.meta", {}, origin),
      back
        ? h(
            "button.ib.s",
            {
              onclick: () => studio.setLook(index, photo.style[index]),
              "aria-label": `${name} from the photo again`,
              title: "From the photo again",
            },
            icon("undo", true),
          )
        : h(
            "button.ib.s",
            {
              onclick: () => studio.reroll(index),
              "aria-label": `New look for ${name}`,
              title: `New look for ${name}`,
            },
            icon("dice", true),
          ),
    );
  });
  redraw($("photo-classes"), ...rows);
}
