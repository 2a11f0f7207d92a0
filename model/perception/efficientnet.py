"""EfficientNet-Lite0, trained on ImageNet: the features that losses, metrics, segmenter and discriminator look through.

Tan and Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks" (ICML 2019); Lite0 has no
squeeze-and-excitation and ReLU6 for an activation.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from model.perception.store import bad_file, path_of, read_torch

NAME = "efficientnet-lite0"
STEM = 32
# repeats, kernel, stride of the first block, expansion, channels
STAGES = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)
# tap → (channels, pixels of the picture a side that one of its own stands for)
TAPS = {
    "e1": (96, 2),
    "l2": (24, 4),
    "e3": (144, 4),
    "l4": (40, 8),
    "e5": (240, 8),
    "l10": (112, 16),
    "e11": (672, 16),
    "l15": (320, 32),
}
NORM_EPS = 1e-3
HEAD = ("_conv_head.", "_bn1.", "_fc.")  # keys of the classifier, which nobody here asks


class Block(nn.Module):
    """Inverted residual: 1×1 expansion, depthwise convolution, linear 1×1 projection."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        width = inputs * expansion
        self.expand = nn.Conv2d(inputs, width, 1) if expansion > 1 else None
        self.depthwise = _same_conv(width, width, kernel, stride, groups=width)
        self.project = nn.Conv2d(width, outputs, 1)
        self.adds = stride == 1 and inputs == outputs

    def expanded(self, x: Tensor) -> Tensor:
        return x if self.expand is None else F.relu6(self.expand(x), inplace=True)

    def forward(self, x: Tensor, expanded: Tensor) -> Tensor:
        """``expanded`` is what ``expanded(x)`` gave."""
        y = self.project(F.relu6(_same(self.depthwise, expanded), inplace=True))
        return x + y if self.adds else y


class EfficientNetLite0(nn.Module):
    """Picture [N, 3, H, W] in [−1, 1] of any size → its features; batch norms are folded into the convolutions."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = _same_conv(3, STEM, 3, 2)
        blocks, inputs = [], STEM
        for repeats, kernel, first_stride, expansion, outputs in STAGES:
            for stride in (first_stride, *[1] * (repeats - 1)):
                blocks.append(Block(inputs, outputs, kernel, stride, expansion))
                inputs = outputs
        self.blocks = nn.ModuleList(blocks)

    def forward(self, picture: Tensor, taps: Iterable[str]) -> dict[str, Tensor]:
        """The features named, each [N, channels, ⌈H/s⌉, ⌈W/s⌉] as ``TAPS`` says; nothing deeper is computed.

        ``e5`` is the expansion of block 5 after its ReLU6, ``l10`` the linear output of block 10.
        """
        wanted, found = set(taps), {}
        x = F.relu6(_same(self.stem, normalised(picture)), inplace=True)
        for number, block in enumerate(self.blocks):
            assert isinstance(block, Block)
            expanded = block.expanded(x)
            if f"e{number}" in wanted:
                found[f"e{number}"] = expanded
            if len(found) == len(wanted):
                break
            x = block(x, expanded)
            if f"l{number}" in wanted:
                found[f"l{number}"] = x
            if len(found) == len(wanted):
                break
        return found


def normalised(picture: Tensor) -> Tensor:
    """Pictures in [−1, 1], p = 127.5 (x + 1) of 255, as the network takes them: (p − 127) / 128."""
    return picture * (127.5 / 128) + 0.5 / 128


def _same_conv(inputs: int, outputs: int, kernel: int, stride: int, groups: int = 1) -> nn.Conv2d:
    """A convolution for ``_same``, which pads for it where it has a stride."""
    return nn.Conv2d(inputs, outputs, kernel, stride, 0 if stride > 1 else kernel // 2, groups=groups)


def _same(conv: nn.Conv2d, x: Tensor) -> Tensor:
    """Convolution to ⌈size / stride⌉, padded as TensorFlow's SAME: what does not go evenly goes right and below."""
    kernel, stride = conv.kernel_size[0], conv.stride[0]
    if stride > 1:
        rows, columns = (max((-(-n // stride) - 1) * stride + kernel - n, 0) for n in x.shape[2:])
        x = F.pad(x, (columns // 2, columns - columns // 2, rows // 2, rows - rows // 2))
    return conv(x)


def scene_features(network: EfficientNetLite0, picture: Tensor) -> Tensor:
    """Picture [N, 3, H, W] in [−1, 1] → the mean over each picture of block 10's output, [N, 112]: what Fréchet
    distances of pictures are measured on."""
    return network(picture, ("l10",))["l10"].mean((2, 3))


def load_efficientnet(path: Path | None = None) -> EfficientNetLite0:
    """The network with its ImageNet weights, frozen, from ``path`` or the store.

    Raises InputError, which says how to get the file where it is missing, and what is wrong with a damaged one.
    """
    path = path or path_of(NAME)
    network = EfficientNetLite0()
    network.load_state_dict(folded(read_torch(path), path.name))
    return network.eval().requires_grad_(False)


def folded(state: Mapping[str, Tensor], name: str) -> dict[str, Tensor]:
    """The published file's tensors as those of ``EfficientNetLite0``. Raises InputError where keys or shapes differ;
    ``name`` is what it calls the file."""
    with torch.device("meta"):
        wanted = EfficientNetLite0().state_dict()
    left = {key for key in state if not key.startswith(HEAD) and not key.endswith("num_batches_tracked")}
    result = {}
    for key, like in wanted.items():
        if key.endswith(".bias"):
            continue
        conv, norm = _published(key.removesuffix(".weight"))
        names = [f"{conv}.weight", *(f"{norm}.{part}" for part in ("weight", "bias", "running_mean", "running_var"))]
        shapes = [like.shape, *[like.shape[:1]] * 4]
        if wrong := [key for key, shape in zip(names, shapes) if key not in state or state[key].shape != shape]:
            raise bad_file(f"{name} is not EfficientNet-Lite0: {wrong[0]} is missing or has another shape.", name)
        weight, gain, bias, mean, variance = (state[key].double() for key in names)
        scale = gain / (variance + NORM_EPS).sqrt()
        result[key] = (weight * scale[:, None, None, None]).float()
        result[key.removesuffix("weight") + "bias"] = (bias - mean * scale).float()
        left.difference_update(names)
    if left:
        raise bad_file(f"{name} is not EfficientNet-Lite0: it has {min(left)} beside what belongs there.", name)
    return result


def _published(name: str) -> tuple[str, str]:
    """What the published file calls a convolution of ours, and the batch norm behind it."""
    if name == "stem":
        return "_conv_stem", "_bn0"
    _, number, layer = name.split(".")
    norm = {"expand": 0, "depthwise": 1, "project": 2}[layer]
    return f"_blocks.{number}._{layer}_conv", f"_blocks.{number}._bn{norm}"


class EfficientNetFeatures(nn.Module):
    """Perceptual features: the expansions of blocks 1, 3, 5 and 11, scaled at each pixel to the same length over
    channels: √channels ÷ 2, so that their numbers are of the order of 1 whatever the width."""

    weights = (1.0, 1.0, 1.0, 1.0)
    LAYERS = ("e1", "e3", "e5", "e11")

    def __init__(self, network: EfficientNetLite0 | None = None) -> None:
        """Raises InputError where no network is given and its file is not there."""
        super().__init__()
        self.network = network or load_efficientnet()

    def sized(self, picture: Tensor) -> Tensor:
        return picture

    def forward(self, picture: Tensor) -> list[Tensor]:
        return self.scaled(self.network(picture, self.LAYERS))

    def scaled(self, taps: Mapping[str, Tensor]) -> list[Tensor]:
        """What is compared, of a picture that the network has looked at already."""
        return [F.normalize(taps[name]) * (math.sqrt(TAPS[name][0]) / 2) for name in self.LAYERS]
