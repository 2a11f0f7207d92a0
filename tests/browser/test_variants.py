"""Variants: looks of one or several classes as they come, their heat map and leak, and the grid of two classes."""

from __future__ import annotations

import re

import numpy as np
import pytest
from playwright.sync_api import expect

from .workbench import CLASS, Studio, change, specs

pytestmark = pytest.mark.browser


def open_menu(studio: Studio) -> None:
    studio.page.locator("[popovertarget=variants-menu]").click()
    expect(studio.page.locator("#variants-menu")).to_be_visible()


def shown(studio: Studio, text: str) -> float:
    """A percentage that the panel prints after ``text``."""
    words = studio.page.locator("#change .legend").inner_text()
    found = re.search(rf"{text}\s*([\d.]+) %", words)
    assert found, words
    return float(found[1])


def test_looks_of_two_classes_change_those_two_and_print_their_leak(studio: Studio) -> None:
    page, old = studio.page, studio.sent.request["style"]
    open_menu(studio)
    page.locator("#variants-menu [data-count='4']").click()
    for name in ("water", "grass"):
        page.locator(f"#variants-menu [data-vary='{CLASS[name]}']").click()
    page.locator("#variants-go").click()
    cards = page.locator("[data-variant]")
    expect(cards).to_have_count(4)
    asked = studio.recorder.last("resample").request
    assert (sorted(asked["classes"]), asked["n"]) == (sorted((CLASS["water"], CLASS["grass"])), 4)

    before = studio.picture
    cards.nth(1).hover()
    expect(page.locator("#change h3")).to_have_text("What would change")
    hovered = studio.picture
    moved = change(before, hovered)
    inside = np.isin(studio.labels, asked["classes"])
    assert shown(studio, "inside 2 classes") == pytest.approx(100 * moved[inside].sum() / moved.sum(), abs=0.6)
    assert shown(studio, "outside") == pytest.approx(100 * moved[~inside].sum() / moved.sum(), abs=0.6)

    shown_id = studio.picture_id
    cards.nth(1).click()
    studio.new_picture(shown_id)
    assert (studio.picture == hovered).all()
    studio.page.mouse.move(5, 5)
    chips = [page.locator(f"[data-chip='{CLASS[name]}']") for name in ("water", "grass", "sky")]
    assert [("has-way" in (chip.get_attribute("class") or "")) for chip in chips] == [True, True, False]
    studio.click_and_wait(f"[data-dice='{CLASS['sky']}']")  # the style that is sent shows what was kept
    new = studio.sent.request["style"]
    assert specs(new, ["mountain", "tree"]) == specs(old, ["mountain", "tree"])
    for name in ("water", "grass"):
        assert specs(new, [name]) != specs(old, [name])


def test_looks_are_shown_as_they_come(studio: Studio) -> None:
    page = studio.page
    page.evaluate(
        """() => {
          window.seen = [];
          new MutationObserver(() => window.seen.push(document.querySelectorAll("[data-variant]").length))
            .observe(document.getElementById("variants"), { childList: true });
        }"""
    )
    studio.choose("water")
    page.keyboard.press("v")
    expect(page.locator("[data-variant]")).to_have_count(6)
    counts = page.evaluate("window.seen")
    assert counts == sorted(counts) and set(counts) >= {1, 3, 5}, counts


def test_the_heat_map_of_a_look_is_shown_over_the_grey_picture(studio: Studio) -> None:
    page = studio.page
    studio.choose("water")
    page.keyboard.press("v")
    cards = page.locator("[data-variant]")
    expect(cards).to_have_count(6)
    page.locator("#heat-toggle").click()
    cards.nth(0).hover()
    expect(page.locator("#picture")).to_have_attribute("aria-label", "Where the picture changed")
    heat = studio.picture.astype(int)
    amber = heat[..., 0] - heat[..., 2]
    water = studio.labels == CLASS["water"]
    assert amber[water].mean() > 20 > abs(amber[~water]).mean()
    page.mouse.move(5, 5)
    expect(page.locator("#picture")).not_to_have_attribute("aria-label", "Where the picture changed")


def test_a_grid_of_two_classes_to_pick_from(studio: Studio) -> None:
    page, old, labels = studio.page, studio.sent.request["style"], studio.labels
    open_menu(studio)
    page.locator("#grid-row").select_option(str(CLASS["sky"]))
    page.locator("#grid-column").select_option(str(CLASS["water"]))
    page.locator("#variants-menu [data-side='3']").click()
    now = studio.picture
    page.locator("#grid-go").click()
    cells = page.locator("button.grid-cell")
    expect(cells).to_have_count(9)

    def hovered(row: int, column: int) -> np.ndarray:
        page.locator(f"[data-grid-cell='{row}-{column}']").hover()
        return studio.picture

    sky, water = labels == CLASS["sky"], labels == CLASS["water"]
    assert (hovered(0, 0) == now).all()
    row_alone, column_alone, both = hovered(2, 0), hovered(0, 1), hovered(2, 1)
    assert change(now, row_alone)[sky].mean() > 3 * change(now, row_alone)[water].mean()
    assert change(now, column_alone)[water].mean() > 3 * change(now, column_alone)[sky].mean()
    assert change(row_alone, both)[water].mean() > 3 * change(row_alone, both)[sky].mean()
    expect(page.locator("[data-grid-cell='2-1'] .leak")).to_contain_text("outside")

    shown_id = studio.picture_id
    page.locator("[data-grid-cell='2-1']").click()
    studio.new_picture(shown_id)
    expect(page.locator("#grid")).to_be_hidden()
    assert (studio.picture == both).all()
    assert (studio.labels == labels).all()  # a click in the grid paints nothing
    studio.click_and_wait(f"[data-dice='{CLASS['tree']}']")
    new = studio.sent.request["style"]
    assert specs(new, ["grass", "mountain"]) == specs(old, ["grass", "mountain"])
    assert all(specs(new, [name]) != specs(old, [name]) for name in ("sky", "water"))


def test_the_grid_is_walked_with_the_arrow_keys_and_left_with_escape(studio: Studio) -> None:
    page = studio.page
    open_menu(studio)
    page.locator("#variants-menu [data-side='3']").click()
    page.locator("#grid-go").click()
    expect(page.locator("button.grid-cell")).to_have_count(9)
    page.locator("[data-grid-cell='0-0']").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    expect(page.locator("[data-grid-cell='1-1']")).to_be_focused()
    expect(page.locator("#change h3")).to_have_text("What would change")
    page.keyboard.press("Escape")
    expect(page.locator("#grid")).to_be_hidden()


def test_the_strength_of_every_class_leads_back_after_all_were_rolled(studio: Studio) -> None:
    old, before = studio.sent.request["style"], studio.picture
    studio.click_and_wait("#resample-all")
    rolled = change(before, studio.picture)
    order = [CLASS["sky"], CLASS["water"]]
    for index in order:
        chip = studio.page.locator(f"[data-chip='{index}']")
        chip.hover()
        waiting = studio.picture_id
        studio.slide(f"[data-chip='{index}'] input[type=range]", 0)
        studio.new_picture(waiting)
    new = studio.sent.request["style"]
    assert specs(new, ["sky", "water"]) == specs(old, ["sky", "water"])
    assert specs(new, ["grass"]) != specs(old, ["grass"])
    sky = studio.labels == CLASS["sky"]
    assert change(before, studio.picture)[sky].mean() < 0.4 * rolled[sky].mean()
