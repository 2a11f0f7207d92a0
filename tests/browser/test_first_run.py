"""Somebody is here for the first time: a few words, and menus that say what they do."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from .conftest import Server
from .workbench import CLASS, Studio, spot

pytestmark = pytest.mark.browser


def test_the_first_words_go_with_the_first_stroke_and_stay_away(
    browser: Browser, landscape_server: Server, shots: Path | None
) -> None:
    context = browser.new_context(viewport={"width": 1440, "height": 900}, color_scheme="dark", reduced_motion="reduce")
    studio = Studio(context.new_page(), landscape_server.recorder, landscape_server.url)
    studio.open()
    hint = studio.page.get_by_role("complementary", name="First steps")
    expect(hint).to_be_visible()
    if shots:
        studio.see(shots, "hint")
    x, y = spot(studio.labels, "grass", 22)
    studio.stroke_and_wait((x, y))
    assert (studio.labels[y - 5 : y + 5, x] == CLASS["sky"]).all()  # nothing lay over the map
    expect(hint).to_have_count(0)
    studio.page.reload()
    expect(studio.page.get_by_text("Restored")).to_be_visible()
    expect(hint).to_have_count(0)
    context.close()


@pytest.mark.parametrize("menu", ["live", "open", "export"])
def test_menus_fit_the_screen_and_name_every_choice(studio: Studio, menu: str, shots: Path | None) -> None:
    page = studio.page
    button = page.locator(f"[popovertarget={menu}-menu]")
    for width in (1440, 360):
        page.set_viewport_size({"width": width, "height": 800})
        button.click()
        box = page.locator(f"#{menu}-menu").bounding_box()
        assert box
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= width
        assert box["height"] <= 800 - 52
        names = page.locator(f"#{menu}-menu button").evaluate_all("all => all.map((b) => b.textContent.trim())")
        assert all(names)
        page.keyboard.press("Escape")
    if shots:
        button.click()
        studio.see(shots, f"menu_{menu}")
