"""The encoder: a photo split by class → mean and log variance of every class's code (section 3.4 of the paper)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from model.network.config import CODE_CHANNELS, LATENT_STRIDE, GroupDNetConfig
from model.network.layers import SLOPE, SpectralConv2d

SMALLEST_SHARE = 1e-5  # smallest share of a picture to divide by, below one pixel: an absent class would divide by 0


def split_by_class(
    photo: Tensor, labels: Tensor, classes: int, size: tuple[int, int] | None = None
) -> tuple[Tensor, Tensor]:
    """The encoder's input: photo [N, 3, H, W], labels long [N, H, W] → split [N, 3C, h, w], inside bool [N, C, h, w].

    Channels 3c … 3c+2 of ``split`` hold the photo where the label is c and 0 elsewhere, cropped to the class's bounding
    box and resized to ``size`` (h, w), by default the photo's own, with nearest neighbour. ``inside`` is true at the
    positions that show the class; a class that is absent is all zeros and all false.
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
    """occupied bool [N, C, L] → long [N, C, count]: the source of each output, from the first occupied to the last."""
    length = occupied.shape[2]
    positions = torch.arange(length, device=occupied.device)
    first = torch.where(occupied, positions, length).amin(2).clamp_max(length - 1)
    extent = (torch.where(occupied, positions, -1).amax(2) - first + 1).clamp_min(1)
    return first[..., None] + torch.arange(count, device=occupied.device) * extent[..., None] // count


class AreaBias(nn.Module):
    """A bias multiplied by the share of each window that its class fills, so that it counts as the pixels do."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor, filled: Tensor) -> Tensor:
        """x [N, K·C, h, w], filled [N, C, h, w] in 0…1 → x + bias · filled."""
        classes = filled.shape[1]
        by_class: Tensor = x.unflatten(1, (classes, -1))  # [N, C, K, h, w]
        return (by_class + self.bias.view(classes, -1, 1, 1) * filled[:, :, None]).flatten(1, 2)


class Encoder(nn.Module):
    """A photo split by class [N, 3C, H, W] in [−1, 1] → mu, logvar, each [N, 8C, h, w] (section 3.4 of the paper).

    No convolution mixes classes. The paper's layers end in an instance norm, which removes a class's mean colour. With
    ``encoder_norm`` false a layer sums over the class's own pixels, its bias included, and the codes are these sums
    divided by the share of the picture that the class fills. They are means over the class, whatever its area and
    shape (Knutsson and Westin, "Normalized and differential convolution", CVPR 1993). One division at the end has the
    effect of one in every layer, because a leaky ReLU scales with its input.
    """

    MULTIPLIERS = (1, 2, 4, 8, 8, 8)  # output channels of each layer ÷ encoder_width

    def __init__(self, config: GroupDNetConfig) -> None:
        super().__init__()
        self.config = config
        inputs = 3 * config.classes
        for i, multiplier in enumerate(self.MULTIPLIERS, start=1):
            outputs = config.encoder_width * multiplier
            kind = SpectralConv2d if config.encoder_norm else nn.Conv2d
            conv = kind(inputs, outputs, 3, stride=2, padding=1, groups=config.classes, bias=False)
            # Without norms nothing rescales a layer's output, so its initial weights must keep the scale. A weight on
            # the meta device is left alone: to draw one, PyTorch would import its compiler, which takes a second.
            if not config.encoder_norm and not conv.weight.is_meta:
                nn.init.kaiming_normal_(conv.weight, SLOPE)
            last = nn.InstanceNorm2d(outputs) if config.encoder_norm else AreaBias(outputs)
            self.add_module(f"layer{i}", nn.Sequential(conv, last))
            inputs = outputs
        self.fc_mu = nn.Conv2d(inputs, CODE_CHANNELS * config.classes, 3, padding=1, groups=config.classes)
        self.fc_var = nn.Conv2d(inputs, CODE_CHANNELS * config.classes, 3, padding=1, groups=config.classes)

    def forward(self, split: Tensor, inside: Tensor) -> tuple[Tensor, Tensor]:
        """mu and logvar, each [N, 8C, h, w], from ``split_by_class``'s split [N, 3C, H, W] and inside [N, C, H, W]."""
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
        """fc_mu's or fc_var's output [N, 8C, h, w]; ``filled`` [N, C, h, w] is the share that each class fills."""
        if self.config.encoder_norm:
            codes: Tensor = fc(x)
            return codes.mean((2, 3), keepdim=True).expand_as(codes) if self.config.shared_codes else codes
        sums = F.conv2d(x, fc.weight, padding=1, groups=fc.groups)
        if self.config.shared_codes:
            sums, filled = (t.mean((2, 3), keepdim=True).expand_as(t) for t in (sums, filled))
        share = filled.clamp_min(SMALLEST_SHARE).repeat_interleave(CODE_CHANNELS, 1)
        assert fc.bias is not None
        return sums / share + fc.bias[:, None, None]

    def encode(self, photo: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """photo [N, 3, H, W] in [−1, 1], labels long [N, H, W] → mu, logvar, each [N, 8C, H/64, W/64].

        With the configuration's ``encoder_side``, a larger photo is averaged over squares of pixels until its shorter
        side is near that, so that a look gives like codes at every size. The labels keep their full size, so that
        classes of a few pixels are not lost.
        """
        height, width = labels.shape[1:]
        side, classes = self.config.encoder_side, self.config.classes
        factor = 1 if side is None else max(1, min(height, width) // side)
        if factor == 1:
            mu, logvar = self(*split_by_class(photo, labels, classes))
            return mu, logvar
        coarse = F.interpolate(F.avg_pool2d(photo, factor), (height, width), mode="nearest")
        codes = self(*split_by_class(coarse, labels, classes, (height // factor, width // factor)))
        mu, logvar = (t[:, :, :1, :1].expand(-1, -1, height // LATENT_STRIDE, width // LATENT_STRIDE) for t in codes)
        return mu, logvar
