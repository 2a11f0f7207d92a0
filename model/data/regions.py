"""Areas of a label map: which pixels without a label are only a seam, and what lies nearest to a pixel."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np

from model.errors import InputError
from model.recipe.taxonomy import UNKNOWN


def need_scipy(module: str, what: str) -> Any:
    """A module of scipy, which only work on training data needs; InputError says how to get it."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise InputError(
            f"{what} need scipy, which is not installed; pip install 'groupdnet-studio[train]' brings it.",
            field="data",
            value=module,
        ) from error


def seams(empty: np.ndarray, width: int) -> np.ndarray:
    """The pixels of ``empty``, bool [H, W], that lie in strips at most ``width`` pixels wide: bool [H, W]."""
    ndimage = need_scipy("scipy.ndimage", "Prepared training sets")
    side = width + 1
    padded = np.pad(empty, side, mode="edge")  # an area at the picture's edge is as wide as if it went on
    wide = ndimage.binary_opening(padded, np.ones((side, side), bool))[side:-side, side:-side]
    return empty & ~wide


def nearest(labels: np.ndarray, missing: np.ndarray, known: np.ndarray) -> np.ndarray:
    """``labels`` [H, W] in which each pixel of ``missing`` has the label of the nearest pixel of ``known``.

    Where nothing is known, the labels come back as they are.
    """
    if not missing.any() or not known.any():
        return labels
    ndimage = need_scipy("scipy.ndimage", "Prepared training sets")
    rows, columns = ndimage.distance_transform_edt(~known, return_distances=False, return_indices=True)
    return np.where(missing, labels[rows, columns], labels)


def fill_unknown(labels: np.ndarray) -> np.ndarray:
    """A label map uint8 [H, W] whose unknown pixels (255) have the class nearest to them; all unknown: class 0."""
    unknown = labels == UNKNOWN
    filled = nearest(labels, unknown, ~unknown)
    return np.where(filled == UNKNOWN, np.uint8(0), filled)


def at_least(mask: np.ndarray, pixels: int) -> np.ndarray:
    """The connected parts of ``mask`` bool [H, W] that have so many pixels or more."""
    ndimage = need_scipy("scipy.ndimage", "Prepared training sets")
    parts, count = ndimage.label(mask)
    if not count:
        return mask
    sizes = np.bincount(parts.ravel())
    sizes[0] = 0
    return (sizes >= pixels)[parts]
