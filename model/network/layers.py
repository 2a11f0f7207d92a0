"""Small parts that generator, encoder and discriminator share: convolutions, resizing, and the semantics tensor."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

SLOPE = 0.2  # negative slope of every LeakyReLU


class SpectralConv2d(nn.Conv2d):
    """A convolution whose weight is divided by its spectral norm in training (Miyato et al., ICLR 2018).

    In a loaded network the division is already done, and this is an ordinary convolution.
    """


def nearest(grid: Tensor, size: tuple[int, int]) -> Tensor:
    """[N, H, W] → [N, *size] by nearest neighbour: source index = floor(i · scale)."""
    rows, columns = (torch.arange(n, device=grid.device) * full // n for n, full in zip(size, grid.shape[1:]))
    return grid[:, rows[:, None], columns]


def semantics(labels: Tensor, classes: int, edges: Tensor | None = None) -> Tensor:
    """labels long [N, H, W] → float32 one-hot [N, C, H, W]; with edges [N, H, W] in {0, 1} → [N, 2C, H, W].

    With edges every class's channel is followed by the edges, as the released Cityscapes network takes them.
    """
    onehot = F.one_hot(labels, classes).permute(0, 3, 1, 2).float()  # [N, C, H, W]
    if edges is None:
        return onehot
    return torch.stack([onehot, edges[:, None].expand_as(onehot)], dim=2).flatten(1, 2)  # onehot_0, edge, onehot_1, …


def instance_edges(instances: torch.Tensor) -> torch.Tensor:
    """Instance ids [N, H, W] → float32 [N, 1, H, W]: 1 at every pixel that differs from one of its four neighbours.

    A label map in place of ids gives the borders of its regions.
    """
    edges = torch.zeros(instances.shape, dtype=torch.bool, device=instances.device)
    across = instances[:, :, 1:] != instances[:, :, :-1]  # [N, H, W-1]
    down = instances[:, 1:] != instances[:, :-1]  # [N, H-1, W]
    edges[:, :, 1:] |= across
    edges[:, :, :-1] |= across
    edges[:, 1:] |= down
    edges[:, :-1] |= down
    return edges.unsqueeze(1).float()
