"""The networks as they are trained, with spectral normalisation, and their moving averages, which are exported."""

from __future__ import annotations

import math
from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from model.checkpoint import Checkpoint
from model.network.config import CODE_CHANNELS, GroupDNetConfig
from model.network.discriminator import Discriminator
from model.network.encoder import Encoder
from model.network.groupdnet import Generator
from model.network.layers import SpectralConv2d, semantics
from model.training import streams
from model.training.plan import Plan
from model.training.processes import process_count
from model.training.projected import ProjectedDiscriminator

DISCRIMINATORS: dict[str, type[Discriminator | ProjectedDiscriminator]] = {
    "patch": Discriminator,
    "projected": ProjectedDiscriminator,
}


class Networks(nn.Module):
    """Generator, encoder and discriminator with spectral normalisation (Miyato et al., "Spectral Normalization for
    Generative Adversarial Networks", ICLR 2018), and moving averages of the first two, which are exported."""

    def __init__(self, config: GroupDNetConfig, plan: Plan, start: Checkpoint | None = None) -> None:
        """``start``: a checkpoint of the same configuration, whose weights take the place of new ones. It has no
        discriminator, and may have no encoder; those that it lacks begin anew."""
        super().__init__()
        self.config = config
        self.generator, self.encoder = Generator(config), Encoder(config)
        self.discriminator = DISCRIMINATORS[plan.discriminator](config, plan.discriminator_width)
        self.mean_generator, self.mean_encoder = Generator(config), Encoder(config)
        given = (start.generator, start.encoder, None) if start else (None, None, None)
        for network, trained in zip((self.generator, self.encoder, self.discriminator), given):
            _initialise(network, plan.init_gain)
            if trained is not None:
                network.load_state_dict(trained.state_dict())
            for conv in [m for m in network.modules() if isinstance(m, SpectralConv2d)]:
                spectral_norm(conv)
        for live, mean in self.averaged():
            mean.load_state_dict(folded_state(live))
            mean.requires_grad_(False)
        self.train()

    def averaged(self) -> tuple[tuple[nn.Module, nn.Module], ...]:
        """Pairs of a network in training and its moving average."""
        return (self.generator, self.mean_generator), (self.encoder, self.mean_encoder)

    def train(self, mode: bool = True) -> Networks:
        super().train(mode)
        self.mean_generator.eval()
        self.mean_encoder.eval()
        return self

    @torch.no_grad()
    def update_means(self, decay: float) -> None:
        """Each average keeps ``decay`` of itself and takes the rest from the network in training, whose weights are
        taken as they act, already spectrally normalised. Batch norm's statistics are copied."""
        for live, mean in self.averaged():
            state = folded_state(live)
            for name, value in mean.state_dict().items():
                if value.is_floating_point() and "running_" not in name:
                    value.lerp_(state[name], 1 - decay)
                else:
                    value.copy_(state[name])


def new_networks(
    config: GroupDNetConfig, plan: Plan, device: torch.device, start: Checkpoint | None = None
) -> Networks:
    """The networks of a run on ``device``, the same weights in every process; where several GPUs train one network,
    batch norm takes its statistics over all of them."""
    streams.seed_weights(plan.seed)
    networks = Networks(config, plan, start)
    networks.to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    if process_count() > 1 and device.type == "cuda":
        networks.generator = nn.SyncBatchNorm.convert_sync_batchnorm(networks.generator)
    return networks


def _initialise(network: nn.Module, gain: float | None) -> None:
    """Xavier's normal initialisation of every convolution with this gain, biases 0; None leaves torch's own."""
    if gain is None:
        return
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.xavier_normal_(module.weight, gain)
            if module.bias is not None:
                nn.init.zeros_(module.bias)


@torch.no_grad()
def start_codes(encoder: Encoder, batches: Iterable[tuple[Tensor, Tensor]], sigma: float) -> None:
    """Changes the last layers of a fresh encoder: over the given photos [N, 3, H, W] and label maps [N, H, W], means of
    each class's codes then have mean 0 and covariance 1, and the codes' deviation is ``sigma``.

    Codes that begin as noise teach the generator to ignore a class, and a class with few pixels or pale colours that is
    ignored once never gets a useful code.
    """
    classes = encoder.config.classes
    pairs = [
        (encoder.encode(photos, labels)[0].mean((2, 3)), semantics(labels, classes).amax((2, 3)) > 0)
        for photos, labels in batches
    ]
    codes = torch.cat([code for code, _ in pairs]).unflatten(1, (classes, CODE_CHANNELS))
    present = torch.cat([shown for _, shown in pairs])
    for index in range(classes):
        rows = slice(CODE_CHANNELS * index, CODE_CHANNELS * (index + 1))
        _whiten(encoder.fc_mu.weight[rows], _bias(encoder.fc_mu)[rows], codes[present[:, index], index])
    encoder.fc_var.weight.zero_()
    _bias(encoder.fc_var).fill_(2 * math.log(sigma))


def _bias(conv: nn.Conv2d) -> Tensor:
    assert conv.bias is not None
    return conv.bias


def _whiten(weight: Tensor, bias: Tensor, outputs: Tensor) -> None:
    """Changes rows of a layer's weight and bias in place so that what they give, so far ``outputs`` [N, 8], has mean 0
    and covariance 1. Too few outputs leave them as they are."""
    if len(outputs) <= CODE_CHANNELS:
        return  # fewer samples than dimensions: the covariance cannot be inverted
    values, vectors = torch.linalg.eigh(outputs.T.cov())
    scale = (values.clamp_min(1e-4 * values[-1]) + 1e-12).rsqrt()
    matrix = vectors * scale @ vectors.T
    weight.copy_(torch.einsum("ij,jkhw->ikhw", matrix, weight))
    bias.copy_(matrix @ (bias - outputs.mean(0)))


@torch.no_grad()
def folded_state(network: nn.Module) -> dict[str, Tensor]:
    """The state of a network without spectral normalisation that computes the same: every normalised weight stands
    under its plain name."""
    training = network.training
    network.eval()  # in training, reading a spectrally normalised weight changes its power iteration
    state = {}
    for name, value in network.state_dict().items():
        stem, parametrised, rest = name.partition("parametrizations.weight.")
        if not parametrised:
            state[name] = value
        elif rest == "original":
            state[f"{stem}weight"] = network.get_submodule(stem.rstrip(".")).weight
    network.train(training)
    return state
