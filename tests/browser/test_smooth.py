"""
How long the page's own work takes while somebody paints, from the browser's trace. It measures, so it runs on demand:
STUDIO_TRACE=1 python -m pytest tests/browser/test_smooth.py -s
"""

from __future__ import annotations

import dataclasses
import json
import math
import os
import re
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest
from conftest import narrow_config, random_checkpoint
from playwright.sync_api import Browser, Page, expect

from model.checkpoint import save_checkpoint

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif("STUDIO_TRACE" not in os.environ, reason="a measurement: set STUDIO_TRACE to make it"),
]

LONGEST_FRAME = 32  # ms of the page's own work
SECONDS = 5
REFRESH = 1e6 / 60  # µs from one refresh of the screen to the next
COLLECTION = "v8/src/heap"  # the source of tasks that collect garbage
REST = 1000  # µs without work in which a frame would have begun, had there been anything to draw


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A studio over a model of 512 × 512 pixels, in a process of its own: the hand must not wait for the model."""
    folder = tmp_path_factory.mktemp("large")
    save_checkpoint(folder / "large", random_checkpoint(dataclasses.replace(narrow_config(), image_size=(512, 512))))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = subprocess.Popen([sys.executable, "-m", "server", "--port", str(port), "--checkpoints", folder])
    url = f"http://127.0.0.1:{port}/"
    wait_until_ready(f"{url}readyz")
    yield url
    server.terminate()
    server.wait(10)


def wait_until_ready(url: str, seconds: float = 60) -> None:
    """Returns when the address answers with 200."""
    give_up = time.monotonic() + seconds
    while True:
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except OSError:
            assert time.monotonic() < give_up, f"{url} does not answer"
            time.sleep(0.2)


def frames(trace: dict[str, Any], page_url: str) -> list[float]:
    """
    Milliseconds of processor time that the page's main thread worked from one frame's beginning to the next's.

    A page with nothing to draw begins no frame. What is done then is cut where one would have begun: after a refresh of
    the screen, when the thread rests or takes up a slice of garbage collection, before which a frame goes.
    """
    events = trace["traceEvents"]
    start = next(e for e in events if e["name"] == "TracingStartedInBrowser")
    ours = {f["processId"] for f in start["args"]["data"]["frames"] if f.get("url", "").startswith(page_url)}
    mains = {
        (e["pid"], e["tid"])
        for e in events
        if e["name"] == "thread_name" and e["args"]["name"] == "CrRendererMain" and e["pid"] in ours
    }
    own = sorted((e for e in events if (e["pid"], e.get("tid")) in mains), key=lambda e: e.get("ts", 0))
    work, began, busy_until = [0.0], 0.0, 0.0  # the times in microseconds
    for event, inner in zip(own, [*own[1:], {}], strict=True):
        if event["name"] == "BeginMainThreadFrame":
            work.append(0.0)
            began = event["ts"]
        elif event["name"] == "RunTask" and "tdur" in event:
            waits = event["ts"] >= busy_until + REST or COLLECTION in inner.get("args", {}).get("src_file", "")
            if waits and event["ts"] >= began + REFRESH:
                work.append(0.0)
                began = event["ts"]
            work[-1] += event["tdur"] / 1000
            busy_until = event["ts"] + event["dur"]
    return work


def drag(page: Page, seconds: float) -> int:
    """A hand that goes round and round over the label map; returns how often it was told where."""
    box = page.locator("#labels-frame").bounding_box()
    assert box
    moves, start = 0, time.monotonic()
    while (now := time.monotonic() - start) < seconds:
        angle, reach = 2.3 * now, 0.3 + 0.12 * math.sin(5.1 * now)
        x, y = 0.5 + reach * math.cos(angle), 0.5 + reach * math.sin(1.7 * angle)
        page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"])
        if not moves:
            page.mouse.down()
        moves += 1
    page.mouse.up()
    return moves


def test_no_frame_takes_long_while_a_brush_is_dragged_and_pictures_follow(
    browser: Browser, page: Page, large: str
) -> None:
    page.goto(large)
    expect(page.locator("#picture")).to_have_attribute("data-picture", re.compile(r"\d"))
    page.locator("#live").click()
    page.locator("[data-live=draw]").click()
    page.keyboard.press("Escape")
    page.locator("#size").evaluate("input => { input.value = 60; input.dispatchEvent(new Event('input')); }")
    page.keyboard.press("3")
    drag(page, 1)  # compiled by now
    page.wait_for_timeout(1000)
    page.keyboard.press("5")
    timeline = "disabled-by-default-devtools.timeline"
    categories = ["toplevel", "devtools.timeline", timeline, f"{timeline}.frame", "devtools.timeline.frame"]
    browser.start_tracing(page=page, categories=categories)
    moves = drag(page, SECONDS)
    page.wait_for_timeout(1000)
    work = frames(json.loads(browser.stop_tracing()), large)
    worst = sorted(work, reverse=True)
    print(
        f"\n{moves} moves, {len(work)} frames in {SECONDS} s and 1 s of rest; worst {worst[0]:.1f} ms,"
        f" then {', '.join(f'{ms:.1f}' for ms in worst[1:6])}; median {worst[len(worst) // 2]:.1f} ms"
    )
    assert len(work) > SECONDS * 4
    assert worst[0] <= LONGEST_FRAME
