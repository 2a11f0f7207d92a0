"""What a batch is rendered with in training, and the pictures that come of it."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from model.data.sources import Batch
from model.network import lookup
from model.network.config import CODE_CHANNELS, LATENT_STRIDE, GroupDNetConfig
from model.network.encoder import Encoder
from model.network.groupdnet import Generator, Modulation
from model.network.layers import instance_edges, semantics

LOGVAR_LIMIT = 10.0  # logvar is kept within ±10: without it, a tiny class once cost 17,000 nats of KL divergence


@dataclass(frozen=True)
class Scene:
    """A batch, and what the losses need to know about its label maps."""

    batch: Batch
    trusted: Tensor  # float [N, C, H, W] one-hot of the labels; all zero where the label is not known
    present: Tensor  # bool [N, C] classes that the label map has
    edges: Tensor | None  # [N, 1, H, W] borders of instances, where the network has a channel for them

    @classmethod
    def of(cls, batch: Batch, config: GroupDNetConfig) -> Scene:
        onehot = semantics(batch.labels, config.classes)
        present = onehot.amax((2, 3)) > 0
        trusted = onehot if batch.known is None else onehot * batch.known[:, None]
        return cls(batch, trusted, present, edges_of(batch, config))

    @property
    def condition(self) -> Tensor:
        """What a discriminator sees beside a picture: [N, C (+1 edge), H, W]."""
        return self.trusted if self.edges is None else torch.cat([self.trusted, self.edges], dim=1)


@dataclass(frozen=True)
class Codes:
    """Codes of a batch of N pictures; its first M pictures are rendered twice, the second time with mixed codes."""

    sampled: Tensor  # [N, 8C, h, w] from mu and logvar; the classes that a picture lacks from the prior
    mixed: Tensor  # [M, 8C, h, w]
    donors: Tensor  # long [M, C] whose photo's code each class of a mixed picture has; −1: a prior sample

    @property
    def places(self) -> list[int]:
        """For each picture, the sampled ones before the mixed ones, the place of its label map in the batch."""
        return [*range(len(self.sampled)), *range(len(self.mixed))]


@dataclass(frozen=True)
class Rendered:
    """Pictures of a batch, and the codes that they were made from."""

    mu: Tensor  # float32 [N, 8C, h, w]
    logvar: Tensor  # float32 [N, 8C, h, w]
    codes: Codes
    pictures: Tensor  # float32 [N + M, 3, H, W], the sampled ones, then the mixed ones


def edges_of(batch: Batch, config: GroupDNetConfig) -> Tensor | None:
    """[N, 1, H, W] where the network has an edge channel; without an instance map, the regions' borders."""
    if not config.instance_edges:
        return None
    return instance_edges(batch.labels if batch.instances is None else batch.instances)


def prior_codes(config: GroupDNetConfig, count: int, size: tuple[int, int], random: torch.Generator) -> Tensor:
    """Prior codes [count, 8C, h, w] for pictures of ``size``, shared over the grid where the config says so."""
    grid = (size[0] // LATENT_STRIDE, size[1] // LATENT_STRIDE)
    shape = (count, CODE_CHANNELS * config.classes, *((1, 1) if config.shared_codes else grid))
    return torch.randn(shape, generator=random, device=random.device).expand(-1, -1, *grid)


class Sampler:
    """Renders a batch with codes of its photos, and part of it again with mixed codes."""

    def __init__(self, config: GroupDNetConfig, mixed_share: float) -> None:
        """``mixed_share`` of a batch is rendered twice."""
        self.config, self.mixed_share = config, mixed_share

    def __call__(self, scene: Scene, encoder: Encoder, generator: Generator, random: torch.Generator) -> Rendered:
        batch = scene.batch
        mu, logvar = (t.float() for t in encoder.encode(batch.photos, batch.labels))
        logvar = logvar.clamp(-LOGVAR_LIMIT, LOGVAR_LIMIT)
        codes = self._codes(mu, logvar, scene.present, random)
        places, edges = codes.places, scene.edges
        modulation = _modulation(batch.labels[places], None if edges is None else edges[places], generator)
        pictures = generator(torch.cat([codes.sampled, codes.mixed]), modulation).float()
        return Rendered(mu, logvar, codes, pictures)

    def _codes(self, mu: Tensor, logvar: Tensor, present: Tensor, random: torch.Generator) -> Codes:
        """Codes drawn from ``mu`` and ``logvar``, and mixed ones. In each mixed picture all classes, or about half of
        them, get another code: in half of the pictures that of the next photo where it has the class, else a prior
        sample."""
        size = (mu.shape[2] * LATENT_STRIDE, mu.shape[3] * LATENT_STRIDE)
        count, device = round(len(mu) * self.mixed_share), mu.device
        sampled = mu + prior_codes(self.config, len(mu), size, random) * (0.5 * logvar).exp()
        sampled = torch.where(by_channel(present), sampled, prior_codes(self.config, len(mu), size, random))
        draw = torch.rand(3, count, self.config.classes, generator=random, device=device)
        replaced = (draw[0] < 0.5) | (draw[1, :, :1] < 0.5)
        own = torch.arange(count, device=device)[:, None].expand_as(replaced)
        others = (own + 1) % len(mu)
        borrowed = (draw[2, :, :1] < 0.5) & present[others[:, 0]]
        donors = torch.where(replaced, torch.where(borrowed, others, -1), own)
        columns = torch.arange(self.config.classes, device=device)
        grid = sampled.unflatten(1, (self.config.classes, CODE_CHANNELS))  # [N, C, 8, h, w]
        taken = grid[donors.clamp_min(0), columns].flatten(1, 2)
        mixed = torch.where(by_channel(donors >= 0), taken, prior_codes(self.config, count, size, random))
        return Codes(sampled, mixed, donors)


def _modulation(labels: Tensor, edges: Tensor | None, generator: Generator) -> Modulation:
    """γ and β of every norm: by look-up on a CPU, where that is several times faster, by convolution elsewhere."""
    if labels.device.type == "cpu":
        return lookup.modulation(generator, labels, edges)
    return generator.modulation(labels, edges)


def by_channel(classes: Tensor) -> Tensor:
    """bool [N, C] → [N, 8C, 1, 1]."""
    return classes.repeat_interleave(CODE_CHANNELS, 1)[:, :, None, None]
