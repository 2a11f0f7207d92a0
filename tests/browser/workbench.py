"""The studio as a person handles it: mouse, keys and files, and what can be seen."""

from __future__ import annotations

import base64
import io
import json
import re
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from email.parser import BytesParser
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from playwright.sync_api import Page, expect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from model.recipe.labels import read_labels, write_labels
from model.recipe.taxonomy import TAXONOMIES

TAXONOMY = TAXONOMIES["landscape"]
CLASS = {name: index for index, name in enumerate(TAXONOMY.names)}


@dataclass
class Call:
    """One POST as it arrived: the route's name, the JSON field and the files."""

    route: str
    request: dict[str, Any]
    files: dict[str, list[bytes]]

    @property
    def labels(self) -> np.ndarray:
        return read_labels(self.files["labels"][0], TAXONOMIES["landscape"])


class Hand:
    """One live socket, read as its protocol says: the map that its messages have painted so far."""

    def __init__(self) -> None:
        self.labels = np.zeros((256, 256), np.uint8)
        self.seq = 0

    def call(self, message: bytes) -> Call:
        (length,) = struct.unpack_from("<I", message)
        header, pixels = json.loads(message[4 : 4 + length]), message[4 + length :]
        assert header.get("base") in (None, self.seq)
        if pixels:
            x, y, w, h = header.get("rect") or (0, 0, 256, 256)
            values = zlib.decompress(pixels) if header.get("deflate") else pixels
            self.labels[y : y + h, x : x + w] = np.frombuffer(values, np.uint8).reshape(h, w)
        self.seq = header["seq"]
        return Call("render" if header["exact"] else "draft", header, {"labels": [write_labels(self.labels, TAXONOMY)]})


@dataclass
class Recorder:
    """Passes everything on to the app and keeps what was posted, or painted over a live socket."""

    app: ASGIApp
    calls: list[Call] = field(default_factory=list)
    blocked: bool = False  # no WebSocket gets through

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket" and self.blocked:
            await receive()
            await send({"type": "websocket.close"})
            return
        if scope["type"] == "websocket":
            hand = Hand()

            async def overhear() -> Message:
                message = await receive()
                if message.get("bytes"):
                    self.calls.append(hand.call(message["bytes"]))
                return message

            await self.app(scope, overhear, send)
            return
        if scope["type"] != "http" or scope["method"] != "POST":
            await self.app(scope, receive, send)
            return
        body = bytearray()

        async def listen() -> Message:
            message = await receive()
            body.extend(message.get("body", b""))
            if message["type"] == "http.request" and not message.get("more_body"):
                self.calls.append(_parse(scope, bytes(body)))
            return message

        await self.app(scope, listen, send)

    def last(self, route: str) -> Call:
        return next(call for call in reversed(self.calls) if call.route == route)


def _parse(scope: Scope, body: bytes) -> Call:
    content_type = dict(scope["headers"])[b"content-type"]
    message = BytesParser().parsebytes(b"Content-Type: " + content_type + b"\r\n\r\n" + body)
    request: dict[str, Any] = {}
    files: dict[str, list[bytes]] = {}
    for part in message.get_payload():
        assert not isinstance(part, str)
        name = str(part.get_param("name", header="content-disposition"))
        content = part.get_payload(decode=True)
        assert isinstance(content, bytes)
        if name == "request":
            request = json.loads(content)
        else:
            files.setdefault(name, []).append(content)
    return Call(scope["path"].rsplit("/", 1)[-1], request, files)


class Studio:
    def __init__(self, page: Page, recorder: Recorder, url: str) -> None:
        self.page = page
        self.recorder = recorder
        self.url = url

    def open(self, space: str = "paint") -> None:
        self.page.goto(f"{self.url}#{space}")
        expect(self.page.locator("#picture")).to_have_attribute("data-picture", re.compile(r"\d"))
        self.settle()

    def afresh(self) -> None:
        """Begin anew, as the menu offers it."""
        before = self.picture_id
        self.page.get_by_role("button", name="Open", exact=True).click()
        self.page.locator("#afresh").click()
        self.new_picture(before)

    # ---- waiting ----

    @property
    def picture_id(self) -> str:
        return self.page.locator("#picture").get_attribute("data-picture") or ""

    def settle(self) -> None:
        expect(self.page.locator("#picture-note")).not_to_have_text("working")

    def new_picture(self, before: str) -> None:
        """Wait until the picture is another one than ``before``, and nothing is on its way."""
        expect(self.page.locator("#picture")).not_to_have_attribute("data-picture", before)
        self.settle()

    # ---- seeing ----

    def canvas(self, selector: str) -> np.ndarray:
        """Pixels of a canvas, uint8 [H, W, 3]."""
        url = self.page.locator(selector).evaluate("canvas => canvas.toDataURL('image/png')")
        return decode(base64.b64decode(url.split(",")[1]))

    @property
    def picture(self) -> np.ndarray:
        return self.canvas("#picture")

    @property
    def labels(self) -> np.ndarray:
        """The label map as it is drawn, from its colours, uint8 [H, W]."""
        drawn = self.canvas("#labels").astype(int)
        colours = np.array(TAXONOMY.display)
        labels = np.abs(drawn[:, :, None] - colours).sum(-1).argmin(-1)
        assert (colours[labels] == drawn).all(), "the label canvas has a colour of no class"
        return labels.astype(np.uint8)

    @property
    def sent(self) -> Call:
        """The last render request as it reached the server."""
        return self.recorder.last("render")

    def see(self, shots: Path, name: str) -> None:
        """A screenshot of what is open, dark and light, wide and narrow."""
        for width, height in ((1440, 900), (360, 800)):
            self.page.set_viewport_size({"width": width, "height": height})
            for theme in ("dark", "light"):
                self.page.locator("html").evaluate("(html, theme) => (html.dataset.theme = theme)", theme)
                self.page.screenshot(path=shots / f"{name}_{width}_{theme}.png")
        self.page.locator("html").evaluate("html => (html.dataset.theme = 'dark')")
        self.page.set_viewport_size({"width": 1440, "height": 900})

    # ---- doing ----

    def choose(self, name: str) -> None:
        self.page.locator(f"[data-class='{CLASS[name]}']").click()

    def tool(self, name: str) -> None:
        if name in ("rectangle", "ellipse", "polygon"):
            self.page.locator("#shapes").click()
            self.page.locator(f"[data-shape-tool={name}]").click()
        else:
            self.page.locator(f"#tools [data-tool={name}]").click()

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Screen position of a point of the label map."""
        box = self.page.locator("#labels").bounding_box()
        assert box
        height, width = self.canvas("#labels").shape[:2]
        return box["x"] + box["width"] * x / width, box["y"] + box["height"] * y / height

    def stroke(self, *points: tuple[float, float]) -> None:
        """Press at the first point of the map, move through the others, let go."""
        first, *rest = (self.at(*point) for point in points)
        self.page.mouse.move(*first)
        self.page.mouse.down()
        for point in rest:
            self.page.mouse.move(*point, steps=4)
        self.page.mouse.up()
        self.page.mouse.move(5, 5)

    def stroke_and_wait(self, *points: tuple[float, float]) -> None:
        before = self.picture_id
        self.stroke(*points)
        self.new_picture(before)

    def save_photo(self, folder: Path) -> tuple[Path, Path]:
        """Another look of the scene on the stage and its labels, as files that carry nothing else."""
        self.click_and_wait("#resample-all")
        pixels, labels = folder / "valley.png", folder / "valley_labels.png"
        Image.fromarray(self.picture).save(pixels)
        Image.fromarray(self.labels).save(labels)
        self.click_and_wait("#looks-reset")
        return pixels, labels

    def click_and_wait(self, selector: str, **options: Any) -> None:
        before = self.picture_id
        self.page.locator(selector).click(**options)
        self.new_picture(before)

    def live(self, way: str) -> None:
        """Choose when pictures are made: auto, draw, stroke or demand."""
        self.page.locator("#live").click()
        self.page.locator(f"[data-live={way}]").click()
        self.page.keyboard.press("Escape")

    def space(self, name: str) -> None:
        self.page.locator(f"[data-space-tab={name}]").click()

    def give(self, selector: str, file: Path) -> None:
        """Press a button that asks for a file, and choose this one."""
        with self.page.expect_file_chooser() as chooser:
            self.page.locator(selector).click()
        chooser.value.set_files(file)

    def open_file(self, kind: str, file: Path) -> None:
        self.page.get_by_role("button", name="Open", exact=True).click()
        self.give(f"[data-open={kind}]", file)

    def save(self, selector: str) -> bytes:
        with self.page.expect_download() as download:
            self.page.locator(selector).click()
        return Path(download.value.path()).read_bytes()

    def export(self, kind: str) -> bytes:
        self.page.get_by_role("button", name="Export", exact=True).click()
        return self.save(f"[data-export={kind}]")

    def slide(self, selector: str, value: float) -> None:
        """Put a slider where a drag would leave it."""
        self.page.locator(selector).evaluate(
            "(input, value) => { input.value = value;"
            " for (const type of ['input', 'change']) input.dispatchEvent(new Event(type, { bubbles: true })); }",
            value,
        )


def decode(data: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(data)) as image:
        return np.array(image.convert("RGB"))


def change(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Absolute difference of two pictures, float [H, W]."""
    return np.abs(before.astype(float) - after.astype(float)).mean(-1)


def spot(labels: np.ndarray, name: str, side: int) -> tuple[int, int]:
    """The middle (x, y) of a square that holds one class alone; the lowest in the map."""
    mask = (labels == CLASS[name]).astype(int)
    sums = np.pad(mask.cumsum(0).cumsum(1), ((1, 0), (1, 0)))
    full = sums[side:, side:] - sums[:-side, side:] - sums[side:, :-side] + sums[:-side, :-side] == side * side
    ys, xs = np.nonzero(full)
    assert len(ys), f"no square of {side} pixels of {name}"
    return int(xs[-1]) + side // 2, int(ys[-1]) + side // 2


def specs(style: dict[str, Any], names: Sequence[str]) -> dict[str, Any]:
    """The looks that a style gives these classes."""
    return {name: style.get(str(CLASS[name]), {"seed": style["seed"]}) for name in names}
