"""Files in and out: what the page exports it imports, and a file that fails replaces nothing."""

from __future__ import annotations

import base64
import io
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

from model.recipe.labels import read_labels
from model.recipe.recipe import read_recipe

from .workbench import CLASS, TAXONOMY, Studio, decode, spot

pytestmark = pytest.mark.browser


def png(pixels: np.ndarray, path: Path) -> Path:
    Image.fromarray(pixels).save(path)
    return path


def drop(studio: Studio, file: Path, kind: str) -> None:
    """Let go of a file over the page."""
    studio.page.evaluate(
        """([name, type, data]) => {
          const bytes = Uint8Array.from(atob(data), (c) => c.charCodeAt(0));
          const dataTransfer = new DataTransfer();
          dataTransfer.items.add(new File([bytes], name, { type }));
          const init = { dataTransfer, bubbles: true, cancelable: true };
          const events = ["dragenter", "dragover", "drop"].map((event) => new DragEvent(event, init));
          for (const event of events) document.body.dispatchEvent(event);
        }""",
        [file.name, kind, base64.b64encode(file.read_bytes()).decode()],
    )


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


def test_values_without_a_class_are_asked_about_and_nothing_is_guessed(
    studio: Studio, tmp_path: Path, shots: Path | None
) -> None:
    page, labels = studio.page, studio.labels
    broken = labels.copy()
    broken[:20, :30] = 200
    broken[5, 5] = 13
    studio.open_file("labels", png(broken, tmp_path / "harbour.png"))
    doctor = page.locator("dialog.doctor")
    expect(doctor).to_contain_text("harbour.png")
    expect(doctor).to_contain_text("classes by index (grey values)")
    expect(doctor.locator("li").nth(0)).to_contain_text("200")
    expect(doctor.locator("li").nth(0)).to_contain_text("599 px")
    expect(doctor.locator("li").nth(1)).to_contain_text("1 px")
    assert (studio.labels == labels).all()
    doctor.get_by_role("button", name="Cancel").click()
    assert (studio.labels == labels).all()

    studio.open_file("labels", tmp_path / "harbour.png")
    choice = doctor.get_by_label("Class of 200")
    expect(choice).to_have_value(str(CLASS["house"]))  # the proposal
    face = studio.canvas("dialog.doctor canvas")
    assert (face[2, 2] == TAXONOMY.display[CLASS["house"]]).all()
    choice.select_option("sand")
    face = studio.canvas("dialog.doctor canvas")
    assert (face[2, 2] == TAXONOMY.display[CLASS["sand"]]).all()
    if shots:
        studio.see(shots, "doctor_values")
    before = studio.picture_id
    page.locator("#doctor-open").click()
    studio.new_picture(before)
    wanted = broken.copy()
    wanted[broken == 200] = CLASS["sand"]
    wanted[broken == 13] = CLASS["house"]
    assert (studio.labels == wanted).all()
    assert (studio.sent.labels == wanted).all()


def test_a_palette_whose_colours_mean_something_else_is_a_question(studio: Studio, tmp_path: Path) -> None:
    labels = np.zeros((256, 256), np.uint8)
    labels[128:] = 1
    image = Image.fromarray(labels)
    image.putpalette([*TAXONOMY.colours[CLASS["sky"]], *TAXONOMY.colours[CLASS["water"]]])
    image.save(tmp_path / "two.png")
    studio.open_file("labels", tmp_path / "two.png")
    doctor = studio.page.locator("dialog.doctor")
    expect(doctor).to_contain_text("Every pixel has a class.")
    expect(doctor).to_contain_text("Model Landscape. Licence: Apache-2.0. Learned from a procedural world")
    doctor.get_by_label("Read as").select_option(label="colours (the data set's colours)")
    before = studio.picture_id
    studio.page.locator("#doctor-open").click()
    studio.new_picture(before)
    assert set(np.unique(studio.labels)) == {CLASS["sky"], CLASS["water"]}


def test_a_label_map_of_another_size_is_resized_only_when_asked(
    studio: Studio, tmp_path: Path, shots: Path | None
) -> None:
    labels = studio.labels
    small = np.full((128, 192), CLASS["sand"], np.uint8)
    small[:64, 32:160] = CLASS["sky"]
    studio.open_file("labels", png(small, tmp_path / "small.png"))
    doctor = studio.page.locator("dialog.doctor")
    expect(doctor).to_contain_text("192 × 128 px")
    expect(doctor).to_contain_text("The model takes 256 × 256 px")
    assert (studio.labels == labels).all()
    doctor.get_by_role("button", name="Cut to the middle").click()
    if shots:
        studio.see(shots, "doctor_size")
    before = studio.picture_id
    studio.page.locator("#doctor-open").click()
    studio.new_picture(before)
    assert (studio.labels == small[:, 32:160].repeat(2, 0).repeat(2, 1)).all()


def test_a_blurred_map_in_colours_shows_what_it_is_made_of(studio: Studio, tmp_path: Path, shots: Path | None) -> None:
    colours = np.array(TAXONOMY.colours, np.uint8)[studio.labels]
    blurred = Image.fromarray(colours).resize((200, 200), Image.Resampling.BILINEAR)
    blurred.save(tmp_path / "blurred.png")
    studio.open_file("labels", tmp_path / "blurred.png")
    doctor = studio.page.locator("dialog.doctor")
    expect(doctor.locator("li").last).to_contain_text("more")
    doctor.locator("li").first.hover()
    if shots:
        studio.see(shots, "doctor_blurred")
    before, labels = studio.picture_id, studio.labels
    studio.page.locator("#doctor-open").click()
    studio.new_picture(before)
    assert (studio.labels == labels).mean() > 0.9


def test_what_is_no_label_map_is_refused_in_words(studio: Studio, tmp_path: Path) -> None:
    Image.fromarray(studio.picture).save(tmp_path / "photo.jpg")
    labels, alert = studio.labels, studio.page.get_by_role("alert")
    drop(studio, tmp_path / "photo.jpg", "image/jpeg")
    expect(alert).to_contain_text("photo.jpg: this file is not a PNG. A label map is a PNG")
    assert (studio.labels == labels).all()


def test_everything_goes_out_in_one_archive_and_comes_back(studio: Studio, tmp_path: Path) -> None:
    studio.click_and_wait("#resample-all")
    x, y = spot(studio.labels, "grass", 22)
    studio.choose("water")
    studio.stroke_and_wait((x, y))
    labels, picture, style = studio.labels, studio.picture, studio.sent.request["style"]
    archive = tmp_path / "studio.zip"
    archive.write_bytes(studio.export("zip"))
    with zipfile.ZipFile(archive) as contents:
        assert contents.testzip() is None
        files = {name: contents.read(name) for name in contents.namelist()}
    assert (decode(files["picture.png"]) == picture).all()
    for name in ("labels.png", "labels-colours.png"):
        assert (read_labels(files[name], TAXONOMY) == labels).all()
    assert json.loads(files["recipe.json"])["model"] == "landscape"
    assert files["palette.gpl"].startswith(b"GIMP Palette")
    studio.afresh()
    before = studio.picture_id
    studio.open_file("any", archive)
    studio.new_picture(before)
    assert (studio.labels == labels).all()
    assert (studio.picture == picture).all()
    assert studio.sent.request["style"][str(CLASS["water"])] == style[str(CLASS["water"])]


def test_whatever_the_page_exports_it_imports(studio: Studio, tmp_path: Path) -> None:
    x, y = spot(studio.labels, "grass", 22)
    studio.choose("water")
    studio.stroke_and_wait((x, y))
    labels = studio.labels
    kinds = {"picture": "png", "labels": "png", "colours": "png", "recipe": "json", "zip": "zip"}
    files = {kind: studio.export(kind) for kind in kinds}
    files |= {kind: studio.export(kind) for kind in ("gpl", "json")}
    for kind, ending in kinds.items():
        studio.afresh()
        assert (studio.labels != labels).any()
        file = tmp_path / f"{kind}.{ending}"
        file.write_bytes(files[kind])
        before = studio.picture_id
        drop(studio, file, f"image/{ending}" if ending == "png" else "application/octet-stream")
        studio.new_picture(before)
        assert (studio.labels == labels).all(), kind
    for kind in ("gpl", "json"):
        (tmp_path / f"palette.{kind}").write_bytes(files[kind])
        drop(studio, tmp_path / f"palette.{kind}", "text/plain")
        expect(studio.page.get_by_text("12 of 12 classes have one").last).to_be_visible()


def test_a_palette_of_ones_own_reads_label_maps_in_its_colours(studio: Studio, tmp_path: Path) -> None:
    mine = {"sky": "#ff00ff", "water": "#00ff01"}
    palette = {"classes": [{"name": name, "colour": colour} for name, colour in mine.items()]}
    (tmp_path / "mine.json").write_text(json.dumps(palette))
    drop(studio, tmp_path / "mine.json", "application/json")
    expect(studio.page.get_by_text("2 of 12 classes have one")).to_be_visible()
    colours = np.full((256, 256, 3), (255, 0, 255), np.uint8)
    colours[90:] = (0, 255, 1)
    before = studio.picture_id
    drop(studio, png(colours, tmp_path / "sea.png"), "image/png")
    studio.new_picture(before)
    assert (studio.labels[:90] == CLASS["sky"]).all()
    assert (studio.labels[90:] == CLASS["water"]).all()


def test_a_picture_without_a_recipe_is_refused_in_words(studio: Studio, tmp_path: Path) -> None:
    studio.open_file("recipe", png(np.zeros((8, 8, 3), np.uint8), tmp_path / "holiday.png"))
    expect(studio.page.get_by_role("alert")).to_contain_text("holiday.png carries no recipe")


def test_scenes_open_with_one_click(studio: Studio) -> None:
    before, labels = studio.picture_id, studio.labels
    studio.page.locator("#panel-paint [data-scene=River]").click()
    studio.new_picture(before)
    assert (studio.labels != labels).any()
    assert (studio.sent.labels == studio.labels).all()
