"""Many random strokes: what the server gets is the canvas, and what was recorded replays without the page."""

from __future__ import annotations

import json
import os
import subprocess
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright._impl._driver import compute_driver_executable
from playwright.sync_api import expect

from .workbench import Studio

pytestmark = pytest.mark.browser

# One hand at random: tools, classes, sizes, strokes, undo and redo, through the page's own events.
SCRIBBLE = """async ([seed, count]) => {
  let state = seed >>> 0;
  const real = (low, high) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return low + (((t ^ (t >>> 14)) >>> 0) / 2 ** 32) * (high - low);
  };
  const pick = (list) => list[Math.floor(real(0, list.length))];
  const frame = document.getElementById("labels-frame");
  const box = frame.getBoundingClientRect();
  const key = (code, held = {}) =>
    document.body.dispatchEvent(new KeyboardEvent("keydown", { code, key: code, bubbles: true, ...held }));
  const pointer = (type, held) => {
    const place = { clientX: box.x + real(-10, box.width + 10), clientY: box.y + real(-10, box.height + 10) };
    const button = type === "pointermove" ? -1 : 0;
    const shared = { pointerId: 1, isPrimary: true, bubbles: true, button, buttons: 1 };
    frame.dispatchEvent(new PointerEvent(type, { ...shared, ...place, ...held }));
  };
  const stroke = () => {
    const pen = real(0, 1) < 0.2;
    const held = {
      shiftKey: real(0, 1) < 0.15,
      altKey: real(0, 1) < 0.05,
      pointerType: pen ? "pen" : "mouse",
      pressure: pen ? real(0.05, 1) : 0.5,
    };
    pointer("pointerdown", held);
    for (let i = Math.floor(real(0, 6)); i > 0; i -= 1) pointer("pointermove", held);
    if (real(0, 1) < 0.05) key("Escape", { key: "Escape" });
    pointer("pointerup", { ...held, buttons: 0 });
  };
  const replace = () => {
    key("KeyX", { shiftKey: true });
    const go = document.getElementById("replace-go");
    if (!go.disabled) go.click();
    document.getElementById("replace-menu").hidePopover();
  };
  const doing = {
    stroke: [55, stroke],
    undo: [12, () => key("KeyZ", { ctrlKey: true })],
    redo: [8, () => key("KeyY", { ctrlKey: true })],
    tool: [12, () => key(pick(["KeyB", "KeyB", "KeyE", "KeyF", "KeyU", "KeyL", "KeyM", "KeyI"]))],
    class: [8, () => key(pick(["Digit1", "Digit4", "Digit7", "Digit0", "KeyX", "KeyD"]))],
    size: [4, () => key(pick(["BracketLeft", "BracketRight"]))],
    shape: [2, () => pick([...document.querySelectorAll("[data-shape], #everywhere")]).click()],
    finish: [2, () => key("Enter")],
    zoom: [1, () => frame.dispatchEvent(new WheelEvent("wheel", { deltaY: real(-300, 300), cancelable: true }))],
    replace: [1, replace],
  };
  const bag = Object.entries(doing).flatMap(([what, [weight]]) => new Array(weight).fill(what));
  const done = Object.fromEntries(Object.keys(doing).map((what) => [what, 0]));
  for (let i = 0; i < count; i += 1) {
    const what = pick(bag);
    doing[what][1]();
    done[what] += 1;
    await Promise.resolve();
  }
  return done;
}"""

RECORD = """async () => {
  const recorded = (window.recorded = { steps: [] });
  const { Painter } = await import("/static/map/painter.js");
  const { History } = await import("/static/map/history.js");
  const listen = (type, names) => {
    for (const name of names) {
      const own = type.prototype[name];
      type.prototype[name] = function (...values) {
        recorded.map ??= this.map;
        recorded.before ??= [...this.map.data];
        recorded.steps.push([name, ...values]);
        return own.apply(this, values);
      };
    }
  };
  listen(Painter, ["press", "drag", "release", "cancel", "back", "finish"]);
  listen(History, ["undo", "redo"]);
}"""


def settled(studio: Studio) -> np.ndarray:
    """The label map that the server got last, once nothing is on its way."""
    studio.settle()
    expect(studio.page.locator("html")).not_to_have_class("is-busy")
    return studio.sent.labels


def test_after_a_thousand_random_operations_the_server_has_the_canvas(studio: Studio) -> None:
    opened = studio.labels
    done: dict[str, int] = {}
    for part in range(10):
        for what, times in studio.page.evaluate(SCRIBBLE, [part, 100]).items():
            done[what] = done.get(what, 0) + times
        assert (settled(studio) == studio.labels).all(), f"part {part}"
    assert sum(done.values()) == 1000
    assert min(done.values()) > 0, done
    assert (studio.labels != opened).mean() > 0.2


def runs(labels: list[int] | np.ndarray) -> dict[str, Any]:
    """A label map of 256 × 256 as pairs of class and length."""
    flat = np.asarray(labels).reshape(-1).tolist()
    return {"width": 256, "height": 256, "runs": [[label, len(list(run))] for label, run in groupby(flat)]}


def test_recorded_strokes_replay_without_the_page_to_the_same_pixels(studio: Studio, tmp_path: Path) -> None:
    page = studio.page
    page.evaluate(RECORD)
    page.evaluate(SCRIBBLE.replace("replace: [1, replace],", ""), [77, 150])
    recorded = page.evaluate("({ before: recorded.before, steps: recorded.steps, after: [...recorded.map.data] })")
    assert (np.reshape(recorded["after"], (256, 256)) == studio.labels).all()
    assert (settled(studio) == studio.labels).all()
    for when in ("before", "after"):
        recorded[when] = runs(recorded[when])
    file = tmp_path / "paint.json"
    file.write_text(json.dumps(recorded, separators=(",", ":")))
    node = compute_driver_executable()[0]
    test = Path(__file__).parents[1] / "js" / "map" / "recording.test.mjs"
    replay = subprocess.run(
        [node, "--test", test], env={**os.environ, "RECORDING": str(file)}, capture_output=True, text=True, timeout=120
    )
    assert replay.returncode == 0, replay.stdout
    assert "pass 2" in replay.stdout  # the recording that is kept, and this one
