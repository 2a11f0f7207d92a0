"""What ``python -m model evaluate`` measures: pure functions of arrays.

Pictures are uint8 or float [H, W, 3] of 0 … 255, label maps are class indices [H, W].
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from model.recipe.labels import to_lab

SMALLEST = 0.01  # share of a picture from which on a class's mean colour is compared
RESAMPLES = 1000
KERNEL = np.array([1.0, 2.0, 1.0]) / 4  # what is left of a picture after it is its low frequencies


def confusion(labels: np.ndarray, predicted: np.ndarray, classes: int) -> np.ndarray:
    """How many pixels of each class (rows) were taken for each class (columns): int64 [C, C]."""
    pairs = labels.astype(np.int64).ravel() * classes + predicted.astype(np.int64).ravel()
    return np.bincount(pairs, minlength=classes**2).reshape(classes, classes)


def mean_iou(matrix: np.ndarray) -> float:
    """Intersection over union, averaged over the classes that occur in the labels or were predicted."""
    right = np.diag(matrix)
    union = matrix.sum(0) + matrix.sum(1) - right
    return float((right[union > 0] / union[union > 0]).mean())


def pixel_accuracy(matrix: np.ndarray) -> float:
    """Share of pixels that were taken for their own class."""
    return float(np.trace(matrix) / matrix.sum())


def class_colours(picture: np.ndarray, labels: np.ndarray, smallest: float = SMALLEST) -> dict[int, np.ndarray]:
    """Mean colour [3] of each class that covers more than the share ``smallest``."""
    counts = np.bincount(labels.ravel())
    sums = np.stack([np.bincount(labels.ravel(), picture[..., i].ravel().astype(float)) for i in range(3)], axis=-1)
    return {int(c): sums[c] / counts[c] for c in np.flatnonzero(counts > smallest * labels.size)}


def colour_table(colours: Sequence[Mapping[int, np.ndarray]], classes: int) -> np.ndarray:
    """Each picture's class colours as L*a*b* [N, C, 3], NaN where a picture does not show the class."""
    table = np.full((len(colours), classes, 3), np.nan)
    for i, found in enumerate(colours):
        for c, colour in found.items():
            table[i, c] = to_lab(colour)
    return table


def delta_e(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """CIE76 difference of L*a*b* colours [..., 3]: their distance."""
    return np.linalg.norm(a - b, axis=-1)


def deviations(table: np.ndarray) -> np.ndarray:
    """How far each class's colour varies over L*a*b* [N, C, 3]: the root of the summed variances [C], NaN for a class
    that fewer than two pictures show."""
    shown = ~np.isnan(table)
    count = shown.sum(0)  # [C, 3]
    mean = np.where(shown, table, 0).sum(0) / count.clip(1)
    variance = np.where(shown, np.square(table - mean), 0).sum(0) / count.clip(1)
    return np.where(count[:, 0] > 1, np.sqrt(variance.sum(1)), np.nan)


def high_frequency_energy(picture: np.ndarray) -> float:
    """Mean square of what a 3×3 binomial blur takes from the luma (Rec. 601)."""
    luma = picture.astype(float) @ np.array([0.299, 0.587, 0.114])
    rows = sum(w * luma[i : luma.shape[0] - 2 + i] for i, w in enumerate(KERNEL))
    blurred = sum(w * rows[:, i : luma.shape[1] - 2 + i] for i, w in enumerate(KERNEL))
    return float(np.square(luma[1:-1, 1:-1] - blurred).mean())


def frechet(a: np.ndarray, b: np.ndarray) -> float:
    """Fréchet distance of the normals fitted to features [n, D] and [m, D]: |μ−ν|² + tr(A + B − 2(AB)^½)."""
    mean = np.square(a.mean(0) - b.mean(0)).sum()
    first, second = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    values, vectors = np.linalg.eigh(first)
    root = vectors * np.sqrt(values.clip(0)) @ vectors.T  # (AB)^½ has the trace of (A^½ B A^½)^½
    cross = np.linalg.eigvalsh(root @ second @ root).clip(0)
    return float(max(0.0, mean + np.trace(first) + np.trace(second) - 2 * np.sqrt(cross).sum()))


def bootstrap(
    statistic: Callable[[np.ndarray], Any], count: int, resamples: int | None = None, seed: int = 0
) -> tuple[Any, Any]:
    """95 % percentile interval of ``statistic``, a number or an array of them, which takes the indices [count] of a
    resample of the scenes. ``resamples`` left out are RESAMPLES.
    """
    random = np.random.default_rng(seed)
    values = [statistic(random.integers(0, count, count)) for _ in range(resamples or RESAMPLES)]
    low, high = np.nanpercentile(values, [2.5, 97.5], axis=0).tolist()
    return low, high
