/**
 * The list of classes: their colours, their looks and the share of the map that each covers. A click chooses the class
 * to paint with. A long list has the classes in the map first, so that they are at hand among a hundred.
 */
import { $, h, percent, pressed, write } from "../parts/dom.js";
import { swatch } from "../parts/swatch.js";

const LONG = 20; // number of classes above which those in the map are listed first

/** Fill the list, and keep it as the model and the map are. */
export function watchClasses(studio) {
  const list = new ClassList(studio);
  $("class-search").addEventListener("input", ({ target }) => list.search(target.value));
  $("class-search").addEventListener("keydown", (event) => list.searchKey(event));
  $("only-present").addEventListener("click", () => list.toggleOnlyPresent());
  $("class-list").addEventListener("keydown", (event) => list.moveThrough(event));
  studio.store.watch(["model"], () => list.build());
  studio.store.watch(["counts", "order", "current"], () => list.update());
  studio.store.watch(["current"], () => list.reveal());
}

/** The class that a digit key chooses: 1 is the first in the list, 0 the tenth. */
export function classOfDigit(studio, digit) {
  return listed(studio)[(digit + 9) % 10];
}

/** Class indices in the order of the list. */
function listed(studio) {
  const all = studio.classes.list.map(({ index }) => index);
  if (all.length <= LONG) return all;
  const { present } = studio.labels;
  return [...present, ...all.filter((index) => !present.includes(index))];
}

/** Put the keyboard into the search field, opening the sheet that has it on a narrow screen. */
export function findClass() {
  if (!$("class-search").checkVisibility()) $("find-class").click();
  $("class-search").focus();
  $("class-search").select();
}

class ClassList {
  #rows = []; // elements by class index
  #text = "";
  #onlyPresent = false;

  constructor(studio) {
    this.studio = studio;
    this.element = $("class-list");
    this.heading = h("div.class-part", { role: "presentation" }, "All classes");
  }

  build() {
    this.#rows = this.studio.classes.list.map(({ index, name }) => row(this.studio, index, name));
    this.#text = $("class-search").value = "";
    this.update();
  }

  get #shown() {
    return [...this.element.querySelectorAll("[data-class]:not([hidden])")];
  }

  update() {
    const { counts, current } = this.studio.state;
    const order = listed(this.studio);
    this.#arrange(order);
    order.forEach((index, place) => {
      const element = this.#rows[index];
      const present = counts[index] > 0;
      const chosen = index === current;
      element.classList.toggle("absent", !present);
      element.setAttribute("aria-selected", String(chosen));
      element.tabIndex = chosen ? 0 : -1;
      element.hidden =
        (this.#onlyPresent && !present && !chosen) || !matches(this.studio.classes.name(index), this.#text);
      write(element.firstChild, place < 10 ? String((place + 1) % 10) : "");
      write(element.lastChild, percent(this.studio.labels.share(index)));
    });
    this.#notes();
  }

  /** Put the rows into this order, unless they are in it already: then focus and scroll position stay. */
  #arrange(order) {
    const { present } = this.studio.labels;
    const wanted = order.map((index) => this.#rows[index]);
    if (order.length > LONG && present.length) wanted.splice(present.length, 0, this.heading);
    const inPlace = wanted.length === this.element.childElementCount;
    if (inPlace && wanted.every((part, i) => part === this.element.children[i])) return;
    const focused = this.element.contains(document.activeElement) ? document.activeElement : null;
    this.element.replaceChildren(...wanted);
    focused?.focus({ preventScroll: true });
  }

  #notes() {
    const all = this.studio.classes.list.length;
    const found = this.#shown.length;
    this.heading.hidden = this.#text !== "" || this.#onlyPresent;
    $("no-class").hidden = found > 0 || !all;
    write($("no-class"), found ? "" : `No class is called “${this.#text}”.`);
    const counted = this.#text ? `${found} found` : `${this.studio.labels.present.length} of ${all}`;
    write($("class-count"), all ? counted : "");
  }

  search(text) {
    this.#text = text.trim().toLowerCase();
    this.update();
    this.element.scrollTop = 0;
  }

  /** In the search field, Enter takes the best match, the arrow down goes into the list, and Escape leaves. */
  searchKey(event) {
    const actions = {
      Enter: () => this.#takeBest(),
      ArrowDown: () => this.#shown[0]?.focus(),
      Escape: () => this.#leave(),
    };
    const action = actions[event.key];
    if (!action) return;
    event.preventDefault();
    event.stopPropagation();
    action();
  }

  #takeBest() {
    const names = this.#shown.map(({ dataset }) => Number(dataset.class));
    const best = names.find((index) => this.studio.classes.name(index).startsWith(this.#text)) ?? names[0];
    if (best === undefined) return;
    this.#leave();
    this.studio.inHand.choose(best);
    this.reveal(); // if it was chosen before, no watcher does it
  }

  #leave() {
    $("class-search").value = "";
    this.search("");
    $("labels").focus({ preventScroll: true });
    if (document.documentElement.dataset.sheet === "classes") $("scrim").click();
  }

  toggleOnlyPresent() {
    this.#onlyPresent = !this.#onlyPresent;
    pressed($("only-present"), this.#onlyPresent);
    this.update();
  }

  /** Arrow keys choose the next or the previous class that is shown. */
  moveThrough(event) {
    const step = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const shown = this.#shown;
    const next = shown[shown.indexOf(document.activeElement) + step];
    next?.focus();
    next?.click();
  }

  reveal() {
    this.#rows[this.studio.state.current]?.scrollIntoView({ block: "nearest", inline: "nearest" });
  }
}

/** Whether every word of the search is part of the name. */
const matches = (name, text) => text.split(/\s+/).every((word) => name.toLowerCase().includes(word));

function row(studio, index, name) {
  return h(
    "button.class-row",
    { role: "option", title: name, data: { class: index }, onclick: () => studio.inHand.choose(index) },
    h("kbd", { "aria-hidden": "true" }),
    swatch(studio, index),
    h("span.name", {}, name),
    h("span.share"),
  );
}
