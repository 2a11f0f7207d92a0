"""Pictures on their way out: files that open again as what went in, and differences that are measured right."""

from __future__ import annotations

import base64
import io
import zipfile
from typing import Literal

import numpy as np
import pytest
from PIL import Image, ImageSequence

from model.recipe.change import measure_change
from server.api import images


def noise(seed: int, height: int = 24, width: int = 40) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def test_data_url_holds_the_file() -> None:
    head, body = images.data_url(b"\x00\xff", "webp").split(",")
    assert head == "data:image/webp;base64"
    assert base64.b64decode(body) == b"\x00\xff"


@pytest.mark.parametrize("format", ["webp", "gif"])
def test_animation_has_all_frames_and_lasts_as_asked(format: Literal["webp", "gif"]) -> None:
    content = images.animate([noise(i) for i in range(7)], format, seconds=1.0)
    animation = Image.open(io.BytesIO(content))
    durations = []
    for frame in ImageSequence.Iterator(animation):
        frame.load()  # WebP knows a frame's duration only then
        durations.append(frame.info["duration"])
    assert (animation.format, len(durations), animation.info["loop"]) == (format.upper(), 7, 0)
    assert sum(durations) == pytest.approx(1000, abs=35)  # a GIF counts hundredths


def test_a_gif_shares_one_palette_and_stays_close() -> None:
    sky = np.linspace([90, 140, 220], [220, 230, 240], 64)[:, None].repeat(64, axis=1)  # [64, 64, 3]
    frames = [(sky * (1 - i / 10)).astype(np.uint8) for i in range(5)]
    animation = Image.open(io.BytesIO(images.animate(frames, "gif", seconds=1.0)))
    for frame, shown in zip(frames, ImageSequence.Iterator(animation)):
        assert np.abs(np.asarray(shown.convert("RGB")).astype(int) - frame).mean() < 4


def test_zip_holds_the_frames_in_order() -> None:
    archive = zipfile.ZipFile(io.BytesIO(images.pack([b"one", b"two"])))
    assert archive.namelist() == ["frame_000.png", "frame_001.png"]
    assert archive.read("frame_001.png") == b"two"


def test_change_is_measured_inside_and_outside() -> None:
    before = np.full((4, 4, 3), 100, np.uint8)
    after = before.copy()
    inside = np.zeros((4, 4), bool)
    inside[:2] = True
    after[:2] += 30
    after[3, 3] -= 8
    measured = measure_change(before, after, inside)._asdict()
    assert measured == pytest.approx({"inside": 30, "outside": 1, "share_inside": 720 / 744})


def test_no_change_at_all_is_all_inside() -> None:
    same = noise(1)
    everywhere = np.ones(same.shape[:2], bool)
    assert measure_change(same, same, everywhere)._asdict() == {"inside": 0, "outside": 0, "share_inside": 1}
    assert measure_change(same, same, ~everywhere).outside == 0
