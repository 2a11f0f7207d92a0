"""Morph: several key styles from anything, an export that counts and can be cancelled, and every format."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import expect

from model.recipe.recipe import read_recipe

from .workbench import CLASS, Studio

pytestmark = pytest.mark.browser


def option(studio: Studio, key: str, title: str) -> None:
    """Make a key style what the entry of its list that begins with ``title`` says."""
    select = studio.page.locator(f"#morph-{key}")
    titles = select.locator("option").all_inner_texts()
    number = next(i for i, text in enumerate(titles) if i and text.startswith(title))
    select.select_option(str(number - 1))


def frames(studio: Studio, count: int, format: str) -> None:
    studio.page.locator(f"[data-format={format}]").click()
    studio.slide("#panel-morph input[aria-label='Number of frames']", count)


def test_keys_come_from_a_recipe_a_variant_a_saved_style_and_the_history(studio: Studio, tmp_path: Path) -> None:
    page = studio.page
    first = studio.sent.request["style"]
    recipe = tmp_path / "june.png"
    studio.click_and_wait("#resample-all")
    recipe.write_bytes(studio.export("picture"))
    style = read_recipe(recipe.read_bytes()).style
    page.locator("[data-saved=styles]").click()
    page.locator("#library-save").click()
    page.locator("#library-name").fill("Noon")
    page.locator("#library-keep").click()
    studio.click_and_wait("#resample-all")
    studio.choose("water")
    page.keyboard.press("v")
    expect(page.locator("[data-variant]")).to_have_count(6)

    studio.space("morph")
    expect(page.locator("#panel-morph .end-face canvas")).to_have_count(2)
    page.locator("#morph-add").click()
    page.locator("#morph-add").click()
    expect(page.locator(".key-mark")).to_have_count(4)
    option(studio, "a", "Picture 3")  # the first picture of all
    option(studio, "b", "Look 2 of water")
    option(studio, "c", "Saved: Noon")
    with page.expect_file_chooser() as chooser:
        option(studio, "d", "Recipe from a file")
    chooser.value.set_files(recipe)
    expect(page.locator("#panel-morph .end").last).to_contain_text("june.png")
    frames(studio, 4, "zip")
    page.locator("#morph-export").click()
    expect(page.locator("#morph-save")).to_be_visible()
    asked = studio.recorder.last("morph").request["styles"]
    water = str(CLASS["water"])
    assert asked[0].get(water, {"seed": asked[0]["seed"]}) == first.get(water, {"seed": first["seed"]})
    assert asked[2][water] == asked[3][water] == style[water] != asked[1][water]
    with zipfile.ZipFile(io.BytesIO(studio.save("#morph-save"))) as archive:
        names = archive.namelist()
        made = [read_recipe(archive.read(name)).style[water] for name in names]
    assert made[:4] == [asked[0].get(water, {"seed": first["seed"]}), asked[1][water], style[water], style[water]]

    page.locator(".key-mark").nth(1).click()  # the slider goes to the second key
    expect(page.locator("#morph-value")).to_have_text("0.33")
    page.get_by_role("button", name="Remove B").click()
    expect(page.locator(".key-mark")).to_have_count(3)


def test_a_recipe_of_another_model_is_refused(studio: Studio, tmp_path: Path) -> None:
    page = studio.page
    before = studio.picture_id
    page.locator("#model").select_option("blind")
    studio.new_picture(before)
    recipe = tmp_path / "blind.png"
    recipe.write_bytes(studio.export("picture"))
    before = studio.picture_id
    page.locator("#model").select_option("landscape")
    studio.new_picture(before)
    studio.space("morph")
    expect(page.locator("#morph-a")).to_be_attached()
    with page.expect_file_chooser() as chooser:
        option(studio, "a", "Recipe from a file")
    chooser.value.set_files(recipe)
    expect(page.get_by_role("alert")).to_contain_text("“blind”")
    expect(page.get_by_role("alert")).to_contain_text("A is as it was.")


def test_an_mp4_plays_and_an_export_counts_and_can_be_cancelled(studio: Studio) -> None:
    page = studio.page
    studio.space("morph")
    expect(page.locator("#morph-export")).to_be_enabled()
    frames(studio, 120, "webp")
    page.locator("#morph-export").click()
    status = page.locator(".export-status")
    expect(status).to_contain_text("of 120 ·")
    page.locator("#morph-cancel").click()
    expect(page.locator("#morph-export")).to_be_visible()
    expect(status).to_be_empty()

    frames(studio, 6, "mp4")
    page.locator("#morph-export").click()
    video = page.locator("video#morph-result")
    expect(video).to_be_visible()
    content = studio.save("#morph-save")
    assert content[4:8] == b"ftyp"
    page.wait_for_timeout(300)
    width, error = video.evaluate("v => [v.videoWidth, v.error && v.error.message]")
    assert (width, error) == (256, None)


def test_an_animated_webp_moves_the_chosen_classes(studio: Studio) -> None:
    page = studio.page
    studio.space("morph")
    expect(page.locator("#panel-morph .toggle").first).to_be_visible()
    page.get_by_role("button", name="None", exact=True).click()
    page.locator(f"[data-moves='{CLASS['sky']}']").click()
    frames(studio, 3, "webp")
    page.locator("#morph-export").click()
    expect(page.locator("img#morph-result")).to_be_visible()
    assert studio.recorder.last("morph").request["classes"] == [CLASS["sky"]]
    with Image.open(io.BytesIO(studio.save("#morph-save"))) as animation:
        assert (animation.format, getattr(animation, "n_frames", 1)) == ("WEBP", 4)  # there and back


def test_a_picture_of_the_history_is_dragged_onto_a_and_onto_the_line(studio: Studio) -> None:
    page, first = studio.page, studio.sent.request["style"]
    studio.click_and_wait("#resample-all")
    second = studio.sent.request["style"]
    studio.space("morph")
    expect(page.locator(".key-mark")).to_have_count(2)
    page.locator("[data-past]").last.drag_to(page.locator("#panel-morph .end").first)
    page.locator("[data-past]").first.drag_to(page.locator("#film"))
    expect(page.locator(".key-mark")).to_have_count(3)
    frames(studio, 3, "zip")
    page.locator("#morph-export").click()
    expect(page.locator("#morph-save")).to_be_visible()
    styles = studio.recorder.last("morph").request["styles"]
    water = str(CLASS["water"])
    assert styles[0].get(water, {"seed": styles[0]["seed"]}) == first.get(water, {"seed": first["seed"]})
    assert styles[1][water] == second[water]
