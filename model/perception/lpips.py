"""LPIPS, the learned perceptual distance of pictures, version 0.1.

Zhang, Isola, Efros, Shechtman and Wang, "The Unreasonable Effectiveness of Deep Features as a Perceptual Metric"
(CVPR 2018), equation 1.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from model.errors import InputError
from model.perception.convnets import ConvNet, from_torchvision, load_convnet
from model.perception.pickled import read_arrays
from model.perception.store import bad_file, path_of, read_torch, torchvision_file

SHIFT, SCALE = (-0.030, -0.088, -0.188), (0.458, 0.448, 0.450)  # ImageNet's mean and deviation, of [−1, 1]
EPS = 1e-10
# name → (network, ReLUs looked at, their channels)
VARIANTS = {
    "alex": ("alexnet", (0, 1, 2, 3, 4), (64, 192, 384, 256, 256)),
    "vgg16": ("vgg16", (1, 3, 6, 9, 12), (64, 128, 256, 512, 512)),
}


def standardised(picture: Tensor) -> Tensor:
    """Pictures [N, 3, H, W] in [−1, 1] with ImageNet's mean and deviation taken off."""
    shift, scale = (picture.new_tensor(values)[:, None, None] for values in (SHIFT, SCALE))
    return (picture - shift) / scale


class Lpips(nn.Module):
    """Pictures [N, 3, H, W] in [−1, 1] twice → their distances [N], 0 for equal ones."""

    def __init__(self, variant: str, network: ConvNet, linear: Sequence[Tensor]) -> None:
        """``linear``: a weight [C] for each channel of each layer."""
        super().__init__()
        self.network, self.taps = network, VARIANTS[variant][1]
        for number, weight in enumerate(linear):
            self.register_buffer(f"linear{number}", weight)
        self.eval().requires_grad_(False)

    def features(self, picture: Tensor) -> list[Tensor]:
        """What is compared [N, C, h, w], layer by layer: each pixel's channels scaled to unit length."""
        layers = self.network(standardised(picture.float()), self.taps)
        return [layer / (layer.square().sum(1, keepdim=True).sqrt() + EPS) for layer in layers]

    def distance(self, first: Sequence[Tensor], second: Sequence[Tensor]) -> Tensor:
        """Distances [N] of pictures by their ``features``: so a picture that is compared often is looked at once."""
        terms = [
            torch.einsum("nchw,c->nhw", (a - b).square(), getattr(self, f"linear{number}")).mean((1, 2))
            for number, (a, b) in enumerate(zip(first, second, strict=True))
        ]
        return torch.stack(terms).sum(0)

    def forward(self, first: Tensor, second: Tensor) -> Tensor:
        return self.distance(self.features(first), self.features(second))


def load_lpips(variant: str = "alex") -> Lpips:
    """LPIPS over "alex" or "vgg16", from the store, or from torchvision's network and LPIPS's linear layers.

    Raises InputError, which says how to get the files where they are missing.
    """
    if variant not in VARIANTS:
        known = ", ".join(VARIANTS)
        raise InputError(f"There is no LPIPS over {variant!r}; there is one over {known}.", allowed=known)
    network = VARIANTS[variant][0]
    if path := torchvision_file(network):
        return Lpips(variant, from_torchvision(network, path), _from_package(variant))
    return Lpips(variant, load_convnet(network), _from_arrays(variant))


def _from_arrays(variant: str) -> list[Tensor]:
    path = path_of(f"lpips-{variant}")
    arrays = {key: torch.from_numpy(array.copy()) for key, array in read_arrays(path).items()}
    return _linear(variant, arrays, "NetLinLayer_{}/Conv_0/kernel", path.name)


def _from_package(variant: str) -> list[Tensor]:
    path = path_of(f"lpips-{variant}-linear")
    return _linear(variant, read_torch(path), "lin{}.model.1.weight", path.name)


def _linear(variant: str, tensors: dict[str, Tensor], key: str, name: str) -> list[Tensor]:
    result = []
    for number, width in enumerate(VARIANTS[variant][2]):
        weight = tensors.get(key.format(number))
        if weight is None or weight.numel() != width:
            raise bad_file(f"{name} has no linear layer of {width} weights for layer {number} of {variant}.", name)
        result.append(weight.float().flatten())
    return result
