"""The losses of section 3.5 of the paper, and those that the landscape world needs on top."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from model.network.layers import nearest
from model.perception.colour import class_moments
from model.perception.features import PerceptualFeatures, perceptual_distance
from model.perception.label_reader import LabelReader
from model.training.colours import ClassColours

TEXTURE_SCALES = (1, 2, 4, 8, 16)  # pixels; the coarse ones tell clean skies from banded ones
TEXTURE_FLOOR = 0.01  # a difference between neighbours that nobody sees
SMALLEST_SQUARE = 1e-8  # keeps a root's gradient finite
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


def split(predictions: Features, fakes: int) -> tuple[Features, Features]:
    """The discriminator's outputs for [fakes, reals] → (those of the fakes, those of the reals)."""
    return [[f[:fakes] for f in scale] for scale in predictions], [[f[fakes:] for f in scale] for scale in predictions]


def perceptual_loss(
    weights: Sequence[float], fake: Sequence[Tensor], real: Sequence[Tensor], known: Tensor | None = None
) -> Tensor:
    """Weighted L1 between features of pictures, stage by stage [N, D, h, w] (Johnson, Alahi, Fei-Fei, "Perceptual
    Losses for Real-Time Style Transfer and Super-Resolution", ECCV 2016; section 3.5 of the paper).

    With ``known``, bool [N, H, W], features that stand for any pixel that is not known are left out.
    """
    terms = []
    for weight, f, r in zip(weights, fake, real):
        if known is None:
            terms.append(weight * F.l1_loss(f, r))
            continue
        whole = F.interpolate(known[:, None].float(), f.shape[2:], mode="area") > 0.999
        terms.append(weight * ((f - r).abs() * whole).sum() / (whole.sum() * f.shape[1]).clamp_min(1))
    return torch.stack(terms).sum()


def kl_divergence(mu: Tensor, logvar: Tensor) -> Tensor:
    """KL(N(mu, e^logvar) ‖ N(0, 1)) of every element, in nats; −½(1 + logvar − mu² − e^logvar)."""
    return -0.5 * (1 + logvar - mu.square() - logvar.exp())


def class_moment_loss(
    fake: Tensor, real: Tensor, onehot: Tensor, spread: Tensor, donors: Tensor | None = None
) -> Tensor:
    """L1 of each class's colour mean, and half of its deviation's, in units of ``spread`` [C], how far the class varies
    over the data: classes count alike, whatever their area, and those that vary little are not left to their average.

    fake [M, 3, H, W] was made of the first M of the label maps onehot [N, C, H, W] that real belongs to. Each class is
    compared with its own photo's, or with that of the photo ``donors`` [M, C] names; −1 there: with none.
    """
    count = len(fake)
    fake_mean, fake_deviation, shown = class_moments(fake, onehot[:count])
    real_mean, real_deviation, present = class_moments(real, onehot)
    donors, taken = _donors(donors, shown)
    error = (fake_mean - real_mean[taken]).abs() + 0.5 * (fake_deviation - real_deviation[taken]).abs()
    error = error / spread[:, None]
    compared = (shown & present[taken] & (donors >= 0))[..., None]
    return (error * compared).sum() / (compared.sum() * 3).clamp_min(1)


def _donors(donors: Tensor | None, shown: Tensor) -> tuple[Tensor, tuple[Tensor, Tensor]]:
    """(which photo each class [M, C] has its look from, −1 for none; the index of that class in that photo)."""
    count, classes = shown.shape
    if donors is None:
        donors = torch.arange(count, device=shown.device)[:, None].expand(-1, classes)
    return donors, (donors.clamp_min(0), torch.arange(classes, device=shown.device))


def class_textures(picture: Tensor, onehot: Tensor, fewest: int = 64) -> tuple[Tensor, Tensor]:
    """How much neighbours differ within each class, [N, C, 20] for a picture [N, 3, H, W] and its one-hot [N, C, H, W]:
    mean |Δ|, then √(mean Δ²), each sideways and downwards at every scale; and bool [N, C, 20], where at least
    ``fewest`` pairs were there.

    The two together tell an even grain from few strong marks.
    """
    means, squares, counted = [], [], []
    for scale in TEXTURE_SCALES:
        small, whole = (F.avg_pool2d(t, scale) if scale > 1 else t for t in (picture, onehot))
        whole = (whole > 0.999).to(small.dtype)
        for axis in (3, 2):
            change = small.diff(dim=axis)
            length = whole.shape[axis] - 1
            both = whole.narrow(axis, 1, length) * whole.narrow(axis, 0, length)
            pairs = both.sum((2, 3))
            amount = torch.stack([change.abs().mean(1), change.square().mean(1)], dim=1)
            mean, square = (torch.einsum("nchw,nkhw->knc", both, amount) / pairs.clamp_min(1)).unbind()
            means.append(mean)
            squares.append((square + SMALLEST_SQUARE).sqrt())
            counted.append(pairs >= fewest)
    return torch.stack(means + squares, dim=2), torch.stack(counted + counted, dim=2)


def texture_loss(fake: Tensor, real: Tensor, onehot: Tensor, donors: Tensor | None = None) -> Tensor:
    """Mean |log ratio| of each class's texture amounts; the arguments are those of ``class_moment_loss``.

    A texture cannot be foretold pixel by pixel, and losses that compare pixels or features wash it out.
    """
    amounts, shown = class_textures(fake, onehot[: len(fake)])
    with torch.no_grad():
        wanted, present = class_textures(real, onehot)
    donors, taken = _donors(donors, shown[..., 0])
    error = ((amounts + TEXTURE_FLOOR).log() - (wanted[taken] + TEXTURE_FLOOR).log()).abs()
    compared = shown & present[taken] & (donors >= 0)[..., None]
    return (error * compared).sum() / compared.sum().clamp_min(1)


def label_loss(segmenter: LabelReader, fake: Tensor, labels: Tensor, known: Tensor | None = None) -> Tensor:
    """Cross-entropy of the labels long [M, H, W] that a segmenter reads off pictures [M, 3, H, W], at its own size;
    classes count alike, whatever their area. Pixels where ``known``, bool [M, H, W], is False are left out."""
    scores = segmenter(segmenter.sized(fake))
    size = (scores.shape[2], scores.shape[3])
    small = nearest(labels, size)
    wrong = F.cross_entropy(scores.float(), small, reduction="none")
    counted = F.one_hot(small, segmenter.config.classes)
    if known is not None:
        trusted = nearest(known, size)
        wrong, counted = wrong * trusted, counted * trusted[..., None]
    area = counted.sum((0, 1, 2))
    total = wrong.new_zeros(len(area)).index_add(0, small.flatten(), wrong.flatten())
    return (total / area.clamp_min(1)).sum() / (area > 0).sum().clamp_min(1)


def locality_loss(fake: Tensor, before: Tensor, kept: Tensor, features: PerceptualFeatures | None) -> Tensor:
    """How much pictures ``fake`` [M, 3, H, W] differ from ``before`` where float [M, H, W] ``kept`` is 1, in which no
    code was changed: mean |Δ|, and the distance by features of the two with everything else set to 0.

    What leaks by a level or two over a wide area costs pixels little, and is seen all the same.
    """
    change = ((fake - before).abs().mean(1) * kept).sum() / kept.sum().clamp_min(1)
    if features is None:
        return change
    with torch.no_grad():
        target = [stage.float() for stage in features(features.sized(before * kept[:, None]))]
    stages = [stage.float() for stage in features(features.sized(fake * kept[:, None]))]
    return change + perceptual_distance(stages, target).mean()


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
