"""Every tool by mouse and by key, and what it leaves on the label map."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import expect

from .workbench import CLASS, Studio, spot

pytestmark = pytest.mark.browser


@pytest.fixture
def sky(studio: Studio) -> tuple[int, int]:
    """A place in the middle of much sky; pictures are made on demand, so that strokes are quick."""
    studio.page.keyboard.press("Control+1")  # one screen pixel a map pixel: what is aimed at is hit
    return spot(studio.labels, "sky", 60)


def painted(studio: Studio, before: np.ndarray) -> tuple[set[int], np.ndarray]:
    """Classes that were painted since, and where."""
    after = studio.labels
    where = after != before
    return set(after[where].tolist()), where


def test_shapes_lasso_and_eraser(studio: Studio, sky: tuple[int, int]) -> None:
    x, y = sky
    opened = studio.labels
    studio.choose("rock")
    studio.tool("ellipse")
    studio.stroke((x - 20.5, y - 10.5), (x + 20.5, y + 10.5))
    classes, where = painted(studio, opened)
    assert classes == {CLASS["rock"]}
    assert abs(where.sum() - np.pi / 4 * 42 * 22) < 42
    assert not where[y - 10, x - 20]

    before = studio.labels
    studio.choose("sand")
    studio.page.keyboard.press("l")
    studio.stroke((x - 25, y - 25), (x + 25, y - 25), (x + 25, y - 15), (x - 25, y - 15))
    classes, where = painted(studio, before)
    assert classes == {CLASS["sand"]}
    assert where.sum() == 50 * 10

    studio.page.keyboard.press("e")
    studio.slide("#size", 128)
    studio.stroke((x - 20, y - 10), (x + 20, y))
    assert (studio.labels == opened).all()


def test_a_polygon_is_closed_by_key_on_its_first_corner_and_by_button(studio: Studio, sky: tuple[int, int]) -> None:
    x, y = sky
    page, opened = studio.page, studio.labels
    studio.choose("water")
    page.keyboard.press("u")
    page.keyboard.press("u")
    page.keyboard.press("u")
    expect(page.locator("#shapes")).to_have_attribute("aria-pressed", "true")
    corners = [(x - 20, y - 20), (x + 20, y - 20), (x + 20, y + 20), (x - 20, y + 20)]
    finishes = [
        lambda: page.keyboard.press("Enter"),
        lambda: studio.stroke(corners[0]),
        lambda: page.locator("#close-polygon").click(),
        lambda: page.keyboard.press("b"),
    ]
    for finish in finishes:
        page.keyboard.press("Control+z")
        studio.tool("polygon")
        for corner in corners:
            studio.stroke(corner)
        assert (studio.labels == opened).all()
        expect(page.locator("#sketch circle")).to_have_count(4)
        finish()
        expect(page.locator("#sketch circle")).to_have_count(0)
        assert painted(studio, opened)[1].sum() == 1600
    page.keyboard.press("Control+z")
    studio.tool("polygon")
    for corner in corners[:2]:
        studio.stroke(corner)
    page.keyboard.press("Control+z")
    expect(page.locator("#sketch circle")).to_have_count(1)
    page.keyboard.press("Escape")
    expect(page.locator("#sketch circle")).to_have_count(0)
    assert (studio.labels == opened).all()


def test_shift_draws_lines_squares_and_fills_everywhere(studio: Studio, sky: tuple[int, int]) -> None:
    x, y = sky
    page, opened = studio.page, studio.labels
    studio.choose("rock")
    studio.slide("#size", 1)
    studio.stroke((x - 25.5, y + 0.5))
    page.keyboard.down("Shift")
    page.mouse.move(*studio.at(x + 20.5, y + 0.5))
    expect(page.locator("#sketch polyline").first).to_be_attached()
    studio.stroke((x + 25.5, y + 0.5))
    assert (studio.labels[y, x - 25 : x + 26] == CLASS["rock"]).all()
    studio.tool("rectangle")
    studio.stroke((x - 20.5, y + 5.5), (x - 0.5, y + 9.5))
    page.keyboard.up("Shift")
    assert painted(studio, opened)[1].sum() == 52 + 21 * 21
    studio.choose("water")
    studio.tool("fill")
    studio.stroke((x + 10.5, y + 0.5))
    assert (studio.labels[y, x - 25 : x + 26] == CLASS["water"]).all()
    studio.choose("road")
    page.keyboard.down("Shift")
    studio.stroke((x + 10.5, y + 0.5))
    page.keyboard.up("Shift")
    assert CLASS["water"] not in studio.labels
    page.locator("#everywhere").click()
    studio.choose("cloud")
    studio.stroke((x + 10.5, y + 0.5))
    assert CLASS["road"] not in studio.labels


def test_a_class_is_replaced_by_another_everywhere(studio: Studio) -> None:
    before = studio.labels
    studio.choose("sand")
    studio.page.keyboard.press("Shift+X")
    menu = studio.page.locator("#replace-menu")
    expect(menu).to_be_visible()
    menu.get_by_label("Class to replace").select_option(str(CLASS["water"]))
    menu.get_by_label("Class to put there").select_option(str(CLASS["rock"]))
    menu.get_by_role("button", name="Replace").click()
    expected = np.where(before == CLASS["water"], CLASS["rock"], before)
    assert (studio.labels == expected).all()
    studio.page.keyboard.press("Control+z")
    assert (studio.labels == before).all()


def test_a_region_is_moved_and_scaled_and_the_ground_closes_behind_it(
    studio: Studio, sky: tuple[int, int], shots: Path | None
) -> None:
    x, y = sky
    page, opened = studio.page, studio.labels
    studio.choose("house")
    studio.tool("rectangle")
    studio.stroke((x - 20.5, y - 10.5), (x - 5.5, y - 1.5))
    page.keyboard.press("m")
    studio.stroke((x - 12, y - 6), (x + 8, y + 4))
    expect(page.locator("#sketch .handle")).to_have_count(8)
    moved = studio.labels
    assert (moved[y + 0 : y + 9, x : x + 15] == CLASS["house"]).all()
    assert (moved[y - 10 : y - 1, x - 20 : x - 5] == opened[y - 10 : y - 1, x - 20 : x - 5]).all()
    left, top = x - 1, y - 1  # the box after the move: 16 × 10 from here
    studio.stroke((left + 16, top + 10), (left + 24, top + 20))
    grown = studio.labels == CLASS["house"]
    assert grown[top : top + 20, left : left + 24].all()
    assert (grown & (opened != CLASS["house"])).sum() == 24 * 20
    if shots:
        page.screenshot(path=shots / "move_1440.png")
    page.keyboard.press("Enter")
    expect(page.locator("#sketch .handle")).to_have_count(0)
    for _ in range(3):
        page.keyboard.press("Control+z")
    assert (studio.labels == opened).all()


def test_escape_takes_the_unfinished_stroke_back(studio: Studio, sky: tuple[int, int]) -> None:
    x, y = sky
    opened = studio.labels
    studio.choose("rock")
    studio.page.mouse.move(*studio.at(x, y))
    studio.page.mouse.down()
    studio.page.mouse.move(*studio.at(x + 20, y), steps=3)
    assert (studio.labels != opened).any()
    studio.page.keyboard.press("Escape")
    assert (studio.labels == opened).all()
    studio.page.mouse.move(*studio.at(x, y + 20), steps=3)
    studio.page.mouse.up()
    assert (studio.labels == opened).all()
    expect(studio.page.locator("[data-do=undo]:visible")).to_be_disabled()


KEYS = {
    "KeyB": "brush",
    "KeyE": "erase",
    "KeyG": "fill",
    "KeyF": "fill",
    "KeyL": "lasso",
    "KeyI": "pick",
    "KeyM": "move",
}


def test_keys_are_bound_by_their_place_and_silent_while_typing(studio: Studio) -> None:
    page = studio.page
    for code, tool in KEYS.items():
        # as on a keyboard where this place says something else
        page.evaluate(
            "code => document.body.dispatchEvent(new KeyboardEvent('keydown', { code, key: 'ж', bubbles: true }))", code
        )
        button = page.locator(f"#tools [data-tool={tool}]")
        expect(button).to_have_attribute("aria-pressed", "true")
        assert code[-1] in (button.get_attribute("aria-keyshortcuts") or "").split()
        assert f"({code[-1]}" in (button.get_attribute("title") or "") or code == "KeyF"
    page.keyboard.press("/")
    page.keyboard.type("beglximd12[")
    expect(page.locator("#tools [data-tool=move]")).to_have_attribute("aria-pressed", "true")
    expect(page.locator("#size-value")).to_have_text("26 px")
    expect(page.locator("#no-class")).to_contain_text("No class is called “beglximd12[”.")


def test_classes_are_swapped_picked_with_alt_and_set_to_the_largest(studio: Studio, sky: tuple[int, int]) -> None:
    page, labels = studio.page, studio.labels
    chosen = page.locator("#class-list [aria-selected=true] .name")
    studio.choose("rock")
    page.keyboard.press("x")
    studio.choose("house")
    page.keyboard.press("x")
    expect(chosen).to_have_text("rock")
    page.keyboard.down("Alt")
    studio.stroke(spot(labels, "water", 20))
    page.keyboard.up("Alt")
    expect(chosen).to_have_text("water")
    assert (studio.labels == labels).all()
    page.keyboard.press("d")
    by_size = [name for _, name in sorted(((labels == index).sum(), name) for name, index in CLASS.items())]
    expect(chosen).to_have_text(by_size[-1])
    page.keyboard.press("x")
    expect(chosen).to_have_text(by_size[-2])
    page.keyboard.press("0")
    expect(chosen).to_have_text("road")


def test_wheel_space_and_middle_button_move_the_view(studio: Studio) -> None:
    page = studio.page
    opened = studio.labels
    size, zoom = page.locator("#size-value"), page.locator("#zoom-value")
    page.mouse.move(*studio.at(100, 80))
    page.keyboard.down("Control")
    page.mouse.wheel(0, -100)
    expect(size).to_have_text("29 px")
    page.keyboard.up("Control")
    expect(zoom).to_have_text("174 %")
    page.locator("#labels-frame").evaluate(  # a touchpad's pinch says Ctrl, though the key is not held
        "frame => frame.dispatchEvent(new WheelEvent('wheel', { deltaY: -20, ctrlKey: true, cancelable: true }))"
    )
    expect(zoom).to_have_text("212 %")
    expect(size).to_have_text("29 px")
    page.keyboard.press("Control+0")
    held = studio.at(100, 80)
    page.mouse.wheel(0, -600)
    expect(zoom).not_to_have_text("174 %")
    there = studio.at(100, 80)
    assert np.allclose(held, there, atol=2)  # zoomed to the cursor, whose place a wheel tells in whole pixels
    drags = {
        "space": lambda on: (page.keyboard.down if on else page.keyboard.up)("Space"),
        "middle": lambda on: None,
        "picture": lambda on: page.mouse.move(held[0] + 460, held[1]) if on else None,
    }
    for kind, prepare in drags.items():
        before = page.locator("#picture").bounding_box()
        page.mouse.move(*held)
        prepare(True)
        page.mouse.down(button="middle" if kind == "middle" else "left")
        page.mouse.move(held[0] - 40 + (460 if kind == "picture" else 0), held[1] - 30)
        page.mouse.up(button="middle" if kind == "middle" else "left")
        prepare(False)
        labels, picture = (page.locator(f"#{name}").bounding_box() for name in ("labels", "picture"))
        assert before
        assert labels
        assert picture
        assert np.allclose([before["x"] - picture["x"], before["y"] - picture["y"]], [40, 30], atol=0.6), kind
        assert picture["y"] == labels["y"]
    assert (studio.labels == opened).all()
    page.keyboard.press("Control+1")
    expect(zoom).to_have_text("100 %")


def test_the_class_under_the_pointer_is_named_from_both_canvases(studio: Studio) -> None:
    page = studio.page
    x, y = spot(studio.labels, "water", 30)
    for canvas in ("labels", "picture"):
        box = page.locator(f"#{canvas}").bounding_box()
        assert box
        page.mouse.move(box["x"] + box["width"] * (x + 0.5) / 256, box["y"] + box["height"] * (y + 0.5) / 256)
        expect(page.locator("#tag")).to_have_text("water")
        expect(page.locator("#under-pointer")).to_have_text(f"water · {x}, {y}")
    ring = page.locator("#cursor").bounding_box()
    assert ring
    assert abs(ring["width"] - 26 * 1.7384) < 1.5  # as large as what it paints
