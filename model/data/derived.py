"""Classes that a data set does not have, found in its photos: snow and cloud by colour, the face by its place.

Each rule takes a photo uint8 [H, W, 3], the pixels bool [H, W] of the class that is divided, and where other classes
are, and says which of the pixels become the derived class. Lightness and colour are CIE Lab's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from model.data.regions import at_least, need_scipy
from model.labels import to_lab

Rule = Callable[[np.ndarray, np.ndarray, Mapping[str, np.ndarray]], np.ndarray]  # photo, region, others → pixels

SMALLEST = 1e-3  # share of the picture that a patch of snow or a cloud has at least
FACE_BELOW = 0.145  # how far down a face reaches from the top of the hair, in heights of the person
FACE_BESIDE = 0.09  # how far to each side of the hair's middle


def snow(photo: np.ndarray, region: np.ndarray, others: Mapping[str, np.ndarray]) -> np.ndarray:
    """Of a mountain: what is bright and nearly grey, or less bright and faintly blue, as snow is in shadow."""
    light, a, b = _smooth_lab(photo, 0.7)
    chroma = np.hypot(a, b)
    lit = (light > 68) & (chroma < 12) & (b < 8)
    shaded = (light > 58) & (b < 0) & (b > -25) & (a < 6) & (chroma < 14 + 0.6 * (light - 58))
    return _patches(region & (lit | shaded), region)


def cloud(photo: np.ndarray, region: np.ndarray, others: Mapping[str, np.ndarray]) -> np.ndarray:
    """Of a sky that is blue somewhere: what is much paler than the blue of its height, or than the photo's blue."""
    if region.mean() < 0.01:
        return np.zeros_like(region)
    light, _, b = _smooth_lab(photo, 1.0)
    blue = np.percentile(b[region], 15)
    if blue > -12:
        return np.zeros_like(region)
    usual = np.median(light[region & (b < 0.75 * blue)])
    bluest = _by_row(b, region)[:, None]  # [H, 1]
    here = (b - bluest > 9) & (b > 0.6 * bluest) & (light > usual - 8)
    white = (b > 0.3 * blue) & (b > -9) & (light > usual - 12)
    return _patches(region & (here | white), region)


def face(photo: np.ndarray, region: np.ndarray, others: Mapping[str, np.ndarray]) -> np.ndarray:
    """Of the skin: what is near the top of the hair; both measured by the height of the person, who is all that is not
    background."""
    shown = ~others["background"]
    person = np.flatnonzero(shown.any(axis=1))
    if not len(person):
        return np.zeros_like(region)
    height = person[-1] - person[0] + 1
    rows, columns = np.nonzero(others["hair"])
    if not len(rows):  # a hat or a shaven head: the head is where the person begins
        rows, columns = np.nonzero(shown)
        top = rows < person[0] + 0.1 * height
        rows, columns = rows[top], columns[top]
    y, x = np.arange(region.shape[0])[:, None], np.arange(region.shape[1])[None]
    below = y < rows.min() + FACE_BELOW * height
    beside = np.abs(x - np.median(columns)) < FACE_BESIDE * height
    return region & below & beside


RULES: dict[str, Rule] = {"snow": snow, "cloud": cloud, "face": face}
READS: dict[str, tuple[str, ...]] = {"snow": (), "cloud": (), "face": ("background", "hair")}  # of the other classes


def _smooth_lab(photo: np.ndarray, sigma: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    gaussian = need_scipy("scipy.ndimage", "prepared training sets").gaussian_filter
    lab = to_lab(photo)
    light, a, b = (gaussian(lab[..., channel], sigma) for channel in range(3))
    return light, a, b


def _by_row(b: np.ndarray, region: np.ndarray) -> np.ndarray:
    """How blue the sky is at each height: b* [H], at most 0, smoothed, and carried on where a row has no sky."""
    ndimage = need_scipy("scipy.ndimage", "prepared training sets")
    rows = np.flatnonzero(region.sum(axis=1) > 8)
    bluest = np.array([np.percentile(b[row][region[row]], 10) for row in rows])
    carried = np.interp(np.arange(len(b)), rows, bluest)
    return np.minimum(ndimage.gaussian_filter1d(carried, 6), 0)


def _patches(found: np.ndarray, region: np.ndarray) -> np.ndarray:
    """``found`` without specks, its small holes closed, in patches of some size."""
    ndimage = need_scipy("scipy.ndimage", "prepared training sets")
    whole = np.pad(ndimage.binary_opening(found) & region, 4)
    closed = ndimage.binary_closing(whole, iterations=2)[4:-4, 4:-4] & region
    return at_least(closed, round(SMALLEST * region.size))
