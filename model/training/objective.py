"""The sum that generator and encoder minimise: which losses of ``losses.py`` apply to which of a step's pictures."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from model.devices import autocast
from model.network.config import CODE_CHANNELS, GroupDNetConfig
from model.training.colours import ClassColours
from model.training.frozen import FrozenNetworks
from model.training.judging import Showing, Shown, judge
from model.training.losses import (
    anchor_loss,
    class_moment_loss,
    feature_matching,
    hinge_generator,
    kl_divergence,
    label_loss,
    locality_loss,
    perceptual_loss,
    prior_colour_loss,
    split,
    texture_loss,
)
from model.training.plan import Plan, Weights
from model.training.sampler import Rendered, Scene


class Objective:
    """Losses by name, each multiplied with its weight; those whose weight is 0 are left out.

    ``statistics`` are what the last call found on its way, for the log.
    """

    def __init__(
        self,
        config: GroupDNetConfig,
        plan: Plan,
        frozen: FrozenNetworks,
        colours: ClassColours | None,
        showing: Showing,
    ) -> None:
        self.config, self.plan, self.frozen, self.colours, self.showing = config, plan, frozen, colours, showing
        self.statistics: dict[str, Tensor] = {}

    def __call__(
        self,
        scene: Scene,
        rendered: Rendered,
        shown: tuple[Shown, Shown],
        discriminator: nn.Module,
        weights: Weights,
        price: float,
    ) -> dict[str, Tensor]:
        """``shown`` are the pictures made and the photos, as ``Showing`` gives them; ``price`` is that of a nat."""
        self.statistics = {}
        losses = self._adversarial(shown, discriminator, weights, len(scene.batch.labels))
        losses["kl"] = price * self._kl(rendered.mu, rendered.logvar, scene.present)
        if weights.perceptual and self.frozen.features is not None:
            losses["perceptual"] = weights.perceptual * self._perceptual(scene, rendered, shown)
        if weights.labels and self.frozen.segmenter is not None:
            places, known = rendered.codes.places, scene.batch.known
            labels, trusted = scene.batch.labels[places], None if known is None else known[places]
            losses["labels"] = weights.labels * label_loss(self.frozen.segmenter, rendered.pictures, labels, trusted)
        with autocast(rendered.pictures.device, torch.float32):  # small differences of large sums
            if weights.texture:
                losses |= self._textures(scene, rendered, weights)
            if self.colours is not None:
                losses |= self._colours(self.colours, scene, rendered, weights)
        mixed = len(rendered.codes.mixed)
        if weights.locality and mixed:
            kept, before = _kept(rendered.codes.donors, scene.trusted), rendered.pictures[:mixed].detach()
            changed = rendered.pictures[-mixed:]
            losses["locality"] = weights.locality * locality_loss(changed, before, kept, self.frozen.features)
        return losses

    def _adversarial(
        self, shown: tuple[Shown, Shown], discriminator: nn.Module, weights: Weights, count: int
    ) -> dict[str, Tensor]:
        """The photos are judged as well where features are matched, with the first ``count`` of the pictures made."""
        made, photos = shown
        if not weights.feature_matching:
            return {"gan": weights.gan * hinge_generator(judge(discriminator, made))}
        fakes, reals = split(judge(discriminator, made.and_then(photos)), len(made.pictures))
        encoded = [[layer[:count] for layer in scale] for scale in fakes]
        return {
            "gan": weights.gan * hinge_generator(fakes),
            "feature_matching": weights.feature_matching * feature_matching(reals, encoded),
        }

    def _perceptual(self, scene: Scene, rendered: Rendered, shown: tuple[Shown, Shown]) -> Tensor:
        """The perceptual loss of the pictures with their photos' codes, by features that are there already, if any."""
        features, photos, known = self.frozen.features, scene.batch.photos, scene.batch.known
        assert features is not None
        count = len(photos)
        if self.showing.compared is not None and self.showing.shares_features:
            made, real = (
                self.showing.compared.scaled({name: tap[:count] for name, tap in side.seen.items()}) for side in shown
            )
            if known is not None:
                known = shown[1].condition[:, : self.config.classes].sum(1) > 0
            return perceptual_loss(features.weights, made, real, known)
        with torch.no_grad():
            real = features(photos)
        return perceptual_loss(features.weights, features(rendered.pictures[:count]), real, known)

    def _textures(self, scene: Scene, rendered: Rendered, weights: Weights) -> dict[str, Tensor]:
        photos, count = scene.batch.photos, len(scene.batch.photos)
        losses = {"texture": weights.texture * texture_loss(rendered.pictures[:count], photos, scene.trusted)}
        if len(rendered.codes.mixed):
            loss = texture_loss(rendered.pictures[count:], photos, scene.trusted, rendered.codes.donors)
            losses["mixed_texture"] = weights.texture * loss
        return losses

    def _colours(self, colours: ClassColours, scene: Scene, rendered: Rendered, weights: Weights) -> dict[str, Tensor]:
        photos, trusted, codes = scene.batch.photos, scene.trusted, rendered.codes
        count, mixed = len(photos), len(codes.mixed)
        encoded, changed = rendered.pictures[:count], rendered.pictures[count:]
        losses = {"moments": weights.moments * class_moment_loss(encoded, photos, trusted, colours.spread)}
        if mixed:
            loss = class_moment_loss(changed, photos, trusted, colours.spread, codes.donors)
            losses["mixed_moments"] = weights.moments * loss
        if weights.anchor:
            losses["anchor"] = weights.anchor * anchor_loss(self._by_class(rendered.mu), photos, trusted, colours)
        if weights.anchor and mixed:
            prior, named = codes.donors < 0, self._by_class(codes.mixed)
            loss = prior_colour_loss(changed, trusted[:mixed], named, prior, colours)
            losses["prior_moments"] = weights.moments * loss
        return losses

    def _by_class(self, codes: Tensor) -> Tensor:
        """[N, 8C, h, w] → [N, C, 8], a mean over the grid."""
        return codes.mean((2, 3)).unflatten(1, (self.config.classes, CODE_CHANNELS))

    def _kl(self, mu: Tensor, logvar: Tensor, present: Tensor) -> Tensor:
        """The paper's sum over everything, or nats of present classes, a mean over the batch, as the plan says."""
        if not self.plan.kl_per_image:
            return kl_divergence(mu, logvar).sum()
        if self.config.shared_codes:
            mu, logvar = mu[:, :, :1, :1], logvar[:, :, :1, :1]
        nats = kl_divergence(mu, logvar).sum((2, 3)).view(*present.shape, CODE_CHANNELS).sum(2)  # [N, C]
        moment = (mu.square() + logvar.exp()).mean((2, 3)).view(*present.shape, CODE_CHANNELS).mean(2)
        seen = present.sum().clamp_min(1)
        self.statistics["nats"] = (nats * present).sum() / seen
        self.statistics["aggregate"] = ((moment * present).sum() / seen).sqrt()
        return (nats.clamp_min(self.plan.kl_free) * present).sum() / len(mu)


def _kept(donors: Tensor, trusted: Tensor) -> Tensor:
    """Where each mixed picture's class has the code that it has in the sampled one: float [M, H, W]."""
    own = donors == torch.arange(len(donors), device=donors.device)[:, None]
    return torch.einsum("nc,nchw->nhw", own.float(), trusted[: len(donors)])
