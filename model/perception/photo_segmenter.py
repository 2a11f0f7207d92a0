"""The segmenter for photographs: EfficientNet-Lite0, and a light decoder from its coarse features to its fine ones.

The decoder follows Lin et al., "Feature Pyramid Networks for Object Detection" (CVPR 2017).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass

import torch
import torch.nn.functional as F
from safetensors.torch import save
from torch import Tensor, nn

from model.manifest import MAX_CLASSES, bad_checkpoint
from model.perception.efficientnet import TAPS, EfficientNetLite0
from model.tensors import stored

FORMAT = "groupdnet-studio photo segmenter 1"
READ = ("e3", "e5", "e11", "l15")  # features that the decoder joins, the finest first
STRIDE = 32  # sides of what it reads are multiples of this
MAX_WIDTH, MAX_READ = 512, 2048
SLIMMEST = 4  # a picture more than so many times as long as it is wide is read larger, that its short side shows


@dataclass(frozen=True)
class PhotoSegmenterConfig:
    """``side`` is how many pixels the long side of a picture is read at."""

    classes: int
    side: int = 320
    widths: tuple[int, ...] = (64, 64, 128, 128)  # of the decoder's stages, the finest first

    @classmethod
    def from_metadata(cls, metadata: dict[str, str], name: str) -> PhotoSegmenterConfig:
        """Raises InputError "bad_checkpoint", unless a network of sensible size can be built from it."""
        try:
            data = json.loads(metadata["segmenter"])
            config = cls(**{**data, "widths": tuple(data["widths"])})
        except (KeyError, ValueError, TypeError, RecursionError) as error:
            raise bad_checkpoint(f"{name} does not say what segmenter it holds: {error}.") from error
        problems = list(config._problems())
        if problems:
            raise bad_checkpoint(f"{name} is no segmenter of ours", problems)
        return config

    def _problems(self) -> Iterator[str]:
        numbers = [("classes", self.classes, MAX_CLASSES), ("side", self.side, MAX_READ)]
        numbers += [("widths", width, MAX_WIDTH) for width in self.widths]
        wrong = [row for row in numbers if type(row[1]) is not int or not 1 <= row[1] <= row[2]]
        yield from (f"{name} has {value!r}, allowed are 1 … {limit}" for name, value, limit in wrong)
        if len(self.widths) != len(READ):
            yield f"it has {len(self.widths)} widths, allowed are {len(READ)}"
        elif not wrong and self.side % STRIDE:
            yield f"side is {self.side}, allowed are multiples of {STRIDE}"


def _conv(inputs: int, outputs: int, kernel: int) -> nn.Sequential:
    conv = nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(outputs), nn.ReLU(inplace=True))


class PhotoSegmenter(nn.Module):
    """Picture [N, 3, H, W] in [−1, 1] → class scores [N, C, ⌈H/4⌉, ⌈W/4⌉]."""

    def __init__(self, config: PhotoSegmenterConfig) -> None:
        super().__init__()
        self.config = config
        self.backbone = EfficientNetLite0()
        *finer, coarsest = config.widths
        self.top = _conv(TAPS[READ[-1]][0], coarsest, 1)
        self.around = _conv(coarsest, coarsest, 3)
        self.whole = nn.Conv2d(coarsest, coarsest, 1)  # of the mean over the picture: what scene this is
        self.lateral = nn.ModuleList(_conv(TAPS[name][0], width, 1) for name, width in zip(READ, finer))
        self.join = nn.ModuleList(
            _conv(width + coarser, width, 3) for width, coarser in zip(config.widths, config.widths[1:])
        )
        self.predict = nn.Conv2d(config.widths[0], config.classes, 1)

    def features(self, picture: Tensor) -> list[Tensor]:
        """What the decoder reads, the finest first: at 1/4, 1/8, 1/16 and 1/32 of the picture's size."""
        taps = self.backbone(picture, READ)
        return [taps[name] for name in READ]

    def forward(self, picture: Tensor) -> Tensor:
        return self.scores(self.features(picture))

    def scores(self, stages: list[Tensor]) -> Tensor:
        """Class scores [N, C, h, w] at a quarter of the size of the picture whose ``features`` these are."""
        *finer, coarsest = stages
        x = self.top(coarsest)
        x = x + self.around(x) + self.whole(x.mean((2, 3), keepdim=True))
        for join, lateral, stage in zip(reversed(self.join), reversed(self.lateral), reversed(finer)):
            side = lateral(stage)
            x = join(torch.cat([side, F.interpolate(x, side.shape[2:], mode="bilinear")], dim=1))
        return self.predict(x)

    def sized(self, picture: Tensor) -> Tensor:
        """The picture as it is read: its long side as long as the config says, both multiples of 32."""
        size = read_size(picture.shape[2], picture.shape[3], self.config.side)
        if size == tuple(picture.shape[2:]):
            return picture
        return F.interpolate(picture, size, mode="bilinear", antialias=True)

    def probabilities(self, picture: Tensor) -> Tensor:
        """Picture [N, 3, H, W] in [−1, 1] of any size → how likely each class is at each pixel, [N, C, H, W]."""
        scores = self(self.sized(picture)).float()
        return F.interpolate(scores, picture.shape[2:], mode="bilinear").softmax(1)

    def segment(self, picture: Tensor) -> Tensor:
        """Picture [N, 3, H, W] in [−1, 1] of any size → class indices long [N, H, W]."""
        scores = self(self.sized(picture)).float()
        return F.interpolate(scores, picture.shape[2:], mode="bilinear").argmax(1)

    def to_bytes(self, half: bool = False) -> bytes:
        """Its safetensors file; with ``half``, weights are float16."""
        metadata = {"format": FORMAT, "segmenter": json.dumps(asdict(self.config))}
        return save(stored(self, half), metadata=metadata)


def read_size(height: int, width: int, side: int) -> tuple[int, int]:
    """The size that a picture is read at: (height, width), multiples of 32, the long side ``side`` where the short one
    is not far shorter; at most ``SLIMMEST`` times that."""
    scale = side / max(height, width)
    scale = max(scale, side / SLIMMEST / min(height, width))
    limits = [min(round(n * scale / STRIDE), side * SLIMMEST // STRIDE) for n in (height, width)]
    rows, columns = (max(1, n) * STRIDE for n in limits)
    return rows, columns
