"""Codes without an encoder: a photo's looks by gradient descent through the generator.

    z = argmin  distance(generator(z, modulation), photo) + PRIOR · mean z²

Only the codes of the classes in the label map move; the others keep what the seed gives them. The modulation is made
once for each size, so a step costs one synthesis and its gradient. Where codes are shared over the grid, nothing in the
network depends on the picture's size: most steps are taken on a smaller one.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from model.network.config import CODE_CHANNELS, LATENT_STRIDE
from model.network.cost import stages
from model.network.groupdnet import Generator, Modulation
from model.network.layers import nearest
from model.perception.colour import class_moments, lab
from model.perception.features import SegmenterFeatures
from model.recipe.styles import Style

STARTS = 4  # the prior's mean and samples of it; the nearest one is where the descent begins
RATE = 0.15  # of Adam, at the start of the first stage; half as much at each later one's
PRIOR = 0.02  # codes further out than training ever drew them give pictures that nobody has looked at
COLOUR, CONTRAST, PIXELS, FEATURES = 1.0, 0.5, 0.5, 0.5
COLOUR_UNIT = 50.0  # ΔE that counts as 1
SCALES = 4  # of the picture, each half as large as the one before, that are compared pixel by pixel
SEEN = 0.01  # share of the picture from which on a class's colour counts in full
HALF_SCALE = 1024.0  # keeps float16 gradients from vanishing; Adam does not care how large they are
Modulate = Callable[[Tensor, Tensor | None], Modulation]


@dataclass(frozen=True)
class FitStep:
    """Where a descent stands after ``number`` of ``total`` steps, which are the part ``share`` of the work: steps on a
    smaller picture cost less.

    ``codes`` float32 [8C, h, w]; ``picture`` float [3, H', W'] in [−1, 1] is what they give, at full size in the last
    step and perhaps at a half of it before; ``distance`` is that picture's from the photo at its size.
    """

    number: int
    total: int
    share: float
    distance: float
    codes: np.ndarray
    picture: Tensor


@dataclass(frozen=True)
class Subject:
    """photo float32 [1, 3, H, W] in [−1, 1], labels long [1, H, W], and edges [1, 1, H, W] for models that take them;
    all on the generator's device."""

    photo: Tensor
    labels: Tensor
    edges: Tensor | None = None

    def at(self, size: tuple[int, int]) -> Subject:
        """The same, smaller; edges and labels as the norms shrink them."""
        if size == tuple(self.photo.shape[2:]):
            return self
        edges = None if self.edges is None else nearest(self.edges[:, 0], size)[:, None]
        return Subject(F.interpolate(self.photo, size, mode="area"), nearest(self.labels, size), edges)


class Target:
    """A photo made ready to be compared with pictures of its label map."""

    def __init__(self, subject: Subject, present: Tensor, features: SegmenterFeatures | None) -> None:
        """present: long [P], the classes that are in the label map."""
        self.photo, self.features = subject.photo, features
        self.onehot = (subject.labels[:, None] == present[:, None, None]).float()  # [1, P, H, W]
        mean, self.deviation, _ = class_moments(self.photo, self.onehot)
        self.colour = lab(mean)  # [1, P, 3]
        weight = (self.onehot.mean((2, 3)) / SEEN).clamp_max(1)
        self.weight = weight / weight.sum().clamp_min(1e-6)  # [1, P]
        self.seen = None if features is None else features(self.photo)

    def distance(self, picture: Tensor) -> Tensor:
        """Of a picture [1, 3, H, W]: each class's mean colour and contrast, then pixels or features."""
        mean, deviation, _ = class_moments(picture, self.onehot)
        colour = ((lab(mean) - self.colour).square().sum(-1) + 1e-2).sqrt() / COLOUR_UNIT  # smooth at 0
        contrast = (deviation - self.deviation).abs().mean(-1)
        total = ((COLOUR * colour + CONTRAST * contrast) * self.weight).sum()
        total = total + PIXELS * _pyramid_distance(picture, self.photo)
        if self.features is None or self.seen is None:
            return total
        pairs = zip(self.features.weights, self.features(picture), self.seen)
        return total + FEATURES * torch.stack([weight * F.l1_loss(a, b) for weight, a, b in pairs]).sum()


def _pyramid_distance(a: Tensor, b: Tensor) -> Tensor:
    """L1 between two pictures, the mean over ``SCALES`` sizes: what is in the wrong place by a little counts less."""
    parts = [F.l1_loss(a, b)]
    for _ in range(SCALES - 1):
        a, b = F.avg_pool2d(a, 2), F.avg_pool2d(b, 2)
        parts.append(F.l1_loss(a, b))
    return torch.stack(parts).mean()


class Descent:
    """One photo's codes on their way; ``steps()`` does the work, a step at a time, and outside inference mode."""

    def __init__(
        self,
        generator: Generator,
        modulate: Modulate,
        subject: Subject,
        seed: int,
        features: SegmenterFeatures | None = None,
    ) -> None:
        """Absent classes and the starting points follow the seed; ``features`` are compared beside the pixels."""
        self.generator, self.modulate, self.subject = generator, modulate, subject
        self.seed, self.features = seed, features
        self.present = subject.labels.unique()
        self.rest = self._stored(Style(seed))  # [C, 8, ·, ·]
        self.z = self.rest[self.present]  # [P, 8, ·, ·]

    def steps(self, total: int) -> Iterator[FitStep]:
        """``total`` + 1 of them: the start, and what each step leads to."""
        plan = stages(self.generator.config, total)
        number, done, work = 0, 0, sum(count * math.prod(size) for size, count in plan)
        for stage, (size, count) in enumerate(plan):
            target, modulation = self._at(size)
            if not stage:
                self.z = self._best_start(target, modulation)
            self.z.requires_grad_()
            optimiser = torch.optim.Adam([self.z], betas=(0.9, 0.99))
            for i in range(count):
                optimiser.param_groups[0]["lr"] = RATE / 2**stage * (0.05 + 0.95 * math.cos(0.5 * math.pi * i / count))
                codes = self._codes()
                distance, picture = self._step(target, modulation, optimiser)
                yield FitStep(number, total, done / work, distance, codes, picture)
                number, done = number + 1, done + math.prod(size)
        with torch.no_grad():
            self.z = self.z.half().float()  # as a style stores them
            picture = self._picture(self.z, modulation)
            yield FitStep(total, total, 1.0, float(target.distance(picture)), self._codes(), picture[0])

    def _step(self, target: Target, modulation: Modulation, optimiser: torch.optim.Optimizer) -> tuple[float, Tensor]:
        """Distance and picture before the step."""
        with torch.enable_grad():
            picture = self._picture(self.z, modulation)
            distance = target.distance(picture)
            loss = distance + PRIOR * self.z.square().mean()
            optimiser.zero_grad()
            (loss * HALF_SCALE).backward()
        optimiser.step()
        return distance.item(), picture.detach()[0]

    def _at(self, size: tuple[int, int]) -> tuple[Target, Modulation]:
        """Photo and modulation at a size."""
        with torch.no_grad():
            subject = self.subject.at(size)
            target = Target(subject, self.present, self.features)
            return target, self.modulate(subject.labels, subject.edges)

    def _best_start(self, target: Target, modulation: Modulation) -> Tensor:
        """Of the prior's mean and ``STARTS`` − 1 samples of it, the one whose picture is nearest."""
        samples = Style(self.seed).variants(self.present.tolist(), self.seed, STARTS - 1)
        starts = [torch.zeros_like(self.z), *(self._stored(style)[self.present] for style in samples)]
        with torch.no_grad():
            distances = [float(target.distance(self._picture(z, modulation))) for z in starts]
        return starts[int(np.argmin(distances))]

    def _picture(self, z: Tensor, modulation: Modulation) -> Tensor:
        """[1, 3, H, W] in [−1, 1], at the modulation's size."""
        height, width = next(reversed(modulation.values()))[0].shape[2:]
        grid = self._tiled(z, (height // LATENT_STRIDE, width // LATENT_STRIDE))
        return self.generator(grid[None].to(self.generator.conv_img.weight.dtype), modulation).float()

    def _tiled(self, z: Tensor, grid: tuple[int, int]) -> Tensor:
        """Every class's code [8C, *grid]: those present from z, a shared code repeated over the grid."""
        return self.rest.index_copy(0, self.present, z).expand(-1, -1, *grid).flatten(0, 1)

    def _codes(self) -> np.ndarray:
        return self._tiled(self.z.detach(), self.generator.config.latent_size).cpu().numpy()

    def _stored(self, style: Style) -> Tensor:
        """A style's codes as they are stored, on the photo's device: float32 [C, 8, h, w] or [C, 8, 1, 1]."""
        config = self.generator.config
        tiled = style.codes(config).reshape(config.classes, CODE_CHANNELS, *config.latent_size)
        _, height, width = config.code_shape
        return torch.from_numpy(tiled[:, :, :height, :width].copy()).to(self.subject.photo.device)
