"""The multi-scale PatchGAN discriminator, which training alone uses (section 3.5 of the paper)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from model.network.config import GroupDNetConfig
from model.network.layers import SLOPE, SpectralConv2d


class PatchDiscriminator(nn.Module):
    """One PatchGAN (Isola, Zhu, Zhou, Efros, CVPR 2017): [N, inputs, H, W] → the outputs of its five layers.

    The first four are kept for feature matching; the last is the prediction [N, 1, h, w], which has no bounds.
    """

    def __init__(self, inputs: int, width: int) -> None:
        """The layers have ``width`` · 1, 2, 4 and 8 channels."""
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
    """PatchGANs on the same input at several scales, each half as large as the one before (two in the paper)."""

    def __init__(self, config: GroupDNetConfig, width: int = 64, scales: int = 2) -> None:
        super().__init__()
        edges = 1 if config.instance_edges else 0
        inputs = config.classes + edges + 3
        self.scales = nn.ModuleList(PatchDiscriminator(inputs, width) for _ in range(scales))

    def forward(self, semantics: Tensor, picture: Tensor) -> list[list[Tensor]]:
        """semantics [N, C or C + 1 with edges, H, W], picture [N, 3, H, W] in [−1, 1] → each scale's layer outputs."""
        x = torch.cat([semantics, picture.to(semantics.dtype)], dim=1)
        outputs = []
        for i, scale in enumerate(self.scales):
            if i:
                x = F.avg_pool2d(x, 3, stride=2, padding=1, count_include_pad=False)
            outputs.append(scale(x))
        return outputs
