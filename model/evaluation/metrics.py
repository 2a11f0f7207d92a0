"""The measures of an evaluation, as functions of NumPy arrays.

Pictures are uint8 or float [H, W, 3] in 0 … 255; label maps are class indices [H, W].
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from model.recipe.labels import to_lab

SMALLEST = 0.01  # share of a picture from which on a class's mean colour is compared
RESAMPLES = 1000  # resamples of a bootstrap, unless another number is asked for
KERNEL = np.array([1.0, 2.0, 1.0]) / 4  # one pass of the binomial blur that leaves a picture's low frequencies


def confusion(labels: np.ndarray, predicted: np.ndarray, classes: int) -> np.ndarray:
    """The confusion matrix int64 [C, C]: how many pixels of each class (rows) were read as each class (columns)."""
    pairs = labels.astype(np.int64).ravel() * classes + predicted.astype(np.int64).ravel()
    return np.bincount(pairs, minlength=classes**2).reshape(classes, classes)


def mean_iou(matrix: np.ndarray) -> float:
    """mIoU in 0 … 1: intersection over union, averaged over the classes that occur or were predicted (Everingham et
    al., "The Pascal Visual Object Classes Challenge", IJCV 2015); NaN of an empty matrix."""
    right = np.diag(matrix)
    union = matrix.sum(0) + matrix.sum(1) - right
    return float((right[union > 0] / union[union > 0]).mean()) if union.any() else float("nan")


def pixel_accuracy(matrix: np.ndarray) -> float:
    """The share of pixels, in 0 … 1, that were read as their own class; NaN of an empty matrix."""
    return float(np.trace(matrix) / matrix.sum()) if matrix.any() else float("nan")


def class_colours(picture: np.ndarray, labels: np.ndarray, smallest: float = SMALLEST) -> dict[int, np.ndarray]:
    """Class → its mean colour [3], for the classes that cover more than the share ``smallest`` of the picture."""
    counts = np.bincount(labels.ravel())
    sums = np.stack([np.bincount(labels.ravel(), picture[..., i].ravel().astype(float)) for i in range(3)], axis=-1)
    return {int(c): sums[c] / counts[c] for c in np.flatnonzero(counts > smallest * labels.size)}


def colour_table(colours: Sequence[Mapping[int, np.ndarray]], classes: int) -> np.ndarray:
    """The class colours of N pictures as CIELAB [N, C, 3], NaN where a picture does not show the class."""
    table = np.full((len(colours), classes, 3), np.nan)
    for i, found in enumerate(colours):
        for c, colour in found.items():
            table[i, c] = to_lab(colour)
    return table


def delta_e(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """ΔE, the CIE 1976 colour difference: the distance [...] of CIELAB colours [..., 3]."""
    distance: np.ndarray = np.linalg.norm(a - b, axis=-1)
    return distance


def deviations(table: np.ndarray) -> np.ndarray:
    """How far each class's colour varies over N pictures, from CIELAB colours [N, C, 3]: [C] in units of ΔE.

    It is the root of the three channels' summed variances; NaN for a class that fewer than two pictures show.
    """
    shown = ~np.isnan(table)
    count = shown.sum(0)  # [C, 3]
    mean = np.where(shown, table, 0).sum(0) / count.clip(1)
    variance = np.where(shown, np.square(table - mean), 0).sum(0) / count.clip(1)
    return np.where(count[:, 0] > 1, np.sqrt(variance.sum(1)), np.nan)


def high_frequency_energy(picture: np.ndarray, known: np.ndarray | None = None) -> float:
    """The sharpness of a picture: the mean square of its luma (Rec. 601) minus the luma after a 3×3 binomial blur.

    With ``known`` bool [H, W], the mean over these pixels, 0 where there is none.
    """
    luma = picture.astype(float) @ np.array([0.299, 0.587, 0.114])
    rows = sum(w * luma[i : luma.shape[0] - 2 + i] for i, w in enumerate(KERNEL))
    blurred = sum(w * rows[:, i : luma.shape[1] - 2 + i] for i, w in enumerate(KERNEL))
    squares = np.square(luma[1:-1, 1:-1] - blurred)
    if known is None:
        return float(squares.mean())
    counted = squares[known[1:-1, 1:-1]]
    return float(counted.mean()) if counted.size else 0.0


def frechet(a: np.ndarray, b: np.ndarray) -> float:
    """The Fréchet distance of normal distributions fitted to features [n, D] and [m, D]: |μ−ν|² + tr(A + B − 2(AB)^½).

    FID is this distance on features of InceptionV3 (Heusel et al., NeurIPS 2017).
    """
    mean = np.square(a.mean(0) - b.mean(0)).sum()
    first, second = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    values, vectors = np.linalg.eigh(first)
    root = vectors * np.sqrt(values.clip(0)) @ vectors.T  # (AB)^½ has the trace of (A^½ B A^½)^½
    cross = np.linalg.eigvalsh(root @ second @ root).clip(0)
    return float(max(0.0, mean + np.trace(first) + np.trace(second) - 2 * np.sqrt(cross).sum()))


def bootstrap(
    statistic: Callable[[np.ndarray], Any], count: int, resamples: int | None = None, seed: int = 0
) -> tuple[Any, Any]:
    """The 95 % percentile interval (low, high) of a statistic by the bootstrap (Efron, Annals of Statistics 1979).

    ``statistic`` takes the indices [count] of a resample of the scenes and gives a number or an array; NaN is left
    out. There are ``resamples`` resamples, by default ``RESAMPLES``.
    """
    random = np.random.default_rng(seed)
    values = [statistic(random.integers(0, count, count)) for _ in range(resamples or RESAMPLES)]
    low, high = np.nanpercentile(values, [2.5, 97.5], axis=0).tolist()
    return low, high
