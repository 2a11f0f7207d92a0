"""The difference between two pictures, inside and outside of the classes whose looks were changed."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class Change(NamedTuple):
    """The difference between two pictures, inside and outside of an area."""

    inside: float  # mean absolute difference of a channel, in 0 … 255; 0 where the area has no pixels
    outside: float  # mean absolute difference of a channel outside, in 0 … 255; 0 where there are no pixels
    share_inside: float  # share of the whole difference that lies inside, in 0 … 1; 1 where nothing changed


def measure_change(before: np.ndarray, after: np.ndarray, inside: np.ndarray) -> Change:
    """The change from one picture uint8 [H, W, 3] to another, where bool [H, W] ``inside`` is true and elsewhere.

    The page's ``measureChange`` (static/picture/change.js) follows the same rule.
    """
    difference = np.abs(after.astype(np.int16) - before).sum(axis=-1)  # [H, W]
    channels = after.shape[-1]
    within, total = int(difference[inside].sum()), int(difference.sum())
    area = int(inside.sum())
    return Change(
        within / (area * channels) if area else 0.0,
        (total - within) / ((inside.size - area) * channels) if area < inside.size else 0.0,
        within / total if total else 1.0,
    )
