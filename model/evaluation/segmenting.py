"""How well a segmenter reads photos that have label maps."""

from __future__ import annotations

import numpy as np
import torch

from model.data.datasets import PairFolder
from model.data.prepared import Prepared
from model.evaluation.metrics import confusion, mean_iou, pixel_accuracy
from model.perception.label_reader import LabelReader


@torch.inference_mode()
def reading_confusion(segmenter: LabelReader, photos: PairFolder) -> np.ndarray:
    """How many pixels of each class (rows) were taken for each class (columns), of each photo: int64 [N, C, C]; pixels
    without a class are left out."""
    classes = segmenter.config.classes
    device = next(segmenter.parameters()).device
    found = np.zeros((len(photos), classes, classes), np.int64)
    for number in range(len(photos)):
        labels, photo, _ = photos[number]
        read = segmenter.segment(photo[None].to(device).float() / 127.5 - 1)[0].cpu()
        known = labels < classes
        found[number] = confusion(labels[known].numpy(), read[known].numpy(), classes)
    return found


def held_out_accuracy(segmenter: LabelReader, prepared: Prepared, size: tuple[int, int]) -> str:
    """A table in words, for the photos of a prepared set that are held out: all of them, each group, each class."""
    photos = prepared.dataset("val", (), size)
    found = reading_confusion(segmenter, photos)
    names = [pair.photo.stem for pair in photos.pairs]
    own = {name: groups for name, split, groups in prepared.photos if split == "val"}
    lines = [f"{'held-out photos':20} {'photos':>7} {'right':>7} {'mIoU':>6}"]
    for group in ("all", *sorted({group for groups in own.values() for group in groups})):
        inside = np.array([group == "all" or group in own[name] for name in names])
        matrix = found[inside].sum(0)
        lines.append(f"{group:20} {inside.sum():7} {pixel_accuracy(matrix):7.1%} {mean_iou(matrix):6.3f}")
    matrix = found.sum(0)
    lines.append(f"{'class':20} {'share':>7} {'right':>7} {'IoU':>6}")
    for index, name in enumerate(prepared.taxonomy.names):
        right, row, column = matrix[index, index], matrix[index].sum(), matrix[:, index].sum()
        share, union = row / matrix.sum(), max(1, row + column - right)
        lines.append(f"{name:20} {share:7.1%} {right / max(1, row):7.1%} {right / union:6.3f}")
    return "\n".join(lines)
