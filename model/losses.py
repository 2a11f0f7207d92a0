"""The losses of section 3.5 of the paper, and those that the landscape world needs on top."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from model.errors import InputError
from model.groupdnet import nearest
from model.metrics import perceptual_distance
from model.segmenter import Segmenter

SMALLEST_SPREAD = 0.02  # of a class's colour, where pictures are in [−1, 1]
SMALLEST_STRETCH = 0.2  # of what is nearly a bell already
FEWEST_COLOURS = 32  # pictures that tell how a class's colour is spread
COLOUR_KNOTS, GAUSSIANISATIONS = 33, 3
TEXTURE_SCALES = (1, 2, 4, 8, 16)  # pixels; the coarse ones tell clean skies from banded ones
TEXTURE_FLOOR = 0.01  # a difference between neighbours that nobody sees
SMALLEST_SQUARE = 1e-8  # keeps a root's gradient finite
PerceptualFeatures: TypeAlias = "SegmenterFeatures | Vgg19Features"
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
    random = torch.Generator(like.device).manual_seed(0)
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


def label_loss(segmenter: Segmenter, fake: Tensor, labels: Tensor) -> Tensor:
    """Cross-entropy of the labels long [M, H, W] that a segmenter reads off pictures [M, 3, H, W], at its own size;
    classes count alike, whatever their area."""
    size = segmenter.config.size
    scores = segmenter(F.interpolate(fake, size, mode="area"))
    small = nearest(labels, size)
    wrong = F.cross_entropy(scores.float(), small, reduction="none")
    area = F.one_hot(small, segmenter.config.classes).sum((0, 1, 2))
    total = wrong.new_zeros(len(area)).index_add(0, small.flatten(), wrong.flatten())
    return (total / area.clamp_min(1)).sum() / (area > 0).sum()


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


class SegmenterFeatures(nn.Module):
    """Perceptual features of the world's own segmenter."""

    weights = (1 / 8, 1 / 4, 1 / 2, 1.0)

    def __init__(self, segmenter: Segmenter) -> None:
        super().__init__()
        self.segmenter = segmenter.eval().requires_grad_(False)

    def sized(self, picture: Tensor) -> Tensor:
        """At the size that the segmenter reads, where it is larger."""
        size = self.segmenter.config.size
        return F.interpolate(picture, size, mode="area") if picture.shape[2] > size[0] else picture

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

    def sized(self, picture: Tensor) -> Tensor:
        return picture

    def forward(self, picture: Tensor) -> list[Tensor]:
        """picture [N, 3, H, W] goes in as it is, in [−1, 1]."""
        x, stages = picture, []
        for i, layer in enumerate(self.features):
            x = layer(x)
            if i in (1, 6, 11, 20, 29):
                stages.append(x)
        return stages


def perceptual(features: PerceptualFeatures, fake: Tensor, real: Tensor) -> Tensor:
    """Weighted L1 between features; no gradient flows to the real picture's."""
    with torch.no_grad():
        targets = features(real)
    terms = [weight * F.l1_loss(f, t) for weight, f, t in zip(features.weights, features(fake), targets)]
    return torch.stack(terms).sum()
