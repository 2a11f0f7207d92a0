"""Answers that come line by line, animations through several styles, MP4, and codes as files."""

from __future__ import annotations

import base64
import importlib.util
import io
import json
import zipfile
from typing import Any

import numpy as np
import pytest
from starlette.testclient import TestClient
from studio import LABELS, WATER, error_of, pixels, post

from model.recipe.recipe import read_recipe
from server.api.codes import CodesAnswer
from server.api.morph import AnimationAnswer
from server.api.schemas import Picture
from server.api.video import write_mp4

LINES = "application/x-ndjson"


def lines(client: TestClient, what: str, asked: dict[str, Any]) -> list[dict[str, Any]]:
    answer = post(client, what, {"labels": LABELS}, asked, accept=LINES)
    assert (answer.status_code, answer.headers["content-type"]) == (200, LINES)
    return [json.loads(line) for line in answer.text.splitlines()]


def unpacked(url: str) -> list[bytes]:
    archive = zipfile.ZipFile(io.BytesIO(base64.b64decode(url.partition(",")[2])))
    return [archive.read(name) for name in archive.namelist()]


def test_variants_that_come_one_by_one_are_those_that_come_together(client: TestClient) -> None:
    asked = {"style": {"seed": 7}, "classes": [WATER, 0], "n": 5, "seed": 3}
    together = post(client, "resample", {"labels": LABELS}, asked).json()["pictures"]
    *rows, last = lines(client, "resample", asked)
    assert [set(row) for row in rows] == [{"picture"}] * 5 and last["timings"]["engine_ms"] > 0
    for row, other in zip(rows, together, strict=True):
        Picture.model_validate(row["picture"])
        assert (pixels(row["picture"]["image"]) == pixels(other["image"])).all()
        assert row["picture"]["style"] == other["style"]
        assert row["picture"]["change"] == pytest.approx(other["change"])


def test_a_morph_counts_its_frames_and_ends_with_the_file(client: TestClient) -> None:
    asked = {"from": {"seed": 1}, "to": {"seed": 2}, "steps": 10, "format": "zip"}
    *counts, last = lines(client, "morph", asked)
    assert counts == [{"frame": 4, "frames": 10}, {"frame": 8, "frames": 10}, {"frame": 10, "frames": 10}]
    AnimationAnswer.model_validate(last)
    assert len(unpacked(last["animation"])) == last["frames"] == 10


@pytest.mark.parametrize(("what", "asked"), [("resample", {"classes": [99]}), ("morph", {"from": {}, "to": {"x": 1}})])
def test_a_wrong_request_is_refused_before_the_first_line(client: TestClient, what: str, asked: dict[str, Any]) -> None:
    error_of(post(client, what, {"labels": LABELS}, asked, accept=LINES), 422, "invalid")


def test_a_morph_goes_through_all_of_its_styles(client: TestClient) -> None:
    keys = [{"seed": seed} for seed in (1, 2, 3)]
    asked = {"styles": keys, "classes": [WATER], "steps": 5, "format": "zip"}
    last = lines(client, "morph", asked)[-1]
    styles = [read_recipe(frame).style for frame in unpacked(last["animation"])]
    assert [styles[i][str(WATER)] for i in (0, 2, 4)] == keys
    assert styles[1][str(WATER)] == {"blend": keys[:2], "t": 0.5}
    assert [style["0"] for style in styles] == [{"seed": 1}] * 5


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"styles": [{"seed": 1}]}, "request.styles"),
        ({"styles": [{}] * 17}, "request.styles"),
        ({"styles": [{}, {}], "from": {}}, "request.styles"),
        ({"to": {}}, "request.from"),
    ],
)
def test_key_styles_out_of_range_are_named(client: TestClient, asked: dict[str, Any], field: str) -> None:
    error = error_of(post(client, "morph", {"labels": LABELS}, asked), 422, "invalid")
    assert error["field"] == field


def test_an_mp4_has_all_frames_and_lasts_as_asked(client: TestClient) -> None:
    import av

    asked = {"from": {"seed": 1}, "to": {"seed": 2}, "steps": 6, "seconds": 1.5, "format": "mp4"}
    answer = post(client, "morph", {"labels": LABELS}, asked, accept="*/*")
    assert answer.headers["content-type"] == "video/mp4"
    with av.open(io.BytesIO(answer.content), "r") as video:
        stream = video.streams.video[0]
        assert (stream.codec_context.name, stream.codec_context.pix_fmt) == ("h264", "yuv420p")
        assert [(frame.width, frame.height) for frame in video.decode(stream)] == [(64, 64)] * 6
        assert video.duration is not None and video.duration / 1e6 == pytest.approx(1.5, abs=0.01)


def test_a_video_shows_its_frames() -> None:
    import av

    frames = [np.full((32, 48, 3), level, np.uint8) for level in (20, 120, 220)]
    with av.open(io.BytesIO(write_mp4(frames, 1.0)), "r") as video:
        shown = [frame.to_ndarray(format="rgb24") for frame in video.decode(video=0)]
    for frame, picture in zip(frames, shown, strict=True):
        assert np.abs(frame.astype(int) - picture).max() <= 4


def test_without_pyav_the_report_and_the_refusal_say_what_to_install(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert client.get("/api/v1/models/tiny").json()["mp4"] == {"available": True}
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *rest: None)
    state = client.get("/api/v1/models/tiny").json()["mp4"]
    error = error_of(
        post(client, "morph", {"labels": LABELS}, {"from": {}, "to": {}, "format": "mp4"}), 409, "no_video"
    )
    assert state["available"] is False
    for says in (state["reason"], error["message"]):
        assert "pip install 'groupdnet-studio[video]'" in says


def test_a_look_goes_out_as_a_file_and_comes_back_as_the_same_picture(client: TestClient) -> None:
    style = {"seed": 7, "6": {"blend": [{"seed": 1}, {"seed": 2}], "t": 0.25}}
    asked = {"style": style, "classes": [WATER]}
    file = post(client, "codes", {"request": (None, json.dumps(asked))}, accept="application/octet-stream")
    assert file.headers["content-type"] == "application/octet-stream"
    back = post(client, "codes", {"codes": ("river.npz", file.content)}).json()
    CodesAnswer.model_validate(back)
    assert back["classes"] == [WATER] and back["style"]["6"]["from"] == "river.npz"
    before = post(client, "render", {"labels": LABELS}, {"style": style}).json()["pictures"][0]
    after = post(client, "render", {"labels": LABELS}, {"style": {"seed": 7, "6": back["style"]["6"]}}).json()
    assert (pixels(before["image"]) == pixels(after["pictures"][0]["image"])).all()


def test_codes_need_a_style_or_a_file(client: TestClient) -> None:
    error = error_of(post(client, "codes", {"request": (None, "{}")}), 422, "invalid")
    assert "either" in error["message"]
