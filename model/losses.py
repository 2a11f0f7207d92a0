"""The losses of section 3.5 of the paper, and those that the landscape world needs on top."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from model.errors import InputError
from model.segmenter import Segmenter

SMALLEST_SPREAD = 0.02  # of a class's colour, where pictures are in [−1, 1]
Features = list[list[Tensor]]  # per scale, every layer's output, the prediction last


def hinge_discriminator(real: Features, fake: Features) -> Tensor:
    """Mean over scales of relu(1 − D(real)) + relu(1 + D(fake))."""
    terms = [F.relu(1 - r[-1]).mean() + F.relu(1 + f[-1]).mean() for r, f in zip(real, fake)]
    return torch.stack(terms).mean()


def hinge_generator(fake: Features) -> Tensor:
    return torch.stack([-scale[-1].mean() for scale in fake]).mean()


def feature_matching(real: Features, fake: Features) -> Tensor:
    """L1 between the features of fake and (detached) real, summed over layers, averaged over scales."""
    scales = [sum(F.l1_loss(f, r.detach()) for r, f in zip(rs[:-1], fs[:-1])) for rs, fs in zip(real, fake)]
    return torch.stack([torch.as_tensor(scale) for scale in scales]).mean()


def kl_divergence(mu: Tensor, logvar: Tensor) -> Tensor:
    """KL(N(mu, e^logvar) ‖ N(0, 1)) of every element, in nats; −½(1 + logvar − mu² − e^logvar)."""
    return -0.5 * (1 + logvar - mu.square() - logvar.exp())


def class_moments(picture: Tensor, onehot: Tensor, smallest: float = 0.005) -> tuple[Tensor, Tensor, Tensor]:
    """Colour mean and deviation of each class: picture [N, 3, H, W], one-hot [N, C, H, W] → [N, C, 3] twice, and
    bool [N, C], whether the class covers at least the share ``smallest`` of the picture."""
    area = onehot.sum((2, 3))  # [N, C]
    weights = onehot.flatten(2) / area.clamp_min(1)[..., None]
    flat = picture.flatten(2).transpose(1, 2)  # [N, HW, 3]
    mean = weights @ flat
    deviation = (weights @ flat.square() - mean.square()).clamp_min(1e-6).sqrt()
    return mean, deviation, area >= smallest * onehot[0, 0].numel()


@dataclass(frozen=True)
class ClassColours:
    """How each class's mean colour is spread over the data."""

    centre: Tensor  # [C, 3]
    spread: Tensor  # [C] deviation, a mean over the three channels
    whitening: Tensor  # [C, 3, 3], symmetric
    colouring: Tensor  # [C, 3, 3], its inverse

    @classmethod
    def measure(cls, batches: Iterable[tuple[Tensor, Tensor]]) -> ClassColours:
        """Over (photos [N, 3, H, W], one-hot [N, C, H, W])."""
        moments = [class_moments(photos, onehot) for photos, onehot in batches]
        mean, shown = torch.cat([m[0] for m in moments]), torch.cat([m[2] for m in moments]).float()[..., None]
        count = shown.sum(0).clamp_min(1)
        centre = (mean * shown).sum(0) / count
        away = (mean - centre) * shown
        covariance = torch.einsum("nci,ncj->cij", away, away) / count[..., None]
        values, vectors = torch.linalg.eigh(covariance)
        root = values.clamp_min(SMALLEST_SPREAD**2).sqrt()
        colouring, whitening = (vectors * scale[:, None] @ vectors.transpose(1, 2) for scale in (root, 1 / root))
        spread = covariance.diagonal(dim1=1, dim2=2).sqrt().mean(1).clamp_min(SMALLEST_SPREAD)
        return cls(centre, spread, whitening, colouring)

    def to_code(self, mean: Tensor) -> Tensor:
        """Mean colours [N, C, 3] as numbers of mean 0 and covariance 1 over the data."""
        return torch.einsum("cij,ncj->nci", self.whitening, mean - self.centre)

    def from_code(self, code: Tensor) -> Tensor:
        """What ``to_code`` gives [N, C, 3] as mean colours, as far as pictures have them."""
        return (self.centre + torch.einsum("cij,ncj->nci", self.colouring, code)).clamp(-0.97, 0.97)


def class_moment_loss(
    fake: Tensor, real: Tensor, onehot: Tensor, spread: Tensor, donors: Tensor | None = None
) -> Tensor:
    """L1 of each class's colour mean, and half of its deviation's, in units of ``spread`` [C], how far the class varies
    over the data: classes count alike, whatever their area, and those that vary little are not left to their average.

    fake [M, 3, H, W] was made of the first M of the label maps onehot [N, C, H, W] that real belongs to. Each class is
    compared with its own photo's, or with that of the photo ``donors`` [M, C] names; −1 there: with none.
    """
    count, classes = len(fake), onehot.shape[1]
    fake_mean, fake_deviation, shown = class_moments(fake, onehot[:count])
    real_mean, real_deviation, present = class_moments(real, onehot)
    if donors is None:
        donors = torch.arange(count, device=fake.device)[:, None].expand(-1, classes)
    given, column = donors.clamp_min(0), torch.arange(classes, device=fake.device)
    error = (fake_mean - real_mean[given, column]).abs() + 0.5 * (fake_deviation - real_deviation[given, column]).abs()
    error = error / spread[:, None]
    compared = (shown & present[given, column] & (donors >= 0))[..., None]
    return (error * compared).sum() / (compared.sum() * 3).clamp_min(1)


def anchor_loss(mu: Tensor, real: Tensor, onehot: Tensor, colours: ClassColours) -> Tensor:
    """Squared error of the first three numbers of each present class's code [N, C, 8] as its whitened mean colour.

    A code that begins as its class's colour tells the generator at once what it is for, and makes the prior's colours
    the data's.
    """
    mean, _, shown = class_moments(real, onehot)
    error = (mu[..., :3] - colours.to_code(mean)).square().mean(-1)
    return (error * shown).sum() / shown.sum().clamp_min(1)


def prior_colour_loss(fake: Tensor, onehot: Tensor, codes: Tensor, prior: Tensor, colours: ClassColours) -> Tensor:
    """L1 between class means of fake [M, 3, H, W] and the colours that codes [M, C, 8] begin with, in units of each
    class's spread, over the classes whose code is a ``prior`` sample, bool [M, C]."""
    mean, _, shown = class_moments(fake, onehot)
    error = ((mean - colours.from_code(codes[..., :3])).abs().mean(-1) / colours.spread) * (shown & prior)
    return error.sum() / (shown & prior).sum().clamp_min(1)


class SegmenterFeatures(nn.Module):
    """Perceptual features of the world's own segmenter."""

    weights = (1 / 8, 1 / 4, 1 / 2, 1.0)

    def __init__(self, segmenter: Segmenter) -> None:
        super().__init__()
        self.segmenter = segmenter.eval().requires_grad_(False)

    def forward(self, picture: Tensor) -> list[Tensor]:
        return self.segmenter.features(picture)


class Vgg19Features(nn.Module):
    """relu1_1, 2_1, 3_1, 4_1, 5_1 of VGG-19, from a weight file in torchvision's layout (``features.N.weight``)."""

    weights = (1 / 32, 1 / 16, 1 / 8, 1 / 4, 1.0)
    WIDTHS = (64, 64, "pool", 128, 128, "pool", 256, 256, 256, 256, "pool", 512, 512, 512, 512, "pool", 512)

    def __init__(self, path: Path) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        inputs = 3
        for width in self.WIDTHS:
            if isinstance(width, int):
                layers += [nn.Conv2d(inputs, width, 3, padding=1), nn.ReLU()]
                inputs = width
            else:
                layers.append(nn.MaxPool2d(2))
        self.features = nn.Sequential(*layers)
        self._load(path)
        self.eval().requires_grad_(False)

    def _load(self, path: Path) -> None:
        try:
            state = torch.load(path, map_location="cpu", weights_only=True)
            wanted = {key: state[key] for key in self.state_dict()}
            self.load_state_dict(wanted)
        except (OSError, KeyError, RuntimeError, TypeError, ValueError) as error:
            message = f"{path} is not a VGG-19 in torchvision's layout: {error}."
            raise InputError(message, code="bad_checkpoint", value=str(path)) from error
        except Exception as error:  # torch's unpickling errors have no common type
            message = f"{path} could not be read as a weight file: {type(error).__name__}."
            raise InputError(message, code="bad_checkpoint", value=str(path)) from error

    def forward(self, picture: Tensor) -> list[Tensor]:
        """picture [N, 3, H, W] goes in as it is, in [−1, 1]."""
        x, stages = picture, []
        for i, layer in enumerate(self.features):
            x = layer(x)
            if i in (1, 6, 11, 20, 29):
                stages.append(x)
        return stages


def perceptual(features: SegmenterFeatures | Vgg19Features, fake: Tensor, real: Tensor) -> Tensor:
    """Weighted L1 between features; no gradient flows to the real picture's."""
    with torch.no_grad():
        targets = features(real)
    terms = [weight * F.l1_loss(f, t) for weight, f, t in zip(features.weights, features(fake), targets)]
    return torch.stack(terms).sum()
