"""How well a segmenter reads photos that have label maps."""

from __future__ import annotations

import numpy as np
import torch

from model.data.datasets import PairFolder
from model.evaluation.metrics import confusion
from model.perception.label_reader import LabelReader


@torch.inference_mode()
def reading_confusion(segmenter: LabelReader, photos: PairFolder) -> np.ndarray:
    """How many pixels of each class (rows) were taken for each class (columns), int64 [C, C]; pixels without a class
    are left out."""
    classes = segmenter.config.classes
    device = next(segmenter.parameters()).device
    total = np.zeros((classes, classes), np.int64)
    for number in range(len(photos)):
        labels, photo, _ = photos[number]
        read = segmenter.segment(photo[None].to(device).float() / 127.5 - 1)[0].cpu()
        known = labels < classes
        total += confusion(labels[known].numpy(), read[known].numpy(), classes)
    return total
