"""One step of training: the generator and encoder's losses, then the discriminator's, on the same pictures."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn

from model.checkpoint import Checkpoint
from model.data.sources import Batch
from model.network import lookup
from model.network.config import CODE_CHANNELS, LATENT_STRIDE, GroupDNetConfig
from model.network.encoder import Encoder
from model.network.groupdnet import MOMENTUM, Generator, Modulation
from model.network.layers import instance_edges, semantics
from model.perception.features import SegmenterFeatures, Vgg19Features, perceptual
from model.progress import Stopwatch
from model.training.colours import ClassColours
from model.training.losses import (
    Features,
    anchor_loss,
    class_moment_loss,
    feature_matching,
    hinge_discriminator,
    hinge_generator,
    kl_divergence,
    label_loss,
    locality_loss,
    prior_colour_loss,
    texture_loss,
)
from model.training.networks import Networks
from model.training.plan import Plan, Weights

BETAS = (0.0, 0.9)
LOGVAR_LIMIT = 10.0  # an encoder without norms once gave a tiny class 17,000 nats; e^10 is far beyond any use


@dataclass(frozen=True)
class Codes:
    """What a batch is rendered with; its first M pictures twice, the second time with mixed codes."""

    sampled: Tensor  # [N, 8C, h, w] from mu and logvar; the classes that a picture lacks from the prior
    mixed: Tensor  # [M, 8C, h, w]
    donors: Tensor  # long [M, C] whose photo's code each class of a mixed picture has; −1: a prior sample

    @property
    def places(self) -> list[int]:
        """In the batch, of each picture: the sampled ones', then the mixed ones'."""
        return [*range(len(self.sampled)), *range(len(self.mixed))]


class TrainingStep:
    """Networks, optimisers and losses; knows nothing of files, logs or clocks."""

    def __init__(
        self,
        config: GroupDNetConfig,
        plan: Plan,
        device: torch.device,
        dtype: torch.dtype,
        start: Checkpoint | None = None,
    ) -> None:
        self.config, self.plan, self.device, self.dtype = config, plan, device, dtype
        self.world = dist.get_world_size() if dist.is_initialized() else 1
        self.rank = dist.get_rank() if dist.is_initialized() else 0
        torch.manual_seed(plan.seed)  # every process begins with the same weights
        self.networks = Networks(config, plan, start).to(device)
        self.networks = self.networks.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        if self.world > 1 and device.type == "cuda":
            self.networks.generator = nn.SyncBatchNorm.convert_sync_batchnorm(self.networks.generator)
        self.features: SegmenterFeatures | Vgg19Features | None = None
        self.colours: ClassColours | None = None  # where the plan compares classes' colours
        rates = (self.networks.generator, plan.lr_generator), (self.networks.encoder, plan.encoder_rate)
        self.optimiser_g = torch.optim.Adam([_at_rate(*pair) for pair in rates], betas=BETAS)
        self.optimiser_d = torch.optim.Adam([_at_rate(self.networks.discriminator, plan.lr_discriminator)], betas=BETAS)
        self.stopwatch = Stopwatch(device)
        self.sums: dict[str, Tensor] = {}  # of losses and statistics since they were last taken

    def autocast(self) -> torch.autocast:
        return torch.autocast(self.device.type, self.dtype, enabled=self.dtype != torch.float32)

    def edges(self, batch: Batch) -> Tensor | None:
        """[N, 1, H, W] where the network has an edge channel; without an instance map, the regions' borders."""
        if not self.config.instance_edges:
            return None
        return instance_edges(batch.labels if batch.instances is None else batch.instances)

    def normal(self, count: int, size: tuple[int, int], random: torch.Generator) -> Tensor:
        """Prior codes [count, 8C, h, w] for pictures of ``size``, shared over the grid where the config says so."""
        grid = (size[0] // LATENT_STRIDE, size[1] // LATENT_STRIDE)
        shape = (count, CODE_CHANNELS * self.config.classes, *((1, 1) if self.config.shared_codes else grid))
        return torch.randn(shape, generator=random, device=self.device).expand(-1, -1, *grid)

    def __call__(self, batch: Batch, step: int, images: int) -> None:
        """``step`` seeds this step's randomness and sets the rates; ``images`` were seen before it."""
        random = torch.Generator(self.device).manual_seed(self.plan.seed * 1_000_003 + step * self.world + self.rank)
        discriminator = self.networks.discriminator.requires_grad_(False)
        weights, price = self.plan.weights_at(step), self.plan.kl_price(step, images)
        with self.autocast():
            fake, condition, losses = self._generator_side(batch, weights, price, random)
        self.stopwatch.mark("pictures and losses")
        self.optimiser_g.zero_grad(set_to_none=True)
        torch.stack(list(losses.values())).sum().backward()
        self._apply(self.optimiser_g, self.plan.rate(step))
        self.stopwatch.mark("their gradients")
        discriminator.requires_grad_(True)
        with self.autocast():
            predictions = discriminator(condition, torch.cat([fake.detach(), batch.photos]))
            fakes, reals = _split(predictions, len(fake))
            losses["discriminator"] = hinge_discriminator(reals, fakes)
        self.optimiser_d.zero_grad(set_to_none=True)
        losses["discriminator"].backward()
        self._apply(self.optimiser_d, self.plan.rate(step))
        self.stopwatch.mark("discriminator")
        self.networks.update_means(min(self.plan.ema, (1 + step) / (10 + step)))
        for name, value in losses.items():
            self._count(name, value)
        self.stopwatch.mark("averages")

    def _generator_side(
        self, batch: Batch, weights: Weights, price: float, random: torch.Generator
    ) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
        """(pictures of sampled then mixed codes, the discriminator's condition for those and the photos, losses)."""
        count = len(batch.labels)
        edges, onehot = self.edges(batch), semantics(batch.labels, self.config.classes)
        present, networks = onehot.amax((2, 3)) > 0, self.networks
        mu, logvar, codes, fake = self._draw(batch, present, networks.encoder, networks.generator, random)
        places = codes.places
        shown = onehot if edges is None else torch.cat([onehot, edges], dim=1)
        condition = torch.cat([shown[places], shown]).to(self.dtype, memory_format=torch.channels_last)
        fakes, reals = _split(self.networks.discriminator(condition, torch.cat([fake, batch.photos])), len(fake))
        encoded = [[layer[:count] for layer in scale] for scale in fakes]
        losses = {
            "gan": weights.gan * hinge_generator(fakes),
            "feature_matching": weights.feature_matching * feature_matching(reals, encoded),
            "kl": price * self._kl(mu, logvar, present),
        }
        if weights.perceptual and self.features is not None:
            losses["perceptual"] = weights.perceptual * perceptual(self.features, fake[:count], batch.photos)
        if weights.labels and isinstance(self.features, SegmenterFeatures):
            losses["labels"] = weights.labels * label_loss(self.features.segmenter, fake, batch.labels[places])
        if weights.texture:
            losses["texture"] = weights.texture * texture_loss(fake[:count], batch.photos, onehot)
        if weights.texture and len(codes.mixed):
            loss = texture_loss(fake[count:], batch.photos, onehot, codes.donors)
            losses["mixed_texture"] = weights.texture * loss
        if self.colours is not None:
            losses |= self._colour_losses(self.colours, weights, fake, mu, codes, batch.photos, onehot)
        if weights.locality and len(codes.mixed):
            kept, before = _kept(codes.donors, onehot), fake[: len(codes.mixed)].detach()
            losses["locality"] = weights.locality * locality_loss(fake[count:], before, kept, self.features)
        return fake, condition, losses

    def _draw(
        self, batch: Batch, present: Tensor, encoder: Encoder, generator: Generator, random: torch.Generator
    ) -> tuple[Tensor, Tensor, Codes, Tensor]:
        """(mu, logvar, codes, float32 pictures of the sampled then the mixed ones)."""
        mu, logvar = (t.float() for t in encoder.encode(batch.photos, batch.labels))
        logvar = logvar.clamp(-LOGVAR_LIMIT, LOGVAR_LIMIT)
        codes, edges = self._codes(mu, logvar, present, random), self.edges(batch)
        places = codes.places
        modulation = self._modulation(batch.labels[places], None if edges is None else edges[places], generator)
        return mu, logvar, codes, generator(torch.cat([codes.sampled, codes.mixed]), modulation).float()

    def _colour_losses(
        self,
        colours: ClassColours,
        weights: Weights,
        fake: Tensor,
        mu: Tensor,
        codes: Codes,
        photos: Tensor,
        onehot: Tensor,
    ) -> dict[str, Tensor]:
        count, mixed = len(photos), len(codes.mixed)
        losses = {"moments": weights.moments * class_moment_loss(fake[:count], photos, onehot, colours.spread)}
        if mixed:
            loss = class_moment_loss(fake[count:], photos, onehot, colours.spread, codes.donors)
            losses["mixed_moments"] = weights.moments * loss
        if weights.anchor:
            losses["anchor"] = weights.anchor * anchor_loss(self._by_class(mu), photos, onehot, colours)
        if weights.anchor and mixed:
            prior = codes.donors < 0
            loss = prior_colour_loss(fake[count:], onehot[:mixed], self._by_class(codes.mixed), prior, colours)
            losses["prior_moments"] = weights.moments * loss
        return losses

    def _by_class(self, codes: Tensor) -> Tensor:
        """[N, 8C, h, w] → [N, C, 8], a mean over the grid."""
        return codes.mean((2, 3)).unflatten(1, (self.config.classes, CODE_CHANNELS))

    def _codes(self, mu: Tensor, logvar: Tensor, present: Tensor, random: torch.Generator) -> Codes:
        """Mixed codes replace half of the classes, or all: from the next photo where it has the class, or the prior."""
        size = (mu.shape[2] * LATENT_STRIDE, mu.shape[3] * LATENT_STRIDE)
        count = round(len(mu) * self.plan.prior_share)
        sampled = mu + self.normal(len(mu), size, random) * (0.5 * logvar).exp()
        sampled = torch.where(_by_channel(present), sampled, self.normal(len(mu), size, random))
        draw = torch.rand(3, count, self.config.classes, generator=random, device=self.device)
        replaced = (draw[0] < 0.5) | (draw[1, :, :1] < 0.5)
        own = torch.arange(count, device=self.device)[:, None].expand_as(replaced)
        others = (own + 1) % len(mu)
        borrowed = (draw[2, :, :1] < 0.5) & present[others[:, 0]]
        donors = torch.where(replaced, torch.where(borrowed, others, -1), own)
        columns = torch.arange(self.config.classes, device=self.device)
        grid = sampled.unflatten(1, (self.config.classes, CODE_CHANNELS))  # [N, C, 8, h, w]
        taken = grid[donors.clamp_min(0), columns].flatten(1, 2)
        mixed = torch.where(_by_channel(donors >= 0), taken, self.normal(count, size, random))
        return Codes(sampled, mixed, donors)

    def _modulation(self, labels: Tensor, edges: Tensor | None, generator: Generator) -> Modulation:
        """By look-up on a CPU, where that is several times faster; by convolution elsewhere."""
        if self.device.type == "cpu":
            return lookup.modulation(generator, labels, edges)
        return generator.modulation(labels, edges)

    @torch.no_grad()
    def recount(self, batches: Iterable[Batch]) -> None:
        """Has the averaged generator's batch norms take the statistics of its own pictures, as a step would make them.

        Those of the live network, which training copies, are of other weights (Izmailov et al., "Averaging Weights
        Leads to Wider Optima and Better Generalization", 2018, section 3.3).
        """
        generator, encoder = self.networks.mean_generator, self.networks.mean_encoder
        norms = [module for module in generator.modules() if isinstance(module, nn.BatchNorm2d)]
        for norm in norms:
            norm.reset_running_stats()
            norm.momentum = None  # every picture counts alike
            norm.train()
        for number, batch in enumerate(batches):
            random = torch.Generator(self.device).manual_seed(number)
            present = semantics(batch.labels, self.config.classes).amax((2, 3)) > 0
            with self.autocast():
                self._draw(batch, present, encoder, generator, random)
        for norm in norms:
            norm.momentum = MOMENTUM
            norm.eval()

    def _kl(self, mu: Tensor, logvar: Tensor, present: Tensor) -> Tensor:
        if not self.plan.kl_per_image:
            return kl_divergence(mu, logvar).sum()
        if self.config.shared_codes:
            mu, logvar = mu[:, :, :1, :1], logvar[:, :, :1, :1]
        nats = kl_divergence(mu, logvar).sum((2, 3)).view(*present.shape, CODE_CHANNELS).sum(2)  # [N, C]
        moment = (mu.square() + logvar.exp()).mean((2, 3)).view(*present.shape, CODE_CHANNELS).mean(2)
        seen = present.sum().clamp_min(1)
        self._count("nats", (nats * present).sum() / seen)
        self._count("aggregate", ((moment * present).sum() / seen).sqrt())
        return (nats.clamp_min(self.plan.kl_free) * present).sum() / len(mu)

    def _apply(self, optimiser: torch.optim.Optimizer, factor: float) -> None:
        for group in optimiser.param_groups:
            group["lr"] = group["full_rate"] * factor
            if self.world > 1:
                _average([p.grad for p in group["params"] if p.grad is not None], self.world)
        optimiser.step()

    def _count(self, name: str, value: Tensor) -> None:
        """Adds to ``sums``; nothing is read back from the device until somebody takes them."""
        self.sums[name] = self.sums.get(name, torch.zeros((), device=self.device)) + value.detach()


def _at_rate(network: nn.Module, rate: float) -> dict[str, Any]:
    """A group of parameters, with the rate that the plan gives it before any decay."""
    return {"params": list(network.parameters()), "lr": rate, "full_rate": rate}


def _by_channel(classes: Tensor) -> Tensor:
    """bool [N, C] → [N, 8C, 1, 1]."""
    return classes.repeat_interleave(CODE_CHANNELS, 1)[:, :, None, None]


def _kept(donors: Tensor, onehot: Tensor) -> Tensor:
    """Where each mixed picture's class has the code that it has in the sampled one: float [M, H, W]."""
    own = donors == torch.arange(len(donors), device=donors.device)[:, None]
    return torch.einsum("nc,nchw->nhw", own.float(), onehot[: len(donors)])


def _split(predictions: Features, fakes: int) -> tuple[Features, Features]:
    """The discriminator's outputs for [fakes, reals] → (those of the fakes, those of the reals)."""
    return [[f[:fakes] for f in scale] for scale in predictions], [[f[fakes:] for f in scale] for scale in predictions]


def _average(gradients: list[Tensor], world: int) -> None:
    flat = torch.cat([g.flatten() for g in gradients])
    dist.all_reduce(flat)
    flat /= world
    for gradient, part in zip(gradients, flat.split([g.numel() for g in gradients])):
        gradient.copy_(part.view_as(gradient))
