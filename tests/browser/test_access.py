"""What axe finds on the page, in both themes, wide and narrow, with menus and dialogs open."""

from __future__ import annotations

import itertools

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from .workbench import Studio

pytestmark = pytest.mark.browser

AXE = Axe()


def serious(studio: Studio) -> list[str]:
    """Violations that keep somebody from using the page, each with the first places where it is."""
    found = AXE.run(studio.page).response["violations"]
    return [
        f"{violation['id']}: {[node['target'] for node in violation['nodes'][:4]]}"
        for violation in found
        if violation["impact"] in ("serious", "critical")
    ]


@pytest.mark.parametrize("size", [(1440, 900), (360, 800)], ids=["wide", "phone"])
def test_axe_finds_nothing_serious_in_any_workspace(studio: Studio, size: tuple[int, int]) -> None:
    page = studio.page
    page.emulate_media(reduced_motion="reduce")
    page.set_viewport_size({"width": size[0], "height": size[1]})
    for theme, space in itertools.product(("dark", "light"), ("paint", "mix", "manipulate", "morph")):
        page.evaluate(f"document.documentElement.dataset.theme = '{theme}'; location.hash = '{space}'")
        expect(page.locator("html")).to_have_attribute("data-space", space)
        assert serious(studio) == [], (theme, space)


def test_axe_finds_nothing_serious_in_menus_and_dialogs(studio: Studio) -> None:
    page = studio.page
    page.emulate_media(reduced_motion="reduce")
    for menu in ("open-menu", "export-menu", "live-menu"):
        page.locator(f"[popovertarget={menu}]").click()
        expect(page.locator(f"#{menu}")).to_be_visible()
        assert serious(studio) == [], menu
        page.keyboard.press("Escape")
    page.locator("#help").click()
    expect(page.locator("#help-dialog")).to_be_visible()
    assert serious(studio) == []
