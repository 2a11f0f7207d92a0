"""Frames: the part of a photo that is shown, its middle in some proportion or a person with some room around."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Frame:
    """A rectangle in pixels; it may reach beyond the picture."""

    top: int
    left: int
    height: int
    width: int

    def cut(self, picture: np.ndarray, fill: int | None = None) -> np.ndarray:
        """The frame's part of a picture [H, W, …]; outside the picture it is ``fill``, or the edge goes on."""
        rows = np.arange(self.top, self.top + self.height)
        columns = np.arange(self.left, self.left + self.width)
        inside = [(at >= 0) & (at < side) for at, side in zip((rows, columns), picture.shape)]
        part = picture[rows.clip(0, picture.shape[0] - 1)[:, None], columns.clip(0, picture.shape[1] - 1)]
        if fill is not None:
            part[~(inside[0][:, None] & inside[1])] = fill
        return part


def middle(shape: tuple[int, ...], size: tuple[int, int]) -> Frame:
    """The largest frame in the middle of a picture [H, W, …] that has the proportions of ``size`` (H, W)."""
    height = min(shape[0], round(shape[1] * size[0] / size[1]))
    width = min(shape[1], round(shape[0] * size[1] / size[0]))
    return Frame((shape[0] - height) // 2, (shape[1] - width) // 2, height, width)


def around(shown: np.ndarray, margin: float, size: tuple[int, int]) -> Frame:
    """A frame in the proportions of ``size`` (H, W) around all that is ``shown``, bool [H, W].

    ``margin`` is the room at each side, in heights of what is shown; at a side where the picture cuts it off there is
    none. What is missing in width or height is added at the sides that are not cut off.
    """
    spans, cut_off = [], []
    for axis, side in enumerate(shown.shape):
        at = np.flatnonzero(shown.any(axis=1 - axis))
        spans.append([int(at[0]), int(at[-1]) + 1])
        cut_off.append((at[0] == 0, at[-1] == side - 1))
    room = round(margin * (spans[0][1] - spans[0][0]))
    for span, (first, last) in zip(spans, cut_off):
        _grow(span, 0 if first else room, 0 if last else room)
    height, width = (end - start for start, end in spans)
    wanted = max(height, round(width * size[0] / size[1])), max(width, round(height * size[1] / size[0]))
    for span, (first, last), side, whole in zip(spans, cut_off, (height, width), wanted):
        more = whole - side
        before = 0 if first and not last else more if last and not first else more // 2
        _grow(span, before, more - before)
    (top, bottom), (left, right) = spans
    return Frame(top, left, bottom - top, right - left)


def _grow(span: list[int], before: int, after: int) -> None:
    span[0] -= before
    span[1] += after
