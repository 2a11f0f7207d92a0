"""Photos with a model that has no encoder: their looks are fitted, and everything else works as ever."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

from .workbench import CLASS, Studio, change, specs

pytestmark = pytest.mark.browser

PATIENCE = 180_000  # ms; a fit takes seconds on an idle machine


@pytest.fixture
def photo(studio: Studio, tmp_path: Path) -> tuple[Path, Path]:
    """Another look of the scene on the stage and its labels, as files that carry nothing else."""
    before = studio.picture_id
    studio.page.locator("#model").select_option("blind")
    studio.new_picture(before)
    return studio.save_photo(tmp_path)


def start(studio: Studio, photo: tuple[Path, Path]) -> None:
    """Give the dialog its files and let it begin."""
    dialog = studio.page.locator(".photo-dialog")
    expect(dialog).to_contain_text("no encoder")
    studio.give("[data-slot=photo]", photo[0])
    studio.give("[data-slot=labels]", photo[1])
    dialog.locator(".btn.solid").click()
    expect(dialog.locator(".fit")).to_contain_text("Fitting the look")


def test_a_fitted_photo_gives_its_looks_to_a_mixture(studio: Studio, photo: tuple[Path, Path]) -> None:
    studio.space("mix")
    studio.page.locator("#ref-strip [data-add=photo]").click()
    start(studio, photo)
    bar = studio.page.locator(".photo-dialog .progress i")
    expect(bar).to_have_attribute("style", re.compile(r"width: [1-9]"), timeout=PATIENCE)
    expect(studio.page.locator(".photo-dialog")).to_have_count(0, timeout=PATIENCE)
    before, shown = studio.picture_id, studio.picture
    studio.page.locator(f"[data-cell='{CLASS['water']}-A']").click()
    studio.new_picture(before)
    (look,) = specs(studio.sent.request["style"], ["water"]).values()
    assert look["from"] == "valley.png"
    water = studio.labels == CLASS["water"]
    wanted = np.asarray(Image.open(photo[0]))[water].mean(0)
    distances = [np.abs(picture[water].mean(0) - wanted).mean() for picture in (shown, studio.picture)]
    assert distances[1] < 0.5 * distances[0]
    assert change(shown, studio.picture)[water].mean() > 2 * change(shown, studio.picture)[~water].mean()
    assert not [call for call in studio.recorder.calls if call.route == "encode"]
    expect(studio.page.locator("#refs-note")).to_have_text("A photo's look is fitted once")


def test_closing_the_dialog_ends_the_fit(studio: Studio, photo: tuple[Path, Path]) -> None:
    studio.space("manipulate")
    studio.page.locator("#open-photo").click()
    start(studio, photo)
    studio.page.locator(".photo-dialog").get_by_role("button", name="Cancel").click()
    expect(studio.page.locator(".photo-dialog")).to_have_count(0)
    expect(studio.page.locator("#open-photo")).to_be_visible()
    studio.space("paint")
    studio.click_and_wait("#resample-all")  # the model is free again
    expect(studio.page.locator(".toast")).to_have_count(0)
