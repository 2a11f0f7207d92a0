"""A discriminator that looks at pictures through a network which knows photographs already.

Sauer, Chitta, Müller, Geiger, "Projected GANs Converge Faster" (NeurIPS 2021, arXiv 2111.01007), section 3: features of
a frozen network are mixed by fixed random convolutions, over channels and over scales, and small discriminators judge
the mixtures. Here they see the label map as well, and one more judges the pixels themselves, for fine grain.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from model.devices import autocast
from model.network.config import GroupDNetConfig
from model.network.layers import SLOPE, SpectralConv2d
from model.perception.efficientnet import TAPS as CHANNELS_AND_STRIDES
from model.training import streams

# EfficientNet-Lite0's features, the finest first → their deviation over photos of landscapes and of people, measured
# once over 24 photos each at two sizes
DEVIATIONS = {"l2": 8.0, "l4": 7.0, "l10": 6.0, "l15": 2.5}
TAPS = tuple(DEVIATIONS)
MIXED = 64  # channels of each mixture
HALVINGS = (1, 1, 0, 0)  # strided convolutions in each mixture's judge; at 128×128 it gives 16², 8², 8² and 4² values
PIXEL_HALVINGS = 2  # strided convolutions in the judge of the pixels


class Judge(nn.Module):
    """A small PatchGAN, every layer spectrally normalised in training: [N, inputs, h, w] → every layer's output, the
    prediction last."""

    def __init__(self, inputs: int, width: int, halvings: int) -> None:
        super().__init__()
        convs = [SpectralConv2d(width if i else inputs, width, 4, stride=2, padding=1) for i in range(halvings)]
        convs.append(SpectralConv2d(width if halvings else inputs, width, 3, padding=1))
        self.layers = nn.ModuleList(convs)
        self.predict = SpectralConv2d(width, 1, 3, padding=1)

    def forward(self, x: Tensor) -> list[Tensor]:
        features = []
        for layer in self.layers:
            x = F.leaky_relu(layer(x), SLOPE)
            features.append(x)
        with autocast(x.device, torch.float32):  # gradients of so few channels are slow in bfloat16
            return [*features, self.predict(x.float())]


class ProjectedDiscriminator(nn.Module):
    """Judges of four mixtures of EfficientNet-Lite0's features, and one of the pixels.

    The network itself is no part of this module: whoever calls it has looked at the pictures already. The random
    projections are not in its state either, being made anew from a fixed seed.
    """

    def __init__(self, config: GroupDNetConfig, width: int = 64) -> None:
        """``width``: channels of every judge's layers."""
        super().__init__()
        random = streams.fixed(streams.PROJECTION_SEED)
        for name in TAPS:
            channels = CHANNELS_AND_STRIDES[name][0]
            over_channels = torch.randn(MIXED, channels, 1, 1, generator=random) * channels**-0.5
            over_scales = torch.randn(MIXED, MIXED, 3, 3, generator=random) * (9 * MIXED) ** -0.5
            self.register_buffer(f"over_channels_{name}", over_channels / DEVIATIONS[name], persistent=False)
            self.register_buffer(f"over_scales_{name}", over_scales, persistent=False)
        condition = config.classes + (1 if config.instance_edges else 0)
        self.judges = nn.ModuleList(Judge(MIXED + condition, width, halvings) for halvings in HALVINGS)
        self.pixel_judge = Judge(3 + condition, width, PIXEL_HALVINGS)

    def forward(self, condition: Tensor, picture: Tensor, seen: Mapping[str, Tensor]) -> list[list[Tensor]]:
        """condition [N, C (+1 edge), H, W], picture [N, 3, H, W] in [−1, 1] and EfficientNet's features of the picture
        → for each judge, every layer's output, the prediction last."""
        pixels = torch.cat([condition, picture.to(condition.dtype)], dim=1)
        outputs = []
        for judge, mixture in zip(self.judges, self._mixtures(seen)):
            labels = F.interpolate(condition, mixture.shape[2:], mode="area")
            outputs.append(judge(torch.cat([mixture.to(condition.dtype), labels], dim=1)))
        return [*outputs, self.pixel_judge(pixels)]

    def _mixtures(self, seen: Mapping[str, Tensor]) -> list[Tensor]:
        """[N, 64, h, w] each, the finest first; of about unit deviation where the features are a photo's."""
        mixtures: list[Tensor] = []
        for name in reversed(TAPS):
            x = F.conv2d(seen[name], getattr(self, f"over_channels_{name}"))
            if mixtures:
                coarser = F.interpolate(mixtures[0], x.shape[2:], mode="bilinear")
                x = (x + coarser) * 0.5**0.5
            mixtures.insert(0, F.conv2d(x, getattr(self, f"over_scales_{name}"), padding=1))
        return mixtures
