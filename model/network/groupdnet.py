"""GroupDNet's generator (Zhu, Xu, You, Bai, "Semantically Multi-modal Image Synthesis", CVPR 2020, section 3.3).

    image = generator(codes, generator.modulation(labels))

Notation: C classes, N batch, h×w the latent grid, g groups. Class c owns channels 8c … 8c+7 of the codes, and a
grouped convolution keeps classes apart until the groups merge, block by block, towards the picture.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from model.network.config import CODE_CHANNELS, Block, GroupDNetConfig
from model.network.layers import SLOPE, SpectralConv2d, nearest, semantics

MOMENTUM = 0.1  # momentum of batch norm's running statistics
Modulation = dict[str, tuple[Tensor, Tensor]]  # a norm's name → its γ and β, each [N or 1, ch, H, W]


class Norm(nn.Module):
    """CG-Norm, conditional group normalisation (section 3.3 of the paper): BN(x) · (1 + γ) + β.

    Grouped convolutions compute γ and β from the semantics. With one group this is SPADE (Park et al., CVPR 2019).
    """

    def __init__(self, channels: int, semantic_channels: int, block: Block) -> None:
        super().__init__()
        self.param_free_norm = nn.BatchNorm2d(channels, momentum=MOMENTUM, affine=False)
        shared = nn.Conv2d(semantic_channels, block.hidden, 3, padding=1, groups=block.shared_groups)
        self.mlp_shared = nn.Sequential(shared, nn.ReLU())
        self.mlp_gamma = nn.Conv2d(block.hidden, channels, 3, padding=1, groups=block.gamma_groups)
        self.mlp_beta = nn.Conv2d(block.hidden, channels, 3, padding=1, groups=block.gamma_groups)

    def modulation(self, semantics: Tensor) -> tuple[Tensor, Tensor]:
        """γ and β, each [N, ch, H, W], of semantics [N, C or 2C, H, W] at the norm's own resolution."""
        a = self.mlp_shared(semantics)
        return self.mlp_gamma(a), self.mlp_beta(a)

    def forward(self, x: Tensor, modulation: tuple[Tensor, Tensor]) -> Tensor:
        """x [N, ch, H, W] normalised and modulated by γ and β, each [N or 1, ch, H, W]."""
        gamma, beta = modulation
        return torch.addcmul(beta, self.param_free_norm(x), 1 + gamma)


def noise_map(height: int, width: int, layer: int) -> np.ndarray:
    """Standard normal numbers float32 [height, width] for the block with the index ``layer``, alike on all machines."""
    return np.random.Generator(np.random.Philox(key=layer)).standard_normal((height, width), dtype=np.float32)


class ResidualBlock(nn.Module):
    """x_s + conv_1(lrelu(norm_1(conv_0(lrelu(norm_0(x)))))) (section 3.3 of the paper).

    The skip x_s is x, or conv_s(norm_s(x)) without an activation where the widths differ.
    """

    def __init__(self, row: Block, semantic_channels: int, layer: int, noise: bool) -> None:
        """``layer`` is the block's index in the generator, which seeds its noise map where ``noise`` is wanted."""
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
        """x [N, inputs, H, W] → [N, outputs, H, W]; ``modulation`` has γ and β of the block's norms."""
        name = self.row.name
        skip: Tensor = self.conv_s(self.norm_s(x, modulation[f"{name}.norm_s"])) if self.row.learned_skip else x
        h = self.conv_0(F.leaky_relu(self.norm_0(x, modulation[f"{name}.norm_0"]), SLOPE))
        if self.noise_gain is not None:
            h = torch.addcmul(h, self.noise_gain[:, None, None].to(h.dtype), self._noise_like(h))
        return skip + self.conv_1(F.leaky_relu(self.norm_1(h, modulation[f"{name}.norm_1"]), SLOPE))


class Generator(nn.Module):
    """The decoder of section 3.3: codes [N, 8C, h, w] and a label map's modulation → [N, 3, 64h, 64w] in [−1, 1].

    The convolutions' number of groups falls to one from block to block, so that the classes are joined step by step.
    """

    def __init__(self, config: GroupDNetConfig) -> None:
        super().__init__()
        self.config = config
        first, last = config.blocks[0], config.blocks[-1]
        self.fc = nn.Conv2d(CODE_CHANNELS * config.classes, first.inputs, 3, padding=1, groups=config.fc_groups)
        for layer, row in enumerate(config.blocks):
            self.add_module(row.name, ResidualBlock(row, config.semantic_channels, layer, config.noise))
        self.conv_img = nn.Conv2d(last.outputs, 3, 3, padding=1)

    def blocks(self) -> list[ResidualBlock]:
        """The residual blocks in the order in which they run."""
        return [self.get_submodule(row.name) for row in self.config.blocks]  # type: ignore[misc]

    def norm(self, name: str) -> Norm:
        """The norm called ``name``, such as "up_0.norm_1"."""
        return self.get_submodule(name)  # type: ignore[return-value]

    def upsampling(self, layer: int) -> str | None:
        """How the input of the block with this index is doubled: "bilinear", "nearest", or None for the first."""
        return None if layer == 0 else "bilinear" if layer <= self.config.smooth else "nearest"

    def block_modulation(self, block: ResidualBlock, labels: Tensor, edges: Tensor | None) -> Modulation:
        """γ and β of one block's norms; labels long [N, h, w] and edges [N, h, w] are at the block's own resolution."""
        onehot = semantics(labels, self.config.classes, edges).to(self.conv_img.weight.dtype)
        return {name: self.norm(name).modulation(onehot) for name, _ in block.row.norms()}

    def modulation(self, labels: Tensor, edges: Tensor | None = None) -> Modulation:
        """γ and β of every norm, by the plain convolutions: labels long [N, H, W], edges [N, 1, H, W] or None."""
        modulation: Modulation = {}
        for block, size in zip(self.blocks(), self.config.layer_sizes((labels.shape[1], labels.shape[2]))):
            small_edges = None if edges is None else nearest(edges[:, 0], size)
            modulation.update(self.block_modulation(block, nearest(labels, size), small_edges))
        return modulation

    def forward(self, codes: Tensor, modulation: Modulation) -> Tensor:
        """Pictures [N, 3, 64h, 64w] in [−1, 1] from codes [N, 8C, h, w] and what ``modulation`` returns."""
        x = self.fc(codes)  # [N, fc, h, w]
        for layer, block in enumerate(self.blocks()):
            mode = self.upsampling(layer)
            x = block(x if mode is None else F.interpolate(x, scale_factor=2, mode=mode), modulation)
        return torch.tanh(self.conv_img(F.leaky_relu(x, SLOPE)))
