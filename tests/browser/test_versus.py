"""Two pictures at once: any two of the history, a photo before and after, two checkpoints on the same labels."""

from __future__ import annotations

import re

import numpy as np
import pytest
from playwright.sync_api import expect

from .workbench import CLASS, Studio, change, spot

pytestmark = pytest.mark.browser


def wiped(studio: Studio) -> np.ndarray:
    """What stands over the picture left of the line."""
    return studio.canvas(".wipe-left canvas")


def test_any_two_pictures_of_the_history_side_by_side_and_with_a_line_between(studio: Studio) -> None:
    page = studio.page
    pictures = [studio.picture]
    for _ in range(2):
        studio.click_and_wait("#resample-all")
        pictures.append(studio.picture)
    cards = page.locator("[data-past]")
    expect(cards).to_have_count(3)
    page.locator("#compare-two").click()
    assert (wiped(studio) == pictures[1]).all()  # A is the one before, B the newest

    cards.nth(2).click()  # the oldest becomes A
    expect(cards.nth(2).locator(".corner")).to_have_text("A")
    assert (wiped(studio) == pictures[0]).all()
    cards.nth(1).click()  # then B
    expect(cards.nth(1).locator(".corner")).to_have_text("B")
    assert (studio.canvas(".wipe > canvas") == pictures[1]).all()

    line = page.locator(".wipe input")
    box = line.bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 4, box["y"] + box["height"] / 2, steps=4)
    page.mouse.up()
    clip = page.locator(".wipe-left").evaluate("e => getComputedStyle(e).clipPath")
    shown = 100 - float(re.search(r"inset\(0px ([\d.]+)%", clip)[1])  # type: ignore[index]
    assert shown == pytest.approx(25, abs=3)

    page.locator("[data-versus-mode=beside]").click()
    expect(page.locator("#beside")).to_be_visible()
    assert (studio.canvas("#beside canvas") == pictures[0]).all()
    page.keyboard.press("Escape")
    expect(page.locator("#beside")).to_be_hidden()
    expect(page.locator("#wipe")).to_be_hidden()


def test_the_line_is_moved_by_keyboard(studio: Studio) -> None:
    studio.click_and_wait("#resample-all")
    studio.page.locator("#compare-two").click()
    line = studio.page.get_by_role("slider", name=re.compile("Line between"))
    line.focus()
    studio.page.keyboard.press("Home")
    expect(line).to_have_value("0")


def test_two_checkpoints_draw_the_same_labels_and_follow_the_brush(studio: Studio) -> None:
    page = studio.page
    page.locator("#compare-model").select_option("blind")
    expect(page.locator(".wipe-left canvas")).to_be_visible()
    other = wiped(studio)
    assert change(other, studio.picture).max() <= 3  # it has the same generator, and the same seeds
    calls = len(studio.recorder.calls)
    x, y = spot(studio.labels, "grass", 22)
    studio.choose("water")
    studio.stroke_and_wait((x, y))
    page.wait_for_timeout(100)
    expect(page.locator("#wipe .side-tag.a")).to_contain_text("blind")
    for _ in range(100):
        if change(wiped(studio), studio.picture).max() <= 3:
            break
        page.wait_for_timeout(100)
    assert change(wiped(studio), studio.picture).max() <= 3
    assert change(wiped(studio), other).max() > 10
    assert len(studio.recorder.calls) > calls
    page.locator("#versus-end").click()
    expect(page.locator("#wipe")).to_be_hidden()


def test_an_old_picture_comes_back_although_only_its_file_was_kept(studio: Studio) -> None:
    labels, first = studio.labels, studio.picture
    x, y = spot(labels, "grass", 22)
    studio.choose("water")
    studio.stroke_and_wait((x, y))
    for _ in range(2):
        studio.click_and_wait(f"[data-dice='{CLASS['water']}']")
    expect(studio.page.locator("#history-note")).to_have_text("4 pictures")
    studio.click_and_wait("#history [role=listitem]:last-child button")
    assert (studio.labels == labels).all()
    assert (studio.picture == first).all()


OPENED = "#variants-menu > *, #library-menu > *, #versus-bar > *, .grid-head > *, .grid-cell, #library > *, .side-tag"
HANGING = f"""() => [...document.querySelectorAll("{OPENED}")]
  .filter((e) => e.checkVisibility({{ visibilityProperty: true }}))
  .map((e) => [e, e.getBoundingClientRect()])
  .filter(([, r]) => r.width && (r.right > innerWidth + 0.5 || r.left < -0.5))
  .map(([e, r]) => `${{e.className || e.id}} ${{Math.round(r.left)}}…${{Math.round(r.right)}}`)"""


@pytest.mark.parametrize("size", [(1024, 768), (768, 1024), (360, 800)], ids=str)
def test_what_opens_for_styles_fits_narrow_screens(studio: Studio, size: tuple[int, int]) -> None:
    page = studio.page
    studio.click_and_wait("#resample-all")
    page.set_viewport_size({"width": size[0], "height": size[1]})
    phone = size[0] < 600

    def open_shelf() -> None:
        if phone:
            page.locator(".dock-looks").click()
            page.locator("#variants-phone").click()

    open_shelf()
    page.locator("[popovertarget=variants-menu]").click()
    expect(page.locator("#variants-go")).to_be_in_viewport()
    expect(page.locator("#grid-go")).to_be_in_viewport()
    assert page.evaluate(HANGING) == []
    page.locator("#variants-menu [data-side='3']").click()
    page.locator("#grid-go").click()
    expect(page.locator("button.grid-cell").first).to_be_visible()
    expect(page.locator("#picture")).to_be_in_viewport()
    assert page.evaluate(HANGING) == []
    page.keyboard.press("Escape")
    open_shelf()
    page.locator("#compare-two").click()
    expect(page.locator("#versus-end")).to_be_in_viewport()
    expect(page.locator(".wipe-line")).to_be_in_viewport()
    assert page.evaluate(HANGING) == []
    page.locator("#versus-end").click()
    page.set_viewport_size({"width": 1440, "height": 900})
