"""Fingers and pens on the canvases."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, expect

from .workbench import CLASS, Studio, spot

pytestmark = pytest.mark.browser

Places = list[tuple[float, float]]


@pytest.fixture(scope="module")
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A phone."""
    context = browser.new_context(viewport={"width": 360, "height": 800}, has_touch=True, is_mobile=True)
    context.set_default_timeout(30_000)
    yield context
    context.close()


class Fingers:
    """Touches as the browser gets them from a screen."""

    def __init__(self, studio: Studio) -> None:
        self.studio = studio
        self.session = studio.page.context.new_cdp_session(studio.page)

    def put(self, kind: str, places: Places) -> None:
        points = [{"x": x, "y": y, "id": i} for i, (x, y) in enumerate(places)]
        self.session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    def rest(self) -> None:
        """Until the browser has handed on the moves that it gathers for a frame."""
        self.studio.page.evaluate(
            "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
        )

    def stroke(self, *points: tuple[float, float]) -> None:
        """One finger from point to point of the map."""
        places = [self.studio.at(*point) for point in points]
        self.put("touchStart", places[:1])
        for a, b in itertools.pairwise(places):
            for t in (0.25, 0.5, 0.75, 1):
                self.put("touchMove", [(a[0] + t * (b[0] - a[0]), a[1] + t * (b[1] - a[1]))])
        self.put("touchEnd", [])


@pytest.fixture
def fingers(studio: Studio) -> Fingers:
    return Fingers(studio)


def test_one_finger_paints_and_the_page_stays_where_it_is(studio: Studio, fingers: Fingers) -> None:
    before = studio.labels
    x, y = spot(before, "sky", 40)
    studio.page.locator(f"[data-class='{CLASS['rock']}']").tap()
    fingers.stroke((x, y), (x, y + 60))
    after = studio.labels
    assert (after[y : y + 60, x] == CLASS["rock"]).all()
    assert studio.page.evaluate("[scrollX, scrollY, visualViewport.scale, visualViewport.offsetTop]") == [0, 0, 1, 0]
    fingers.stroke((x - 30, y))  # a tap is a dot
    assert studio.labels[y, x - 30] == CLASS["rock"]
    undo = studio.page.locator("[data-do=undo]:visible")
    box = undo.bounding_box()
    assert box
    assert min(box["width"], box["height"]) >= 44
    undo.tap()
    undo.tap()
    assert (studio.labels == before).all()
    studio.page.locator("[data-do=redo]:visible").tap()
    assert (studio.labels == np.where(after != before, after, before)).all()


def test_two_fingers_zoom_and_pan_and_paint_nothing(studio: Studio, fingers: Fingers) -> None:
    before = studio.labels
    wide = studio.page.locator("#labels").bounding_box()
    assert wide
    middle = wide["x"] + wide["width"] / 2, wide["y"] + wide["height"] / 2

    def apart(span: float, dx: float = 0) -> Places:
        return [(middle[0] - span + dx, middle[1]), (middle[0] + span + dx, middle[1])]

    fingers.put("touchStart", apart(30)[:1])
    fingers.put("touchStart", apart(30))
    for span in (40, 50, 60):
        fingers.put("touchMove", apart(span))
    fingers.rest()
    labels, picture = (studio.page.locator(f"#{name}").bounding_box() for name in ("labels", "picture"))
    assert labels
    assert picture
    assert labels["width"] == pytest.approx(2 * wide["width"], rel=0.01)
    assert labels["width"] == picture["width"]
    for dx in (10, 25, 40):
        fingers.put("touchMove", apart(60, dx))
    fingers.rest()
    panned = studio.page.locator("#labels").bounding_box()
    assert panned
    assert panned["x"] - labels["x"] == pytest.approx(40, abs=1)
    fingers.put("touchEnd", apart(60, 40)[:1])
    fingers.put("touchMove", [(middle[0], middle[1] + 30)])  # the finger that is left paints nothing
    fingers.put("touchEnd", [])
    assert (studio.labels == before).all()
    assert studio.page.evaluate("visualViewport.scale") == 1
    expect(studio.page.locator("[data-do=undo]:visible")).to_be_disabled()


def test_a_second_finger_takes_a_stroke_back_that_has_only_begun(studio: Studio, fingers: Fingers) -> None:
    before = studio.labels
    x, y = studio.at(*spot(before, "sky", 40))
    studio.page.locator(f"[data-class='{CLASS['rock']}']").tap()
    fingers.put("touchStart", [(x, y)])
    fingers.put("touchMove", [(x + 12, y)])
    fingers.put("touchStart", [(x + 12, y), (x + 60, y)])
    fingers.put("touchMove", [(x + 12, y + 9), (x + 60, y + 9)])
    fingers.put("touchEnd", [])
    assert (studio.labels == before).all()


def test_every_tool_is_in_reach_of_a_thumb(studio: Studio) -> None:
    page = studio.page
    page.locator("#shapes").tap()
    page.locator("[data-shape-tool=move]").tap()
    expect(page.locator("#shapes")).to_have_attribute("aria-pressed", "true")
    page.locator("#shapes").tap()
    expect(page.locator("#shapes-menu")).to_be_visible()
    sizes = page.locator(".rail button:visible, .phone-bar .ib:visible, #shapes-menu button").evaluate_all(
        "buttons => buttons.map((b) => b.getBoundingClientRect()).map((r) => Math.min(r.width, r.height))"
    )
    assert min(sizes) >= 44
    page.keyboard.press("Escape")
    page.locator("#find-class").tap()
    page.locator("#class-search").fill("hou")
    page.locator("#class-list [role=option]:visible").tap()
    expect(page.locator(f"[data-class='{CLASS['house']}']")).to_have_attribute("aria-selected", "true")


PEN = """([type, x, y, pressure, buttons]) => {
  const frame = document.getElementById("labels-frame");
  const button = type === "pointermove" ? -1 : buttons === 32 ? 5 : 0;
  const shared = { pointerId: 1, pointerType: "pen", isPrimary: true, bubbles: true, cancelable: true };
  frame.dispatchEvent(new PointerEvent(type, { ...shared, clientX: x, clientY: y, pressure, button, buttons }));
}"""


def pen(studio: Studio, points: list[tuple[float, float, float]], buttons: int = 1) -> None:
    """A pen from point (x, y, pressure) to point; its other end is button 32."""
    for i, (x, y, pressure) in enumerate(points):
        place = studio.at(x, y)
        studio.page.evaluate(PEN, ["pointermove" if i else "pointerdown", *place, pressure, buttons])
    studio.page.evaluate(PEN, ["pointerup", *place, 0, 0])


def test_a_pen_paints_as_wide_as_it_is_pressed_and_erases_with_its_other_end(studio: Studio) -> None:
    opened = studio.labels
    x, y = spot(opened, "sky", 40)
    studio.page.locator(f"[data-class='{CLASS['rock']}']").tap()
    pen(studio, [(x - 30, y, 0.2), (x + 30, y, 1.0)])
    after = studio.labels
    thin, thick = ((after[:, column] != opened[:, column]).sum() for column in (x - 30, x + 30))
    assert abs(thin - 0.2 * 26) <= 2
    assert abs(thick - 26) <= 2
    pen(studio, [(x - 30, y, 1.0), (x + 30, y, 1.0)], buttons=32)
    assert (studio.labels == opened).all()


def test_a_reference_is_corrected_and_let_go_of_on_a_phone(studio: Studio, fingers: Fingers, tmp_path: Path) -> None:
    page, water = studio.page, CLASS["water"]
    photo = tmp_path / "valley.png"
    Image.fromarray(studio.picture).save(photo)
    page.evaluate("location.hash = 'mix'")
    page.locator("[data-add=photo]:visible").first.tap()
    studio.give("[data-slot=photo]", photo)
    expect(page.locator("[data-slot=labels]")).to_contain_text("found in the photo")
    page.locator(".photo-dialog .btn.solid").tap()
    listed = page.locator("[data-listed=A]")
    listed.scroll_into_view_if_needed()
    found = studio.recorder.last("encode").labels

    listed.get_by_role("button", name="Correct the labels of A").tap()
    page.locator(f"[data-paint='{water}']").tap()
    box = page.locator(".editor-stage").bounding_box()
    assert box
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 360
    places = [(box["x"] + box["width"] * part, box["y"] + box["height"] / 5) for part in (0.3, 0.5, 0.7)]
    fingers.put("touchStart", places[:1])
    for place in places[1:]:
        fingers.put("touchMove", [place])
        fingers.rest()
    fingers.put("touchEnd", [])
    expect(page.locator(".label-editor")).to_contain_text("pixels corrected")
    page.locator("[data-editor=done]").tap()
    expect(listed).to_contain_text("labels corrected")
    corrected = studio.recorder.last("encode").labels
    assert (corrected[45:58, 80:176] == water).all()
    assert (found[45:58, 80:176] != water).any()

    listed.get_by_role("button", name="Remove reference A").tap()
    expect(listed).to_have_count(0)


def test_manipulate_begins_with_a_photo_on_a_phone_and_gets_out_of_its_way(studio: Studio, tmp_path: Path) -> None:
    page, photo = studio.page, tmp_path / "valley.png"
    Image.fromarray(studio.picture).save(photo)
    page.locator("#space").select_option("manipulate")
    page.locator("#open-photo").tap()
    studio.give("[data-slot=photo]", photo)
    expect(page.locator("[data-slot=labels]")).to_contain_text("found in the photo")
    page.locator(".photo-dialog .btn.solid").tap()
    expect(page.locator("#under-labels")).to_be_visible()
    expect(page.locator("#before-after")).to_be_hidden()
    page.locator("#panel-toggle").tap()
    expect(page.locator("#before-after")).to_be_visible()
