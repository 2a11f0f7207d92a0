"""Pictures as files: data URLs, animations and archives; and how much one picture differs from another."""

from __future__ import annotations

import base64
import io
import itertools
import zipfile
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from PIL import Image

GIF_SHORTEST = 20  # milliseconds a frame; browsers show a faster GIF at 100
PALETTE_SAMPLES = 16  # frames, each at a quarter of its side, from which a GIF's colours are chosen
MEDIA_TYPES = {
    "png": "image/png",
    "jpeg": "image/jpeg",
    "webp": "image/webp",
    "gif": "image/gif",
    "mp4": "video/mp4",
    "zip": "application/zip",
}


def data_url(content: bytes, format: str = "png") -> str:
    """A file as a ``data:`` URL."""
    return f"data:{MEDIA_TYPES[format]};base64,{base64.b64encode(content).decode()}"


def jpeg(picture: np.ndarray, quality: int) -> bytes:
    """uint8 [H, W, 3] → a JPEG file of ``quality`` 1 … 95: quick to write, and not exact."""
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


def animate(frames: Sequence[np.ndarray], format: Literal["webp", "gif"], seconds: float) -> bytes:
    """uint8 frames [H, W, 3], shown for ``seconds`` in all and repeated for ever, as WebP or GIF."""
    images = [Image.fromarray(frame) for frame in frames]
    durations = _durations(len(images), seconds, GIF_SHORTEST if format == "gif" else 1)
    options: dict[str, Any] = {"quality": 90, "method": 2}
    if format == "gif":
        images, options = _with_one_palette(images), {"optimize": False}
    buffer = io.BytesIO()
    images[0].save(
        buffer, format.upper(), save_all=True, append_images=images[1:], duration=durations, loop=0, **options
    )
    return buffer.getvalue()


def _with_one_palette(images: list[Image.Image]) -> list[Image.Image]:
    """RGB → 256 colours for all images together: steadier than a palette each, and far faster."""
    count = min(len(images), PALETTE_SAMPLES)
    samples = [images[i * (len(images) - 1) // max(1, count - 1)].reduce(4) for i in range(count)]
    width, height = samples[0].size
    sheet = Image.new("RGB", (width * len(samples), height))
    for i, sample in enumerate(samples):
        sheet.paste(sample, (i * width, 0))
    palette = sheet.quantize(256)
    return [image.quantize(palette=palette) for image in images]


def _durations(count: int, seconds: float, shortest: int) -> list[int]:
    """Whole milliseconds for each frame, none below ``shortest``, whose sum is that of the animation."""
    ends = [round(1000 * seconds * i / count) for i in range(count + 1)]
    return [max(shortest, later - earlier) for earlier, later in itertools.pairwise(ends)]


def pack(pngs: Sequence[bytes]) -> bytes:
    """PNG files as a ZIP of frame_000.png, frame_001.png, …"""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for i, content in enumerate(pngs):
            archive.writestr(zipfile.ZipInfo(f"frame_{i:03d}.png"), content)
    return buffer.getvalue()
