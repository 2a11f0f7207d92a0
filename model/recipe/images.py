"""Picture files from untrusted bytes: photos, index maps and instance maps, with their sizes checked first."""

from __future__ import annotations

import io
import re
import struct
import zlib
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image, ImageOps

from model.errors import InputError, refuse

Source = bytes | str | Path | BinaryIO
Size = tuple[int, int]  # (height, width), as arrays have it
MAX_PIXELS = 4096 * 4096  # most pixels of a picture, unless a caller allows another number
PHOTO_FORMATS = ("PNG", "JPEG", "WEBP")
# The exceptions that Pillow is known to raise on damaged files.
DAMAGED = (OSError, SyntaxError, ValueError, EOFError, IndexError, TypeError, KeyError, struct.error, zlib.error)


def read_photo(
    source: Source,
    size: Size | None = None,
    resize: bool = False,
    *,
    max_pixels: int = MAX_PIXELS,
    field: str = "photo",
) -> np.ndarray:
    """A PNG, JPEG or WebP photo, the way up that its EXIF says, as uint8 [H, W, 3].

    Transparent pixels are laid on black. With ``size`` the photo must have that size; with ``resize`` as well it is
    resampled to it (Lanczos). Raises InputError: not_an_image, too_large, wrong_size.
    """
    image = open_image(read_source(source, field), PHOTO_FORMATS, max_pixels, field)
    try:
        upright = ImageOps.exif_transpose(image)
        rgb = _to_rgb(upright)
    except DAMAGED as error:
        raise damaged(field, error) from error
    if size is not None and rgb.size != (size[1], size[0]):
        check_size((rgb.height, rgb.width), size, resize, field)
        rgb = rgb.resize((size[1], size[0]), Image.Resampling.LANCZOS)
    return np.array(rgb)


def read_instances(
    source: Source,
    size: Size | None = None,
    resize: bool = False,
    *,
    max_pixels: int = MAX_PIXELS,
    field: str = "instances",
) -> np.ndarray:
    """An instance map as int32 [H, W]: a greyscale PNG of up to 16 bits, or a palette PNG, whose values are the ids.

    ``size`` and ``resize`` (nearest neighbour) as in ``read_labels``. Raises InputError: not_an_image, too_large,
    wrong_size, invalid for colours.
    """
    image, values = read_png(source, size, resize, max_pixels, field)
    if values.ndim != 2:
        allowed = "a greyscale PNG of up to 16 bits or a palette PNG, whose values are instance ids"
        refuse(field, image.mode, f"is a colour picture ({image.mode})", allowed)
    instances = values.astype(np.int32)
    return instances if size is None else resize_nearest(instances, size)


def read_png(
    source: Source, size: Size | None, resize: bool, max_pixels: int, field: str
) -> tuple[Image.Image, np.ndarray]:
    """A PNG and its stored values: [H, W] of greyscale or palette indices, never scaled, or colours uint8 [H, W, 3].

    Sizes are checked in the header before anything is decoded; nothing is resized. Raises InputError: not_an_image,
    too_large, wrong_size, and invalid where pixels are transparent or have 16-bit colours.
    """
    data = read_source(source, field)
    image = open_image(data, ("PNG",), max_pixels, field)
    bits = data[24]  # the bit depth, in the IHDR chunk, which comes first
    if size is not None:
        check_size((image.height, image.width), size, resize, field)
    try:
        values = np.asarray(image)
    except DAMAGED as error:
        raise damaged(field, error) from error
    if bits == 16 and values.ndim == 3:
        refuse(field, f"16-bit {image.mode}", "is a 16-bit colour PNG", "8 bits a channel")
    if image.mode == "L" and bits in (2, 4):
        values = values // (255 // (2**bits - 1))  # Pillow has stretched values of 2 and 4 bits to 0 … 255
    values = _without_alpha(values, field)
    return image, values


def resize_nearest(values: np.ndarray, size: Size) -> np.ndarray:
    """[H, W, …] → [*size, …] by nearest neighbour: source index = floor(i · scale), as the network's norms do it."""
    height, width = values.shape[:2]
    if (height, width) == tuple(size):
        return values
    rows = np.arange(size[0]) * height // size[0]
    columns = np.arange(size[1]) * width // size[1]
    resized: np.ndarray = values[rows[:, None], columns]
    return resized


def open_image(data: bytes, formats: tuple[str, ...], max_pixels: int, field: str) -> Image.Image:
    """A picture whose header says an allowed format and size; its pixels are not decoded yet.

    Raises InputError: not_an_image, too_large.
    """
    try:
        image = Image.open(io.BytesIO(data), formats=formats)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        pixels = re.search(r"\d+", str(error))
        raise _too_large(field, f"{int(pixels[0]):,} pixels" if pixels else "very many pixels", max_pixels) from error
    except DAMAGED as error:
        raise _unreadable(data, formats, field) from error
    if image.width * image.height > max_pixels:
        raise _too_large(field, f"{image.width}×{image.height} pixels", max_pixels)
    return image


def read_source(source: Source, field: str) -> bytes:
    """The bytes of ``source``; InputError where its file cannot be read."""
    if isinstance(source, bytes):
        return source
    if not isinstance(source, str | Path):
        return source.read()
    try:
        return Path(source).read_bytes()
    except OSError as error:
        reason = (error.strerror or "no reason given").lower()
        raise InputError(f"{field} cannot be read from {source}: {reason}.", field=field, value=str(source)) from error


def check_size(actual: Size, size: Size, resize: bool, field: str) -> None:
    """Raises InputError wrong_size unless the sizes are equal or ``resize`` says that they need not be."""
    if resize or tuple(actual) == tuple(size):
        return
    raise InputError(
        f"{field} is {actual[1]}×{actual[0]} pixels; allowed is {size[1]}×{size[0]}, the model's size, unless you ask "
        "for it to be resized.",
        code="wrong_size",
        field=field,
        value=list(actual),
        allowed=list(size),
    )


def damaged(field: str, error: Exception) -> InputError:
    """The InputError not_an_image for a picture whose pixels cannot be decoded."""
    reason = str(error).rstrip(".")
    return InputError(f"{field} is damaged and cannot be decoded: {reason}.", code="not_an_image", field=field)


def _unreadable(data: bytes, formats: tuple[str, ...], field: str) -> InputError:
    allowed = ["WebP" if name == "WEBP" else name for name in formats]
    if "JPEG" not in formats and data[:3] == b"\xff\xd8\xff":
        what = "is a JPEG, which changes label values"
    elif not data:
        what = "is empty"
    else:
        what = "is not a picture that can be read"
    message = f"{field} {what}; allowed is a file of the format {' or '.join(allowed)}."
    return InputError(message, code="not_an_image", field=field, allowed=allowed)


def _too_large(field: str, value: str, max_pixels: int) -> InputError:
    return InputError(
        f"{field} has {value}; allowed is at most {max_pixels:,}.",
        code="too_large",
        field=field,
        value=value,
        allowed=max_pixels,
    )


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I"):  # 16-bit greyscale, whose values convert() would clip at 255
        return Image.fromarray((np.asarray(image) // 257).astype(np.uint8)).convert("RGB")
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", rgba.size, "black"), rgba).convert("RGB")
    return image.convert("RGB")


def _without_alpha(values: np.ndarray, field: str) -> np.ndarray:
    if values.ndim == 2 or values.shape[2] == 3:
        return values
    transparent = int(np.count_nonzero(values[..., -1] < 255))
    if transparent:
        raise InputError(
            f"{field} has {transparent:,} transparent pixels; allowed is 0, since every pixel needs a value.",
            field=field,
            value=transparent,
            allowed=0,
        )
    return values[..., 0] if values.shape[2] == 2 else values[..., :3]
