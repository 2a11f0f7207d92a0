/**
 * The class list: what to paint with, how each class looks, how much of the map it covers. A long list is in two parts,
 * first what the map has, so that a hundred classes are as near at hand as ten.
 */
import { $, h, percent, pressed, write } from "../parts/dom.js";
import { swatch } from "../parts/swatch.js";

const LONG = 20; // classes from which on those in the map are listed first

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

/** Opens what hides the search on a narrow screen. */
export function findClass() {
  if (!$("class-search").checkVisibility()) $("find-class").click();
  $("class-search").focus();
  $("class-search").select();
}

class ClassList {
  #rows = []; // by class index
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

  /** Rows that are in place already are left alone: focus and scroll stay. */
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

  /** Enter takes the best match and gives the keyboard back to the tools; the arrow goes into the list. */
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
    this.reveal(); // also where it was the chosen one before
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

  /** Arrow keys go from class to class, as in any list. */
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

/** Every word of the search is somewhere in the name. */
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
