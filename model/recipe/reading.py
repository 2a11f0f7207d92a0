"""A label map that a segmenter has read from a photo, with its confidence and its second choices."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Guess:
    """A segmenter's confidence in one class of a label map."""

    confidence: float  # probability of the class in 0 … 1, a mean over the pixels that were read as it
    second: int  # index of the class that is the most likely one in its place


@dataclass(frozen=True)
class Reading:
    """A label map as a segmenter has read it from a photo."""

    labels: np.ndarray  # uint8 [H, W], class indices
    confidence: np.ndarray  # float32 [H, W], the probability of each label, in 0 … 1
    second: np.ndarray  # uint8 [H, W], the class with the second largest probability

    def guesses(self) -> dict[int, Guess]:
        """Class index → its guess, for the classes in ``labels``."""
        found = {}
        for index in np.unique(self.labels).tolist():
            inside = self.labels == index
            doubt = np.bincount(self.second[inside], 1 - self.confidence[inside])
            found[index] = Guess(float(self.confidence[inside].mean()), int(doubt.argmax()))
        return found
