"""Regions of which the segmenter is not sure are marked and asked about, wherever a photo's labels are found."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import narrow_config, random_checkpoint
from painter import serving
from PIL import Image
from playwright.sync_api import Page, expect

from model.checkpoint import save_checkpoint
from model.perception.segmenter import Segmenter, SegmenterConfig
from server.app import create_app
from server.settings import Settings

from .workbench import CLASS, Recorder, Studio

pytestmark = pytest.mark.browser


def torn_segmenter(size: tuple[int, int]) -> Segmenter:
    """Sure that what is dark is sky; bright areas look like mountain, and nearly as much like sand."""
    segmenter = Segmenter(SegmenterConfig(len(CLASS), size, (8, 8)))
    weights = dict(segmenter.named_parameters())
    with torch.no_grad():
        for name, parameter in weights.items():
            if parameter.ndim == 4 or name == "predict.bias":
                parameter.zero_()
        weights["down.0.0.weight"][0, :, 1, 1] = 1 / 3  # brightness, where it is above grey
        weights["down.0.3.weight"][0, 0, 1, 1] = 1
        weights["up.0.0.weight"][0, 8, 1, 1] = 1  # the skip comes after the 8 channels from below
        weights["up.0.3.weight"][0, 0, 1, 1] = 1
        weights["predict.bias"][CLASS["sky"]] = 6
        weights["predict.weight"][CLASS["mountain"], 0] = 15.3
        weights["predict.weight"][CLASS["sand"], 0] = 15
    return segmenter.eval()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Recorder]]:
    folder = tmp_path_factory.mktemp("torn")
    checkpoint = random_checkpoint(narrow_config())
    checkpoint.segmenter = torn_segmenter(checkpoint.config.image_size)
    save_checkpoint(folder / "tiny", checkpoint, half=False)
    recorder = Recorder(create_app(Settings(checkpoints=folder)), blocked=True)
    with serving(recorder, timeout_graceful_shutdown=2) as (_, port):
        yield f"http://127.0.0.1:{port}/", recorder


@pytest.fixture
def torn(page: Page, server: tuple[str, Recorder]) -> Studio:
    url, recorder = server
    recorder.calls.clear()
    studio = Studio(page, recorder, url)
    studio.open("mix")
    return studio


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    """Night, a large bright area and a small one."""
    pixels = np.zeros((64, 64, 3), np.uint8)
    pixels[30:60, 4:40] = 255
    pixels[10:22, 44:60] = 255
    Image.fromarray(pixels).save(tmp_path / "night.png")
    return tmp_path / "night.png"


def ask(studio: Studio, photo: Path) -> None:
    studio.page.locator("#ref-strip [data-add=photo]").click()
    studio.give("[data-slot=photo]", photo)
    expect(studio.page.locator("[data-slot=labels]")).to_contain_text("found in the photo")


def rims(studio: Studio, selector: str) -> int:
    """Pixels of a canvas that have the colour of a mark's light stripes."""
    return int((studio.canvas(selector) == (231, 232, 227)).all(-1).sum())


def test_an_unsure_region_is_marked_and_its_second_guess_taken(torn: Studio, photo: Path, shots: Path | None) -> None:
    page, face = torn.page, "[data-slot=labels] canvas"
    ask(torn, photo)
    question = page.locator(".photo-dialog [role=status]")
    expect(question).to_have_text("2 regions are unsure: mountain or sand?")
    expect(page.get_by_role("group", name="Region 1, lower, 26 %")).to_be_visible()
    both = rims(torn, face)
    if shots:
        torn.see(shots, "unsure_dialog")

    small = page.get_by_role("group", name=re.compile("Region 2, upper right"))
    expect(small.get_by_role("button", name="mountain")).to_have_attribute("aria-pressed", "true")
    small.get_by_role("button", name="mountain").focus()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(small.get_by_role("button", name="sand")).to_be_focused()
    expect(small.get_by_role("button", name="sand")).to_have_attribute("aria-pressed", "true")
    expect(question).to_have_text("1 region is unsure: mountain or sand?")
    assert 0 < rims(torn, face) < both

    page.locator(".photo-dialog .btn.solid").click()
    expect(page.locator("[data-reference=A]")).to_contain_text("3 classes, 1 region unsure")
    sent = torn.recorder.last("encode").labels
    assert (sent[12:20, 46:58] == CLASS["sand"]).all() and (sent[32:58, 6:38] == CLASS["mountain"]).all()


def test_the_editor_asks_too_and_takes_an_answer_back(torn: Studio, photo: Path, shots: Path | None) -> None:
    page, marks = torn.page, ".doubt-marks"
    ask(torn, photo)
    page.locator(".photo-dialog .btn.solid").click()
    page.locator("[data-reference=A]").hover()
    page.get_by_role("button", name="Correct the labels of A").click()
    editor = page.locator(".label-editor")
    expect(editor.locator(".doubts p")).to_have_text("2 regions are unsure: mountain or sand?")
    assert rims(torn, marks) > 20
    if shots:
        torn.see(shots, "unsure_editor")
    editor.locator("[data-doubt='0-second']").click()
    expect(editor).to_contain_text("1,080 pixels corrected")
    page.keyboard.press("Control+z")
    expect(editor).to_contain_text("As they were found")
    expect(editor.locator(".doubts p")).to_have_text("2 regions are unsure: mountain or sand?")
    page.keyboard.press("Control+Shift+z")
    editor.locator("[data-doubt='1-first']").click()
    expect(editor.locator(".doubts p")).to_have_text("You have settled every unsure region.")
    assert rims(torn, marks) == 0
    page.locator("[data-editor=done]").click()
    expect(page.locator("[data-reference=A]")).to_contain_text("3 classes, labels corrected")
    expect(page.locator("[data-reference=A]")).not_to_contain_text("unsure")
    assert (torn.recorder.last("encode").labels[32:58, 6:38] == CLASS["sand"]).all()


def test_nothing_is_asked_where_all_is_sure(torn: Studio, tmp_path: Path) -> None:
    Image.new("RGB", (64, 64)).save(tmp_path / "dark.png")
    ask(torn, tmp_path / "dark.png")
    expect(torn.page.locator(".photo-dialog .btn.solid")).to_be_enabled()
    expect(torn.page.locator(".photo-dialog .doubts")).to_be_hidden()
    assert rims(torn, "[data-slot=labels] canvas") == 0


def test_the_picker_says_under_which_terms_the_weights_are(torn: Studio) -> None:
    expect(torn.page.locator("#model option")).to_have_text("Tiny · CC0, made for tests")
    expect(torn.page.locator("#model")).to_have_attribute("title", "Licence: CC0, made for tests")
