"""The page at its four widths, in both themes, by keyboard: nothing hangs out, everything has a name."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
from playwright.sync_api import expect

from .workbench import CLASS, Studio

pytestmark = pytest.mark.browser

SIZES = [(1440, 900), (1024, 768), (768, 1024), (360, 800)]
LOW = [(1280, 720), (932, 430), (844, 390)]  # a small laptop, and two phones on their side
SPACES = ["paint", "mix", "manipulate", "morph"]

NAMELESS = """() => [...document.querySelectorAll("button, input, select, a[href], [role=img], [role=option]")]
  .filter((e) => e.checkVisibility({ visibilityProperty: true }))
  .filter((e) => ![e.getAttribute("aria-label"), e.labels?.[0]?.textContent, e.textContent, e.title].join("").trim())
  .map((e) => e.outerHTML.slice(0, 120))"""

PARTS = ".top > *, .top-end > *, .rail button, .opts > * > *, .panel > *, figure"
OUTSIDE = f"""() => [...document.querySelectorAll("{PARTS}")]
  .filter((e) => e.checkVisibility({{ visibilityProperty: true }}))
  .map((e) => [e, e.getBoundingClientRect()])
  .filter(([, r]) => r.width && (r.right > innerWidth + 0.5 || r.left < -0.5))
  .map(([e, r]) => `${{e.className || e.id}} ${{Math.round(r.left)}}…${{Math.round(r.right)}}`)"""


# Pairs of neighbours that lie over each other; what opens over the page, as a sheet does, may.
OVERLAPPING = """() => [".app > *", ".opts > * > *", ".top > *", ".top-end > *"].flatMap((neighbours) => {
  const parts = [...document.querySelectorAll(neighbours)]
    .filter((e) => e.checkVisibility({ visibilityProperty: true }) && getComputedStyle(e).position !== "fixed")
    .map((e) => ({ name: e.className || e.id, box: e.getBoundingClientRect() }));
  const shared = (a, b, from, to) => Math.min(a[to], b[to]) - Math.max(a[from], b[from]) > 1;
  const over = ({ box: a }, { box: b }) => shared(a, b, "left", "right") && shared(a, b, "top", "bottom");
  return parts.flatMap((a, i) => parts.slice(i + 1).filter((b) => over(a, b)).map((b) => `${a.name}, ${b.name}`));
})"""


def test_every_workspace_fits_every_width_and_every_control_has_a_name(studio: Studio, shots: Path | None) -> None:
    page = studio.page
    for size, space in itertools.product(SIZES + LOW, SPACES):
        page.set_viewport_size({"width": size[0], "height": size[1]})
        page.evaluate(f"location.hash = '{space}'")
        expect(page.locator("html")).to_have_attribute("data-space", space)
        expect(page.locator("#picture")).to_be_visible()
        assert page.evaluate(OVERLAPPING) == [], (size, space)
        assert page.evaluate("document.documentElement.scrollWidth") <= size[0]
        assert page.evaluate(OUTSIDE) == []
        assert page.evaluate(NAMELESS) == []
        if shots:
            studio.settle()
            page.screenshot(path=shots / f"{space}_{size[0]}.png")


def test_every_module_is_asked_for_at_once_and_the_first_data_with_them(studio: Studio) -> None:
    preloaded = studio.page.locator("link[rel=modulepreload]").evaluate_all("links => links.map((l) => l.href)")
    loaded = studio.page.evaluate(
        "performance.getEntriesByType('resource').map((r) => r.name).filter((name) => /[.]js$/.test(name))"
    )
    assert sorted(preloaded) == sorted(set(loaded))
    asked = studio.page.evaluate("performance.getEntriesByType('resource').map((r) => new URL(r.name).pathname)")
    for once in ("/api/v1/models", "/api/v1/models/landscape", "/static/starters/lake.png"):
        assert asked.count(once) == 1, once


def test_on_a_phone_on_its_side_the_page_scrolls_under_its_bars(studio: Studio) -> None:
    page = studio.page
    for size in LOW[1:]:
        page.set_viewport_size({"width": size[0], "height": size[1]})
        for canvas in ("#labels-frame", "#picture-frame"):
            expect(page.locator(canvas)).to_be_in_viewport(ratio=1)
        page.locator("#history").scroll_into_view_if_needed()
        for part in ("#history", ".tabs", ".rail-undo"):
            expect(page.locator(part)).to_be_in_viewport(ratio=0.9)
        page.locator("#labels-frame").scroll_into_view_if_needed()


ELSEWHERE = """(space) => [...document.querySelectorAll("[data-in]")]
  .filter((e) => !e.dataset.in.split(" ").includes(space) && e.checkVisibility())
  .map((e) => `${e.id || e.className} of ${e.dataset.in}`)"""


def test_no_workspace_shows_a_part_of_another(studio: Studio) -> None:
    for space in studio.page.locator("[data-space-tab]").evaluate_all("tabs => tabs.map((t) => t.dataset.spaceTab)"):
        studio.space(space)
        expect(studio.page.locator(f"[data-in~={space}]:visible").first).to_be_visible()
        assert studio.page.evaluate(ELSEWHERE, space) == [], space


# What looks otherwise when the parts' style sheets, those in the folders of static/css, come in the reverse order.
REORDERED = """() => {
  const sheets = [...document.styleSheets];
  const parts = sheets.filter(({ href }) => new URL(href).pathname.split("/").length > 4);
  const general = sheets.filter((sheet) => !parts.includes(sheet));
  const declared = (rule) => [...(rule.style ?? []), ...[...(rule.cssRules ?? [])].flatMap(declared)];
  const properties = [...new Set(sheets.flatMap(declared))];
  const seen = [...document.body.querySelectorAll("*")].filter((e) => e.checkVisibility({ visibilityProperty: true }));
  const styles = (sheets) => {
    const joined = new CSSStyleSheet();
    joined.replaceSync(sheets.flatMap(({ cssRules }) => [...cssRules]).map(({ cssText }) => cssText).join(""));
    document.adoptedStyleSheets = [joined];
    const values = (style) => properties.map((name) => style.getPropertyValue(name)).join();
    return seen.map((e) => values(getComputedStyle(e)));
  };
  for (const sheet of sheets) sheet.disabled = true;
  const [before, after] = [parts, parts.toReversed()].map((parts) => styles([...general, ...parts]));
  document.adoptedStyleSheets = [];
  for (const sheet of sheets) sheet.disabled = false;
  return seen.filter((_, i) => before[i] !== after[i]).map((e) => e.outerHTML.slice(0, 100));
}"""


def test_the_parts_style_sheets_do_not_depend_on_their_order(studio: Studio) -> None:
    page = studio.page
    for size, space in zip(SIZES, ("manipulate", "paint", "mix", "morph")):
        page.set_viewport_size({"width": size[0], "height": size[1]})
        page.evaluate(f"location.hash = '{space}'")
        expect(page.locator("html")).to_have_attribute("data-space", space)
        assert page.evaluate(REORDERED) == [], (size, space)
    page.evaluate("location.hash = 'paint'")
    for sheet in ("looks", "panel", "shelf", "classes"):
        page.evaluate(f"document.documentElement.dataset.sheet = '{sheet}'")
        assert page.evaluate(REORDERED) == [], sheet


def test_canvases_keep_their_size_in_every_workspace_of_a_wide_screen(studio: Studio) -> None:
    widths = set()
    for space in SPACES:
        studio.space(space)
        box = studio.page.locator("#picture-frame").bounding_box()
        assert box
        widths.add(round(box["width"]))
    assert len(widths) == 1


def test_the_theme_is_switched_and_remembered(studio: Studio) -> None:
    root = studio.page.locator("html")
    expect(root).to_have_attribute("data-theme", "dark")
    studio.page.locator("#theme").click()
    expect(root).to_have_attribute("data-theme", "light")
    studio.page.reload()
    expect(root).to_have_attribute("data-theme", "light")


def test_keys_choose_tools_classes_and_sizes_and_stay_silent_while_typing(studio: Studio) -> None:
    page = studio.page
    page.keyboard.press("g")
    expect(page.locator("#tools [data-tool=fill]")).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("7")
    expect(page.locator(f"[data-class='{CLASS['water']}']")).to_have_attribute("aria-selected", "true")
    page.keyboard.press("]")
    expect(page.locator("#size-value")).to_have_text("29 px")
    page.keyboard.press("/")
    page.keyboard.type("mo")
    expect(page.locator("#class-list [role=option]:visible")).to_have_count(1)
    expect(page.locator("#tools [data-tool=fill]")).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("Tab")
    page.keyboard.press("Shift+?")
    expect(page.locator("#help-dialog")).to_be_visible()


def test_the_keyboard_stays_where_it_was_when_a_panel_is_drawn_anew(studio: Studio) -> None:
    page = studio.page
    studio.space("mix")
    page.locator("#ref-strip [data-add=current]").click()
    cell = page.locator(f"[data-cell='{CLASS['water']}-A']")
    cell.focus()
    page.keyboard.press("Enter")
    expect(cell).to_have_attribute("aria-pressed", "true")
    expect(cell).to_be_focused()


def test_a_phone_paints_with_a_finger_and_opens_looks_as_a_sheet(studio: Studio) -> None:
    studio.page.set_viewport_size({"width": 360, "height": 800})
    before = studio.labels
    studio.page.locator(f"[data-class='{CLASS['sand']}']").click()
    studio.stroke_and_wait((120, 200), (140, 200))
    assert (studio.labels[200, 122:139] == CLASS["sand"]).all()
    assert (studio.labels != before).any()
    studio.page.get_by_role("button", name="Looks", exact=True).click()
    studio.click_and_wait(f"[data-dice='{CLASS['water']}']")
    expect(studio.page.locator("#picture")).to_be_visible()
