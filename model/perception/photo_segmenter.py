"""The segmenter for photographs: EfficientNet-Lite0, and a light decoder from its coarse features to its fine ones.

The decoder follows Lin et al., "Feature Pyramid Networks for Object Detection" (CVPR 2017).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from model.perception.efficientnet import TAPS, EfficientNetLite0
from model.perception.label_reader import LabelReader

READ = ("e3", "e5", "e11", "l15")  # features that the decoder joins, the finest first
STRIDE = 32  # sides of what it reads are multiples of this
SLIMMEST = 4  # a picture more than so many times as long as wide is read larger, so that its short side shows


@dataclass(frozen=True)
class PhotoSegmenterConfig:
    """``side`` is how many pixels the long side of a picture is read at, a multiple of 32."""

    classes: int
    side: int = 320
    widths: tuple[int, ...] = (64, 64, 128, 128)  # channels of the decoder's stages, the finest first


def _conv(inputs: int, outputs: int, kernel: int) -> nn.Sequential:
    conv = nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(outputs), nn.ReLU(inplace=True))


class PhotoSegmenter(LabelReader):
    """Picture [N, 3, H, W] in [−1, 1] → class scores [N, C, H/4, W/4]; H and W are multiples of 32."""

    def __init__(self, config: PhotoSegmenterConfig) -> None:
        super().__init__()
        self.config = config
        self.backbone = EfficientNetLite0()
        *finer, coarsest = config.widths
        self.top = _conv(TAPS[READ[-1]][0], coarsest, 1)
        self.around = _conv(coarsest, coarsest, 3)
        self.whole = nn.Conv2d(coarsest, coarsest, 1)  # sees the mean over the picture: what scene this is
        self.lateral = nn.ModuleList(_conv(TAPS[name][0], width, 1) for name, width in zip(READ, finer))
        self.join = nn.ModuleList(
            _conv(width + coarser, width, 3) for width, coarser in zip(config.widths, config.widths[1:])
        )
        self.predict = nn.Conv2d(config.widths[0], config.classes, 1)

    def read_size(self, height: int, width: int) -> tuple[int, int]:
        """Multiples of 32, the longer one ``side`` unless the shorter one would be less than a quarter of that; no side
        is longer than four times ``side``."""
        side = self.config.side
        scale = max(side / max(height, width), side / SLIMMEST / min(height, width))
        rows, columns = (min(round(n * scale / STRIDE), side * SLIMMEST // STRIDE) for n in (height, width))
        return max(1, rows) * STRIDE, max(1, columns) * STRIDE

    def sized(self, picture: Tensor) -> Tensor:
        size = self.read_size(picture.shape[2], picture.shape[3])
        return picture if picture.shape[2:] == size else F.interpolate(picture, size, mode="bilinear", antialias=True)

    def features(self, picture: Tensor) -> list[Tensor]:
        """What the decoder reads, the finest first: [N, 144, 240, 672, 320 channels] at 1/4, 1/8, 1/16 and 1/32."""
        taps = self.backbone(picture, READ)
        return [taps[name] for name in READ]

    def scores(self, stages: list[Tensor]) -> Tensor:
        *finer, coarsest = stages
        x = self.top(coarsest)
        x = x + self.around(x) + self.whole(x.mean((2, 3), keepdim=True))
        for join, lateral, stage in zip(reversed(self.join), reversed(self.lateral), reversed(finer)):
            side = lateral(stage)
            x = join(torch.cat([side, F.interpolate(x, side.shape[2:], mode="bilinear")], dim=1))
        return self.predict(x)
