"""Saved looks: kept by the browser, applied to another map, as JSON and as NumPy's file."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser, BrowserContext, expect

from .workbench import CLASS, Studio, change, specs

pytestmark = pytest.mark.browser


def save(studio: Studio, name: str, tab: str = "class") -> None:
    page = studio.page
    page.locator(f"[data-saved={tab}]").click()
    page.locator("#library-save").click()
    page.locator("#library-name").fill(name)
    page.keyboard.press("Enter")
    expect(page.locator("#library [data-look]", has_text=name)).to_be_visible()


def export(studio: Studio, what: str) -> bytes:
    studio.page.locator("[popovertarget=library-menu]").click()
    return studio.save(f"[data-library={what}]")


def bring(studio: Studio, file: Path) -> None:
    studio.page.locator("[popovertarget=library-menu]").click()
    studio.give("[data-library=import]", file)


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """Another one for every test: a browser keeps what was saved."""
    context = browser.new_context(viewport={"width": 1440, "height": 900}, reduced_motion="reduce")
    context.set_default_timeout(30_000)
    yield context
    context.close()


def test_a_named_look_outlives_a_reload_and_fits_another_map(studio: Studio) -> None:
    page = studio.page
    studio.choose("water")
    studio.click_and_wait(f"[data-dice='{CLASS['water']}']")
    studio.settle()
    before = studio.picture_id
    studio.slide("#look-editor input[type=range]", 50)
    studio.new_picture(before)
    look = specs(studio.sent.request["style"], ["water"])["water"]
    assert look["t"] == 0.5
    save(studio, "Late October")

    page.reload()
    studio.open()
    studio.choose("water")
    card = page.locator("#library [data-look]", has_text="Late October")
    expect(card.locator("img")).to_be_visible()
    studio.click_and_wait("#panel-paint [data-scene=Coast]")
    old = studio.sent.request["style"]
    before, picture = studio.picture_id, studio.picture
    card.click()
    studio.new_picture(before)
    new = studio.sent.request["style"]
    assert specs(new, ["water"]) == {"water": look}
    assert specs(new, ["sky", "sand"]) == specs(old, ["sky", "sand"])
    moved, water = change(picture, studio.picture), studio.labels == CLASS["water"]
    assert moved[water].mean() > 3 * moved[~water].mean()

    before = studio.picture_id
    studio.slide("#look-editor input[type=range]", 0)  # back to where it was
    studio.new_picture(before)
    assert (studio.picture == picture).all()


def test_a_whole_style_travels_as_json(studio: Studio, tmp_path: Path) -> None:
    page = studio.page
    studio.click_and_wait("#resample-all")
    style, picture = studio.sent.request["style"], studio.picture
    save(studio, "Evening", "styles")
    file = tmp_path / "looks.json"
    file.write_bytes(export(studio, "json"))
    (saved,) = json.loads(file.read_bytes())["looks"]
    assert (saved["name"], saved["classes"]["water"]) == ("Evening", style[str(CLASS["water"])])
    page.locator("#library .remove").click()
    expect(page.locator("#library [data-look]")).to_have_count(0)
    studio.click_and_wait("#looks-reset")
    bring(studio, file)
    before = studio.picture_id
    page.locator("#library [data-look]", has_text="Evening").click()
    studio.new_picture(before)
    assert (studio.picture == picture).all()


def test_a_code_goes_out_as_npz_and_comes_back_as_the_same_picture(studio: Studio, tmp_path: Path) -> None:
    page = studio.page
    studio.choose("water")
    studio.click_and_wait(f"[data-dice='{CLASS['water']}']")
    picture = studio.picture
    file = tmp_path / "river.npz"
    file.write_bytes(export(studio, "code"))
    with np.load(io.BytesIO(file.read_bytes())) as arrays:
        assert arrays.files == ["water"] and arrays["water"].dtype == np.float16
    studio.click_and_wait("#looks-reset")
    assert (studio.picture != picture).any()
    bring(studio, file)
    before = studio.picture_id
    page.locator("#library [data-look]", has_text="river").click()
    studio.new_picture(before)
    assert (studio.picture == picture).all()
    assert studio.sent.request["style"][str(CLASS["water"])]["from"] == "river.npz"


def test_a_name_is_typed_to_its_end_although_pictures_arrive(studio: Studio) -> None:
    page = studio.page
    page.locator("#library-save").click()
    page.keyboard.type("Half a")
    studio.click_and_wait(f"[data-dice='{CLASS['sky']}']")
    expect(page.locator("#library-name")).to_have_value("Half a")
    page.locator("#library-name").press("End")
    page.locator("#library-name").press_sequentially(" name")
    page.keyboard.press("Enter")
    expect(page.locator("#library [data-look]")).to_have_text("Half a name")


def test_a_look_is_saved_also_over_plain_http_where_browsers_withhold_some_functions(studio: Studio) -> None:
    studio.page.add_init_script("delete Crypto.prototype.randomUUID; delete Navigator.prototype.locks")
    studio.page.reload()
    studio.settle()
    expect(studio.page.locator("#picture")).to_have_attribute("data-picture", re.compile(r"\d"))
    save(studio, "Over the lake")


def test_a_file_that_is_no_library_is_refused_in_words(studio: Studio, tmp_path: Path) -> None:
    file = tmp_path / "shopping.json"
    file.write_text('{"milk": 2}')
    bring(studio, file)
    alert = studio.page.get_by_role("alert")
    expect(alert).to_contain_text("shopping.json is no library")
    expect(alert).to_contain_text("The saved looks are as they were.")
    broken = tmp_path / "broken.npz"
    broken.write_bytes(b"PK")
    bring(studio, broken)
    expect(studio.page.get_by_role("alert").last).to_contain_text("codes cannot be read")
