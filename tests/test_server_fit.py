"""Fitting over HTTP: line by line, cancelled by leaving, a few at a time; and references that are styles."""

from __future__ import annotations

import base64
import contextlib
import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import numpy as np
import pytest
from painter import serving
from starlette.testclient import TestClient
from studio import GRASS, LABELS, ROAD, SKY, TAXONOMY, WATER, error_of, open_studio, photo, pixels, post, scene

from model.engine import Engine
from model.engine.fitting import FitStep
from model.errors import InputError
from model.recipe.labels import write_labels
from model.recipe.recipe import read_recipe
from server.api.fit import FitAnswer
from server.api.schemas import PicturesAnswer
from server.app import create_app
from server.settings import Settings

LINES = "application/x-ndjson"
FILES: dict[str, Any] = {"photo": ("beach.png", photo()), "photo_labels": LABELS}


@pytest.fixture(scope="module")
def client(tiny_without_encoder: Path) -> Iterator[TestClient]:
    with open_studio(tiny_without_encoder) as client:
        yield client


def lines(client: TestClient, files: dict[str, Any], asked: dict[str, Any]) -> list[dict[str, Any]]:
    answer = post(client, "fit", files, asked, accept="*/*")
    assert (answer.status_code, answer.headers["content-type"]) == (200, LINES), answer.text
    return [json.loads(line) for line in answer.text.splitlines()]


def own_picture(client: TestClient, seed: int) -> bytes:
    return post(client, "render", {"labels": LABELS}, {"style": {"seed": seed}}, accept="image/png").content


def test_a_fit_tells_how_far_it_is_and_ends_with_a_style(client: TestClient) -> None:
    *steps, last = lines(client, FILES, {"steps": 25, "seed": 4})
    FitAnswer.model_validate(last)
    numbers = [row["step"] for row in steps]
    assert numbers == sorted(set(numbers)) and numbers[-1] == 25
    assert all(row["steps"] == 25 and row["distance"] > 0 for row in steps)
    shares = [row["share"] for row in steps]
    assert shares == sorted(shares) and shares[0] >= 0 and shares[-1] == 1
    assert pixels(steps[0]["picture"]).shape == (64, 64, 3)
    assert last["classes"] == [SKY, GRASS, WATER] and set(last["style"]) == {"seed", "0", "4", "6"}
    assert last["style"]["seed"] == 4 and last["style"]["6"]["from"] == "beach.png"
    assert last["timings"]["engine_ms"] > 0


def test_the_style_of_a_fit_renders_its_picture(client: TestClient) -> None:
    last = lines(client, FILES, {"steps": 4, "name": "my beach"})[-1]
    picture = post(client, "render", {"labels": LABELS}, {"style": last["style"]}).json()["pictures"][0]
    assert np.array_equal(pixels(picture["image"]), pixels(last["picture"]))
    assert last["style"]["0"]["from"] == "my beach"


def test_the_picture_of_a_fit_carries_its_recipe(client: TestClient) -> None:
    last = lines(client, FILES, {"steps": 2})[-1]
    recipe = read_recipe(base64.b64decode(last["picture"].partition(",")[2]))
    assert recipe.style == last["style"]


def test_a_picture_made_here_is_fitted_better_than_by_chance(client: TestClient) -> None:
    made = own_picture(client, 43)
    last = lines(client, {"photo": made, "photo_labels": LABELS}, {})[-1]
    fitted, other = (
        np.abs(pixels(p).astype(int) - pixels(made)).mean() for p in (last["picture"], own_picture(client, 1))
    )
    assert fitted < 0.5 * other


def test_as_json_the_result_comes_alone(client: TestClient) -> None:
    answer = post(client, "fit", FILES, {"steps": 3}, accept="application/json")
    assert answer.headers["content-type"] == "application/json"
    assert answer.json()["style"] == lines(client, FILES, {"steps": 3})[-1]["style"]


@pytest.mark.parametrize(
    ("files", "asked", "code", "field"),
    [
        ({"photo": photo()}, {}, "invalid", "photo_labels"),
        ({"photo": b"no", "photo_labels": LABELS}, {}, "not_an_image", "photo"),
        ({"photo": photo(96), "photo_labels": LABELS}, {}, "wrong_size", "photo"),
        ({"photo": photo(), "photo_labels": write_labels(scene(96), TAXONOMY)}, {}, "wrong_size", "photo_labels"),
        ({"photo": photo(), "photo_labels": LABELS, "instances": LABELS}, {}, "invalid", "instances"),
        (FILES, {"steps": 0}, "invalid", "request.steps"),
        (FILES, {"steps": 401}, "invalid", "request.steps"),
        (FILES, {"seed": -1}, "invalid", "request.seed"),
    ],
)
def test_what_is_wrong_is_an_answer_and_not_a_line(
    client: TestClient, files: dict[str, Any], asked: dict[str, Any], code: str, field: str
) -> None:
    error = error_of(post(client, "fit", files, asked, accept=LINES), 422, code)
    assert error["field"] == field


def test_what_goes_wrong_on_the_way_is_a_line(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    fit = Engine.fit

    def breaks(self: Engine, *args: Any, **options: Any) -> Iterator[FitStep]:
        yield next(fit(self, *args, **options))
        raise InputError("the ground is gone", field="photo")

    monkeypatch.setattr("server.models.work.FIT_SECONDS", 0)
    monkeypatch.setattr(Engine, "fit", breaks)
    first, last = lines(client, FILES, {"steps": 3})
    assert first["step"] == 0
    assert last["error"]["message"] == "the ground is gone" and last["error"]["field"] == "photo"


class Gate:
    """Lets a fit's steps through one by one, and counts them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.open, self.count = threading.Event(), 0
        fit = Engine.fit

        def gated(engine: Engine, *args: Any, **options: Any) -> Iterator[FitStep]:
            for step in fit(engine, *args, **options):
                self.count += 1
                self.open.wait(0.02)
                yield step

        monkeypatch.setattr("server.models.work.FIT_SECONDS", 0)
        monkeypatch.setattr(Engine, "fit", gated)

    def rests(self) -> bool:
        """Whether no step is taken for a while."""
        before = self.count
        time.sleep(0.5)
        return self.count == before


@contextlib.contextmanager
def listening(checkpoints: Path, **settings: Any) -> Iterator[str]:
    """The address of a real server."""
    app = create_app(Settings(checkpoints=checkpoints, default_model="tiny", warm_up=False, **settings))
    with serving(app) as (_, port):
        yield f"http://127.0.0.1:{port}/"


def wait_for(what: Any, seconds: float = 20) -> None:
    give_up = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < give_up
        time.sleep(0.01)


def fit_over(url: str, client: httpx2.Client, steps: int) -> Any:
    asked = {"request": json.dumps({"steps": steps})}
    return client.stream("POST", f"{url}api/v1/models/tiny/fit", files=FILES, data=asked, timeout=30)


def test_leaving_ends_the_work_and_frees_the_place(tiny_without_encoder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gate = Gate(monkeypatch)
    with listening(tiny_without_encoder, fits=1) as url, httpx2.Client() as client:
        with fit_over(url, client, 400) as answer:
            rows = answer.iter_lines()
            assert json.loads(next(rows))["step"] == 0
            with fit_over(url, client, 5) as refused:
                assert refused.status_code == 503 and refused.headers["retry-after"] == "1"
                assert "fitted already" in json.loads(refused.read())["error"]["message"]
        wait_for(gate.rests)
        assert gate.count < 400
        gate.open.set()
        with fit_over(url, client, 5) as answer:
            assert "style" in json.loads(answer.read().splitlines()[-1])


def test_two_fits_and_a_painter_share_the_model(tiny_without_encoder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lines of two fits arrive in turn, and a picture is rendered while both are on their way."""
    Gate(monkeypatch)
    with (
        listening(tiny_without_encoder) as url,
        httpx2.Client() as client,
        fit_over(url, client, 40) as one,
        fit_over(url, client, 40) as two,
    ):
        streams = [answer.iter_lines() for answer in (one, two)]
        for _ in range(3):
            assert [json.loads(next(stream))["steps"] for stream in streams] == [40, 40]
        picture = client.post(f"{url}api/v1/models/tiny/render", files={"labels": LABELS}, timeout=30)
        assert picture.status_code == 200
        ends = [json.loads(list(stream)[-1]) for stream in streams]
    assert ends[0]["style"] == ends[1]["style"]


# References that are styles


@pytest.fixture(scope="module")
def looks(client: TestClient) -> list[dict[str, Any]]:
    return [lines(client, FILES | {"photo": (f"{i}.png", photo(seed=i))}, {"steps": 3})[-1]["style"] for i in range(2)]


def test_mix_takes_each_class_from_its_style(client: TestClient, looks: list[dict[str, Any]]) -> None:
    asked = {"references": {"6": 1, "4": 0}, "styles": looks, "style": {"seed": 3}}
    answer = post(client, "mix", {"labels": LABELS}, asked).json()
    PicturesAnswer.model_validate(answer)
    style = answer["pictures"][0]["style"]
    assert (style["0"], style["4"], style["6"]) == ({"seed": 3}, looks[0]["4"], looks[1]["6"])


def test_photos_come_before_styles(tiny_checkpoint: Path, looks: list[dict[str, Any]]) -> None:
    files = [("labels", LABELS), ("photos", ("a.png", photo())), ("photo_labels", LABELS)]
    asked = {"references": {"6": 1, "4": 0}, "styles": looks[:1]}
    with open_studio(tiny_checkpoint) as client:
        style = post(client, "mix", files, asked).json()["pictures"][0]["style"]
    assert style["4"]["from"] == "a.png" and style["6"] == looks[0]["6"]


def test_manipulate_takes_a_style_in_place_of_a_photo(client: TestClient, looks: list[dict[str, Any]]) -> None:
    edited = scene()
    edited[:8] = ROAD
    files = {"labels": write_labels(edited, TAXONOMY)}
    style = post(client, "manipulate", files, {"reference": looks[0], "seed": 11}).json()["pictures"][0]["style"]
    assert style["9"] == {"seed": 11} and style["6"] == looks[0]["6"]


def test_fitted_styles_morph(client: TestClient, looks: list[dict[str, Any]]) -> None:
    asked = {"from": looks[0], "to": looks[1], "steps": 3, "format": "gif"}
    assert post(client, "morph", {"labels": LABELS}, asked, accept="image/gif").status_code == 200


@pytest.mark.parametrize(
    ("what", "files", "asked", "code", "field"),
    [
        ("mix", {}, {"references": {"6": 0}}, "invalid", "photos"),
        ("mix", {}, {"references": {"6": 1}, "styles": [{"6": {"seed": 1}}]}, "invalid", "request.references.6"),
        ("mix", {}, {"references": {"6": 0}, "styles": [{"4": {"seed": 1}}]}, "missing_class", "request.references.6"),
        ("mix", {}, {"references": {"6": 0}, "styles": [{"6": {"sead": 1}}]}, "invalid", "request.styles.0.6"),
        ("mix", {}, {"references": {"6": 0}, "styles": [{"6": {"seed": 1}}] * 17}, "invalid", "references"),
        ("manipulate", {"photo": photo()}, {"reference": {}}, "invalid", "request.reference"),
        ("manipulate", {}, {"reference": {"99": {"seed": 1}}}, "invalid", "request.reference"),
    ],
)
def test_wrong_styles_are_named(
    client: TestClient, what: str, files: dict[str, Any], asked: dict[str, Any], code: str, field: str
) -> None:
    error = error_of(post(client, what, {"labels": LABELS} | files, asked), 422, code)
    assert error["field"] == field
