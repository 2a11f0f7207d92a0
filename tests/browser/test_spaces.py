"""Mix, Manipulate and Morph."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

from .workbench import CLASS, Studio, change, specs, spot

pytestmark = pytest.mark.browser


@pytest.fixture
def photo(studio: Studio, tmp_path: Path) -> tuple[Path, Path]:
    """A photo and its label map, as files that carry nothing else: another look of the scene on the stage."""
    return studio.save_photo(tmp_path)


def give_photo(studio: Studio, photo: tuple[Path, Path]) -> None:
    studio.give("[data-slot=photo]", photo[0])
    studio.give("[data-slot=labels]", photo[1])
    studio.page.locator(".photo-dialog .btn.solid").click()
    expect(studio.page.locator(".photo-dialog")).to_have_count(0)


def test_looks_of_two_references_are_mixed_class_by_class(studio: Studio, photo: tuple[Path, Path]) -> None:
    water, sky = CLASS["water"], CLASS["sky"]
    base = studio.sent.request["style"]
    studio.space("mix")
    studio.page.locator("#ref-strip [data-add=current]").click()
    studio.page.locator("#ref-strip [data-add=photo]").click()
    give_photo(studio, photo)
    encoded = studio.recorder.last("encode").request
    assert encoded["name"] == "valley.png"
    before = studio.picture
    studio.click_and_wait(f"[data-cell='{water}-B']")
    style = studio.sent.request["style"]
    assert style[str(water)]["from"] == "valley.png"
    assert {**style, str(water): None} == {**base, str(water): None}
    moved = change(before, studio.picture)
    mask = studio.labels == water
    assert moved[mask].mean() > 3 * moved[~mask].mean()
    expect(studio.page.locator(f"[data-cell='{water}-B']")).to_have_attribute("aria-pressed", "true")

    studio.click_and_wait(f"[data-cell='{sky}-B']")
    studio.click_and_wait("[data-blend=A]")
    blend = studio.sent.request["style"][str(sky)]
    assert blend["t"] == 0.5
    assert blend["blend"][0]["from"] == "valley.png"
    assert len(studio.recorder.calls) - studio.recorder.calls.index(studio.recorder.last("encode")) > 3
    assert sum(call.route == "encode" for call in studio.recorder.calls) == 1  # encoded once, used often

    studio.page.get_by_role("button", name="Clear").click()
    studio.settle()
    expect(studio.page.locator(f"[data-cell='{sky}-now']")).to_have_attribute("aria-pressed", "true")
    assert specs(studio.sent.request["style"], ["sky", "water"]) == specs(base, ["sky", "water"])


def test_a_class_that_a_reference_lacks_is_not_offered(studio: Studio) -> None:
    studio.space("mix")
    studio.page.locator("#ref-strip [data-add=current]").click()
    x, y = spot(studio.labels, "water", 30)
    studio.page.keyboard.press("9")  # rock, which the scene lacks
    studio.stroke_and_wait((x, y))
    expect(studio.page.locator(f"[data-cell='{CLASS['rock']}-A']")).to_have_count(0)
    expect(studio.page.locator("#panel-mix")).to_contain_text("no rock")


def test_a_photo_keeps_its_look_while_its_labels_are_repainted(studio: Studio, photo: tuple[Path, Path]) -> None:
    studio.space("manipulate")
    studio.page.locator("#open-photo").click()
    before = studio.picture_id
    give_photo(studio, photo)
    studio.new_picture(before)
    opened = studio.picture
    codes = studio.sent.request["style"]
    present = np.unique(studio.labels)
    assert all(codes[str(index)]["from"] == "valley.png" for index in present)
    expect(studio.page.locator("#photo-classes")).to_contain_text("from the photo")

    x, y = spot(studio.labels, "grass", 22)
    studio.choose("water")
    studio.stroke_and_wait((x - 5, y), (x + 5, y))
    assert studio.sent.request["style"] == codes
    painted = studio.sent.labels != np.array(Image.open(photo[1]))
    moved = change(opened, studio.picture)
    assert moved[painted].mean() > 4 * moved[~painted].mean()


def test_a_photo_that_does_not_fit_is_refused_in_the_dialog(studio: Studio, tmp_path: Path) -> None:
    photo, labels = tmp_path / "tall.png", tmp_path / "labels.png"
    Image.fromarray(np.zeros((300, 200, 3), np.uint8)).save(photo)
    Image.fromarray(studio.labels).save(labels)
    studio.space("manipulate")
    studio.page.locator("#open-photo").click()
    studio.give("[data-slot=photo]", photo)
    studio.give("[data-slot=labels]", labels)
    studio.page.locator(".photo-dialog .btn.solid").click()
    expect(studio.page.locator(".dialog-error")).to_contain_text("256")
    expect(studio.page.locator(".dialog-error").get_by_role("button", name="Resize to fit")).to_be_visible()


def test_morph_slides_between_two_looks_and_exports_an_animation(studio: Studio) -> None:
    water, sky = str(CLASS["water"]), str(CLASS["sky"])
    studio.space("morph")
    expect(studio.page.locator("#panel-morph .end-face canvas")).to_have_count(2)
    studio.page.locator("#panel-morph .toggle", has_text="Sky").click()  # the sky stays
    before = studio.picture_id
    studio.slide("#morph-t", 500)
    studio.new_picture(before)
    expect(studio.page.locator("#picture-note")).to_have_text("0.50 between A and B")
    style = next(c for c in reversed(studio.recorder.calls) if c.request["style"].get(water, {}).get("t") == 0.5)
    assert sky not in style.request["style"]

    studio.page.locator("[data-format=gif]").click()
    studio.slide("#panel-morph input[aria-label='Number of frames']", 4)
    studio.page.locator("#morph-export").click()
    expect(studio.page.locator("#morph-result")).to_be_visible()
    asked = studio.recorder.last("morph").request
    assert CLASS["sky"] not in asked["classes"]
    assert CLASS["water"] in asked["classes"]
    with Image.open(io.BytesIO(studio.save("#morph-save"))) as animation:
        assert animation.format == "GIF"
        assert getattr(animation, "n_frames", 1) >= 4

    before = studio.picture_id
    studio.page.locator("#morph-keep").click()
    studio.new_picture(before)
    assert specs(studio.sent.request["style"], ["water"])["water"]["t"] == 0.5
