"""A label map that was read from a photo: how sure that is, and what else it may be."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Guess:
    """How sure a segmenter is of one class of a label map."""

    confidence: float  # 0 … 1, mean over the class's pixels of how likely the class is there
    second: int  # the class that is the next likely one, where the segmenter doubts


@dataclass(frozen=True)
class Reading:
    """What a segmenter reads from a photo."""

    labels: np.ndarray  # uint8 [H, W], class indices
    confidence: np.ndarray  # float32 [H, W], how likely each label is, 0 … 1
    second: np.ndarray  # uint8 [H, W], the next likely classes

    def guesses(self) -> dict[int, Guess]:
        """For each class that was read, by its index."""
        found = {}
        for index in np.unique(self.labels).tolist():
            inside = self.labels == index
            doubt = np.bincount(self.second[inside], 1 - self.confidence[inside])
            found[index] = Guess(float(self.confidence[inside].mean()), int(doubt.argmax()))
        return found
