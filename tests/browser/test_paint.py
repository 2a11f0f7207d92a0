"""Paint: strokes, undo, looks and variants, with a real mouse against the real server and model."""

from __future__ import annotations

import re

import numpy as np
import pytest
from playwright.sync_api import expect

from .workbench import CLASS, Studio, change, specs, spot

pytestmark = pytest.mark.browser


def test_the_page_opens_on_a_painted_scene_and_its_picture(studio: Studio) -> None:
    labels = studio.labels
    assert len(np.unique(labels)) >= 8
    assert (studio.sent.labels == labels).all()
    assert studio.picture.shape == (256, 256, 3)
    assert studio.picture.std() > 10
    rows = studio.page.locator("#class-list [role=option]")
    expect(rows).to_have_count(12)
    share = (labels == CLASS["water"]).mean() * 100
    expect(rows.nth(CLASS["water"])).to_contain_text(f"{share:.0f} %")
    expect(studio.page.locator("#live")).to_have_attribute("data-state", "connected")


def test_water_painted_over_grass_is_sent_and_changes_the_picture_there(studio: Studio) -> None:
    labels, before = studio.labels, studio.picture
    x, y = spot(labels, "grass", 22)
    studio.choose("water")
    studio.stroke_and_wait((x - 6, y), (x + 6, y))

    sent = studio.sent.labels
    painted = sent != labels
    assert painted[y, x - 6 : x + 7].all()
    assert (sent[painted] == CLASS["water"]).all()
    assert (studio.labels == sent).all()
    assert 26 * 12 < painted.sum() < 45 * 30  # a 26 pixel brush, moved by 12
    moved = change(before, studio.picture)
    assert moved[painted].mean() > 8
    assert moved[painted].mean() > 4 * moved[~painted].mean()


def test_undo_brings_labels_and_picture_back_and_redo_the_stroke(studio: Studio) -> None:
    labels, picture = studio.labels, studio.picture
    x, y = spot(labels, "grass", 22)
    studio.choose("water")
    studio.stroke_and_wait((x, y), (x + 10, y), (x + 10, y + 5))
    painted = studio.labels
    before = studio.picture_id
    studio.page.keyboard.press("Control+z")
    studio.new_picture(before)
    assert (studio.sent.labels == labels).all()
    assert (studio.picture == picture).all()
    before = studio.picture_id
    studio.page.keyboard.press("Control+Shift+z")
    studio.new_picture(before)
    assert (studio.sent.labels == painted).all()


def test_fill_rectangle_and_eyedropper(studio: Studio) -> None:
    labels = studio.labels
    x, y = spot(labels, "water", 30)
    studio.tool("pick")
    studio.stroke((x, y))
    expect(studio.page.locator("[data-class][aria-selected=true]")).to_have_text(re.compile("water"))
    studio.choose("sand")
    studio.tool("rectangle")
    studio.stroke_and_wait((x - 8, y - 5), (x + 8, y + 5))
    sent = studio.sent.labels
    assert (sent[y - 4 : y + 5, x - 7 : x + 8] == CLASS["sand"]).all()
    studio.choose("rock")
    studio.tool("fill")
    studio.stroke_and_wait((x, y))
    filled = studio.sent.labels
    assert (filled[sent != filled] == CLASS["rock"]).all()
    assert (filled == CLASS["rock"]).sum() == ((sent != filled) & (sent == CLASS["sand"])).sum()
    assert (studio.labels == filled).all()


def test_a_new_look_for_water_stays_in_the_water(studio: Studio) -> None:
    water = studio.labels == CLASS["water"]
    old, before = studio.sent.request["style"], studio.picture
    studio.click_and_wait(f"[data-dice='{CLASS['water']}']")
    new = studio.sent.request["style"]
    others = [name for name in CLASS if name != "water"]
    assert specs(new, others) == specs(old, others)
    assert specs(new, ["water"]) != specs(old, ["water"])
    moved = change(before, studio.picture)
    assert moved.sum() > 0
    share = moved[water].sum() / moved.sum()
    assert share >= 0.8
    expect(studio.page.locator("#change .legend")).to_contain_text(f"inside water {share * 100:.0f} %")


def test_a_locked_class_keeps_its_look_when_all_others_are_rolled(studio: Studio) -> None:
    old = studio.sent.request["style"]
    studio.page.locator(f"[data-chip='{CLASS['sky']}']").hover()
    studio.page.get_by_role("button", name="Lock sky").first.click()
    expect(studio.page.locator(f"[data-dice='{CLASS['sky']}']")).to_be_disabled()
    studio.click_and_wait("#resample-all")
    new = studio.sent.request["style"]
    assert specs(new, ["sky"]) == specs(old, ["sky"])
    for name in ("water", "grass", "mountain"):
        assert specs(new, [name]) != specs(old, [name])
    studio.click_and_wait("#looks-reset")
    assert studio.sent.request["style"] == old


def test_strength_leads_back_to_the_look_before(studio: Studio) -> None:
    old, before = studio.sent.request["style"], studio.picture
    studio.choose("water")
    studio.click_and_wait(f"[data-dice='{CLASS['water']}']")
    waiting = studio.picture_id
    studio.slide("#look-editor input[type=range]", 40)
    studio.new_picture(waiting)
    assert specs(studio.sent.request["style"], ["water"])["water"]["t"] == 0.4
    waiting = studio.picture_id
    studio.slide("#look-editor input[type=range]", 0)
    studio.new_picture(waiting)
    assert specs(studio.sent.request["style"], ["water"]) == specs(old, ["water"])
    assert (studio.picture == before).all()


def test_a_typed_seed_is_that_look(studio: Studio) -> None:
    studio.choose("water")
    before = studio.picture_id
    field = studio.page.get_by_label("Seed")
    field.fill("31407")
    field.press("Enter")
    studio.new_picture(before)
    assert specs(studio.sent.request["style"], ["water"]) == {"water": {"seed": 31407}}
    field.fill("many")
    field.press("Enter")
    expect(studio.page.get_by_role("alert")).to_contain_text("“many” is no seed")


def test_six_looks_of_water_to_pick_from(studio: Studio) -> None:
    old = studio.sent.request["style"]
    studio.choose("water")
    studio.page.locator("#variants-draw").click()
    cards = studio.page.locator("[data-variant]")
    expect(cards).to_have_count(6)
    asked = studio.recorder.last("resample").request
    assert (asked["classes"], asked["n"]) == ([CLASS["water"]], 6)
    for number in range(6):
        expect(cards.nth(number)).to_contain_text(re.compile(r"\d %\s*outside"))
    before = studio.picture
    cards.nth(2).hover()
    hovered = studio.picture
    assert (hovered != before).any()
    shown = studio.picture_id
    cards.nth(2).click()
    studio.new_picture(shown)
    assert (studio.picture == hovered).all()
    expect(cards.nth(2)).to_have_attribute("aria-pressed", "true")
    expect(studio.page.locator("#change .legend")).to_contain_text("inside water")
    x, y = spot(studio.labels, "grass", 22)
    studio.stroke_and_wait((x, y))  # the next picture shows what the style has become
    others = [name for name in CLASS if name != "water"]
    assert specs(studio.sent.request["style"], others) == specs(old, others)
    assert specs(studio.sent.request["style"], ["water"]) != specs(old, ["water"])


def test_an_earlier_picture_comes_back_with_its_labels(studio: Studio) -> None:
    labels, picture = studio.labels, studio.picture
    x, y = spot(labels, "grass", 22)
    studio.choose("water")
    studio.stroke_and_wait((x, y))
    studio.click_and_wait("#history [role=listitem]:last-child button")
    assert (studio.labels == labels).all()
    assert (studio.picture == picture).all()


def test_strokes_land_where_the_pointer_is_at_any_zoom(studio: Studio) -> None:
    page = studio.page
    page.mouse.move(*studio.at(128, 128))
    for _ in range(4):
        page.mouse.wheel(0, -300)
    expect(page.locator("#zoom-value")).not_to_have_text("174 %")
    labels, picture = (page.locator(f"#{name}").bounding_box() for name in ("labels", "picture"))
    assert labels
    assert picture
    assert labels["width"] > 1000
    assert (labels["width"], labels["y"]) == (picture["width"], picture["y"])  # both canvases move together
    studio.choose("rock")
    studio.slide("#size", 5)
    studio.stroke_and_wait((128.5, 128.5))
    ys, xs = np.nonzero(studio.sent.labels == CLASS["rock"])
    assert (xs.min(), xs.max(), ys.min(), ys.max()) == (126, 130, 126, 130)
    page.keyboard.press("Control+0")
    expect(page.locator("#zoom-value")).to_have_text("174 %")
