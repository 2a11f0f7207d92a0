"""Live: drafts under the brush, the exact picture at rest, and painting on without a server."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator

import pytest
from fastapi import FastAPI
from playwright.sync_api import Page, expect

from model.recipe.labels import read_labels
from model.recipe.recipe import read_recipe
from server.settings import ROOT

from .conftest import Server
from .workbench import CLASS, TAXONOMY, Recorder, Studio, decode, spot

pytestmark = pytest.mark.browser


def test_while_drawing_drafts_come_and_at_rest_the_exact_picture(studio: Studio) -> None:
    studio.live("draw")
    x, y = spot(studio.labels, "grass", 22)
    studio.choose("water")
    before, asked, page = studio.picture_id, len(studio.recorder.calls), studio.page
    page.mouse.move(*studio.at(x, y))
    page.mouse.down()
    page.mouse.move(*studio.at(x + 8, y), steps=3)
    expect(page.locator("#picture")).to_have_class(re.compile("is-draft"))
    drawn = studio.picture
    page.mouse.move(*studio.at(x + 8, y + 8), steps=3)
    assert studio.picture_id == before  # a draft is no picture of the history
    page.mouse.up()
    studio.new_picture(before)
    expect(page.locator("#picture")).not_to_have_class(re.compile("is-draft"))
    assert (studio.picture != drawn).any()
    routes = [call.route for call in studio.recorder.calls[asked:]]
    assert routes[0] == "draft"
    assert routes[-1] == "render"
    assert (studio.sent.labels == studio.labels).all()
    assert (decode(studio.export("picture")) == studio.picture).all()


def test_a_slider_that_is_held_shows_drafts_and_let_go_the_picture(studio: Studio) -> None:
    studio.choose("water")
    studio.click_and_wait(f"[data-dice='{CLASS['water']}']")
    before, asked = studio.picture_id, len(studio.recorder.calls)
    box = studio.page.locator("#look-editor input[type=range]").bounding_box()
    assert box
    mouse = studio.page.mouse
    mouse.move(box["x"] + box["width"] - 6, box["y"] + 8)
    mouse.down()
    mouse.move(box["x"] + box["width"] / 2, box["y"] + 8, steps=4)
    expect(studio.page.locator("#picture")).to_have_class(re.compile("is-draft"))
    mouse.up()
    studio.new_picture(before)
    assert {call.route for call in studio.recorder.calls[asked:-1]} == {"draft"}
    assert studio.recorder.calls[-1].route == "render"


def test_on_demand_a_stroke_waits_for_the_word(studio: Studio) -> None:
    x, y = spot(studio.labels, "grass", 22)
    studio.live("demand")
    studio.choose("water")
    shown, asked = studio.picture_id, len(studio.recorder.calls)
    studio.stroke((x, y))
    expect(studio.page.locator("#picture-note")).to_contain_text("not rendered yet")
    assert len(studio.recorder.calls) == asked
    studio.page.keyboard.press("Control+Enter")
    studio.new_picture(shown)
    assert (studio.sent.labels == studio.labels).all()
    expect(studio.page.locator("#render-now")).to_be_hidden()


def test_what_was_chosen_is_remembered_and_arrows_choose_too(studio: Studio) -> None:
    page = studio.page
    studio.live("stroke")
    page.reload()
    expect(page.locator("#live-mode")).to_have_text("after each stroke")
    page.locator("#live").click()
    page.locator("[data-live=stroke]").press("ArrowDown")
    expect(page.locator("[data-live=demand]")).to_have_attribute("aria-checked", "true")
    expect(page.locator("[data-live=demand]")).to_be_focused()
    page.locator("[data-live=auto]").click()
    expect(page.locator("#live-auto")).to_contain_text("now ")
    expect(page.locator("#live-value")).to_have_text("Ready")  # what was kept needs no picture
    page.keyboard.press("Control+Enter")
    expect(page.locator("#live-value")).to_have_text(re.compile(r"\d+ ms|\d+\.\d s"))


def test_where_sockets_are_blocked_single_requests_do_it(page: Page, landscape_server: Server) -> None:
    landscape_server.recorder.calls.clear()
    landscape_server.recorder.blocked = True
    try:
        studio = Studio(page, landscape_server.recorder, landscape_server.url)
        studio.open()
        x, y = spot(studio.labels, "grass", 22)
        studio.choose("water")
        studio.stroke_and_wait((x, y))
        assert (studio.sent.labels == studio.labels).all()
        assert "style" in studio.sent.request
        assert "seq" not in studio.sent.request  # a form, not a message
        expect(page.locator("#live")).to_have_attribute("data-state", "connected")
        page.locator("#live").click()
        expect(page.locator("#live-line")).to_contain_text("the live line is blocked")
    finally:
        landscape_server.recorder.blocked = False


class Process:
    """``python -m server`` on a port of its own, to be killed and started again."""

    def __init__(self) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}/"
        self.start()

    def start(self) -> None:
        command = [sys.executable, "-m", "server", "--port", str(self.port), "--no-warm-up", "--log-level", "error"]
        self.process = subprocess.Popen(command, cwd=ROOT, env={**os.environ})
        give_up = time.monotonic() + 60
        while not self.ready:
            assert self.process.poll() is None and time.monotonic() < give_up
            time.sleep(0.1)

    @property
    def ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}readyz", timeout=10) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def kill(self, how: signal.Signals = signal.SIGKILL) -> None:
        self.process.send_signal(how)
        self.process.wait(20)


@pytest.fixture
def process() -> Iterator[Process]:
    process = Process()
    yield process
    process.kill()


def studio_of(page: Page, process: Process) -> Studio:
    """The page of a server that runs elsewhere, where nobody can record what arrives."""
    studio = Studio(page, Recorder(FastAPI()), process.url)
    studio.open()
    return studio


def test_a_server_killed_while_somebody_paints_costs_nothing(page: Page, process: Process) -> None:
    studio = studio_of(page, process)
    studio.live("draw")
    live = page.locator("#live")
    labels = studio.labels
    x, y = spot(labels, "grass", 22)
    studio.choose("water")
    before = studio.picture_id
    page.mouse.move(*studio.at(x, y))
    page.mouse.down()
    page.mouse.move(*studio.at(x + 6, y), steps=3)
    process.kill()
    page.mouse.move(*studio.at(x + 10, y), steps=3)
    page.mouse.up()
    expect(live).to_have_attribute("data-state", "offline")
    expect(live).to_contain_text("Painting on, will resend")
    studio.choose("sand")
    studio.stroke((x - 8, y - 4), (x - 8, y + 4))
    studio.page.keyboard.press("Control+z")
    studio.page.keyboard.press("Control+Shift+z")
    painted = studio.labels
    assert (painted[y, x + 7 : x + 16] == CLASS["water"]).all()
    assert (painted[y - 12 : y + 13, x - 8] == CLASS["sand"]).all()
    process.start()
    studio.new_picture(before)  # by itself
    expect(live).to_have_attribute("data-state", "connected")
    assert (studio.labels == painted).all()
    picture = studio.export("picture")
    assert (read_labels(read_recipe(picture).labels, TAXONOMY) == painted).all()
    assert (decode(picture) == studio.picture).all()


def test_a_server_that_restarts_while_nobody_paints_is_found_again(page: Page, process: Process) -> None:
    studio = studio_of(page, process)
    live, shown = page.locator("#live"), studio.picture_id
    process.kill(signal.SIGTERM)
    expect(live).to_have_attribute("data-state", "offline")
    process.start()
    expect(live).to_have_attribute("data-state", "connected")
    assert studio.picture_id == shown
