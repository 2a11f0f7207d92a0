"""How each class's mean colour is spread over a data set, and the map between that and a normal distribution."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from model.perception.colour import class_moments
from model.training import streams

SMALLEST_SPREAD = 0.02  # of a class's colour, where pictures are in [−1, 1]
SMALLEST_STRETCH = 0.2  # of what is nearly a bell already
FEWEST_COLOURS = 32  # pictures that tell how a class's colour is spread
COLOUR_KNOTS, GAUSSIANISATIONS = 33, 3


@dataclass(frozen=True)
class ClassColours:
    """How each class's mean colour is spread over the data, and the map between that and a bell.

    A class's colours are no ellipsoid: trees are green or autumnal, skies blue or red. Turned to their main axes and
    stretched along each until it is a normal distribution, and that a few times over, they are a bell nearly; the way
    back gives colours that the data has (Laparra, Camps-Valls, Malo, "Iterative Gaussianization", 2011).
    """

    spread: Tensor  # [C] deviation, a mean over the three channels
    steps: tuple[tuple[Tensor, Tensor, Tensor], ...]  # each: centre [C, 3], axes [C, 3, 3], knots [C, 3, K]

    @classmethod
    def measure(cls, batches: Iterable[tuple[Tensor, Tensor]]) -> ClassColours:
        """Over (photos [N, 3, H, W], one-hot [N, C, H, W])."""
        moments = [class_moments(photos, onehot) for photos, onehot in batches]
        mean, shown = torch.cat([m[0] for m in moments]), torch.cat([m[2] for m in moments])
        colours = [mean[shown[:, c], c] for c in range(mean.shape[1])]
        colours = [x if len(x) >= FEWEST_COLOURS else _grey(mean) for x in colours]
        spread = torch.stack([x.std(0, correction=0).mean() for x in colours]).clamp_min(SMALLEST_SPREAD)
        steps: list[tuple[Tensor, Tensor, Tensor]] = []
        for smallest in (SMALLEST_SPREAD, *[SMALLEST_STRETCH] * (GAUSSIANISATIONS - 1)):
            fitted = [_gaussianisation(x, smallest) for x in colours]
            centre, axes, knots = (torch.stack(parts) for parts in zip(*fitted))
            step = centre, axes, knots
            colours = [_forward(x[:, None], [t[c, None] for t in step])[:, 0] for c, x in enumerate(colours)]
            steps.append(step)
        return cls(spread, tuple(steps))

    def to_code(self, mean: Tensor) -> Tensor:
        """Mean colours [N, C, 3] as numbers that are nearly standard normal over the data."""
        for step in self.steps:
            mean = _forward(mean, step)
        return mean.clamp(-3, 3)

    def from_code(self, code: Tensor) -> Tensor:
        """What ``to_code`` gives [N, C, 3] as mean colours, as far as pictures have them."""
        for centre, axes, knots in reversed(self.steps):
            turned = torch.einsum("cji,ncj->nci", axes, code)
            turned = _interpolate(turned, _normal_knots(knots).expand_as(knots), knots)
            code = torch.einsum("cij,ncj->nci", axes, turned) + centre
        return code.clamp(-0.97, 0.97)


def _grey(like: Tensor) -> Tensor:
    """Colours [64, 3] of a class that is hardly ever seen."""
    random = streams.fixed(streams.RARE_COLOURS_SEED, like.device)
    return torch.randn(64, 3, generator=random, device=like.device) * SMALLEST_SPREAD


def _normal_knots(like: Tensor) -> Tensor:
    """[K] those quantiles of the normal distribution that knots are."""
    shares = (torch.arange(COLOUR_KNOTS, device=like.device) + 0.5) / COLOUR_KNOTS
    return torch.special.ndtri(shares)


def _gaussianisation(colours: Tensor, smallest: float) -> tuple[Tensor, Tensor, Tensor]:
    """colours [n, 3] → their centre [3], main axes [3, 3], and quantiles along each [3, K], at least ``smallest`` apart
    for a unit of the normal distribution."""
    centre = colours.mean(0)
    axes = torch.linalg.eigh((colours - centre).T.cov())[1]
    normal = _normal_knots(colours)
    shares = torch.special.ndtr(normal)
    quantiles = torch.quantile((colours - centre) @ axes, shares, dim=0).T
    gaps = quantiles.diff(dim=1).maximum(normal.diff() * smallest)
    middle = quantiles[:, COLOUR_KNOTS // 2, None]
    knots = F.pad(gaps.cumsum(1), (1, 0))
    return centre, axes, knots - knots[:, COLOUR_KNOTS // 2, None] + middle


def _forward(colours: Tensor, step: Sequence[Tensor]) -> Tensor:
    """[N, C, 3] one step nearer to a bell; turned back, so that the axes' signs do not matter."""
    centre, axes, knots = step
    turned = torch.einsum("cji,ncj->nci", axes, colours - centre)
    return torch.einsum("cij,ncj->nci", axes, _interpolate(turned, knots, _normal_knots(knots).expand_as(knots)))


def _interpolate(values: Tensor, source: Tensor, target: Tensor) -> Tensor:
    """values [N, C, 3] through the piecewise linear functions from source to target, each [C, 3, K]."""
    x = values.permute(1, 2, 0).contiguous()  # [C, 3, N]
    right = torch.searchsorted(source.contiguous(), x).clamp(1, COLOUR_KNOTS - 1)
    x0, x1, y0, y1 = (table.gather(2, right - before) for table in (source, target) for before in (1, 0))
    return (y0 + (x - x0) * (y1 - y0) / (x1 - x0)).permute(2, 0, 1)
