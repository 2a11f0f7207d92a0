"""Files in and out: what the page exports it imports, and a file that fails replaces nothing."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

from model.labels import read_labels
from model.recipe import read_recipe

from .workbench import CLASS, TAXONOMY, Studio, decode, spot

pytestmark = pytest.mark.browser


def png(pixels: np.ndarray, path: Path) -> Path:
    Image.fromarray(pixels).save(path)
    return path


def test_picture_label_map_and_recipe_can_be_saved(studio: Studio) -> None:
    x, y = spot(studio.labels, "grass", 22)
    studio.choose("water")
    studio.stroke_and_wait((x, y))
    labels = studio.labels
    picture = studio.export("picture")
    assert (decode(picture) == studio.picture).all()
    assert (read_labels(read_recipe(picture).labels, TAXONOMY) == labels).all()
    saved = studio.export("labels")
    assert (read_labels(saved, TAXONOMY) == labels).all()
    with Image.open(io.BytesIO(saved)) as image:
        assert image.mode == "P"  # the pixel values are the classes
        assert (np.array(image) == labels).all()
    assert json.loads(studio.export("recipe"))["model"] == "landscape"


def test_a_picture_made_here_brings_everything_back(studio: Studio, tmp_path: Path) -> None:
    studio.click_and_wait("#resample-all")
    x, y = spot(studio.labels, "grass", 22)
    studio.choose("water")
    studio.stroke_and_wait((x, y))
    labels, picture, style = studio.labels, studio.picture, studio.sent.request["style"]
    for kind, name in (("picture", "mine.png"), ("recipe", "mine.json")):
        file = tmp_path / name
        file.write_bytes(studio.export(kind))
        studio.afresh()
        assert (studio.labels != labels).any()
        before = studio.picture_id
        studio.open_file("recipe", file)
        studio.new_picture(before)
        assert (studio.labels == labels).all()
        assert (studio.picture == picture).all()
        assert studio.sent.request["style"][str(CLASS["water"])] == style[str(CLASS["water"])]


def test_a_label_map_comes_in_as_index_palette_or_colours(studio: Studio, tmp_path: Path) -> None:
    first = studio.labels
    labels = np.zeros((256, 256), np.uint8)
    labels[100:] = CLASS["sand"]
    labels[150:, 60:] = CLASS["water"]
    index = Image.fromarray(labels)
    palette = Image.fromarray(labels)
    palette.putpalette([channel for colour in TAXONOMY.colours for channel in colour])
    colours = Image.fromarray(np.array(TAXONOMY.colours, np.uint8)[labels])
    for image in (index, palette, colours):
        image.save(tmp_path / "beach.png")
        before = studio.picture_id
        studio.open_file("labels", tmp_path / "beach.png")
        studio.new_picture(before)
        assert (studio.labels == labels).all()
        before = studio.picture_id
        studio.page.keyboard.press("Control+z")
        studio.new_picture(before)
        assert (studio.labels == first).all()


def test_values_without_a_class_are_listed_and_nothing_is_replaced(studio: Studio, tmp_path: Path) -> None:
    labels = studio.labels
    broken = labels.copy()
    broken[:2, :3] = 200
    broken[5, 5] = 13
    studio.open_file("labels", png(broken, tmp_path / "harbour.png"))
    alert = studio.page.get_by_role("alert")
    expect(alert).to_contain_text("Values that have no class")
    expect(alert).to_contain_text("200 on 6 pixels")
    expect(alert).to_contain_text("13 on 1 pixel;")
    expect(alert).to_contain_text("Nothing was replaced.")
    assert (studio.labels == labels).all()
    alert.get_by_role("button", name="Dismiss").click()
    expect(alert).to_have_count(0)


def test_a_label_map_of_another_size_is_resized_only_when_asked(studio: Studio, tmp_path: Path) -> None:
    labels = studio.labels
    small = np.full((128, 128), CLASS["sand"], np.uint8)
    small[:64] = CLASS["sky"]
    studio.open_file("labels", png(small, tmp_path / "small.png"))
    alert = studio.page.get_by_role("alert")
    expect(alert).to_contain_text("The size does not fit")
    assert (studio.labels == labels).all()
    before = studio.picture_id
    alert.get_by_role("button", name="Resize to fit").click()
    studio.new_picture(before)
    assert (studio.labels == small.repeat(2, 0).repeat(2, 1)).all()


def test_a_picture_without_a_recipe_is_refused_in_words(studio: Studio, tmp_path: Path) -> None:
    studio.open_file("recipe", png(np.zeros((8, 8, 3), np.uint8), tmp_path / "holiday.png"))
    expect(studio.page.get_by_role("alert")).to_contain_text("holiday.png carries no recipe")


def test_scenes_open_with_one_click(studio: Studio) -> None:
    before, labels = studio.picture_id, studio.labels
    studio.page.locator("#panel-paint [data-scene=River]").click()
    studio.new_picture(before)
    assert (studio.labels != labels).any()
    assert (studio.sent.labels == studio.labels).all()
