"""The class list: twelve classes, and the 151 of ADE20K, which must be as near at hand."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from conftest import narrow_config, random_checkpoint
from painter import serving
from PIL import Image
from playwright.sync_api import Page, expect

from model.checkpoint import save_checkpoint
from model.network.config import Block
from model.recipe.taxonomy import TAXONOMIES
from server.app import create_app
from server.settings import Settings

from .workbench import CLASS, TAXONOMY, Studio

pytestmark = pytest.mark.browser

ADE = TAXONOMIES["ade20k"]


@pytest.fixture(scope="module")
def many_classes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A studio over a model of ADE20K's size in classes, tiny in everything else."""
    folder = tmp_path_factory.mktemp("many")
    config = narrow_config()
    blocks = [Block(row.name, row.inputs, row.outputs, 1, 8, 1, 1) for row in config.blocks]
    blocks[0] = dataclasses.replace(blocks[0], inputs=2 * len(ADE.names))
    config = dataclasses.replace(
        config, classes=len(ADE.names), fc_groups=len(ADE.names), blocks=tuple(blocks), encoder_width=len(ADE.names)
    )
    checkpoint = random_checkpoint(config, taxonomy="ade20k")
    checkpoint.encoder, checkpoint.segmenter, checkpoint.title = None, None, "Indoors"
    save_checkpoint(folder / "indoors", checkpoint)
    with serving(create_app(Settings(checkpoints=folder, default_model="indoors")), timeout_graceful_shutdown=2) as (
        _,
        port,
    ):
        yield f"http://127.0.0.1:{port}/"


@pytest.fixture
def indoors(page: Page, many_classes: str, tmp_path: Path) -> Page:
    """Its page, with a room of five classes open."""
    labels = np.full((64, 64), ADE.names.index("wall"), np.uint8)
    labels[50:] = ADE.names.index("floor")
    labels[40:54, 8:40] = ADE.names.index("bed")
    labels[30:40, 44:56] = ADE.names.index("cabinet")
    labels[26:30, 46:52] = ADE.names.index("lamp")
    Image.fromarray(labels).save(tmp_path / "room.png")
    page.goto(many_classes)
    expect(page.locator("#picture")).to_have_attribute("data-picture", re.compile(r"\d"))
    page.get_by_role("button", name="Open", exact=True).click()
    with page.expect_file_chooser() as chooser:
        page.locator("[data-open=labels]").click()
    chooser.value.set_files(tmp_path / "room.png")
    expect(page.locator("#class-count")).to_have_text("5 of 151")
    return page


def test_a_hundred_classes_list_those_in_the_map_first_and_give_them_the_digits(
    indoors: Page, shots: Path | None
) -> None:
    rows = indoors.locator("#class-list [role=option]")
    expect(rows).to_have_count(151)
    if shots:
        indoors.screenshot(path=shots / "many_classes_1440.png")
    expect(rows.locator(".name")).to_have_text([*["wall", "floor", "bed", "cabinet", "lamp"], *[re.compile(".")] * 146])
    chosen = indoors.locator("#class-list [aria-selected=true] .name")
    for digit, name in enumerate(("wall", "floor", "bed", "cabinet", "lamp"), start=1):
        indoors.keyboard.press(str(digit))
        expect(chosen).to_have_text(name)
        expect(indoors.locator("#class-list [aria-selected=true] kbd")).to_have_text(str(digit))
    indoors.locator("#only-present").click()
    expect(indoors.locator("#class-list [role=option]:visible")).to_have_count(5)


def test_a_class_is_three_letters_and_enter_away_and_painted_at_once(indoors: Page) -> None:
    indoors.keyboard.press("/")
    indoors.keyboard.type("arm")
    expect(indoors.locator("#class-list [role=option]:visible .name")).to_have_text("armchair")
    expect(indoors.locator("#class-count")).to_have_text("1 found")
    indoors.keyboard.press("Enter")
    chosen = indoors.locator("#class-list [aria-selected=true]")
    expect(chosen.locator(".name")).to_have_text("armchair")
    expect(chosen).to_be_in_viewport()
    indoors.keyboard.press("b")  # the keyboard is back with the tools
    expect(indoors.locator("#class-search")).to_have_value("")
    box = indoors.locator("#labels").bounding_box()
    assert box
    indoors.mouse.click(box["x"] + 40, box["y"] + 40)
    expect(indoors.locator("#class-list [role=option] .name").nth(5)).to_have_text("armchair")
    expect(indoors.locator("#class-count")).to_have_text("6 of 151")
    indoors.keyboard.press("/")
    indoors.keyboard.type("sea")
    expect(indoors.locator("#class-list [role=option]:visible .name")).to_have_text(["sea", "seat"])
    indoors.keyboard.press("Enter")
    expect(chosen.locator(".name")).to_have_text("sea")


def test_a_narrow_screen_opens_the_list_to_search_it(indoors: Page, shots: Path | None) -> None:
    for width, height in ((1024, 768), (360, 800)):
        indoors.set_viewport_size({"width": width, "height": height})
        indoors.keyboard.press("/")
        expect(indoors.locator("#class-search")).to_be_focused()
        indoors.keyboard.type("chest")
        expect(indoors.locator("#class-list [role=option]:visible .name")).to_have_text("chest of drawers")
        if shots:
            indoors.screenshot(path=shots / f"find_class_{width}.png")
        indoors.keyboard.press("Enter")
        expect(indoors.locator("#class-search")).to_be_hidden()
        expect(indoors.locator("#class-list [aria-selected=true]")).to_be_in_viewport()


def test_shares_say_how_much_of_the_map_each_class_covers(studio: Studio) -> None:
    for name, index in CLASS.items():
        share = (studio.labels == index).mean() * 100
        text = studio.page.locator(f"[data-class='{index}'] .share").inner_text()
        assert abs(float(text.removesuffix("%")) - share) <= (0.5 if share >= 10 else 0.05) + 1e-9, name


def test_colours_are_the_studios_the_data_sets_or_safe_on_map_and_swatches_alike(studio: Studio) -> None:
    page, water = studio.page, CLASS["water"]
    labels = studio.labels
    seen = {}
    for colours in ("dataset", "safe", "studio"):
        page.locator("#colours").click()
        page.locator(f"[data-colours={colours}]").click()
        page.keyboard.press("Escape")
        drawn = studio.canvas("#labels")
        of_class = np.array(
            [drawn[labels == index][0] if (labels == index).any() else (0, 0, 0) for index in range(12)]
        )
        assert (of_class[labels] == drawn).all()
        swatch = page.locator(f"[data-class='{water}'] .sw").evaluate("e => getComputedStyle(e).backgroundColor")
        assert tuple(int(n) for n in re.findall(r"\d+", swatch)) == tuple(of_class[water])
        seen[colours] = of_class
    assert (seen["studio"][water] == TAXONOMY.display[water]).all()
    assert (seen["dataset"][water] == TAXONOMY.colours[water]).all()
    assert (seen["safe"][water] != seen["studio"][water]).any()


def test_hatching_is_there_on_demand_and_never_in_what_is_sent(studio: Studio) -> None:
    page, labels = studio.page, studio.labels
    page.locator("#colours").click()
    page.locator("#hatched").click()
    page.keyboard.press("Escape")
    drawn = studio.canvas("#labels")
    water = drawn[labels == CLASS["water"]]
    assert len(np.unique(water, axis=0)) == 2
    assert (
        page.locator(f"[data-class='{CLASS['water']}'] .sw")
        .evaluate("e => getComputedStyle(e).backgroundImage")
        .startswith("url(")
    )
    studio.choose("rock")
    studio.stroke_and_wait((128, 200), (140, 200))
    assert set(np.unique(studio.sent.labels)) <= set(range(12))
    page.reload()
    expect(page.locator("#hatched")).to_have_attribute("aria-checked", "true")
