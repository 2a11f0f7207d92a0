"""A painter without a page: sends maps and rectangles over the live socket, as the protocol has them."""

from __future__ import annotations

import contextlib
import json
import socket
import struct
import threading
import time
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import uvicorn
from starlette.types import ASGIApp
from websockets.sync.client import ClientConnection, connect

Rect = tuple[int, int, int, int]


@contextlib.contextmanager
def serving(app: ASGIApp, **options: Any) -> Iterator[tuple[uvicorn.Server, int]]:
    """A real server on a free port of this process, and the port."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        config = uvicorn.Config(app, log_level="warning", ws_per_message_deflate=False, **options)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
        thread.start()
        while not server.started:
            assert thread.is_alive(), "the server did not start"
            time.sleep(0.02)
        try:
            yield server, listener.getsockname()[1]
        finally:
            server.should_exit = True
            thread.join(10)


def message(header: dict[str, Any] | bytes, pixels: bytes = b"") -> bytes:
    """Length, header, pixels."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<I", len(text)) + text + pixels


def parts(answer: bytes | str) -> tuple[dict[str, Any], bytes]:
    """The header of an answer and its file; an answer in words has none."""
    if isinstance(answer, str):
        return json.loads(answer), b""
    (length,) = struct.unpack_from("<I", answer)
    return json.loads(answer[4 : 4 + length]), answer[4 + length :]


@dataclass
class Painter:
    """One connection; ``labels`` is the map as the server should have it."""

    connection: ClientConnection
    labels: np.ndarray
    seq: int = 0
    answers: list[dict[str, Any]] = field(default_factory=list)

    def send(self, pixels: bytes = b"", **header: Any) -> int:
        """One message of whatever is given, numbered."""
        self.seq += 1
        self.connection.send(message({"seq": self.seq, **header}, pixels))
        return self.seq

    def whole(self, **header: Any) -> int:
        """The whole map, deflated."""
        return self.send(zlib.compress(self.labels.tobytes()), deflate=True, **header)

    def patch(self, rect: Rect, value: int, deflate: bool = False, **header: Any) -> int:
        """Paint a rectangle, and send it alone."""
        x, y, w, h = rect
        self.labels[y : y + h, x : x + w] = value
        pixels = self.labels[y : y + h, x : x + w].tobytes()
        return self.send(
            zlib.compress(pixels) if deflate else pixels,
            base=self.seq,
            rect=list(rect),
            deflate=deflate,
            **header,
        )

    def receive(self, timeout: float = 30) -> tuple[dict[str, Any], bytes]:
        header, content = parts(self.connection.recv(timeout))
        self.answers.append(header)
        return header, content

    def until(self, seq: int) -> tuple[dict[str, Any], bytes]:
        """The answer to this message; those before it are read on the way."""
        while True:
            header, content = self.receive()
            if header["seq"] == seq:
                return header, content


@contextlib.contextmanager
def painting(port: int, labels: np.ndarray, model: str = "tiny", **options: Any) -> Iterator[Painter]:
    """A painter of this model at the server on this port."""
    url = f"ws://127.0.0.1:{port}/api/v1/models/{model}/live"
    with connect(url, compression=None, proxy=None, **options) as connection:
        yield Painter(connection, labels.copy())
