"""The live socket of a real server: what arrives, what is answered, what is dropped, and whatever can be wrong."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import numpy as np
import pytest
from fastapi import FastAPI
from hypothesis import given, settings, strategies
from painter import Painter, message, painting, parts, serving
from studio import LABELS, TAXONOMY, WATER, pixels, scene
from websockets.exceptions import ConnectionClosed, InvalidStatus

from model.engine import Engine
from model.recipe.labels import read_labels, write_labels
from model.recipe.recipe import read_recipe
from server.app import create_app
from server.settings import Settings

SIZE = 64
STYLE = {"seed": 7, "6": {"seed": 3}}


@dataclass
class Live:
    app: FastAPI
    port: int

    def painting(self, labels: np.ndarray | None = None, **options: Any) -> contextlib.AbstractContextManager[Painter]:
        return painting(self.port, scene() if labels is None else labels, **options)

    @property
    def http(self) -> httpx2.Client:
        return httpx2.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=30)

    def metric(self, name: str) -> float:
        with self.http as client:
            lines = client.get("/metrics").text.splitlines()
        return next((float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(f"{name} ")), 0.0)

    @contextlib.contextmanager
    def model_held(self) -> Iterator[None]:
        """The model's thread is busy for as long as this lasts."""
        begun, release = threading.Event(), threading.Event()

        def hold() -> None:
            begun.set()
            release.wait(30)

        self.app.state.studio.batcher.submit(hold)
        assert begun.wait(30)
        try:
            yield
        finally:
            release.set()


@contextlib.contextmanager
def open_live(checkpoints: Path, **values: Any) -> Iterator[Live]:
    app = create_app(Settings(checkpoints=checkpoints, default_model="tiny", warm_up=False, **values))
    with serving(app) as (_, port):
        yield Live(app, port)


@pytest.fixture(scope="module")
def live(tiny_checkpoint: Path) -> Iterator[Live]:
    with open_live(tiny_checkpoint) as live:
        yield live


def labels_in(picture: bytes) -> np.ndarray:
    """The label map of a picture's recipe."""
    return read_labels(read_recipe(picture).labels, TAXONOMY)


# What is painted is what is drawn


def test_the_exact_picture_is_the_file_that_post_render_gives(live: Live) -> None:
    with live.painting() as painter:
        header, content = painter.until(painter.whole(style=STYLE, exact=True))
    assert (header["picture"], header["exact"]) == ("image/png", True)
    assert set(header["timings"]) == {"queue_ms", "engine_ms", "total_ms"}
    with live.http as client:
        answer = client.post(
            "/api/v1/models/tiny/render",
            files={"labels": LABELS},
            data={"request": json.dumps({"style": STYLE})},
            headers={"Accept": "image/png"},
        )
    assert answer.content == content


def test_while_painting_a_jpeg_of_the_same_picture_comes(live: Live) -> None:
    with live.painting() as painter:
        header, draft = painter.until(painter.whole(style=STYLE))
        assert (header["picture"], header["exact"]) == ("image/jpeg", False)
        rest, exact = painter.until(painter.send(base=painter.seq, style=STYLE, exact=True))
    assert draft[:3] == b"\xff\xd8\xff"
    assert pixels(draft).shape == pixels(exact).shape == (SIZE, SIZE, 3)
    assert np.abs(pixels(draft).astype(int) - pixels(exact)).mean() < 25  # noise, which JPEG knows least of all
    assert rest["timings"]["engine_ms"] == 0  # the hand has come to rest: nothing is drawn twice


@pytest.mark.parametrize("seed", range(3))
def test_rectangle_by_rectangle_the_server_has_the_painters_map(live: Live, seed: int) -> None:
    random = np.random.default_rng(seed)
    with live.painting(random.integers(0, 12, (SIZE, SIZE), np.uint8)) as painter:
        painter.whole()
        for _ in range(40):
            x, y = random.integers(0, SIZE, 2)
            w, h = random.integers(1, SIZE - x + 1), random.integers(1, SIZE - y + 1)
            painter.patch((int(x), int(y), int(w), int(h)), int(random.integers(12)), bool(random.integers(2)))
        _, content = painter.until(painter.send(base=painter.seq, exact=True))
        assert (labels_in(content) == painter.labels).all()


def test_only_the_newest_is_drawn_and_nothing_painted_is_lost(live: Live) -> None:
    dropped = live.metric('groupdnet_live_messages_total{outcome="dropped"}')
    with live.painting() as painter:
        painter.until(painter.whole())
        with live.model_held():
            first = painter.patch((0, 0, 4, 4), WATER)
            time.sleep(0.2)  # it is in front of the model now
            for i in range(1, 20):
                last = painter.patch((i, i, 5, 3), i % 12, exact=i == 19)
            painter.connection.send(json.dumps({"ping": 5}))
            assert painter.receive()[0] == {"pong": 5}  # all before it has been read
        _, content = painter.until(last)
        assert [answer["seq"] for answer in painter.answers if "seq" in answer] == [1, first, last]
        assert (labels_in(content) == painter.labels).all()
    assert live.metric('groupdnet_live_messages_total{outcome="dropped"}') == dropped + 18


def test_a_painter_who_reads_nothing_holds_nobody_up(live: Live) -> None:
    def narrow(port: int) -> socket.socket:
        slow = socket.socket()
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        slow.connect(("127.0.0.1", port))
        return slow

    with live.painting(sock=narrow(live.port), max_queue=1) as slow, live.painting() as other:
        slow.whole(exact=True)
        for i in range(150):
            slow.patch((i % SIZE, 0, 1, 1), i % 12, exact=True)
        for _ in range(3):
            assert other.until(other.whole())[0]["picture"] == "image/jpeg"
        _, content = slow.until(slow.seq)
        assert (labels_in(content) == slow.labels).all()
        assert len(slow.answers) <= slow.seq


def test_a_second_painter_has_a_map_of_its_own(live: Live) -> None:
    with live.painting() as one, live.painting(np.full((SIZE, SIZE), WATER, np.uint8)) as two:
        assert live.metric("groupdnet_live_sockets") == 2
        for painter in (one, two):
            painter.whole()
        for painter in (one, two):
            assert (labels_in(painter.until(painter.send(base=1, exact=True))[1]) == painter.labels).all()


# Whatever can be wrong

RAW = scene().tobytes()
CODE = {"seed": 0, "6": {"code": "A" * 2**20}}


@pytest.mark.parametrize(
    ("sent", "status", "code", "says"),
    [
        (b"", 400, "malformed", "0 bytes"),
        (b"\x00\x00", 400, "malformed", "2 bytes"),
        (b"\xff\xff\xff\xff{}", 413, "too_large", "4294967295 bytes"),
        (b"\x09\x00\x00\x00{}", 400, "malformed", "9 bytes"),
        (message(b"nonsense"), 422, "invalid", "header is not JSON"),
        (message(b"\x80\x81"), 422, "invalid", "UTF-8"),
        (message(b"[]"), 422, "invalid", "header"),
        (message(b"[" * 100_000), 422, "invalid", "nested too deeply"),
        (message({}), 422, "invalid", "seq"),
        (message({"seq": 9, "sqe": 9}), 422, "invalid", "no field 'sqe'"),
        (message({"seq": 1}, RAW), 422, "invalid", "message 1 was here"),
        (message({"seq": -4}, RAW), 422, "invalid", "seq"),
        (message({"seq": 9}), 422, "invalid", "0 bytes of pixels came for 4096"),
        (message({"seq": 9}, RAW[1:]), 422, "invalid", "4095 bytes of pixels came for 4096"),
        (message({"seq": 9}, bytes(2 * len(RAW))), 422, "invalid", "4096"),
        (message({"seq": 9}, bytes(2**21)), 413, "too_large", "at most"),
        (message({"seq": 9}, b"\x0c" * 4096), 422, "unknown_label", "12"),
        (message({"seq": 9, "deflate": True}, RAW), 400, "malformed", "not deflated"),
        (message({"seq": 9, "deflate": True}, zlib.compress(bytes(2**20))), 422, "invalid", "more than 4096"),
        (message({"seq": 9, "deflate": True}, zlib.compress(RAW)[:-4]), 422, "invalid", "4096 or other"),
        (message({"seq": 9, "deflate": True}, zlib.compress(RAW) + b"x"), 422, "invalid", "4096 or other"),
        (message({"seq": 9, "base": 4}), 409, "unknown_base", "send the whole map"),
        (message({"seq": 9, "rect": [0, 0, 1, 1]}, b"\x00"), 422, "invalid", "base does not say"),
        (message({"seq": 9, "base": 1, "rect": [0, 0, 65, 1]}, bytes(65)), 422, "invalid", "64×64"),
        (message({"seq": 9, "base": 1, "rect": [-1, 0, 2, 1]}, bytes(2)), 422, "invalid", "64×64"),
        (message({"seq": 9, "base": 1, "rect": [0, 0, 0, 1]}), 422, "invalid", "64×64"),
        (message({"seq": 9, "base": 1, "rect": [0, 10**20, 1, 1]}, b"\x00"), 422, "invalid", "64×64"),
        (message({"seq": 9, "base": 1, "rect": [0, 0, 1]}, b"\x00"), 422, "invalid", "rect"),
        (message({"seq": 9, "base": 1, "rect": [0, 0, 2, 1]}, b"\x00"), 422, "invalid", "1 bytes of pixels came for 2"),
        (message({"seq": 9, "base": 1, "style": {"water": {}}}), 422, "invalid", "water"),
        (message({"seq": 9, "base": 1, "style": {"12": {"seed": 1}}}), 422, "invalid", "12"),
        (message({"seq": 9, "base": 1, "style": CODE}), 413, "too_large", "1048576 are allowed"),
        ("hello", 422, "invalid", "message is not JSON"),
        ('{"ping": "x"}', 400, "malformed", "ping"),
        ('{"seq": 9}', 400, "malformed", "binary"),
    ],
    ids=lambda value: "" if isinstance(value, bytes | int) else str(value)[:20],
)
def test_a_wrong_message_is_answered_in_words_and_painting_goes_on(
    live: Live, sent: bytes | str, status: int, code: str, says: str
) -> None:
    with live.painting() as painter:
        painter.until(painter.whole())
        painter.connection.send(sent)
        answer, _ = painter.receive()
        assert set(answer) == {"seq", "status", "error"}, answer
        assert set(answer["error"]) == {"code", "message", "field", "value", "allowed", "details"}
        assert (answer["status"], answer["error"]["code"]) == (status, code), answer["error"]["message"]
        assert says in answer["error"]["message"]
        assert answer["seq"] in (None, 1, -4, 9)
        painter.seq = 9
        assert painter.until(painter.whole(exact=True))[0]["exact"]
        painter.labels = scene()


def test_a_refused_message_leaves_the_map_as_it_was(live: Live) -> None:
    with live.painting() as painter:
        painter.until(painter.whole())
        painter.connection.send(message({"seq": 2, "base": 1, "rect": [0, 0, 2, 1]}, b"\x01\x63"))
        assert painter.receive()[0]["error"]["code"] == "unknown_label"
        header, content = painter.until(painter.patch((3, 3, 2, 2), WATER, exact=True))
        assert (header["seq"], labels_in(content).tolist()) == (2, painter.labels.tolist())


def test_whatever_is_sent_the_socket_answers(live: Live) -> None:
    header = strategies.fixed_dictionaries(
        {"seq": strategies.integers(-1, 2**60)},
        optional={
            "base": strategies.none() | strategies.integers(-1, 3),
            "rect": strategies.none() | strategies.lists(strategies.integers(-3, 70), max_size=5),
            "deflate": strategies.booleans() | strategies.none(),
            "style": strategies.dictionaries(strategies.text(max_size=3), strategies.integers(), max_size=2),
            "exact": strategies.booleans(),
        },
    )
    shaped = strategies.builds(message, header, strategies.binary(max_size=80))

    with live.painting() as painter:

        @given(strategies.binary(max_size=60) | strategies.text(max_size=60) | shaped)
        @settings(max_examples=60, derandomize=True)
        def answers(sent: bytes | str) -> None:
            painter.connection.send(sent)
            answer, _ = painter.receive()
            assert ("error" in answer) != ("picture" in answer)
            assert answer.get("status", 200) < 500

        answers()
        painter.seq = 2**53 - 2
        assert painter.until(painter.whole())[0]["picture"] == "image/jpeg"


def test_a_failure_inside_is_one_sentence_and_the_next_picture_comes(
    live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*args: object) -> np.ndarray:
        raise RuntimeError("secret")

    with live.painting() as painter:
        with monkeypatch.context() as patched:
            patched.setattr(Engine, "render", broken)
            answer, _ = painter.until(painter.whole())
        assert (answer["status"], answer["error"]["code"]) == (500, "internal")
        assert "secret" not in json.dumps(answer)
        assert painter.until(painter.send(base=1))[0]["picture"] == "image/jpeg"


def test_a_busy_model_says_when_to_come_again(tiny_checkpoint: Path) -> None:
    with open_live(tiny_checkpoint, queue_size=1) as live, live.painting() as one, live.painting() as two:
        with live.model_held():
            one.whole()
            time.sleep(0.3)
            answer, _ = two.until(two.whole())
            assert (answer["status"], answer["error"]["code"], answer["retry_after"]) == (503, "busy", 1)
        one.until(1)
        assert two.until(two.send(base=1))[0]["picture"] == "image/jpeg"  # the map is there already


# Coming in, and going


def refused(live: Live, **options: Any) -> tuple[int, dict[str, Any], str | None]:
    with pytest.raises(InvalidStatus) as caught, live.painting(**options):
        pass
    response = caught.value.response
    return response.status_code, json.loads(response.body or b"")["error"], response.headers.get("Retry-After")


def test_who_may_not_come_in_is_told_why(live: Live) -> None:
    status, error, _ = refused(live, model="atlantis")
    assert (status, error["code"], error["allowed"]) == (404, "unknown_model", ["tiny"])
    for origin in ("https://elsewhere.example", "null", f"http://127.0.0.1:{live.port + 1}"):
        status, error, _ = refused(live, origin=origin)
        assert (status, error["code"], error["value"]) == (403, "forbidden", origin)
    with live.painting(origin=f"http://127.0.0.1:{live.port}") as painter:
        assert painter.until(painter.whole())[0]["picture"]


def test_one_socket_too_many_is_refused_and_its_place_is_given_on(tiny_checkpoint: Path) -> None:
    with open_live(tiny_checkpoint, live_sockets=1) as live:
        with live.painting() as painter:
            status, error, again = refused(live)
            assert (status, error["code"], error["allowed"], again) == (503, "busy", 1, "1")
            assert painter.until(painter.whole())[0]["picture"]
        wait_until(lambda: live.metric("groupdnet_live_sockets") == 0)
        with live.painting() as painter:
            assert painter.until(painter.whole())[0]["picture"]


def test_who_paints_nothing_is_let_go(tiny_checkpoint: Path) -> None:
    with open_live(tiny_checkpoint, live_idle_seconds=1) as live, live.painting() as painter:
        with pytest.raises(ConnectionClosed) as caught:
            painter.receive()
        assert caught.value.rcvd is not None
        assert (caught.value.rcvd.code, caught.value.rcvd.reason) == (1000, "Nothing was painted for 1 s.")


def test_a_server_that_stops_closes_its_sockets_as_one_that_comes_back(tiny_checkpoint: Path) -> None:
    app = create_app(Settings(checkpoints=tiny_checkpoint, default_model="tiny", warm_up=False))
    with serving(app, timeout_graceful_shutdown=5) as (server, port), painting(port, scene()) as painter:
        painter.until(painter.whole())
        server.should_exit = True
        with pytest.raises(ConnectionClosed) as caught:
            painter.receive()
        assert caught.value.rcvd is not None
        assert caught.value.rcvd.code == 1012


def test_who_leaves_in_the_middle_leaves_nothing_behind(live: Live) -> None:
    with live.model_held():
        with live.painting() as painter:
            painter.whole()
            wait_until(lambda: live.metric("groupdnet_queue_depth") == 1)
        wait_until(lambda: live.metric("groupdnet_queue_depth") == 0)
    assert live.metric("groupdnet_live_sockets") == 0


def test_labels_of_the_recipe_are_a_file_that_anybody_reads(live: Live) -> None:
    with live.painting() as painter:
        _, content = painter.until(painter.whole(exact=True))
    assert read_recipe(content).labels == write_labels(scene(), TAXONOMY)
    assert parts(message({"seq": 1}, b"x")) == ({"seq": 1}, b"x")


def wait_until(true: Any, seconds: float = 10) -> None:
    give_up = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < give_up
        time.sleep(0.05)
