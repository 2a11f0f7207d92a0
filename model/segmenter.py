"""A small U-Net that reads label maps from pictures.

Its features are the perceptual loss where there is no VGG-19, and its word on a picture is how label fidelity is
measured.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import save
from torch import Tensor, nn

from model.manifest import MAX_CLASSES, MAX_SIDE, bad_checkpoint
from model.tensors import load_tensors, read_metadata, stored

FORMAT = "groupdnet-studio segmenter 1"
STAGES = (2, 8)
MAX_WIDTH = 1024
MAX_PATCH = 8
MAX_DILATION = 64


@dataclass(frozen=True)
class SegmenterConfig:
    """``size`` (H, W) is that of the pictures it was trained on: others are scaled to it before it reads them."""

    classes: int
    size: tuple[int, int]
    widths: tuple[int, ...] = (16, 32, 64, 96)  # of the stages, the finest first
    dilations: tuple[int, ...] = ()  # of residual convolutions at the lowest resolution: how far it looks around
    patch: int = 1  # pixels a side that the first stage sees as one, and the prediction tells apart again

    @property
    def stride(self) -> int:
        """What both sides of a picture are multiples of."""
        return int(self.patch * 2 ** (len(self.widths) - 1))

    @classmethod
    def from_metadata(cls, metadata: dict[str, str], name: str) -> SegmenterConfig:
        """Raises InputError "bad_checkpoint", unless a network of sensible size can be built from it."""
        if metadata.get("format") != FORMAT:
            raise bad_checkpoint(f"{name} has the format {metadata.get('format')!r}, expected {FORMAT!r}.")
        try:
            data = json.loads(metadata["segmenter"])
            lists = {key: tuple(data[key]) for key in ("size", "widths", "dilations")}
            config = cls(**{**data, **lists})
        except (KeyError, ValueError, TypeError, RecursionError) as error:
            raise bad_checkpoint(f"{name} does not say what segmenter it holds: {error}.") from error
        problems = list(config._problems())
        if problems:
            raise bad_checkpoint(f"{name} is no segmenter of ours", problems)
        return config

    def _problems(self) -> Iterator[str]:
        numbers = [("classes", self.classes, MAX_CLASSES), ("patch", self.patch, MAX_PATCH)]
        numbers += [("widths", width, MAX_WIDTH) for width in self.widths]
        numbers += [("dilations", dilation, MAX_DILATION) for dilation in self.dilations]
        wrong = [row for row in numbers if type(row[1]) is not int or not 1 <= row[1] <= row[2]]
        yield from (f"{name} has {value!r}, allowed are 1 … {limit}" for name, value, limit in wrong)
        if not STAGES[0] <= len(self.widths) <= STAGES[1] or len(self.dilations) > STAGES[1]:
            stages = f"{len(self.widths)} widths and {len(self.dilations)} dilations"
            yield f"it has {stages}, allowed are {STAGES[0]} … {STAGES[1]} and 0 … {STAGES[1]}"
        elif not wrong:
            yield from self._size_problems()

    def _size_problems(self) -> Iterator[str]:
        sides = [type(n) is int and 0 < n <= MAX_SIDE and n % self.stride == 0 for n in self.size]
        if len(sides) != 2 or not all(sides):
            yield f"size is {list(self.size)!r}, allowed are two multiples of {self.stride} ≤ {MAX_SIDE}"


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


class Segmenter(nn.Module):
    """Picture [N, 3, H, W] in [−1, 1], H and W multiples of the stride → class scores [N, C, H, W]."""

    def __init__(self, config: SegmenterConfig) -> None:
        super().__init__()
        self.config = config
        widths, pixels = config.widths, config.patch**2
        self.down = nn.ModuleList(_convs(i, o) for i, o in zip((3 * pixels, *widths), widths))
        self.around = nn.ModuleList(_look_around(widths[-1], dilation) for dilation in config.dilations)
        self.up = nn.ModuleList(_convs(i + o, o) for i, o in zip(widths[::-1], widths[-2::-1]))
        self.predict = nn.Conv2d(widths[0], config.classes * pixels, 1)

    def features(self, picture: Tensor) -> list[Tensor]:
        """The encoder's stages, the finest first; the loss compares them."""
        x, stages = F.pixel_unshuffle(picture, self.config.patch), []
        for i, stage in enumerate(self.down):
            x = stage(F.max_pool2d(x, 2) if i else x)
            stages.append(x)
        return stages

    def forward(self, picture: Tensor) -> Tensor:
        return self.scores(self.features(picture))

    def scores(self, stages: list[Tensor]) -> Tensor:
        """Class scores [N, C, H, W] from the features of a picture."""
        *skips, x = stages
        for layer in self.around:
            x = x + layer(x)
        for stage, skip in zip(self.up, reversed(skips)):
            x = stage(torch.cat([F.interpolate(x, scale_factor=2, mode="nearest"), skip], dim=1))
        return F.pixel_shuffle(self.predict(x), self.config.patch)

    def segment(self, picture: Tensor) -> Tensor:
        """Picture [N, 3, H, W] in [−1, 1] of any size, read at the network's own → class indices long [N, H, W]."""
        scores = self(F.interpolate(picture, self.config.size, mode="area"))
        return F.interpolate(scores, picture.shape[2:], mode="bilinear").argmax(1)

    def to_bytes(self, half: bool = False) -> bytes:
        """Its safetensors file; with ``half``, weights are float16."""
        metadata = {"format": FORMAT, "segmenter": json.dumps(asdict(self.config))}
        return save(stored(self, half), metadata=metadata)


def load_segmenter(path: Path) -> Segmenter:
    """Raises InputError "bad_checkpoint" where the file is not a whole segmenter of ours."""
    config = SegmenterConfig.from_metadata(read_metadata(path), path.name)
    with torch.device("meta"):
        segmenter = Segmenter(config).eval()
    load_tensors(segmenter, path)
    return segmenter
