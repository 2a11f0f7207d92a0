"""Animations as MP4, where PyAV is installed: the extra ``video``."""

from __future__ import annotations

import importlib.util
import io
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from model.errors import InputError

WITHOUT_PYAV = "MP4 needs PyAV, which is not installed here: pip install 'groupdnet-studio[video]'"
QUALITY = "18"  # x264's constant rate factor: 18 looks as the frames do


def mp4_available() -> bool:
    """Whether this server can write MP4."""
    return importlib.util.find_spec("av") is not None


def require_mp4() -> None:
    """Raises InputError "no_video" where PyAV is missing."""
    if not mp4_available():
        allowed = ["webp", "gif", "zip"]
        raise InputError(WITHOUT_PYAV, code="no_video", field="request.format", value="mp4", allowed=allowed)


def write_mp4(frames: Sequence[np.ndarray], seconds: float) -> bytes:
    """uint8 frames [H, W, 3] of even height and width, shown for ``seconds`` in all, as H.264, which browsers play."""
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
