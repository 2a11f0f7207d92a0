"""How each class's mean colour is spread over a data set, and the map between that and a normal distribution."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from model.perception.colour import class_moments
from model.training import streams

SMALLEST_SPREAD = 0.02  # least deviation of a class's mean colour, for pictures in [−1, 1]
SMALLEST_STRETCH = 0.2  # least deviation along an axis after the first round, when colours are nearly normal already
FEWEST_COLOURS = 32  # a class that fewer pictures show counts as one of unknown colours
STAND_INS = 64  # colours drawn in place of those of such a class
COLOUR_KNOTS = 33  # quantiles along each axis
GAUSSIANISATIONS = 3  # rounds of turning and stretching
LARGEST_CODE = 3.0  # deviations from the mean beyond which a colour is not told apart
LARGEST_LEVEL = 0.97  # colours from codes stay so far inside of [−1, 1]


@dataclass(frozen=True)
class ClassColours:
    """How each class's mean colour is spread over the data, and a map between that and the normal distribution.

    A class's colours form no ellipsoid: trees are green or autumnal, skies blue or red. Each round turns the colours to
    their main axes and stretches them along every axis until they are normally distributed there; after a few rounds
    they are nearly normal in all directions. The inverse map turns normal samples into colours that the data has
    (Laparra, Camps-Valls, Malo, "Iterative Gaussianization: From ICA to Random Rotations", IEEE Transactions on Neural
    Networks, 2011).
    """

    spread: Tensor  # [C] deviation of the mean colour over the data, averaged over the three channels
    steps: tuple[tuple[Tensor, Tensor, Tensor], ...]  # each round: centre [C, 3], axes [C, 3, 3], knots [C, 3, K]

    @classmethod
    def measure(cls, batches: Iterable[tuple[Tensor, Tensor]]) -> ClassColours:
        """Measured over pairs of photos [N, 3, H, W] in [−1, 1] and one-hot label maps [N, C, H, W]; pixels whose
        one-hot is all zero are left out."""
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
        """Mean colours [N, C, 3] in [−1, 1] → numbers in [−3, 3] that are nearly standard normal over the data."""
        for step in self.steps:
            mean = _forward(mean, step)
        return mean.clamp(-LARGEST_CODE, LARGEST_CODE)

    def from_code(self, code: Tensor) -> Tensor:
        """The inverse of ``to_code``: numbers [N, C, 3] → mean colours in [−0.97, 0.97]."""
        for centre, axes, knots in reversed(self.steps):
            turned = torch.einsum("cji,ncj->nci", axes, code)
            turned = _interpolate(turned, _normal_knots(knots).expand_as(knots), knots)
            code = torch.einsum("cij,ncj->nci", axes, turned) + centre
        return code.clamp(-LARGEST_LEVEL, LARGEST_LEVEL)


def _grey(like: Tensor) -> Tensor:
    """Near-grey colours [64, 3], in place of those of a class that the data hardly shows."""
    random = streams.fixed(streams.RARE_COLOURS_SEED, like.device)
    return torch.randn(STAND_INS, 3, generator=random, device=like.device) * SMALLEST_SPREAD


def _normal_knots(like: Tensor) -> Tensor:
    """Quantiles [K] of the normal distribution at which knots lie, on the device of ``like``."""
    shares = (torch.arange(COLOUR_KNOTS, device=like.device) + 0.5) / COLOUR_KNOTS
    return torch.special.ndtri(shares)


def _gaussianisation(colours: Tensor, smallest: float) -> tuple[Tensor, Tensor, Tensor]:
    """One round for one class: colours [n, 3] → their centre [3], main axes [3, 3], and quantiles along each axis
    [3, K]. Neighbouring quantiles are at least ``smallest`` times as far apart as those of the normal distribution."""
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
    """Colours [N, C, 3] after one round; turned back afterwards, so that the signs of the axes do not matter."""
    centre, axes, knots = step
    turned = torch.einsum("cji,ncj->nci", axes, colours - centre)
    return torch.einsum("cij,ncj->nci", axes, _interpolate(turned, knots, _normal_knots(knots).expand_as(knots)))


def _interpolate(values: Tensor, source: Tensor, target: Tensor) -> Tensor:
    """Values [N, C, 3] through piecewise linear functions that map the knots ``source`` to the knots ``target``, both
    [C, 3, K] and ascending; beyond the outer knots the outer pieces go on."""
    x = values.permute(1, 2, 0).contiguous()  # [C, 3, N]
    right = torch.searchsorted(source.contiguous(), x).clamp(1, COLOUR_KNOTS - 1)
    x0, x1, y0, y1 = (table.gather(2, right - before) for table in (source, target) for before in (1, 0))
    return (y0 + (x - x0) * (y1 - y0) / (x1 - x0)).permute(2, 0, 1)
