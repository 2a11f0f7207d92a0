"""The diversity of one class: the terms of the paper's mCSD and mOCD (section 4)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from model.engine import Engine
from model.evaluation.eyes import as_input
from model.evaluation.held_out import Sample
from model.perception.features import PictureDistance, perceptual_distance
from model.perception.label_reader import LabelReader
from model.recipe.styles import Style

BATCH = 16  # pictures that the distance's network looks at in one pass


@dataclass(frozen=True)
class Protocol:
    """``pairs`` random pairs of ``pictures`` pictures that differ in one class's code; the paper has 19 of 100."""

    pictures: int = 100
    pairs: int = 19


class SegmenterDistance:
    """Distance by the stages of a segmenter, at the size that it reads."""

    def __init__(self, segmenter: LabelReader) -> None:
        self.segmenter = segmenter

    def features(self, picture: Tensor) -> list[Tensor]:
        return self.segmenter.features(self.segmenter.sized(picture))

    def distance(self, first: Sequence[Tensor], second: Sequence[Tensor]) -> Tensor:
        return perceptual_distance(first, second)


def class_diversity(
    engine: Engine,
    distance: PictureDistance,
    sample: Sample,
    base: Style,
    c: int,
    protocol: Protocol,
    seed: int,
    random: np.random.Generator,
) -> tuple[float, float]:
    """The mean distance of pairs of pictures that differ in class c's code alone, (inside, outside) of the class.

    The rest of the picture is set to 0, mid-grey, and nothing is divided by areas. ``seed`` is that of the first
    picture's code. Pictures that are in no pair are not made.
    """
    pairs = np.stack([random.choice(protocol.pictures, 2, replace=False) for _ in range(protocol.pairs)])  # [m, 2]
    used, places = np.unique(pairs, return_inverse=True)
    styles = base.variants([c], seed, protocol.pictures)
    codes = np.stack([styles[i].codes(engine.config) for i in used])
    pictures = engine.render(sample.labels, codes, sample.instances)
    inside = sample.labels == c
    means = [
        _mean_distance(distance, pictures, kept, places.reshape(pairs.shape), engine.device)
        for kept in (inside, ~inside)
    ]
    return means[0], means[1]


@torch.inference_mode()
def _mean_distance(
    distance: PictureDistance, pictures: np.ndarray, kept: np.ndarray, pairs: np.ndarray, device: torch.device
) -> float:
    """The mean over pairs [m, 2] of pictures uint8 [N, H, W, 3] whose pixels are 0 where bool [H, W] is False."""
    mask = torch.from_numpy(kept).to(device)
    parts = [
        distance.features(as_input(pictures[start : start + BATCH], device) * mask)
        for start in range(0, len(pictures), BATCH)
    ]
    stages = [torch.cat(stage) for stage in zip(*parts, strict=True)]
    found = [distance.distance(*_sides(stages, chosen)) for chosen in _chunks(pairs)]
    return float(torch.cat(found).mean())


def _sides(stages: list[Tensor], pairs: np.ndarray) -> tuple[list[Tensor], list[Tensor]]:
    """The features of the first picture of each pair, and of the second."""
    first, second = ([stage[torch.from_numpy(pairs[:, side])] for stage in stages] for side in (0, 1))
    return first, second


def _chunks(pairs: np.ndarray) -> Iterator[np.ndarray]:
    """The pairs, so few at a time that their features fit into memory."""
    for start in range(0, len(pairs), BATCH):
        yield pairs[start : start + BATCH]
