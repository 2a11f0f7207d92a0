"""Classes that a data set does not have, found in its photos: snow and cloud by colour, the face by its place.

Each rule takes a photo uint8 [H, W, 3], the pixels bool [H, W] of the class that is divided, and where other classes
are, and says which of the pixels become the derived class. Lightness and colour are CIE Lab's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from model.data.regions import at_least, need_scipy
from model.recipe.labels import to_lab

Rule = Callable[[np.ndarray, np.ndarray, Mapping[str, np.ndarray]], np.ndarray]  # photo, region, others → pixels

SMALLEST = 1e-3  # share of the picture that a patch of snow has at least
SMALLEST_CLOUD = 2e-3
EDGE = 4  # pixels on either side of a cloud's outline that are compared
CLOUD_EDGE = 4.5  # least difference of the two sides in L* and b*; for haze at the horizon it is 1 to 2
FACE_BELOW = 0.145  # how far down a face reaches from the top of the hair, in heights of the person
FACE_BESIDE = 0.09  # how far to each side of the hair's middle


def snow(photo: np.ndarray, region: np.ndarray, others: Mapping[str, np.ndarray]) -> np.ndarray:
    """Snow in a mountain: bool [H, W] of a photo uint8 [H, W, 3] whose mountain is bool [H, W] ``region``.

    Pixels that are bright and nearly grey are snow. Where the mountain has dark parts too, so are pixels brighter than
    halfway from these to its brightest that are pale, or faintly blue as snow is in shadow. Haze has no such contrast.
    """
    ndimage = need_scipy("scipy.ndimage", "Prepared training sets")
    light, a, b = _smooth_lab(photo, 0.7)
    chroma = np.hypot(a, b)
    white = (light > 80) & (chroma < 12) & (b < 7)
    pale = (chroma < 15) & (b < 13)
    blue = np.where(b < 0, chroma < 12 + 0.8 * np.maximum(light - 45, 0), chroma < 8) & (a < 9) & (b < 6)
    found = region & white
    parts, count = ndimage.label(ndimage.binary_dilation(region, iterations=2))
    for part in range(1, count + 1):
        mountain = region & (parts == part)
        if np.count_nonzero(mountain) < SMALLEST * region.size:
            continue
        dark, brightest = np.percentile(light[mountain], [10, 97])
        if brightest - dark > 32:
            middle = (dark + brightest) / 2
            found |= mountain & pale & (light > max(74, middle))
            found |= mountain & blue & (light > max(54, middle))
    return _patches(found, region, SMALLEST)


def cloud(photo: np.ndarray, region: np.ndarray, others: Mapping[str, np.ndarray]) -> np.ndarray:
    """Clouds in a sky: bool [H, W] of a photo uint8 [H, W, 3] whose sky is bool [H, W] ``region``.

    In a sky that is blue somewhere, areas with an edge are clouds if they are much paler than the sky at the same
    height, or than the photo's blue. A sky that gets paler towards the horizon has no edge there and stays sky, as one
    does that is grey or red all over.
    """
    if region.mean() < 0.01:
        return np.zeros_like(region)
    light, a, b = _smooth_lab(photo, 1.0)
    blue = np.percentile(b[region], 15)
    if blue > -12:
        return np.zeros_like(region)
    usual = np.median(light[region & (b < 0.75 * blue)])
    bluest = _by_row(b, region)[:, None]  # [H, 1]
    here = (b - bluest > 9) & (b > 0.6 * bluest) & (light > usual - 8)
    white = (b > 0.3 * blue) & (b > -9) & (light > usual - 12)
    pale = region & (here | white) & (b < 10) & (np.hypot(a, b) < 22)
    return _with_edges(_patches(pale, region, SMALLEST_CLOUD), region, light, b)


def face(photo: np.ndarray, region: np.ndarray, others: Mapping[str, np.ndarray]) -> np.ndarray:
    """The face in the skin: bool [H, W] of the skin near the top of the hair.

    Distances are measured in heights of the person, who is everything but background.
    """
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
READS: dict[str, tuple[str, ...]] = {
    "snow": (),
    "cloud": (),
    "face": ("background", "hair"),
}  # other classes a rule needs


def _smooth_lab(photo: np.ndarray, sigma: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    gaussian = need_scipy("scipy.ndimage", "Prepared training sets").gaussian_filter
    lab = to_lab(photo)
    light, a, b = (gaussian(lab[..., channel], sigma) for channel in range(3))
    return light, a, b


def _by_row(b: np.ndarray, region: np.ndarray) -> np.ndarray:
    """How blue the sky is at each height: b* [H], at most 0, smoothed, and carried on where a row has no sky."""
    ndimage = need_scipy("scipy.ndimage", "Prepared training sets")
    rows = np.flatnonzero(region.sum(axis=1) > 8)
    bluest = np.array([np.percentile(b[row][region[row]], 10) for row in rows])
    carried = np.interp(np.arange(len(b)), rows, bluest)
    return np.minimum(ndimage.gaussian_filter1d(carried, 6), 0)


def _patches(found: np.ndarray, region: np.ndarray, smallest: float) -> np.ndarray:
    """``found`` without specks, its small holes closed, in patches of at least that share of the picture."""
    ndimage = need_scipy("scipy.ndimage", "Prepared training sets")
    whole = np.pad(ndimage.binary_opening(found) & region, 4)
    closed = ndimage.binary_closing(whole, iterations=2)[4:-4, 4:-4] & region
    return at_least(closed, round(smallest * region.size))


def _with_edges(found: np.ndarray, region: np.ndarray, light: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The patches that differ from the sky around them within a few pixels."""
    ndimage = need_scipy("scipy.ndimage", "Prepared training sets")
    parts, count = ndimage.label(found)
    kept = np.zeros_like(found)
    for part in range(1, count + 1):
        patch = parts == part
        near = ndimage.binary_dilation(region & ~patch, iterations=EDGE)
        inner = patch & near & ~ndimage.binary_erosion(patch, iterations=EDGE, border_value=1)
        outer = ndimage.binary_dilation(patch, iterations=EDGE) & region & ~found
        if inner.any() and outer.any():
            steps = [values[inner].mean() - values[outer].mean() for values in (light, b)]
            kept |= patch & (np.hypot(*steps) > CLOUD_EDGE)
    return kept
