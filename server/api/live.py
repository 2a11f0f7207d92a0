"""``WS /api/v1/models/{id}/live``: a painter sends what changed and gets the newest picture back.

One task reads a socket into a slot for one request, another answers what it finds there. A painter who is faster than
the model loses the requests in between, never the pixels in them. ``server.api.frames`` describes the messages.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import time
from collections.abc import Awaitable, MutableMapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import numpy as np
from anyio.to_thread import run_sync
from fastapi import APIRouter, WebSocket
from starlette.websockets import WebSocketDisconnect

from model.errors import InputError, refuse
from server.api import frames, images
from server.api.answers import write_pngs
from server.api.frames import LiveRequest
from server.api.route import PREFIX
from server.models.registry import Model
from server.models.studio import Studio
from server.models.uploads import Scene, read_style
from server.models.work import Work
from server.web.errors import RETRY_SECONDS, UNEXPECTED, error_body, error_response, status_of
from server.web.forms import parse_json
from server.web.metrics import Metrics

log = logging.getLogger("groupdnet.server")
router = APIRouter()

NORMAL = 1000  # code with which a socket is closed when nothing is wrong
SEND_SECONDS = 30  # seconds in which a painter must take an answer
MOST_TEXT = 1000  # characters of a text message that are read
JPEG_QUALITY = 85


@router.websocket(PREFIX + "/models/{id}/live")
async def live(socket: WebSocket, id: str) -> None:
    """Serve one painter until either side closes. A refusal is an HTTP answer in the shape of all errors."""
    app = socket.app.state
    try:
        require_same_origin(socket.headers.get("origin"), socket.headers.get("host", ""))
        model = await run_sync(app.studio.registry.find, id)
        with app.live.take():
            await socket.accept()
            await LiveSocket(socket, app.studio, model, app.metrics).serve()
    except InputError as error:
        await socket.send_denial_response(error_response(error))


def require_same_origin(origin: str | None, host: str) -> None:
    """Raises InputError "forbidden" for a page from elsewhere; programs send no origin."""
    if origin is not None and urlsplit(origin).netloc != host:
        raise InputError(
            f"A page of {origin} may not paint here; open the studio's own page at {host}.",
            code="forbidden",
            field="Origin",
            value=origin,
            allowed=host,
        )


@dataclass(frozen=True)
class Wish:
    """A picture that is asked for: the header, the map uint8 [H, W] with the message's pixels on it, and its time.

    ``started`` is the ``time.perf_counter()`` at which the message arrived.
    """

    asked: LiveRequest
    labels: np.ndarray
    started: float


class LiveSocket:
    """One painter's socket: the newest map that came through it, and the newest wish that is not answered yet."""

    def __init__(self, socket: WebSocket, studio: Studio, model: Model, metrics: Metrics) -> None:
        self.socket, self.studio, self.model, self.metrics = socket, studio, model, metrics
        self._labels: np.ndarray | None = None
        self._seq = 0
        self._wish: Wish | None = None
        self._wished = asyncio.Event()
        self._drawn: tuple[np.ndarray, dict[str, Any], np.ndarray] | None = None  # labels, style, picture

    async def serve(self) -> None:
        """Read and answer until the socket closes, or takes no more answers."""
        tasks = [asyncio.create_task(self._read()), asyncio.create_task(self._answer())]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                with contextlib.suppress(WebSocketDisconnect, TimeoutError):
                    task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    # ---- in ----

    async def _read(self) -> None:
        seconds = self.studio.settings.live_idle_seconds
        while True:
            try:
                message = await asyncio.wait_for(self.socket.receive(), seconds)
            except TimeoutError:
                await self.socket.close(NORMAL, f"Nothing was painted for {seconds} s.")
                return
            if message["type"] == "websocket.disconnect":
                return
            try:
                if message.get("bytes") is None:
                    await self._ping(message["text"])
                else:
                    await self._take(message["bytes"], time.perf_counter())
            except InputError as error:
                self.metrics.painted("refused")
                await self._say(error, self._number(message))

    async def _ping(self, text: str) -> None:
        """Answer ``{"ping": 1}``, the only message that comes as text. Raises InputError for any other text."""
        said = parse_json(text[:MOST_TEXT], "message")
        if not isinstance(said, dict) or set(said) != {"ping"} or not isinstance(said["ping"], int):
            raise InputError(
                'A text message can only be {"ping": number}; pixels come as binary messages.',
                code="malformed",
                field="message",
                value=text,
                allowed='{"ping": 1}',
            )
        await self._send(self.socket.send_text(json.dumps({"pong": said["ping"]})))

    async def _take(self, message: bytes, started: float) -> None:
        """Paint the pixels of a message on the map, and wish for its picture in place of the one wished for before."""
        height, width = self.model.config.image_size
        most = frames.most_bytes(height * width)
        if len(message) > most:
            raise InputError(
                f"The message has {len(message)} bytes; at most {most} are allowed.",
                code="too_large",
                field="message",
                value=len(message),
                allowed=most,
            )
        frame = await run_sync(frames.unpack, message)
        self._require_order(frame.asked)
        size, classes = (height, width), self.model.config.classes
        self._labels = await run_sync(frames.paint, frame, self._labels, size, classes)
        self._seq = frame.asked.seq
        if self._wish is not None:
            self.metrics.painted("dropped")
        self._wish = Wish(frame.asked, self._labels, started)
        self._wished.set()

    def _require_order(self, asked: LiveRequest) -> None:
        """Raises InputError where the message does not follow the one before it."""
        if asked.seq <= self._seq:
            what = f"is {asked.seq}, but message {self._seq} was here before it"
            refuse("seq", asked.seq, what, f"more than {self._seq}")
        if asked.base is not None and (self._labels is None or asked.base != self._seq):
            raise InputError(
                f"base is {asked.base}, but the newest map here is that of "
                f"{f'message {self._seq}' if self._labels is not None else 'no message'}; send the whole map.",
                code="unknown_base",
                field="base",
                value=asked.base,
                allowed=self._seq if self._labels is not None else None,
            )
        if asked.base is None and asked.rect is not None:
            raise InputError(
                "rect changes a part of a map, but base does not say of which; leave rect out and send the whole map.",
                field="rect",
                value=asked.rect,
                allowed=None,
            )

    def _number(self, message: MutableMapping[str, Any]) -> int | None:
        """The number of a message that was refused, or None where it cannot be read."""
        try:
            return frames.unpack(message["bytes"]).asked.seq
        except (InputError, KeyError, TypeError):
            return None

    # ---- out ----

    async def _answer(self) -> None:
        while True:
            await self._wished.wait()
            wish, self._wish = self._wish, None
            self._wished.clear()
            assert wish is not None
            try:
                answer = await self._draw(wish)
            except InputError as error:
                self.metrics.painted("refused")
                await self._say(error, wish.asked.seq)
            except Exception:
                log.exception("message %d of a live socket failed", wish.asked.seq)
                await self._say(InputError(UNEXPECTED, code="internal"), wish.asked.seq)
            else:
                await self._send(self.socket.send_bytes(answer))

    async def _draw(self, wish: Wish) -> bytes:
        """The answer to a wish: a JPEG, or the PNG that POST render would give."""
        asked = wish.asked
        async with self.studio.batcher.turn() as turn:
            work = Work(self.studio, self.model, turn, wish.started)
            scene, style = Scene(wish.labels), await run_sync(read_style, self.model, asked.style)
            picture = self._known(wish)
            if picture is None:
                (picture,) = await work.render(scene, [style])
                self._drawn = wish.labels, asked.style, picture
            if asked.exact:
                (content,) = await run_sync(write_pngs, self.model, scene, [style], [picture], True)
            else:
                content = await run_sync(images.jpeg, picture, JPEG_QUALITY)
            self.metrics.painted("exact" if asked.exact else "draft")
            kind = images.MEDIA_TYPES["png" if asked.exact else "jpeg"]
            header = {"seq": asked.seq, "picture": kind, "exact": asked.exact, "timings": work.timings()}
            return frames.pack(header, content)

    def _known(self, wish: Wish) -> np.ndarray | None:
        """The last picture, if it has the same map and style: a painter at rest asks for it once more, exact."""
        if self._drawn is None:
            return None
        labels, style, picture = self._drawn
        return picture if labels is wish.labels and style == wish.asked.style else None

    async def _say(self, error: InputError, seq: int | None) -> None:
        """Send an error as text, with the number of the message it is about."""
        said = {"seq": seq, "status": status_of(error), **error_body(error)}
        if error.code == "busy":
            said["retry_after"] = RETRY_SECONDS
        await self._send(self.socket.send_text(json.dumps(said)))

    async def _send(self, sending: Awaitable[None]) -> None:
        """Raises TimeoutError for a painter that does not take the message within ``SEND_SECONDS``."""
        await asyncio.wait_for(sending, SEND_SECONDS)
