"""The networks as they are trained: spectral norm on, and the moving averages that are shipped."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from model.groupdnet import Discriminator, Encoder, Generator, GroupDNetConfig, SpectralConv2d
from model.plan import Plan


class Networks(nn.Module):
    """The three networks in training, with spectral norm on, and the moving averages that are shipped."""

    def __init__(self, config: GroupDNetConfig, plan: Plan) -> None:
        super().__init__()
        self.generator, self.encoder = Generator(config), Encoder(config)
        self.discriminator = Discriminator(config, plan.discriminator_width)
        self.mean_generator, self.mean_encoder = Generator(config), Encoder(config)
        for network in (self.generator, self.encoder, self.discriminator):
            _initialise(network, plan.init_gain)
            for conv in [m for m in network.modules() if isinstance(m, SpectralConv2d)]:
                spectral_norm(conv)
        for live, mean in self.averaged():
            mean.load_state_dict(folded_state(live))
            mean.requires_grad_(False)
        self.train()

    def averaged(self) -> tuple[tuple[nn.Module, nn.Module], ...]:
        return (self.generator, self.mean_generator), (self.encoder, self.mean_encoder)

    def train(self, mode: bool = True) -> Networks:
        super().train(mode)
        self.mean_generator.eval()
        self.mean_encoder.eval()
        return self

    @torch.no_grad()
    def update_means(self, decay: float) -> None:
        """Weights are averaged as they act, spectral norm folded; batch norm's statistics are copied."""
        for live, mean in self.averaged():
            state = folded_state(live)
            for name, value in mean.state_dict().items():
                if value.is_floating_point() and "running_" not in name:
                    value.lerp_(state[name], 1 - decay)
                else:
                    value.copy_(state[name])


def _initialise(network: nn.Module, gain: float | None) -> None:
    if gain is None:
        return
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.xavier_normal_(module.weight, gain)
            if module.bias is not None:
                nn.init.zeros_(module.bias)


@torch.no_grad()
def folded_state(network: nn.Module) -> dict[str, Tensor]:
    """The state of the plain network that computes the same: each normalised weight under its own name."""
    training = network.training
    network.eval()  # so that reading a weight takes no power iteration
    state = {}
    for name, value in network.state_dict().items():
        stem, parametrised, rest = name.partition("parametrizations.weight.")
        if not parametrised:
            state[name] = value
        elif rest == "original":
            state[f"{stem}weight"] = network.get_submodule(stem.rstrip(".")).weight
    network.train(training)
    return state
