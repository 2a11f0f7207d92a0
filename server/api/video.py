"""Animations as MP4, where PyAV is installed; the package's extra ``video`` brings it."""

from __future__ import annotations

import importlib.util
import io
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from model.errors import InputError

WITHOUT_PYAV = "MP4 needs PyAV, which is not installed here; install it with pip install 'groupdnet-studio[video]'."
QUALITY = "18"  # x264's constant rate factor; at 18 one sees no difference from the frames


def mp4_available() -> bool:
    """Whether this server can write MP4."""
    return importlib.util.find_spec("av") is not None


def require_mp4() -> None:
    """Raises InputError "no_video" where this server cannot write MP4."""
    if not mp4_available():
        allowed = ["webp", "gif", "zip"]
        raise InputError(WITHOUT_PYAV, code="no_video", field="request.format", value="mp4", allowed=allowed)


def write_mp4(frames: Sequence[np.ndarray], seconds: float) -> bytes:
    """An H.264 file, which browsers play, of uint8 frames [H, W, 3] that are shown for ``seconds`` in all.

    Height and width must be even, since the colours are stored at half of both.
    """
    import av

    height, width = frames[0].shape[:2]
    rate = Fraction(len(frames) / seconds).limit_denominator(1000)
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4") as container:
        stream: Any = container.add_stream("libx264", rate=rate, options={"crf": QUALITY, "preset": "fast"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format="rgb24")))
        container.mux(stream.encode())
    return buffer.getvalue()
