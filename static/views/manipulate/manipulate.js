/** Manipulate: the labels of a photo are repainted, and its looks stay. */
import { sameSpec, specOf } from "../../picture/style.js";
import { $, h, icon, redraw, slider, thumbnail, titled } from "../parts/dom.js";
import { labelBitmap, swatch } from "../parts/swatch.js";
import { addPhoto } from "./photo_dialog.js";

/** Fill the panel, and show the photo under its labels. */
export function watchManipulate(studio, stage) {
  const shown = { space: "manipulate" };
  studio.store.watch(["model", "photo"], () => drawPanel(studio), shown);
  studio.store.watch(["versus"], () => $("before-after")?.replaceWith(beforeAfter(studio)), shown);
  watchUnderlay(studio, stage);
  studio.store.watch(["order", "style", "photo"], () => drawClasses(studio), shown);
}

/** Ask for a photo to repaint, beginning with `file` if there is one. */
export async function openPhoto(studio, file = null) {
  const photo = await addPhoto(studio, "Open a photo", "Open", file);
  if (photo) studio.opening.photo(photo);
}

function drawPanel(studio) {
  const { model, photo } = studio.state;
  if (!model) return;
  const head = h("div.panel-head", {}, h("h2", {}, "Photo"), photo && h("span.meta", {}, photo.name));
  const privacy = h("section.sec", {}, h("p.note", {}, "Photos go only to the studio server you are connected to."));
  const body = photo ? loaded(studio, photo) : [empty(studio)];
  redraw($("panel-manipulate"), head, ...body, privacy);
}

function empty(studio) {
  const brings = studio.photos.can("segment").available
    ? "Bring a photo: its labels are found, and you can correct them."
    : "Bring a photo and its label map.";
  return h(
    "section.sec",
    {},
    h(
      "div.empty",
      {},
      icon("photo"),
      h("b", {}, "Repaint a photo"),
      h("p", {}, `${brings} Then repaint the labels, and the photo keeps its look.`),
      h("button.btn", { onclick: () => openPhoto(studio), id: "open-photo" }, "Choose a photo"),
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
      h("div.row", {}, beforeAfter(studio), h("button.btn.quiet", { onclick: () => openPhoto(studio) }, "Another")),
      opacitySlider(studio),
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
  studio.labels.replace(photo.map);
  studio.live.ask();
}

/** The button that compares the photo, left of a line, with the picture made from it. */
function beforeAfter(studio) {
  const on = studio.state.versus?.kind === "photo";
  return h(
    "button.btn",
    {
      "aria-pressed": String(on),
      id: "before-after",
      title: "A line over the picture: the photo left of it, what was made of it right",
      onclick: () => (on ? studio.versus.end() : studio.versus.photo()),
    },
    icon("compare", true),
    "Before / after",
  );
}

/** The slider for the opacity of the labels over the photo. */
function opacitySlider(studio) {
  const range = slider(
    {
      min: 0,
      max: 100,
      value: Math.round(studio.state.labelOpacity * 100),
      "aria-label": "Opacity of the labels over the photo",
      id: "label-opacity",
    },
    (value) => studio.set({ labelOpacity: value / 100 }),
  );
  return h("label.slider.full", {}, h("span.meta", {}, "Labels"), range, h("span.meta", {}, "over the photo"));
}

/** Show the photo under the label map that is painted on. */
function watchUnderlay(studio, stage) {
  const under = h("canvas", { id: "under-labels", "aria-hidden": "true", hidden: true });
  stage.frames.labels.prepend(under);
  stage.view.add(under, stage.frames.labels);
  studio.store.watch(["photo", "space", "labelOpacity"], ({ photo, space, labelOpacity }) => {
    const shown = Boolean(photo) && space === "manipulate";
    under.hidden = !shown;
    stage.labels.style.opacity = shown ? labelOpacity : 1;
    if (!shown || under.photo === photo) return;
    under.photo = photo;
    Object.assign(under, { width: photo.bitmap.width, height: photo.bitmap.height });
    under.getContext("2d").drawImage(photo.bitmap, 0, 0);
  });
}

/** List the classes in the map: which have the photo's look, and which another one. */
function drawClasses(studio) {
  const { order, style, photo } = studio.state;
  if (!photo || !$("photo-classes")) return;
  const rows = order.map((index) => {
    const name = studio.classes.name(index);
    const look = photo.style[index];
    const own = look !== undefined && sameSpec(specOf(style, index), look);
    const back = look !== undefined && !own;
    const origin = own ? "from the photo" : back ? "changed" : "not in the photo";
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
              onclick: () => studio.looks.give(index, look),
              "aria-label": `${name} from the photo again`,
              title: "From the photo again",
            },
            icon("undo", true),
          )
        : h(
            "button.ib.s",
            {
              onclick: () => studio.looks.reroll(index),
              "aria-label": `New look for ${name}`,
              title: `New look for ${name}`,
            },
            icon("dice", true),
          ),
    );
  });
  redraw($("photo-classes"), ...rows);
}
