"""A small U-Net (Ronneberger, Fischer, Brox, MICCAI 2015) that reads label maps from pictures.

Training compares pictures by its features where there is no VGG-19, and evaluation measures label fidelity with it.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from model.perception.label_reader import LabelReader


@dataclass(frozen=True)
class SegmenterConfig:
    """Everything that a segmenter is built from."""

    classes: int
    size: tuple[int, int]  # (H, W) of the pictures in its training; other pictures are scaled to it
    widths: tuple[int, ...] = (16, 32, 64, 96)  # channels of the stages, the finest first
    dilations: tuple[int, ...] = ()  # dilations of residual convolutions at the lowest resolution, which widen the view
    patch: int = 1  # pixels a side that the first stage takes as one; the prediction separates them again

    @property
    def stride(self) -> int:
        """The number whose multiples the sides of its pictures are."""
        return int(self.patch * 2 ** (len(self.widths) - 1))


def _convs(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, padding=1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(),
        nn.Conv2d(outputs, outputs, 3, padding=1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(),
    )


def _look_around(width: int, dilation: int) -> nn.Sequential:
    conv = nn.Conv2d(width, width, 3, padding=dilation, dilation=dilation, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(width), nn.ReLU())


class Segmenter(LabelReader):
    """Picture [N, 3, H, W] in [−1, 1], H and W multiples of the stride → class scores [N, C, H, W]."""

    def __init__(self, config: SegmenterConfig) -> None:
        super().__init__()
        self.config = config
        widths, pixels = config.widths, config.patch**2
        self.down = nn.ModuleList(_convs(i, o) for i, o in zip((3 * pixels, *widths), widths))
        self.around = nn.ModuleList(_look_around(widths[-1], dilation) for dilation in config.dilations)
        self.up = nn.ModuleList(_convs(i + o, o) for i, o in zip(widths[::-1], widths[-2::-1]))
        self.predict = nn.Conv2d(widths[0], config.classes * pixels, 1)

    def read_size(self, height: int, width: int) -> tuple[int, int]:
        return self.config.size

    def sized(self, picture: Tensor) -> Tensor:
        return F.interpolate(picture, self.config.size, mode="area")

    def features(self, picture: Tensor) -> list[Tensor]:
        """The stages of the contracting path, each [N, width, h, w], the finest first."""
        x, stages = F.pixel_unshuffle(picture, self.config.patch), []
        for i, stage in enumerate(self.down):
            x = stage(F.max_pool2d(x, 2) if i else x)
            stages.append(x)
        return stages

    def scores(self, stages: list[Tensor]) -> Tensor:
        """Class scores [N, C, H, W] from what ``features`` returns."""
        *skips, x = stages
        for layer in self.around:
            x = x + layer(x)
        for stage, skip in zip(self.up, reversed(skips)):
            x = stage(torch.cat([F.interpolate(x, scale_factor=2, mode="nearest"), skip], dim=1))
        return F.pixel_shuffle(self.predict(x), self.config.patch)
