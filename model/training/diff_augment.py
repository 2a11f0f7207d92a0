"""Differentiable augmentation: the discriminator sees real and made pictures changed in the same random ways.

A discriminator that sees few photos learns them by heart; one that never sees a photo twice alike cannot. The changes
let gradients through, so the generator still learns from what the discriminator says, and they do not appear in its
pictures, because real and made ones are changed alike (Zhao, Liu, Lin, Zhu, Han, "Differentiable Augmentation for
Data-Efficient GAN Training", NeurIPS 2020, section 3.2).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

KINDS = ("colour", "translation", "cutout")
LARGEST_SHIFT = 1 / 8  # share of the picture's height and width
CUT_SIDE = 1 / 2  # side of the hole, as a share of the picture's height and width


@dataclass(frozen=True)
class Augmentation:
    """One draw for each of N pictures; a kind that was not asked for is None.

    A photo and the pictures made of its label map share a draw, so that they can still be compared with each other.
    """

    colour: Tensor | None  # [N, 3] brightness added, −0.5 … 0.5; factors of saturation, 0 … 2, and contrast, 0.5 … 1.5
    shift: Tensor | None  # [N, 2] pixels to the right and down
    cut: Tensor | None  # bool [N, 1, H, W], the pixels that are set to 0

    @classmethod
    def draw(cls, kinds: Sequence[str], count: int, size: tuple[int, int], random: torch.Generator) -> Augmentation:
        """``kinds`` are some of ``KINDS``; ``size`` (H, W) is that of the pictures."""
        amounts = torch.rand(count, 7, generator=random, device=random.device)
        sides = torch.tensor(size[::-1], device=random.device)  # W, H
        colour = shift = cut = None
        if "colour" in kinds:
            colour = amounts[:, :3] * amounts.new_tensor([1, 2, 1]) + amounts.new_tensor([-0.5, 0, 0.5])
        if "translation" in kinds:
            shift = ((2 * amounts[:, 3:5] - 1) * LARGEST_SHIFT * sides).round()
        if "cutout" in kinds:
            columns, rows = (
                (torch.arange(side, device=random.device) - centre[:, None] * side).abs() < CUT_SIDE * side / 2
                for side, centre in zip(size[::-1], amounts[:, 5:].unbind(1))
            )
            cut = (rows[:, :, None] & columns[:, None, :])[:, None]
        return cls(colour, shift, cut)

    def of(self, places: Sequence[int]) -> Augmentation:
        """The draws at these places, in this order; a place may be named more than once."""
        parts = (self.colour, self.shift, self.cut)
        return Augmentation(*(None if part is None else part[list(places)] for part in parts))

    def pictures(self, pictures: Tensor) -> Tensor:
        """Pictures [N, 3, H, W] in [−1, 1], changed; what is moved or cut out leaves 0."""
        if self.colour is not None:
            brightness, saturation, contrast = self.colour[:, :, None, None, None].unbind(1)  # each [N, 1, 1, 1]
            pictures = pictures + brightness
            grey = pictures.mean(1, keepdim=True)
            pictures = grey + (pictures - grey) * saturation
            middle = pictures.mean((1, 2, 3), keepdim=True)
            pictures = middle + (pictures - middle) * contrast
        pictures = self.moved(pictures)
        return pictures if self.cut is None else pictures * ~self.cut

    def moved(self, grids: Tensor) -> Tensor:
        """What lies on the pictures' pixels, [N, K, H, W], moved as they are and changed in no other way."""
        if self.shift is None:
            return grids
        height, width = grids.shape[2:]
        steps = -2 * self.shift / self.shift.new_tensor([width, height])  # the grid's sides are 2 long
        turn = torch.eye(2, device=grids.device).expand(len(grids), 2, 2)
        grid = F.affine_grid(torch.cat([turn, steps[:, :, None]], 2), list(grids.shape), align_corners=False)
        return F.grid_sample(grids, grid, mode="nearest", align_corners=False)
