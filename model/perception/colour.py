"""Colours of classes, and CIELAB, where the Euclidean distance ΔE (CIE76) is about the difference that people see."""

from __future__ import annotations

import torch
from torch import Tensor


def class_moments(picture: Tensor, onehot: Tensor, smallest: float = 0.005) -> tuple[Tensor, Tensor, Tensor]:
    """picture [N, 3, H, W], one-hot [N, C, H, W] → each class's mean colour [N, C, 3], its standard deviation
    [N, C, 3], and bool [N, C]: whether the class covers at least the share ``smallest`` of the picture."""
    area = onehot.sum((2, 3))  # [N, C]
    weights = onehot.flatten(2) / area.clamp_min(1)[..., None]
    flat = picture.flatten(2).transpose(1, 2)  # [N, HW, 3]
    mean = weights @ flat
    deviation = (weights @ flat.square() - mean.square()).clamp_min(1e-6).sqrt()
    return mean, deviation, area >= smallest * onehot[0, 0].numel()


# Rows: X, Y and Z of linear sRGB, each divided by that of the white point D65.
_XYZ = ((0.4339499, 0.3762098, 0.1898403), (0.2126729, 0.7151522, 0.0721750), (0.0177566, 0.1094680, 0.8727755))
_KNEE = (6 / 29) ** 3  # below this relative X, Y or Z, CIELAB replaces the cube root by a line


def lab(rgb: Tensor) -> Tensor:
    """sRGB [..., 3] in [−1, 1] → L* (0 … 100), a* and b* [..., 3]; values outside are clamped.

    It has a finite gradient everywhere.
    """
    level = ((rgb + 1) / 2).clamp(0, 1)
    linear = torch.where(level > 0.04045, ((level + 0.055) / 1.055) ** 2.4, level / 12.92)
    xyz = linear @ torch.tensor(_XYZ, dtype=rgb.dtype, device=rgb.device).T
    root = xyz.clamp_min(_KNEE) ** (1 / 3)  # without the clamp, where() would give an infinite gradient at 0
    x, y, z = torch.where(xyz > _KNEE, root, xyz / (3 * (6 / 29) ** 2) + 4 / 29).unbind(-1)
    return torch.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], dim=-1)
