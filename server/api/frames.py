"""The messages of the live socket: a header in JSON, then bytes.

A message is a little-endian uint32, the header's length in bytes, the header, and the payload. Going in, the header
is a ``LiveRequest`` and the payload class indices, one byte a pixel, row by row: the rectangle's, or the whole map's,
or nothing where the map is as it was. Coming out, the header is ``{"seq", "picture": media type, "exact", "timings"}``
and the payload a picture's file. Errors come as text: ``{"seq", "status", "error": {…}, "retry_after"}``.
"""

from __future__ import annotations

import json
import struct
import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from pydantic import Field

from model.errors import InputError, refuse
from server.api.schemas import StyleJSON
from server.web.forms import FIELD_BYTES, Asked, parse_request

LENGTH = struct.Struct("<I")
SLACK = 1024  # bytes that deflate may add to pixels it cannot shorten, more than enough for the largest map


class LiveRequest(Asked):
    """The header of a painter's message on the live socket; the pixels follow it."""

    seq: int = Field(ge=1, le=2**53 - 1, description="Number of this message, higher than the one before.")
    base: int | None = Field(None, description="The message whose map the pixels change; null where they are a map.")
    rect: list[int] | None = Field(
        None, min_length=4, max_length=4, description="x, y, width and height of what changed; null for the whole map."
    )
    deflate: bool = Field(False, description="The pixels are deflated (zlib).")
    style: StyleJSON = Field({"seed": 0})
    exact: bool = Field(False, description="The picture itself, a PNG with its recipe, and not a JPEG of it.")


@dataclass(frozen=True)
class Frame:
    """One message of a painter, taken apart: its header, and the bytes behind it."""

    asked: LiveRequest
    payload: bytes


def most_bytes(pixels: int) -> int:
    """The length in bytes of the longest message that a map of so many pixels can take."""
    return LENGTH.size + FIELD_BYTES + pixels + pixels // 1000 + SLACK


def unpack(message: bytes) -> Frame:
    """Take a painter's message apart. Raises InputError "malformed", "too_large" or "invalid"."""
    if len(message) < LENGTH.size:
        raise _malformed(f"The message has {len(message)} bytes; it begins with 4 for the length of its header.")
    (length,) = LENGTH.unpack_from(message)
    if length > FIELD_BYTES:
        raise InputError(
            f"The header has {length} bytes; at most {FIELD_BYTES} are allowed.",
            code="too_large",
            field="header",
            value=length,
            allowed=FIELD_BYTES,
        )
    end = LENGTH.size + length
    if end > len(message):
        raise _malformed(f"The header should have {length} bytes; the message has {len(message) - LENGTH.size} left.")
    return Frame(parse_request(message[LENGTH.size : end], LiveRequest, "header"), message[end:])


def pack(header: dict[str, Any], payload: bytes) -> bytes:
    """The message of a header and its payload."""
    text = json.dumps(header, separators=(",", ":")).encode()
    return LENGTH.pack(len(text)) + text + payload


def paint(frame: Frame, base: np.ndarray | None, size: tuple[int, int], classes: int) -> np.ndarray:
    """The label map uint8 [H, W] that ``frame`` makes of ``base``, the map before it.

    ``size`` is height and width, ``classes`` the number of the model's classes. A frame without pixels gives ``base``
    itself. Raises InputError naming the rectangle, the number of bytes or the class that is wrong.
    """
    height, width = size
    asked = frame.asked
    if asked.rect is None and asked.base is not None and not frame.payload:
        assert base is not None
        return base
    x, y, w, h = asked.rect or (0, 0, width, height)
    if w < 1 or h < 1 or x < 0 or y < 0 or x + w > width or y + h > height:
        raise InputError(
            f"rect {asked.rect} does not lie on the map, which is {width}×{height} pixels.",
            field="rect",
            value=asked.rect,
            allowed=[0, 0, width, height],
        )
    values = np.frombuffer(_pixels(frame, w * h), np.uint8).reshape(h, w)
    _require_classes(values, classes)
    labels = np.empty(size, np.uint8) if base is None else base.copy()
    labels[y : y + h, x : x + w] = values
    return labels


def _pixels(frame: Frame, count: int) -> bytes:
    """The payload as ``count`` bytes, inflated where it was deflated; a longer one is not inflated any further."""
    data, whole = frame.payload, True
    if frame.asked.deflate:
        inflate = zlib.decompressobj()
        try:
            data = inflate.decompress(frame.payload, count + 1)
        except zlib.error as error:
            raise _malformed(f"The pixels are not deflated as zlib does it: {error}.") from None
        whole = inflate.eof and not inflate.unused_data
    if len(data) != count or not whole:
        found = f"more than {count}" if len(data) > count else f"{len(data)}{'' if whole else ' or other'}"
        raise InputError(
            f"{found} bytes of pixels came for {count} pixels; send one byte for each.",
            field="pixels",
            value=len(data),
            allowed=count,
        )
    return data


def _require_classes(values: np.ndarray, classes: int) -> None:
    """Raises InputError "unknown_label" where a value of uint8 [H, W] is no class."""
    highest = int(values.max())
    if highest >= classes:
        count = int((values >= classes).sum())
        what = f"have the value {highest}, and {count} of them in all are above {classes - 1}"
        refuse("pixels", highest, what, f"0 … {classes - 1}", code="unknown_label")


def _malformed(message: str) -> InputError:
    return InputError(message, code="malformed", field="message")
