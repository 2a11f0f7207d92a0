"""What axe finds on the page, in both themes, wide and narrow, with menus and dialogs open."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import expect

from .workbench import Studio

pytestmark = pytest.mark.browser

AXE = Axe()
THEMES = ("dark", "light")
SIZES = pytest.mark.parametrize("size", [(1440, 900), (360, 800)], ids=["wide", "phone"])


def serious(studio: Studio) -> list[str]:
    """Violations that keep somebody from using the page, each with the first places where it is."""
    found = AXE.run(studio.page).response["violations"]
    return [
        f"{violation['id']}: {[node['target'] for node in violation['nodes'][:4]]}"
        for violation in found
        if violation["impact"] in ("serious", "critical")
    ]


def clean(studio: Studio, where: str) -> None:
    for theme in THEMES:
        studio.page.evaluate(f"document.documentElement.dataset.theme = '{theme}'")
        assert serious(studio) == [], (where, theme)


@SIZES
def test_axe_finds_nothing_serious_in_any_workspace(studio: Studio, size: tuple[int, int]) -> None:
    page = studio.page
    page.emulate_media(reduced_motion="reduce")
    page.set_viewport_size({"width": size[0], "height": size[1]})
    for theme, space in itertools.product(THEMES, ("paint", "mix", "manipulate", "morph")):
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


def test_axe_finds_nothing_serious_where_looks_are_saved_drawn_and_compared(studio: Studio) -> None:
    page = studio.page
    page.locator("#library-save").click()
    clean(studio, "a name for a look")
    page.keyboard.press("Enter")
    page.locator("[popovertarget=library-menu]").click()
    clean(studio, "saved looks and their menu")
    page.keyboard.press("Escape")
    page.locator("#library .remove").click()

    studio.click_and_wait("#resample-all")
    page.locator("#compare-two").click()
    clean(studio, "two pictures of the history")
    page.locator("#versus-end").click()

    page.locator("[popovertarget=variants-menu]").click()
    page.locator("#variants-menu [data-side='3']").click()
    clean(studio, "what to draw looks of")
    page.locator("#grid-go").click()
    expect(page.locator("button.grid-cell")).to_have_count(9)
    clean(studio, "a grid of two classes")


@SIZES
def test_axe_finds_nothing_serious_where_files_are_read(studio: Studio, tmp_path: Path, size: tuple[int, int]) -> None:
    page, labels, photo = studio.page, tmp_path / "harbour.png", tmp_path / "valley.png"
    broken = studio.labels
    broken[:20, :30] = 200
    Image.fromarray(broken).save(labels)
    Image.fromarray(studio.picture).save(photo)
    page.set_viewport_size({"width": size[0], "height": size[1]})
    studio.open_file("labels", labels)
    expect(page.locator("dialog.doctor")).to_contain_text("600 px")
    clean(studio, "the import doctor")
    page.keyboard.press("Escape")

    page.evaluate("location.hash = 'mix'")
    page.locator("[data-add=photo]:visible").first.click()
    clean(studio, "a photo is asked for")
    studio.give("[data-slot=photo]", photo)
    page.locator("[data-correct=labels]").click()
    expect(page.locator(".label-editor")).to_be_visible()
    clean(studio, "labels are corrected")
    page.locator("[data-editor=done]").click()
    page.locator(".photo-dialog .btn.solid").click()
    expect(page.locator(".photo-dialog")).to_have_count(0)
    clean(studio, "a matrix of looks")
