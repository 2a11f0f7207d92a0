"""A label map that was read from a photo: how sure that is, and what else it may be."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

LEAST = 0.005  # share of a picture's pixels that an area needs to be told


@dataclass(frozen=True)
class Guess:
    """How sure a segmenter is of one class of a label map, or of one area."""

    confidence: float  # 0 … 1, mean over the pixels of how likely the class is there
    second: int  # the class that is the next likely one, where the segmenter doubts
    likely: float  # 0 … 1, mean of how likely that one is; pixels where a third class is likelier count as 0


@dataclass(frozen=True)
class Area:
    """A 4-connected area of one class in a label map. ``at`` and ``box`` are in pixels from the upper left."""

    index: int  # class index of the region
    at: tuple[int, int]  # x, y of one of its pixels, from which filling the label map gives all of them
    box: tuple[int, int, int, int]  # x, y, width and height of the smallest rectangle around it
    pixels: int
    guess: Guess


@dataclass(frozen=True)
class Reading:
    """What a segmenter reads from a photo."""

    labels: np.ndarray  # uint8 [H, W], class indices
    confidence: np.ndarray  # float32 [H, W], how likely each label is, 0 … 1
    second: np.ndarray  # uint8 [H, W], the next likely classes
    likely: np.ndarray  # float32 [H, W], how likely those are, 0 … 1

    def guesses(self) -> dict[int, Guess]:
        """For each class that was read, by its index."""
        return {index: self._guess(self.labels == index) for index in np.unique(self.labels).tolist()}

    def areas(self, least: float = LEAST) -> list[Area]:
        """The connected areas of one class that have so large a share of the pixels, 0 … 1; the largest first."""
        numbered = connected(self.labels)
        numbers, firsts, sizes = np.unique(numbered, return_index=True, return_counts=True)
        kept = np.flatnonzero(sizes >= least * numbered.size)
        kept = kept[np.argsort(-sizes[kept], kind="stable")]
        return [self._area(numbered == numbers[i], int(firsts[i])) for i in kept]

    def _area(self, inside: np.ndarray, first: int) -> Area:
        rows, columns = (np.flatnonzero(inside.any(axis)) for axis in (1, 0))
        y, x = divmod(first, inside.shape[1])
        top, left = int(rows[0]), int(columns[0])
        box = left, top, int(columns[-1]) - left + 1, int(rows[-1]) - top + 1
        return Area(int(self.labels[y, x]), (x, y), box, int(inside.sum()), self._guess(inside))

    def _guess(self, inside: np.ndarray) -> Guess:
        """What is read in the pixels where bool [H, W] ``inside`` is true, which all have one class."""
        seconds, likely = self.second[inside], self.likely[inside]
        doubt = 1 - self.confidence[inside] + np.finfo(np.float32).tiny  # where all is sure, the commonest class counts
        second = int(np.bincount(seconds, doubt).argmax())
        mean = np.float64(likely[seconds == second].sum()) / seconds.size
        return Guess(float(self.confidence[inside].mean()), second, float(mean))


def connected(labels: np.ndarray) -> np.ndarray:
    """For each pixel of a label map [H, W] the number of its 4-connected area, the smallest flat index in it."""
    height, width = labels.shape
    flat = np.arange(height * width).reshape(height, width)
    begins = np.ones((height, width), bool)  # where a run of equal labels in a row begins
    begins[:, 1:] = labels[:, 1:] != labels[:, :-1]
    areas = np.maximum.accumulate(np.where(begins, flat, 0).ravel())
    above = flat[:-1][labels[:-1] == labels[1:]]
    touching = np.unique(areas[above] * areas.size + areas[above + width])  # each pair of runs once
    first, second = np.divmod(touching, areas.size)
    while True:
        a, b = areas[first], areas[second]
        apart = a != b
        if not apart.any():
            return areas.reshape(height, width)
        low, high = np.minimum(a, b)[apart], np.maximum(a, b)[apart]
        np.minimum.at(areas, high, low)
        while (areas[areas] != areas).any():
            areas = areas[areas]
