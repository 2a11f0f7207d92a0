"""Features by which pictures are compared: those of a segmenter, or of VGG-19."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TypeAlias

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from model.errors import InputError
from model.perception.label_reader import LabelReader


def perceptual_distance(a: Sequence[Tensor], b: Sequence[Tensor]) -> Tensor:
    """The distance [N] of pictures whose features a and b have the stages [N, D, h, w].

    It is LPIPS (Zhang, Isola, Efros, Shechtman, Wang, CVPR 2018) without its learned weights: channels are scaled to
    unit length at each pixel, squared differences averaged over pixels, and stages averaged.
    """
    stages = [(F.normalize(x) - F.normalize(y)).square().sum(1).mean((1, 2)) for x, y in zip(a, b, strict=True)]
    return torch.stack(stages).mean(0)


PerceptualFeatures: TypeAlias = "SegmenterFeatures | Vgg19Features"


class SegmenterFeatures(nn.Module):
    """The stages of a segmenter as perceptual features, for data that VGG-19 was not trained on."""

    weights = (1 / 8, 1 / 4, 1 / 2, 1.0)  # weight of each stage in ``perceptual``, the finest first

    def __init__(self, segmenter: LabelReader) -> None:
        super().__init__()
        self.segmenter = segmenter.eval().requires_grad_(False)

    def sized(self, picture: Tensor) -> Tensor:
        """At the size that the segmenter reads, where it is larger."""
        height = self.segmenter.read_size(picture.shape[2], picture.shape[3])[0]
        return self.segmenter.sized(picture) if picture.shape[2] > height else picture

    def forward(self, picture: Tensor) -> list[Tensor]:
        """Picture [N, 3, H, W] in [−1, 1] → the segmenter's stages, each [N, D, h, w], the finest first."""
        return self.segmenter.features(picture)


class Vgg19Features(nn.Module):
    """relu1_1, 2_1, 3_1, 4_1 and 5_1 of VGG-19 (Simonyan, Zisserman, ICLR 2015), as section 3.5 of the paper has it.

    The weights are read from a file in torchvision's layout (``features.N.weight``).
    """

    weights = (1 / 32, 1 / 16, 1 / 8, 1 / 4, 1.0)  # weight of each layer in ``perceptual``
    WIDTHS = (64, 64, "pool", 128, 128, "pool", 256, 256, 256, 256, "pool", 512, 512, 512, 512, "pool", 512)

    def __init__(self, path: Path) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        inputs = 3
        for width in self.WIDTHS:
            if isinstance(width, int):
                layers += [nn.Conv2d(inputs, width, 3, padding=1), nn.ReLU()]
                inputs = width
            else:
                layers.append(nn.MaxPool2d(2))
        self.features = nn.Sequential(*layers)
        self._load(path)
        self.eval().requires_grad_(False)

    def _load(self, path: Path) -> None:
        """Fill the layers from a file; raises InputError "bad_checkpoint" where it is not a whole VGG-19."""
        try:
            state = torch.load(path, map_location="cpu", weights_only=True)
            wanted = {key: state[key] for key in self.state_dict()}
            self.load_state_dict(wanted)
        except (OSError, KeyError, RuntimeError, TypeError, ValueError) as error:
            message = f"{path} is not a VGG-19 in torchvision's layout: {error}."
            raise InputError(message, code="bad_checkpoint", value=str(path)) from error
        except Exception as error:  # torch's unpickling errors have no common type
            message = f"{path} could not be read as a weight file: {type(error).__name__}."
            raise InputError(message, code="bad_checkpoint", value=str(path)) from error

    def sized(self, picture: Tensor) -> Tensor:
        """The picture itself: VGG-19 takes any size."""
        return picture

    def forward(self, picture: Tensor) -> list[Tensor]:
        """Picture [N, 3, H, W] in [−1, 1], not scaled any further → five layers, each [N, D, h, w]."""
        x, stages = picture, []
        for i, layer in enumerate(self.features):
            x = layer(x)
            if i in (1, 6, 11, 20, 29):
                stages.append(x)
        return stages
