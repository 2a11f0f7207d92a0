/** The class list: what to paint with, how each class looks, how much of the map it covers. */
import { $, h, percent, pressed } from "../dom.js";
import { swatch } from "./swatch.js";

export function watchClasses(studio) {
  const list = $("class-list");
  const filter = { text: "", onlyPresent: false };
  let rows = [];

  const build = () => {
    rows = studio.classes.map(({ index, name }) => row(studio, index, name));
    list.replaceChildren(...rows);
    update();
  };
  const update = () => {
    const { counts, current } = studio.state;
    rows.forEach((element, index) => {
      const present = counts[index] > 0;
      const chosen = index === current;
      element.classList.toggle("absent", !present);
      element.setAttribute("aria-selected", String(chosen));
      element.tabIndex = chosen ? 0 : -1;
      element.hidden = (filter.onlyPresent && !present && !chosen) || !studio.className(index).includes(filter.text);
      element.lastChild.textContent = percent(studio.share(index));
    });
    $("class-count").textContent = studio.classes.length ? `${studio.present.length} of ${studio.classes.length}` : "";
  };

  $("class-search").addEventListener("input", ({ target }) => {
    filter.text = target.value.trim().toLowerCase();
    update();
  });
  $("only-present").addEventListener("click", () => {
    filter.onlyPresent = !filter.onlyPresent;
    pressed($("only-present"), filter.onlyPresent);
    update();
  });
  list.addEventListener("keydown", (event) => moveThrough(event, rows));
  studio.store.watch(["model"], build);
  studio.store.watch(["counts", "current"], update);
  studio.store.watch(["current"], ({ current }) =>
    rows[current]?.scrollIntoView({ block: "nearest", inline: "nearest" }),
  );
}

function row(studio, index, name) {
  const digit = index < 10 ? String((index + 1) % 10) : "";
  const attributes = {
    role: "option",
    title: digit ? `${name} (${digit})` : name,
    data: { class: index },
    onclick: () => studio.choose(index),
  };
  return h(
    "button.class-row",
    attributes,
    h("kbd", { "aria-hidden": "true" }, digit),
    swatch(studio, index),
    h("span.name", {}, name),
    h("span.share"),
  );
}

/** Arrow keys go from class to class, as in any list. */
function moveThrough(event, rows) {
  const step = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[event.key];
  if (!step) return;
  event.preventDefault();
  const shown = rows.filter((element) => !element.hidden);
  const next = shown[shown.indexOf(document.activeElement) + step];
  next?.focus();
  next?.click();
}
