"""Networks through which pictures are compared, chosen by name."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol, Self

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from model.errors import InputError
from model.perception.convnets import ConvNet, from_torchvision, load_convnet
from model.perception.efficientnet import EfficientNetFeatures, EfficientNetLite0, load_efficientnet
from model.perception.label_reader import LabelReader
from model.perception.lpips import load_lpips, standardised

FEATURES = ("efficientnet", "vgg16", "vgg19", "segmenter")
DISTANCES = ("lpips-alex", "lpips-vgg16", *FEATURES)


class PerceptualFeatures(Protocol):
    """A frozen network whose features tell pictures apart."""

    @property
    def weights(self) -> Sequence[float]:
        """How much a difference counts in each stage."""

    def sized(self, picture: Tensor) -> Tensor:
        """Picture [N, 3, H, W] in [−1, 1] as the network looks at it: smaller, where it would not look at all of it."""

    def __call__(self, picture: Tensor) -> list[Tensor]:
        """Picture [N, 3, H, W] in [−1, 1] → stages [N, D, h, w], the finest first."""

    def to(self, device: torch.device) -> Self:
        """The network on that device."""


class PictureDistance(Protocol):
    """How far pictures are apart; one that is compared often is looked at once."""

    def features(self, picture: Tensor) -> list[Tensor]:
        """Picture [N, 3, H, W] in [−1, 1] → what is compared."""

    def distance(self, first: Sequence[Tensor], second: Sequence[Tensor]) -> Tensor:
        """``features`` of N pictures, twice → distances [N], 0 for equal ones."""


class SegmenterFeatures(nn.Module):
    """The stages of a segmenter as perceptual features, for data that other networks were not trained on."""

    weights = (1 / 8, 1 / 4, 1 / 2, 1.0)  # weight of each stage in ``perceptual``, the finest first

    def __init__(self, segmenter: LabelReader) -> None:
        super().__init__()
        self.segmenter = segmenter.eval().requires_grad_(False)

    def sized(self, picture: Tensor) -> Tensor:
        """At the size that the segmenter reads, where it is larger."""
        height = self.segmenter.read_size(picture.shape[2], picture.shape[3])[0]
        return self.segmenter.sized(picture) if picture.shape[2] > height else picture

    def forward(self, picture: Tensor) -> list[Tensor]:
        return self.segmenter.features(picture)


class Vgg16Features(nn.Module):
    """relu1_2, 2_2, 3_3, 4_3 and 5_3 of VGG-16, on pictures with ImageNet's mean and deviation taken off; weighted as
    the paper weights VGG-19's."""

    weights = (1 / 32, 1 / 16, 1 / 8, 1 / 4, 1.0)
    RELUS = (1, 3, 6, 9, 12)

    def __init__(self, network: ConvNet | None = None) -> None:
        """Raises InputError where no network is given and its file is not there."""
        super().__init__()
        self.network = network or load_convnet("vgg16")

    def sized(self, picture: Tensor) -> Tensor:
        return picture

    def forward(self, picture: Tensor) -> list[Tensor]:
        return self.network(standardised(picture), self.RELUS)


class Vgg19Features(nn.Module):
    """relu1_1, 2_1, 3_1, 4_1 and 5_1 of VGG-19 (Simonyan, Zisserman, ICLR 2015), as section 3.5 of the paper has it;
    pictures go in as they are, in [−1, 1]."""

    weights = (1 / 32, 1 / 16, 1 / 8, 1 / 4, 1.0)  # weight of each layer in ``perceptual``
    RELUS = (0, 2, 4, 8, 12)

    def __init__(self, path: Path | None = None) -> None:
        """From a weight file in torchvision's layout (``features.N.weight``), by default the one that lies here.

        Raises InputError where it is missing or does not fit.
        """
        super().__init__()
        self.network = from_torchvision("vgg19", path) if path else load_convnet("vgg19")

    def sized(self, picture: Tensor) -> Tensor:
        return picture

    def forward(self, picture: Tensor) -> list[Tensor]:
        return self.network(picture, self.RELUS)


class FeatureDistance:
    """Distance by a network's features, as LPIPS without its learned weights."""

    def __init__(self, network: PerceptualFeatures) -> None:
        self.network = network

    def features(self, picture: Tensor) -> list[Tensor]:
        return self.network(self.network.sized(picture))

    def distance(self, first: Sequence[Tensor], second: Sequence[Tensor]) -> Tensor:
        return perceptual_distance(first, second)


def perceptual_features(
    name: str,
    segmenter: LabelReader | None = None,
    vgg19: Path | None = None,
    backbone: EfficientNetLite0 | None = None,
) -> PerceptualFeatures:
    """The features called "efficientnet", "vgg16", "vgg19" or "segmenter".

    ``segmenter`` is the one to look through, ``vgg19`` its weight file, ``backbone`` an EfficientNet-Lite0 that is
    loaded already; what is not given comes from the store. Raises InputError where a file or the segmenter is missing.
    """
    if name == "segmenter" and segmenter is not None:
        return SegmenterFeatures(segmenter)
    if name == "segmenter":
        raise InputError("There is no segmenter whose features could be compared.", code="no_segmenter", value=name)
    if name == "efficientnet":
        return EfficientNetFeatures(backbone or load_efficientnet())
    if name == "vgg16":
        return Vgg16Features()
    if name == "vgg19":
        return Vgg19Features(vgg19)
    raise _unknown(name, FEATURES)


def picture_distance(name: str, segmenter: LabelReader | None = None) -> PictureDistance:
    """The distance called "lpips-alex" or "lpips-vgg16", or by any of the features.

    Raises InputError where a file or the segmenter is missing.
    """
    if name not in DISTANCES:
        raise _unknown(name, DISTANCES)
    if name.startswith("lpips-"):
        return load_lpips(name.removeprefix("lpips-"))
    return FeatureDistance(perceptual_features(name, segmenter))


def _unknown(name: str, allowed: Sequence[str]) -> InputError:
    known = ", ".join(allowed)
    return InputError(f"Pictures cannot be compared by {name!r}; allowed is {known}.", value=name, allowed=known)


def perceptual_distance(a: Sequence[Tensor], b: Sequence[Tensor]) -> Tensor:
    """The distance [N] of pictures whose features a and b have the stages [N, D, h, w].

    It is LPIPS (Zhang, Isola, Efros, Shechtman, Wang, CVPR 2018) without its learned weights: channels are scaled to
    unit length at each pixel, squared differences averaged over pixels, and stages averaged.
    """
    stages = [(F.normalize(x) - F.normalize(y)).square().sum(1).mean((1, 2)) for x, y in zip(a, b, strict=True)]
    return torch.stack(stages).mean(0)
