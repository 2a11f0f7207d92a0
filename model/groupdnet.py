"""GroupDNet (Zhu, Xu, You, Bai, CVPR 2020): generator, encoder, discriminator, and the rows that configure them.

    image = generator(codes, generator.modulation(labels))

Notation: C classes, N batch, h×w the latent grid, g groups. Class c owns channels 8c … 8c+7 of the codes, and a
grouped convolution keeps classes apart until the groups merge, block by block, towards the picture.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from model.errors import InputError

CODE_CHANNELS = 8
LATENT_STRIDE = 64  # image size ÷ latent size
SLOPE = 0.2  # of every LeakyReLU
MOMENTUM = 0.1  # of batch norm's running statistics
SMALLEST_SHARE = 1e-5  # of a picture that a class fills: less than one pixel; an absent class must not divide by 0

Modulation = dict[str, tuple[Tensor, Tensor]]  # norm's name → γ, β, each [N or 1, ch, H, W]


@dataclass(frozen=True)
class Block:
    """One row: a residual block, its widths, its groups, and the three modulation convs of each of its norms."""

    name: str
    inputs: int
    outputs: int
    groups: int
    hidden: int  # width between mlp_shared and mlp_gamma / mlp_beta
    shared_groups: int
    gamma_groups: int

    @property
    def middle(self) -> int:
        return min(self.inputs, self.outputs)

    @property
    def learned_skip(self) -> bool:
        return self.inputs != self.outputs

    def norms(self) -> tuple[tuple[str, int], ...]:
        """(name, channels) of each norm."""
        norms = ((f"{self.name}.norm_0", self.inputs), (f"{self.name}.norm_1", self.middle))
        return (*norms, (f"{self.name}.norm_s", self.inputs)) if self.learned_skip else norms


@dataclass(frozen=True)
class GroupDNetConfig:
    """Everything that a GroupDNet is built from. ``unused`` rows stand in a released file but are never run."""

    classes: int
    image_size: tuple[int, int]  # H, W
    fc_groups: int
    blocks: tuple[Block, ...]
    encoder_width: int  # of layer1, all classes together
    unused: tuple[Block, ...] = ()
    instance_edges: bool = False
    shared_codes: bool = False  # one 8-number code a class, tiled over the grid
    encoder_norm: bool = True  # instance norm in the encoder, and spectral norm in training; else means by area
    encoder_side: int | None = None  # with shared codes: the encoder sees larger photos as coarsely as this
    noise: bool = False  # fixed noise maps with a learned gain per channel: not in the paper
    smooth: int = 0  # so many first upsamplings are bilinear, else wide skies show the code's cells; the paper's: none

    @property
    def latent_size(self) -> tuple[int, int]:
        return self.image_size[0] // LATENT_STRIDE, self.image_size[1] // LATENT_STRIDE

    @property
    def code_shape(self) -> tuple[int, int, int]:
        """Shape of one class's code as it is stored: 8×h×w, or 8×1×1 where the grid shares it."""
        return (CODE_CHANNELS, 1, 1) if self.shared_codes else (CODE_CHANNELS, *self.latent_size)

    @property
    def semantic_channels(self) -> int:
        return self.classes * (2 if self.instance_edges else 1)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> GroupDNetConfig:
        """Raises InputError on fields that are missing or unknown."""
        try:
            rows = {key: tuple(Block(**row) for row in data.get(key, ())) for key in ("blocks", "unused")}
            return cls(**{**data, **rows, "image_size": tuple(data["image_size"])})
        except (KeyError, TypeError, AttributeError) as error:
            raise InputError(f"The checkpoint's config is not one of ours: {error}.", code="bad_checkpoint") from error


def _rows(
    widths: Sequence[int], groups: Sequence[int], modulation: Iterable[tuple[int, int, int]], fc_out: int
) -> tuple[Block, ...]:
    names = ("head_0", "G_middle_0", "G_middle_1", "up_0", "up_1", "up_2", "up_3", "up_4")
    inputs = (fc_out, *widths)
    return tuple(Block(n, i, o, g, *m) for n, i, o, g, m in zip(names, inputs, widths, groups, modulation))


def deepfashion(ngf: int = 160) -> GroupDNetConfig:
    groups = (8, 8, 4, 4, 2, 2, 1)
    widths = [ngf * m for m in (16, 16, 16, 8, 4, 2, 1)]
    return GroupDNetConfig(
        8, (256, 256), 8, _rows(widths, groups, [(128, g, g) for g in groups], 16 * ngf), encoder_width=256
    )


def cityscapes(ngf: int = 280) -> GroupDNetConfig:
    groups = (35, 35, 20, 14, 10, 4, 1)
    widths = [ngf * m for m in (16, 16, 16, 8, 4, 2, 1)]
    rows = _rows(widths, groups, [(35 * g, 35, 35) for g in groups], 16 * ngf)
    return GroupDNetConfig(35, (256, 512), 35, rows, encoder_width=350, instance_edges=True)


def ade20k(ngf: int = 64) -> GroupDNetConfig:
    groups = (151, 16, 16, 8, 4, 2, 1, 1)
    widths = [16 * 151, *(ngf * m for m in (32, 16, 16, 8, 4, 2, 1))]
    hidden = [2 * 151 if 151 % g == 0 else 151 * g for g in groups]
    rows = _rows(widths, groups, [(h, 151, g) for h, g in zip(hidden, groups)], 16 * 151)
    return GroupDNetConfig(151, (256, 256), 151, rows[:7], encoder_width=604, unused=rows[7:])


def landscape() -> GroupDNetConfig:
    """Ours: small enough to train and to paint with on a CPU; its codes are shared over the grid."""
    groups = (12, 12, 6, 4, 4, 2, 1)
    widths = (192, 192, 192, 128, 96, 48, 24)
    rows = _rows(widths, groups, [(48, g, g) for g in groups], 192)
    return GroupDNetConfig(
        classes=12,
        image_size=(256, 256),
        fc_groups=12,
        blocks=rows,
        encoder_width=192,
        shared_codes=True,
        encoder_norm=False,
        encoder_side=128,
        noise=True,
        smooth=3,
    )


PRESETS = {"deepfashion": deepfashion, "cityscapes": cityscapes, "ade20k": ade20k, "landscape": landscape}


class SpectralConv2d(nn.Conv2d):
    """A convolution whose weight is spectrally normalised in training; in a loaded network it is already folded."""


class Norm(nn.Module):
    """CG-Norm: BN(x)·(1 + γ) + β, with γ and β from the semantics (section 3.3; γ and β per class by groups)."""

    def __init__(self, channels: int, semantic_channels: int, block: Block) -> None:
        super().__init__()
        self.param_free_norm = nn.BatchNorm2d(channels, momentum=MOMENTUM, affine=False)
        shared = nn.Conv2d(semantic_channels, block.hidden, 3, padding=1, groups=block.shared_groups)
        self.mlp_shared = nn.Sequential(shared, nn.ReLU())
        self.mlp_gamma = nn.Conv2d(block.hidden, channels, 3, padding=1, groups=block.gamma_groups)
        self.mlp_beta = nn.Conv2d(block.hidden, channels, 3, padding=1, groups=block.gamma_groups)

    def modulation(self, semantics: Tensor) -> tuple[Tensor, Tensor]:
        a = self.mlp_shared(semantics)
        return self.mlp_gamma(a), self.mlp_beta(a)

    def forward(self, x: Tensor, modulation: tuple[Tensor, Tensor]) -> Tensor:
        gamma, beta = modulation
        return torch.addcmul(beta, self.param_free_norm(x), 1 + gamma)


def noise_map(height: int, width: int, layer: int) -> np.ndarray:
    """Standard normal [height, width] float32, the same on every machine."""
    return np.random.Generator(np.random.Philox(key=layer)).standard_normal((height, width), dtype=np.float32)


class ResidualBlock(nn.Module):
    """x_s + conv_1(lrelu(norm_1(conv_0(lrelu(norm_0(x)))))); no activation on the skip path."""

    def __init__(self, row: Block, semantic_channels: int, layer: int, noise: bool) -> None:
        super().__init__()
        self.row, self.layer = row, layer
        self.conv_0 = SpectralConv2d(row.inputs, row.middle, 3, padding=1, groups=row.groups)
        self.conv_1 = SpectralConv2d(row.middle, row.outputs, 3, padding=1, groups=row.groups)
        self.norm_0 = Norm(row.inputs, semantic_channels, row)
        self.norm_1 = Norm(row.middle, semantic_channels, row)
        if row.learned_skip:
            self.conv_s = SpectralConv2d(row.inputs, row.outputs, 1, groups=row.groups, bias=False)
            self.norm_s = Norm(row.inputs, semantic_channels, row)
        self.noise_gain = nn.Parameter(torch.zeros(row.middle)) if noise else None
        self._noise = torch.empty(0)

    def _noise_like(self, x: Tensor) -> Tensor:
        if self._noise.shape != x.shape[2:] or self._noise.device != x.device:
            self._noise = torch.from_numpy(noise_map(x.shape[2], x.shape[3], self.layer)).to(x.device)
        return self._noise.to(x.dtype)

    def forward(self, x: Tensor, modulation: Modulation) -> Tensor:
        name = self.row.name
        skip = self.conv_s(self.norm_s(x, modulation[f"{name}.norm_s"])) if self.row.learned_skip else x
        h = self.conv_0(F.leaky_relu(self.norm_0(x, modulation[f"{name}.norm_0"]), SLOPE))
        if self.noise_gain is not None:
            h = torch.addcmul(h, self.noise_gain[:, None, None].to(h.dtype), self._noise_like(h))
        return skip + self.conv_1(F.leaky_relu(self.norm_1(h, modulation[f"{name}.norm_1"]), SLOPE))


def nearest(grid: Tensor, size: tuple[int, int]) -> Tensor:
    """[N, H, W] → [N, *size] by nearest neighbour, source index = floor(i·scale)."""
    rows, columns = (torch.arange(n, device=grid.device) * full // n for n, full in zip(size, grid.shape[1:]))
    return grid[:, rows[:, None], columns]


def semantics(labels: Tensor, classes: int, edges: Tensor | None = None) -> Tensor:
    """labels long [N, H, W], edges [N, H, W] in {0, 1} or None → one-hot [N, C, H, W], with edges [N, 2C, H, W]."""
    onehot = F.one_hot(labels, classes).permute(0, 3, 1, 2).float()  # [N, C, H, W]
    if edges is None:
        return onehot
    return torch.stack([onehot, edges[:, None].expand_as(onehot)], dim=2).flatten(1, 2)  # onehot_0, edge, onehot_1, …


class Generator(nn.Module):
    """codes [N, 8C, h, w] and the modulation of a label map → picture [N, 3, 64h, 64w] in [−1, 1]."""

    def __init__(self, config: GroupDNetConfig) -> None:
        super().__init__()
        self.config = config
        first, last = config.blocks[0], config.blocks[-1]
        self.fc = nn.Conv2d(CODE_CHANNELS * config.classes, first.inputs, 3, padding=1, groups=config.fc_groups)
        for layer, row in enumerate(config.blocks):
            self.add_module(row.name, ResidualBlock(row, config.semantic_channels, layer, config.noise))
        self.conv_img = nn.Conv2d(last.outputs, 3, 3, padding=1)

    def blocks(self) -> list[ResidualBlock]:
        return [self.get_submodule(row.name) for row in self.config.blocks]  # type: ignore[misc]

    def norm(self, name: str) -> Norm:
        return self.get_submodule(name)  # type: ignore[return-value]

    def layer_sizes(self, size: tuple[int, int]) -> list[tuple[int, int]]:
        """Resolution of each block for a picture of ``size``; the last block runs at full size."""
        steps = len(self.config.blocks) - 1
        return [(size[0] >> (steps - i), size[1] >> (steps - i)) for i in range(steps + 1)]

    def upsampling(self, layer: int) -> str | None:
        """How the input of a block is doubled: "bilinear" or "nearest"; None for the first block's."""
        return None if layer == 0 else "bilinear" if layer <= self.config.smooth else "nearest"

    def block_modulation(self, block: ResidualBlock, labels: Tensor, edges: Tensor | None) -> Modulation:
        """γ and β of one block's norms; labels long [N, h, w] and edges [N, h, w] are at its own resolution."""
        onehot = semantics(labels, self.config.classes, edges).to(self.conv_img.weight.dtype)
        return {name: self.norm(name).modulation(onehot) for name, _ in block.row.norms()}

    def modulation(self, labels: Tensor, edges: Tensor | None = None) -> Modulation:
        """γ and β of every norm, by the plain convolutions: labels long [N, H, W], edges [N, 1, H, W] or None."""
        modulation: Modulation = {}
        for block, size in zip(self.blocks(), self.layer_sizes((labels.shape[1], labels.shape[2]))):
            small_edges = None if edges is None else nearest(edges[:, 0], size)
            modulation.update(self.block_modulation(block, nearest(labels, size), small_edges))
        return modulation

    def forward(self, codes: Tensor, modulation: Modulation) -> Tensor:
        x = self.fc(codes)  # [N, fc, h, w]
        for layer, block in enumerate(self.blocks()):
            mode = self.upsampling(layer)
            x = block(x if mode is None else F.interpolate(x, scale_factor=2, mode=mode), modulation)
        return torch.tanh(self.conv_img(F.leaky_relu(x, SLOPE)))


def split_by_class(
    photo: Tensor, labels: Tensor, classes: int, size: tuple[int, int] | None = None
) -> tuple[Tensor, Tensor]:
    """The encoder's input: photo [N, 3, H, W], labels long [N, H, W] → [N, 3C, h, w], and bool [N, C, h, w], where
    each class is; ``size`` (h, w) is the photo's own unless it is given.

    Class c's channels hold the photo where the label is c and 0 elsewhere, cropped to the class's bounding box and
    resized with nearest neighbour; a class that is absent is all zeros.
    """
    width, (rows_out, columns_out) = labels.shape[2], size or labels.shape[1:]
    onehot = labels[:, None] == torch.arange(classes, device=labels.device)[:, None, None]  # [N, C, H, W]
    rows = _source_indices(onehot.any(3), rows_out)
    columns = _source_indices(onehot.any(2), columns_out)
    index = rows[:, :, :, None] * width + columns[:, :, None, :]  # [N, C, h, w] source pixel of each output pixel
    flat = index.flatten(2)
    inside = onehot.flatten(2).gather(2, flat)  # False wherever the class is absent
    pixels = photo.flatten(2)[:, None].expand(-1, classes, -1, -1)  # [N, C, 3, HW]
    crops = pixels.gather(3, flat[:, :, None].expand(-1, -1, 3, -1)) * inside[:, :, None]
    return crops.view(len(photo), 3 * classes, rows_out, columns_out), inside.view_as(index)


def _source_indices(occupied: Tensor, count: int) -> Tensor:
    """occupied bool [N, C, L] → for each of ``count`` outputs, its source within the occupied stretch."""
    length = occupied.shape[2]
    positions = torch.arange(length, device=occupied.device)
    first = torch.where(occupied, positions, length).amin(2).clamp_max(length - 1)
    extent = (torch.where(occupied, positions, -1).amax(2) - first + 1).clamp_min(1)
    return first[..., None] + torch.arange(count, device=occupied.device) * extent[..., None] // count


class Share(nn.Module):
    """A bias that counts as much as the class fills of each window, as the photo's pixels themselves do."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor, filled: Tensor) -> Tensor:
        """x [N, K·C, h, w], filled [N, C, h, w] in 0…1 → x + bias · filled."""
        classes = filled.shape[1]
        return (x.unflatten(1, (classes, -1)) + self.bias.view(classes, -1, 1, 1) * filled[:, :, None]).flatten(1, 2)


class Encoder(nn.Module):
    """A photo split by class [N, 3C, H, W] in [−1, 1] → mu, logvar, each [N, 8C, h, w]; no conv mixes classes.

    The paper's layers end in an instance norm, which takes a class's colour away. Without norms a layer sums over the
    class's pixels alone, its bias too, and the codes are those sums over the share of the picture that was summed:
    a mean of the class, however large it is and whatever its shape (Knutsson, Westin, "Normalized convolution", 1993).
    A leaky ReLU scales with its input, so that one division at the end stands for one in every layer.
    """

    MULTIPLIERS = (1, 2, 4, 8, 8, 8)

    def __init__(self, config: GroupDNetConfig) -> None:
        super().__init__()
        self.config = config
        inputs = 3 * config.classes
        for i, multiplier in enumerate(self.MULTIPLIERS, start=1):
            outputs = config.encoder_width * multiplier
            kind = SpectralConv2d if config.encoder_norm else nn.Conv2d
            conv = kind(inputs, outputs, 3, stride=2, padding=1, groups=config.classes, bias=False)
            # Without norms nothing rescales what a layer gives, so it must keep the scale by itself. (To draw a weight
            # without memory PyTorch would import its compiler, which takes a second.)
            if not config.encoder_norm and not conv.weight.is_meta:
                nn.init.kaiming_normal_(conv.weight, SLOPE)
            self.add_module(
                f"layer{i}", nn.Sequential(conv, nn.InstanceNorm2d(outputs) if config.encoder_norm else Share(outputs))
            )
            inputs = outputs
        self.fc_mu = nn.Conv2d(inputs, CODE_CHANNELS * config.classes, 3, padding=1, groups=config.classes)
        self.fc_var = nn.Conv2d(inputs, CODE_CHANNELS * config.classes, 3, padding=1, groups=config.classes)

    def forward(self, split: Tensor, inside: Tensor) -> tuple[Tensor, Tensor]:
        """What ``split_by_class`` gives."""
        x, filled = split, inside.to(split.dtype)
        for i in range(1, len(self.MULTIPLIERS) + 1):
            conv, last = self.get_submodule(f"layer{i}").children()
            filled = F.avg_pool2d(filled, 3, stride=2, padding=1)
            x = last(conv(x)) if self.config.encoder_norm else last(conv(x), filled)
            x = F.leaky_relu(x, SLOPE)
        filled = F.avg_pool2d(filled, 3, stride=1, padding=1)
        mu, logvar = (self._codes(fc, x, filled) for fc in (self.fc_mu, self.fc_var))
        return mu, logvar

    def _codes(self, fc: nn.Conv2d, x: Tensor, filled: Tensor) -> Tensor:
        if self.config.encoder_norm:
            codes = fc(x)
            return codes.mean((2, 3), keepdim=True).expand_as(codes) if self.config.shared_codes else codes
        sums = F.conv2d(x, fc.weight, padding=1, groups=fc.groups)
        if self.config.shared_codes:
            sums, filled = (t.mean((2, 3), keepdim=True).expand_as(t) for t in (sums, filled))
        share = filled.clamp_min(SMALLEST_SHARE).repeat_interleave(CODE_CHANNELS, 1)
        assert fc.bias is not None
        return sums / share + fc.bias[:, None, None]

    def encode(self, photo: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """photo [N, 3, H, W] in [−1, 1], labels long [N, H, W] → mu, logvar, each [N, 8C, H/64, W/64].

        With ``encoder_side``, a larger photo is seen as coarsely as one of that side, so that a look reads alike at
        every size; classes of a few pixels are seen all the same.
        """
        height, width = labels.shape[1:]
        side, classes = self.config.encoder_side, self.config.classes
        factor = 1 if side is None else max(1, min(height, width) // side)
        if factor == 1:
            return self(*split_by_class(photo, labels, classes))
        coarse = F.interpolate(F.avg_pool2d(photo, factor), (height, width), mode="nearest")
        codes = self(*split_by_class(coarse, labels, classes, (height // factor, width // factor)))
        mu, logvar = (t[:, :, :1, :1].expand(-1, -1, height // LATENT_STRIDE, width // LATENT_STRIDE) for t in codes)
        return mu, logvar


class PatchDiscriminator(nn.Module):
    """One PatchGAN; returns every layer's output, the prediction last."""

    def __init__(self, inputs: int, width: int) -> None:
        super().__init__()
        widths = [width, width * 2, width * 4, width * 8]
        self.layers = nn.ModuleList([nn.Conv2d(inputs, widths[0], 4, stride=2, padding=2)])
        for before, after, stride in zip(widths, widths[1:], (2, 2, 1)):
            conv = SpectralConv2d(before, after, 4, stride=stride, padding=2, bias=False)
            self.layers.append(nn.Sequential(conv, nn.InstanceNorm2d(after)))
        self.predict = nn.Conv2d(widths[-1], 1, 4, padding=2)

    def forward(self, x: Tensor) -> list[Tensor]:
        features = []
        for layer in self.layers:
            x = F.leaky_relu(layer(x), SLOPE)
            features.append(x)
        return [*features, self.predict(x)]


class Discriminator(nn.Module):
    """Two PatchGANs, the second on the halved input: semantics and picture → per scale, every layer's output."""

    def __init__(self, config: GroupDNetConfig, width: int = 64, scales: int = 2) -> None:
        super().__init__()
        edges = 1 if config.instance_edges else 0
        inputs = config.classes + edges + 3
        self.scales = nn.ModuleList(PatchDiscriminator(inputs, width) for _ in range(scales))

    def forward(self, semantics: Tensor, picture: Tensor) -> list[list[Tensor]]:
        """semantics [N, C (+1 edge), H, W], picture [N, 3, H, W] in [−1, 1]."""
        x = torch.cat([semantics, picture.to(semantics.dtype)], dim=1)
        outputs = []
        for i, scale in enumerate(self.scales):
            if i:
                x = F.avg_pool2d(x, 3, stride=2, padding=1, count_include_pad=False)
            outputs.append(scale(x))
        return outputs


def at_size(config: GroupDNetConfig, image_size: tuple[int, int]) -> GroupDNetConfig:
    """The same network for pictures of another size (a multiple of 64): nothing in it depends on the size."""
    if any(n % LATENT_STRIDE or n <= 0 for n in image_size):
        height, width = image_size
        raise InputError(
            f"Image size {height}×{width} is not a multiple of {LATENT_STRIDE} in both directions.",
            field="image_size",
            value=list(image_size),
            allowed=f"multiples of {LATENT_STRIDE}",
        )
    return replace(config, image_size=image_size)
