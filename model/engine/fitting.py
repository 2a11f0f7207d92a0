"""A photo's codes without an encoder, by gradient descent through the generator:

    z = argmin  distance(generator(z, modulation), photo) + PRIOR · mean z²

Only the codes of the classes in the label map move; the others keep the codes that the seed gives them. The modulation
is made once for each size, so that a step costs one synthesis and its gradient. Where codes are shared over the grid,
the same codes fit pictures of any size, and most steps are taken on a smaller picture.
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

STARTS = 4  # codes that the descent could begin with: the prior's mean and samples; it takes the nearest to the photo
RATE = 0.15  # learning rate of Adam at the beginning of the first stage; halved for each later stage
PRIOR = 0.02  # weight of the codes' mean square, which keeps them where training has drawn codes
COLOUR, CONTRAST, PIXELS, FEATURES = 1.0, 0.5, 0.5, 0.5  # weights of the parts of the distance
COLOUR_UNIT = 50.0  # ΔE that counts as a distance of 1
SCALES = 4  # sizes at which pictures are compared pixel by pixel, each half as large as the one before
SEEN = 0.01  # share of the picture from which on a class's colour counts in full
HALF_SCALE = 1024.0  # factor of the loss that keeps float16 gradients from vanishing; Adam's steps do not depend on it
Modulate = Callable[[Tensor, Tensor | None], Modulation]  # labels, edges → modulation


@dataclass(frozen=True)
class FitStep:
    """The state of a descent after some of its steps."""

    number: int  # steps taken
    total: int  # steps in all
    share: float  # share of the work that is done, in 0 … 1: steps on a smaller picture cost less
    distance: float  # distance of the picture from the photo at the picture's size
    codes: np.ndarray  # float32 [8C, h, w]
    picture: Tensor  # float [3, H', W'] in [−1, 1] made of the codes: full size in the last step, before perhaps half


@dataclass(frozen=True)
class Subject:
    """A photo with its label map, all on the generator's device."""

    photo: Tensor  # float32 [1, 3, H, W] in [−1, 1]
    labels: Tensor  # long [1, H, W]
    edges: Tensor | None = None  # float32 [1, 1, H, W], for models that take instance edges

    def at(self, size: tuple[int, int]) -> Subject:
        """The same at a smaller size (H, W): the photo averaged, labels and edges by nearest neighbour."""
        if size == tuple(self.photo.shape[2:]):
            return self
        edges = None if self.edges is None else nearest(self.edges[:, 0], size)[:, None]
        return Subject(F.interpolate(self.photo, size, mode="area"), nearest(self.labels, size), edges)


class Target:
    """All facts of a photo with which pictures of its label map are compared."""

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
        """The distance of a picture [1, 3, H, W] from the photo, one number.

        It sums the differences of each class's mean colour and contrast, of pixels, and of features if there are any.
        """
        mean, deviation, _ = class_moments(picture, self.onehot)
        colour = ((lab(mean) - self.colour).square().sum(-1) + 1e-2).sqrt() / COLOUR_UNIT  # 1e-2: smooth at 0
        contrast = (deviation - self.deviation).abs().mean(-1)
        total = ((COLOUR * colour + CONTRAST * contrast) * self.weight).sum()
        total = total + PIXELS * _pyramid_distance(picture, self.photo)
        if self.features is None or self.seen is None:
            return total
        pairs = zip(self.features.weights, self.features(picture), self.seen)
        return total + FEATURES * torch.stack([weight * F.l1_loss(a, b) for weight, a, b in pairs]).sum()


def _pyramid_distance(a: Tensor, b: Tensor) -> Tensor:
    """Mean L1 of two pictures [1, 3, H, W] over ``SCALES`` sizes, so that details slightly out of place count less."""
    parts = [F.l1_loss(a, b)]
    for _ in range(SCALES - 1):
        a, b = F.avg_pool2d(a, 2), F.avg_pool2d(b, 2)
        parts.append(F.l1_loss(a, b))
    return torch.stack(parts).mean()


class Descent:
    """The descent that fits one photo; ``steps`` does the work, one step at a time, and outside inference mode."""

    def __init__(
        self,
        generator: Generator,
        modulate: Modulate,
        subject: Subject,
        seed: int,
        features: SegmenterFeatures | None = None,
    ) -> None:
        """``seed`` gives the codes of absent classes and the starting points; ``features`` are compared with pixels."""
        self.generator, self.modulate, self.subject = generator, modulate, subject
        self.seed, self.features = seed, features
        self.present: Tensor = subject.labels.unique()
        self.rest = self._stored(Style(seed))  # [C, 8, h, w] or [C, 8, 1, 1]: the codes of the seed
        self.z = self.rest[self.present]  # [P, 8, h, w] or [P, 8, 1, 1]: the codes that move

    def steps(self, total: int) -> Iterator[FitStep]:
        """``total`` + 1 states: the start, and the state after each step."""
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
            self.z = self.z.half().float()  # rounded to float16, as a style stores codes
            picture = self._picture(self.z, modulation)
            yield FitStep(total, total, 1.0, float(target.distance(picture)), self._codes(), picture[0])

    def _step(self, target: Target, modulation: Modulation, optimiser: torch.optim.Optimizer) -> tuple[float, Tensor]:
        """Move the codes by one step, and return the distance and the picture before it."""
        with torch.enable_grad():
            picture = self._picture(self.z, modulation)
            distance = target.distance(picture)
            loss = distance + PRIOR * self.z.square().mean()
            optimiser.zero_grad()
            (loss * HALF_SCALE).backward()
        optimiser.step()
        return distance.item(), picture.detach()[0]

    def _at(self, size: tuple[int, int]) -> tuple[Target, Modulation]:
        """The photo and the modulation at the size (H, W)."""
        with torch.no_grad():
            subject = self.subject.at(size)
            target = Target(subject, self.present, self.features)
            return target, self.modulate(subject.labels, subject.edges)

    def _best_start(self, target: Target, modulation: Modulation) -> Tensor:
        """The codes to begin with: the prior's mean or one of ``STARTS`` − 1 samples, whose picture is the nearest."""
        samples = Style(self.seed).variants(self.present.tolist(), self.seed, STARTS - 1)
        starts = [torch.zeros_like(self.z), *(self._stored(style)[self.present] for style in samples)]
        with torch.no_grad():
            distances = [float(target.distance(self._picture(z, modulation))) for z in starts]
        return starts[int(np.argmin(distances))]

    def _picture(self, z: Tensor, modulation: Modulation) -> Tensor:
        """The picture float32 [1, 3, H, W] in [−1, 1] of the codes z, at the modulation's size."""
        height, width = next(reversed(modulation.values()))[0].shape[2:]
        grid = self._tiled(z, (height // LATENT_STRIDE, width // LATENT_STRIDE))
        picture: Tensor = self.generator(grid[None].to(self.generator.conv_img.weight.dtype), modulation)
        return picture.float()

    def _tiled(self, z: Tensor, grid: tuple[int, int]) -> Tensor:
        """All classes' codes [8C, *grid]: z for those present, and shared codes repeated over the grid."""
        return self.rest.index_copy(0, self.present, z).expand(-1, -1, *grid).flatten(0, 1)

    def _codes(self) -> np.ndarray:
        """All classes' codes as they are now, float32 [8C, h, w]."""
        return self._tiled(self.z.detach(), self.generator.config.latent_size).cpu().numpy()

    def _stored(self, style: Style) -> Tensor:
        """A style's codes, not repeated over the grid: float32 [C, 8, h, w] or [C, 8, 1, 1], on the photo's device."""
        config = self.generator.config
        tiled = style.codes(config).reshape(config.classes, CODE_CHANNELS, *config.latent_size)
        _, height, width = config.code_shape
        return torch.from_numpy(tiled[:, :, :height, :width].copy()).to(self.subject.photo.device)
