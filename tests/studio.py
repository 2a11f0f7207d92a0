"""A studio to send requests to, for the tests: an app of its own over a folder of small checkpoints."""

from __future__ import annotations

import base64
import contextlib
import io
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from httpx2 import Response
from PIL import Image
from starlette.testclient import TestClient

from model.recipe.labels import write_labels
from model.recipe.taxonomy import TAXONOMIES
from server.app import create_app
from server.settings import Settings

SKY, GRASS, WATER, ROAD = 0, 4, 6, 9
TAXONOMY = TAXONOMIES["landscape"]
Files = dict[str, Any] | list[tuple[str, Any]]


def scene(size: int = 64) -> np.ndarray:
    """Sky over water over grass, uint8 [size, size]."""
    labels = np.full((size, size), SKY, np.uint8)
    labels[size // 3 :] = WATER
    labels[3 * size // 4 :] = GRASS
    return labels


LABELS = write_labels(scene(), TAXONOMY)


def photo(size: int = 64, seed: int = 0) -> bytes:
    """A noisy gradient as a PNG."""
    ramp = np.linspace(0, 200, size)[:, None, None]
    noise = np.random.default_rng(seed).uniform(0, 55, (size, size, 3))
    return png((ramp + noise).astype(np.uint8))


def png(values: np.ndarray) -> bytes:
    """uint8 [H, W] or [H, W, 3] as a PNG."""
    buffer = io.BytesIO()
    Image.fromarray(values).save(buffer, "PNG")
    return buffer.getvalue()


@contextlib.contextmanager
def open_studio(checkpoints: Path, **settings: Any) -> Iterator[TestClient]:
    """A client of a running app; its models are not warmed up unless asked for."""
    values = {"default_model": "tiny", "warm_up": False, **settings}
    with TestClient(create_app(Settings(checkpoints=checkpoints, **values))) as client:
        wait_until_ready(client)
        yield client


def wait_until_ready(client: TestClient, seconds: float = 30) -> None:
    """Returns when /readyz answers 200."""
    give_up = time.monotonic() + seconds
    while (answer := client.get("/readyz")).status_code != 200:
        assert time.monotonic() < give_up, answer.text
        time.sleep(0.02)


def post(
    client: TestClient,
    what: str,
    files: Files,
    asked: Any = None,
    *,
    model: str = "tiny",
    accept: str = "application/json",
) -> Response:
    """POST models/{model}/{what}; ``asked`` is the request field, JSON already where it is text."""
    data = {} if asked is None else {"request": asked if isinstance(asked, str) else json.dumps(asked)}
    return client.post(f"/api/v1/models/{model}/{what}", files=files, data=data, headers={"Accept": accept})


def pixels(content: bytes | str) -> np.ndarray:
    """The values of an image file or its data URL."""
    if isinstance(content, str):
        content = base64.b64decode(content.partition(",")[2])
    return np.asarray(Image.open(io.BytesIO(content)))


def error_of(answer: Response, status: int, code: str) -> dict[str, Any]:
    """The error of an answer, which must have the one shape, this status and this code."""
    body = answer.json()
    assert set(body) == {"error"}, body
    error: dict[str, Any] = body["error"]
    assert set(error) == {"code", "message", "field", "value", "allowed", "details"}
    assert (answer.status_code, error["code"]) == (status, code), error["message"]
    assert "Traceback" not in answer.text
    return error
