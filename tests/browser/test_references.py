"""References: labels that are found and corrected in place, columns that blend; and a photo under its labels."""

from __future__ import annotations

import io
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

from .workbench import CLASS, Studio, change, decode, specs, spot

pytestmark = pytest.mark.browser


@pytest.fixture
def photo(studio: Studio, tmp_path: Path) -> Path:
    """A photo that carries nothing else: another look of the scene on the stage."""
    studio.click_and_wait("#resample-all")
    path = tmp_path / "valley.png"
    Image.fromarray(studio.picture).save(path)
    studio.click_and_wait("#looks-reset")
    return path


def add_reference(studio: Studio, photo: Path) -> None:
    studio.page.locator("#ref-strip [data-add=photo]").click()
    studio.give("[data-slot=photo]", photo)
    expect(studio.page.locator("[data-slot=labels]")).to_contain_text("found in the photo")
    studio.page.locator(".photo-dialog .btn.solid").click()
    expect(studio.page.locator(".photo-dialog")).to_have_count(0)


def paint_in_editor(studio: Studio, name: str, *points: tuple[float, float]) -> None:
    """A stroke over the photo's labels, in their pixels."""
    page = studio.page
    box = page.locator(".editor-stage").bounding_box()
    assert box
    page.locator(f"[data-paint='{CLASS[name]}']").click()
    places = [(box["x"] + box["width"] * x / 256, box["y"] + box["height"] * y / 256) for x, y in points]
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place, steps=4)
    page.mouse.up()


def test_a_photo_without_labels_gets_them_from_the_segmenter_and_they_can_be_corrected(
    studio: Studio, photo: Path
) -> None:
    page, truth = studio.page, studio.labels
    studio.space("mix")
    page.locator("#ref-strip [data-add=photo]").click()
    studio.give("[data-slot=photo]", photo)
    expect(page.locator("[data-slot=labels]")).to_contain_text("found in the photo")
    page.locator("[data-correct=labels]").click()
    x, y = spot(truth, "water", 30)
    paint_in_editor(studio, "rock", (x - 6, y), (x + 6, y))
    expect(page.locator(".label-editor")).to_contain_text("pixels corrected")
    page.keyboard.press("Control+z")
    expect(page.locator(".label-editor")).to_contain_text("As they were found")
    page.keyboard.press("Control+Shift+z")
    page.locator(".editor-classes [aria-checked=true]").press("ArrowDown")
    expect(page.locator(f"[data-paint='{CLASS['road']}']")).to_be_focused()
    page.get_by_role("slider", name="Opacity of the labels").fill("20")
    expect(page.locator(".editor-stage .map-face")).to_have_css("opacity", "0.2")
    page.locator("[data-editor=done]").click()
    page.locator(".photo-dialog .btn.solid").click()
    expect(page.locator(".photo-dialog")).to_have_count(0)

    sent = decode_labels(studio.recorder.last("encode").files["labels"][0])
    assert (sent == truth).mean() > 0.6  # what was found is mostly right
    assert (sent[y - 4 : y + 5, x - 8 : x + 9] == CLASS["rock"]).all()
    expect(page.locator("[data-reference=A]")).to_contain_text("valley.png")
    assert studio.page.locator(f"[data-cell='{CLASS['water']}-A']").is_visible()


def test_another_photo_gets_labels_of_its_own(studio: Studio, photo: Path, tmp_path: Path) -> None:
    page, sky = studio.page, tmp_path / "sky.png"
    Image.fromarray(np.full((256, 256, 3), (120, 170, 230), np.uint8)).save(sky)
    studio.space("mix")
    page.locator("#ref-strip [data-add=photo]").click()
    labels = page.locator("[data-slot=labels]")
    studio.give("[data-slot=photo]", photo)
    expect(labels).to_contain_text("found in the photo")
    first = studio.canvas("[data-slot=labels] canvas")
    with page.expect_response(re.compile("/segment$")):
        studio.give("[data-slot=photo]", sky)
    expect(labels).to_contain_text("found in the photo")
    assert (studio.canvas("[data-slot=labels] canvas") != first).any()


def decode_labels(png: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(png)) as image:
        assert image.mode == "P"
        return np.array(image)


def test_a_reference_is_corrected_in_place_and_what_was_taken_from_it_follows(studio: Studio, photo: Path) -> None:
    page, labels, water = studio.page, studio.labels, CLASS["water"]
    studio.space("mix")
    add_reference(studio, photo)
    studio.click_and_wait(f"[data-cell='{water}-A']")
    first = specs(studio.sent.request["style"], ["water"])["water"]
    x, y = spot(labels, "grass", 22)
    page.locator("[data-reference=A]").hover()
    page.get_by_role("button", name="Correct the labels of A").click()
    paint_in_editor(studio, "water", (x - 8, y), (x + 8, y), (x, y - 8))
    before = studio.picture_id
    page.locator("[data-editor=done]").click()
    studio.new_picture(before)
    second = specs(studio.sent.request["style"], ["water"])["water"]
    expect(page.locator("#refs-note")).to_have_text("A photo is encoded once")
    assert second["from"] == first["from"] == "valley.png" and second["code"] != first["code"]
    expect(page.locator("[data-reference=A]")).to_contain_text("labels corrected")
    expect(page.locator(f"[data-cell='{water}-A']")).to_have_attribute("aria-pressed", "true")


def test_columns_blend_by_a_slider(studio: Studio, photo: Path) -> None:
    page = studio.page
    studio.space("mix")
    page.locator("#ref-strip [data-add=current]").click()
    base = studio.sent.request["style"]
    add_reference(studio, photo)
    studio.click_and_wait("[aria-label='Take everything from valley.png']")
    studio.click_and_wait("[data-blend=A]")
    before = studio.picture_id
    page.locator("#blend").fill("25")
    studio.new_picture(before)
    style = studio.sent.request["style"]
    names = ["water", "sky", "mountain"]
    for name in names:
        blend = specs(style, [name])[name]
        assert blend["t"] == 0.25 and blend["blend"][0]["from"] == "valley.png"
        assert blend["blend"][1] == specs(base, [name])[name]
        expect(page.locator(f"[data-cell='{CLASS[name]}-B'] em")).to_have_text("75")
    page.get_by_role("button", name="Save").click()
    expect(page.locator(".toast")).to_contain_text("Saved as “Mix")
    page.get_by_role("button", name="Clear").click()
    studio.settle()
    expect(page.locator(f"[data-cell='{CLASS['sky']}-now']")).to_have_attribute("aria-pressed", "true")


def test_a_photo_lies_under_its_labels_and_a_line_shows_before_and_after(studio: Studio, photo: Path) -> None:
    page = studio.page
    studio.space("manipulate")
    own = photo.with_name("valley_labels.png")
    Image.fromarray(studio.labels).save(own)
    page.locator("#open-photo").click()
    studio.give("[data-slot=photo]", photo)
    expect(page.locator("[data-slot=labels]")).to_contain_text("found in the photo")
    studio.give("[data-slot=labels]", own)  # a person's own win over those that were found
    before = studio.picture_id
    page.locator(".photo-dialog .btn.solid").click()
    studio.new_picture(before)
    pixels = decode(photo.read_bytes())
    assert (studio.canvas("#under-labels") == pixels).all()
    page.locator("#label-opacity").fill("30")
    expect(page.locator("#labels")).to_have_css("opacity", "0.3")

    page.locator("#before-after").click()
    expect(page.locator("#before-after")).to_have_attribute("aria-pressed", "true")
    assert (studio.canvas(".wipe-left canvas") == pixels).all()
    x, y = spot(studio.labels, "water", 24)
    studio.choose("rock")  # a class that the photo lacks
    old = studio.picture
    studio.stroke_and_wait((x, y), (x + 8, y))
    assert (studio.canvas(".wipe-left canvas") == pixels).all()
    assert change(old, studio.picture)[y, x] > 3
    rock = page.locator("#photo-classes li", has_text="Rock")
    expect(rock).to_contain_text("not in the photo")
    before = studio.picture_id
    rock.get_by_role("button", name="New look for rock").click()
    studio.new_picture(before)
    page.keyboard.press("Escape")
    expect(page.locator("#wipe")).to_be_hidden()
    studio.space("paint")
    expect(page.locator("#under-labels")).to_be_hidden()
    expect(page.locator("#labels")).to_have_css("opacity", "1")
