"""How much of the difference between two pictures lies inside the classes whose looks were changed."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class Change(NamedTuple):
    """Mean absolute difference of a channel, of 255, inside and outside of an area, 0 where it has no pixels; and the
    share of the whole difference that lies inside, 0 … 1, 1 where nothing changed."""

    inside: float
    outside: float
    share_inside: float


def measure_change(before: np.ndarray, after: np.ndarray, inside: np.ndarray) -> Change:
    """The change from one picture uint8 [H, W, 3] to another, inside of bool [H, W] and outside. The page's
    ``measureChange`` (static/picture/change.js) follows the same rule."""
    difference = np.abs(after.astype(np.int16) - before).sum(axis=-1)  # [H, W]
    channels = after.shape[-1]
    within, total = int(difference[inside].sum()), int(difference.sum())
    area = int(inside.sum())
    return Change(
        within / (area * channels) if area else 0.0,
        (total - within) / ((inside.size - area) * channels) if area < inside.size else 0.0,
        within / total if total else 1.0,
    )
