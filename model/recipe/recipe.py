"""Recipes: the model, label map and style that a picture is made from, written into the picture's own PNG file.

The JSON stands in an iTXt chunk with the keyword ``groupdnet-recipe``:
``{"version": 1, "model": id, "fingerprint": …, "labels": base64 PNG, "instances": base64 PNG or null, "style": {…}}``.
"""

from __future__ import annotations

import base64
import binascii
import io
import json
import struct
import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from model.errors import InputError, refuse, shown

KEYWORD = "groupdnet-recipe"
VERSION = 1
MAX_BYTES = 16 * 2**20  # most bytes of a recipe's JSON
MAX_ID = 2**16 - 1  # largest instance id that a 16-bit PNG holds
COMPRESSION = 4  # zlib level of a picture's PNG: half the time of Pillow's default 6 for 2 % more bytes
SIGNATURE = b"\x89PNG\r\n\x1a\n"  # first bytes of every PNG file
ALLOWED = "a PNG picture that the studio made, or the JSON of its recipe"


@dataclass(frozen=True)
class Recipe:
    """The recipe of one picture. ``labels`` and ``instances`` are PNG files, ``style`` is JSON.

    These three are not checked here, which takes the model's taxonomy and configuration.
    """

    model: str
    fingerprint: str
    labels: bytes
    style: dict[str, Any]
    instances: bytes | None = None

    def to_json(self) -> dict[str, Any]:
        """The object that ``from_json`` reads back, PNG files in base64."""
        instances = None if self.instances is None else _to_base64(self.instances)
        return {
            "version": VERSION,
            "model": self.model,
            "fingerprint": self.fingerprint,
            "labels": _to_base64(self.labels),
            "instances": instances,
            "style": self.style,
        }

    @classmethod
    def from_json(cls, data: Any) -> Recipe:
        """The recipe in JSON ``data``; raises InputError that names the field, its value and what is allowed."""
        if not isinstance(data, dict):
            refuse("recipe", data, f"is {shown(data)}", 'an object with "model", "labels" and "style"')
        version = data.get("version")
        if version != VERSION:
            refuse("recipe.version", version, f"is {shown(version)}", str(VERSION))
        for name, kind in (("model", str), ("fingerprint", str), ("labels", str), ("style", dict)):
            value = data.get(name)
            if not isinstance(value, kind):
                refuse(f"recipe.{name}", value, f"is {shown(value)}", "an object" if kind is dict else "a string")
        instances = data.get("instances")
        return cls(
            data["model"],
            data["fingerprint"],
            _from_base64(data["labels"], "recipe.labels"),
            data["style"],
            None if instances is None else _from_base64(instances, "recipe.instances"),
        )


def write_png(picture: np.ndarray, recipe: Recipe | None = None) -> bytes:
    """A picture uint8 [H, W, 3] as a PNG file, with its recipe unless that is None."""
    info = PngInfo()
    if recipe is not None:
        info.add_itxt(KEYWORD, json.dumps(recipe.to_json(), separators=(",", ":")), zip=True)
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "PNG", compress_level=COMPRESSION, pnginfo=info)
    return buffer.getvalue()


def write_instances(instances: np.ndarray) -> bytes:
    """Instance ids [H, W] as a 16-bit greyscale PNG, which ``read_instances`` reads back.

    Raises InputError for ids that do not fit 16 bits.
    """
    low, high = int(instances.min()), int(instances.max())
    if low < 0 or high > MAX_ID:
        wrong = low if low < 0 else high
        refuse("instances", wrong, f"has the id {wrong}, which does not fit a 16-bit PNG", f"ids from 0 to {MAX_ID}")
    buffer = io.BytesIO()
    Image.fromarray(instances.astype(np.uint16)).save(buffer, "PNG")
    return buffer.getvalue()


def read_recipe(content: bytes) -> Recipe:
    """The recipe of a PNG picture, or of its JSON; the picture itself is not decoded. Raises InputError."""
    text = _from_png(content) if content.startswith(SIGNATURE) else content
    if len(text) > MAX_BYTES:
        refuse("recipe", len(text), f"has {len(text)} bytes", f"at most {MAX_BYTES} bytes", code="too_large")
    try:
        return Recipe.from_json(json.loads(text))
    except InputError:
        raise
    except RecursionError as error:
        refuse("recipe", None, "is nested too deep", ALLOWED, cause=error)
    except ValueError as error:  # not UTF-8, or not JSON
        refuse("recipe", None, "is not JSON", ALLOWED, cause=error)


def _from_png(content: bytes) -> bytes:
    """The text of the recipe's iTXt chunk, found by the chunks' lengths alone."""
    prefix = KEYWORD.encode("ascii") + b"\0"
    position = len(SIGNATURE)
    while position + 12 <= len(content):
        (length,) = struct.unpack_from(">I", content, position)
        kind = content[position + 4 : position + 8]
        data = content[position + 8 : position + 8 + length]
        if kind == b"iTXt" and data.startswith(prefix) and len(data) == length:
            return _itxt(data[len(prefix) :])
        position += length + 12
    refuse("recipe", None, "is not in this PNG: it was made elsewhere, cut short, or without one", ALLOWED)


def _itxt(data: bytes) -> bytes:
    """The text of an iTXt chunk, from its bytes after the keyword.

    They are: whether it is compressed, the method, the language, NUL, the translated keyword, NUL, the text.
    """
    parts = data[2:].split(b"\0", 2)
    if len(parts) != 3:
        refuse("recipe", None, "is damaged in this PNG", ALLOWED)
    if not data[0]:
        return parts[2]
    inflate = zlib.decompressobj()
    try:
        text = inflate.decompress(parts[2], MAX_BYTES + 1)
    except zlib.error as error:
        refuse("recipe", None, "is damaged in this PNG", ALLOWED, cause=error)
    if not inflate.eof and len(text) <= MAX_BYTES:
        refuse("recipe", None, "is damaged in this PNG", ALLOWED)
    return text


def _to_base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _from_base64(text: Any, where: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (TypeError, ValueError, binascii.Error) as error:
        refuse(where, None, "is not base64", "a PNG file in base64", cause=error)
