"""The losses of section 3.5 of the paper, and further ones for small data sets and small networks.

"The paper" is Zhu, Xu, You, Bai, "Semantically Multi-modal Image Synthesis", CVPR 2020. Pictures are float
[N, 3, H, W] in [−1, 1]; every loss is a scalar. A one-hot label map [N, C, H, W] may be all zero at pixels whose class
nobody knows, and those are then left out.
"""

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

TEXTURE_SCALES = (1, 2, 4, 8, 16)  # pixels between neighbours; the coarse ones tell clean skies from banded ones
TEXTURE_FLOOR = 0.01  # differences between neighbours that are far smaller cannot be seen and count alike
FEWEST_PAIRS = 64  # a class with fewer pairs of neighbours in a picture has no texture there
SMALLEST_SQUARE = 1e-8  # added under a root, so that its gradient is finite at 0
WHOLE = 0.999  # share of a cell from which on it counts as filled, for rounding
COLOUR_CODES = 3  # first numbers of a class's code, anchored to its mean colour
Features = list[list[Tensor]]  # what a discriminator says: for each scale every layer's output, the prediction last


def hinge_discriminator(real: Features, fake: Features) -> Tensor:
    """Mean over scales of relu(1 − D(real)) + relu(1 + D(fake)) (Lim and Ye, "Geometric GAN", 2017, section 3.2;
    L_GAN in section 3.5 of the paper)."""
    terms = [F.relu(1 - r[-1]).mean() + F.relu(1 + f[-1]).mean() for r, f in zip(real, fake)]
    return torch.stack(terms).mean()


def hinge_generator(fake: Features) -> Tensor:
    """Mean over scales of −D(fake), the generator's side of the hinge loss (Lim and Ye, 2017)."""
    return torch.stack([-scale[-1].mean() for scale in fake]).mean()


def feature_matching(real: Features, fake: Features) -> Tensor:
    """L1 between the features of fake and (detached) real, summed over layers, averaged over scales; the predictions
    are left out (Wang et al., "High-Resolution Image Synthesis and Semantic Manipulation with Conditional GANs",
    CVPR 2018, equation 4, after Salimans et al., "Improved Techniques for Training GANs", NeurIPS 2016, section 3.1;
    L_FM in section 3.5 of the paper)."""
    scales = [sum(F.l1_loss(f, r.detach()) for r, f in zip(rs[:-1], fs[:-1])) for rs, fs in zip(real, fake)]
    return torch.stack([torch.as_tensor(scale) for scale in scales]).mean()


def split(predictions: Features, fakes: int) -> tuple[Features, Features]:
    """A discriminator's outputs for so many ``fakes`` and then real pictures → (for the fakes, for the real ones)."""
    return [[f[:fakes] for f in scale] for scale in predictions], [[f[fakes:] for f in scale] for scale in predictions]


def perceptual_loss(
    weights: Sequence[float], fake: Sequence[Tensor], real: Sequence[Tensor], known: Tensor | None = None
) -> Tensor:
    """Weighted L1 between features of pictures, stage by stage [N, D, h, w] (Johnson, Alahi, Fei-Fei, "Perceptual
    Losses for Real-Time Style Transfer and Super-Resolution", ECCV 2016, section 3.1; L_P in section 3.5 of the paper).

    With ``known``, bool [N, H, W], features that stand for any pixel that is not known are left out.
    """
    terms = []
    for weight, f, r in zip(weights, fake, real):
        if known is None:
            terms.append(weight * F.l1_loss(f, r))
            continue
        whole = F.interpolate(known[:, None].float(), f.shape[2:], mode="area") > WHOLE
        terms.append(weight * ((f - r).abs() * whole).sum() / (whole.sum() * f.shape[1]).clamp_min(1))
    return torch.stack(terms).sum()


def kl_divergence(mu: Tensor, logvar: Tensor) -> Tensor:
    """KL(N(mu, e^logvar) ‖ N(0, 1)) of every element, in nats: −½(1 + logvar − mu² − e^logvar) (Kingma and Welling,
    "Auto-Encoding Variational Bayes", 2013, appendix B; L_KL in section 3.5 of the paper, which sums it)."""
    return -0.5 * (1 + logvar - mu.square() - logvar.exp())


def class_moment_loss(
    fake: Tensor, real: Tensor, onehot: Tensor, spread: Tensor, donors: Tensor | None = None
) -> Tensor:
    """L1 between the mean colours of each class in fake and real, and half of the L1 between their deviations.

    Both are in units of ``spread`` [C], how far the class's colour varies over the data, so that classes that vary
    little are learnt as well; and classes count alike, whatever their area.

    fake [M, 3, H, W] was made of the first M of the label maps onehot [N, C, H, W] of the photos real [N, 3, H, W].
    Each class is compared with the same class in its own photo, or in the photo that ``donors`` long [M, C] names;
    where that is −1 it is not compared.
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
    """(donors long [M, C], each class's own photo where none were given; index of each donor's class in [N, C, …])."""
    count, classes = shown.shape
    if donors is None:
        donors = torch.arange(count, device=shown.device)[:, None].expand(-1, classes)
    return donors, (donors.clamp_min(0), torch.arange(classes, device=shown.device))


def class_textures(picture: Tensor, onehot: Tensor, fewest: int = FEWEST_PAIRS) -> tuple[Tensor, Tensor]:
    """How much neighbouring pixels differ within each class: pictures [N, 3, H, W] and their one-hot [N, C, H, W] →
    amounts [N, C, 20], and bool [N, C, 20], whether at least ``fewest`` pairs of neighbours were compared.

    The amounts are mean |Δ|, then √(mean Δ²), each sideways and downwards at every scale of ``TEXTURE_SCALES``. The two
    together tell an even grain from a few strong marks.
    """
    means, squares, counted = [], [], []
    for scale in TEXTURE_SCALES:
        small, whole = (F.avg_pool2d(t, scale) if scale > 1 else t for t in (picture, onehot))
        whole = (whole > WHOLE).to(small.dtype)
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
    """Mean |log ratio| of the texture amounts of each class in fake and real; arguments as in ``class_moment_loss``.

    No network can foretell a texture pixel by pixel, so losses that compare pixels or features wash it out; this one
    compares statistics only.
    """
    amounts, shown = class_textures(fake, onehot[: len(fake)])
    with torch.no_grad():
        wanted, present = class_textures(real, onehot)
    donors, taken = _donors(donors, shown[..., 0])
    error = ((amounts + TEXTURE_FLOOR).log() - (wanted[taken] + TEXTURE_FLOOR).log()).abs()
    compared = shown & present[taken] & (donors >= 0)[..., None]
    return (error * compared).sum() / compared.sum().clamp_min(1)


def label_loss(segmenter: LabelReader, fake: Tensor, labels: Tensor, known: Tensor | None = None) -> Tensor:
    """Cross-entropy between label maps long [M, H, W] and what a segmenter reads off the pictures [M, 3, H, W] made of
    them, at the size at which it reads. Classes count alike, whatever their area. Pixels where ``known``, bool
    [M, H, W], is False are left out."""
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
    """How much a change of some classes' codes changes the others' pixels.

    ``fake`` and ``before`` [M, 3, H, W] are pictures with and without the change, and ``kept`` float [M, H, W] is 1 at
    pixels of the classes whose codes were kept. The loss is mean |Δ| there, plus the distance by features of the two
    with all other pixels set to 0: an error of a level or two over a wide area costs little by pixels, and can be seen.
    """
    change = ((fake - before).abs().mean(1) * kept).sum() / kept.sum().clamp_min(1)
    if features is None:
        return change
    with torch.no_grad():
        target = [stage.float() for stage in features(features.sized(before * kept[:, None]))]
    stages = [stage.float() for stage in features(features.sized(fake * kept[:, None]))]
    return change + perceptual_distance(stages, target).mean()


def anchor_loss(mu: Tensor, real: Tensor, onehot: Tensor, colours: ClassColours) -> Tensor:
    """Squared error between the first three numbers of each present class's code ``mu`` [N, C, 8] and the class's mean
    colour in real, as ``ClassColours.to_code`` gives it.

    From such codes the generator learns early what a code is for, and codes drawn from the prior get colours that are
    spread as the data's are.
    """
    mean, _, shown = class_moments(real, onehot)
    error = (mu[..., :COLOUR_CODES] - colours.to_code(mean)).square().mean(-1)
    return (error * shown).sum() / shown.sum().clamp_min(1)


def prior_colour_loss(fake: Tensor, onehot: Tensor, codes: Tensor, prior: Tensor, colours: ClassColours) -> Tensor:
    """L1 between each class's mean colour in fake [M, 3, H, W] and the colour that its code [M, C, 8] begins with, in
    units of the class's spread; only classes whose code is a sample of the prior, bool [M, C] ``prior``, count."""
    mean, _, shown = class_moments(fake, onehot)
    error = ((mean - colours.from_code(codes[..., :COLOUR_CODES])).abs().mean(-1) / colours.spread) * (shown & prior)
    return error.sum() / (shown & prior).sum().clamp_min(1)
