"""One step of training: the generator and encoder's losses, then the discriminator's, on the same pictures."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

from model.data.sources import Batch
from model.devices import autocast
from model.network.groupdnet import MOMENTUM
from model.progress import Stopwatch
from model.training import streams
from model.training.colours import ClassColours
from model.training.frozen import FrozenNetworks
from model.training.judging import Showing, judge
from model.training.losses import hinge_discriminator, split
from model.training.networks import Networks
from model.training.objective import Objective
from model.training.plan import Plan
from model.training.processes import average, process_count, process_rank
from model.training.sampler import Sampler, Scene

BETAS = (0.0, 0.9)  # decay rates of Adam's moments, the paper's
FIRST_DECAYS = 10  # in step n the averages' decay is at most (1 + n) / (10 + n), so that they follow early weights


class TrainingStep:
    """Networks, optimisers and losses of a run (section 3.5 of the paper): one call is one step of both sides. Files,
    logs and clocks are not its concern."""

    def __init__(
        self,
        networks: Networks,
        plan: Plan,
        device: torch.device,
        dtype: torch.dtype,
        frozen: FrozenNetworks | None = None,
        colours: ClassColours | None = None,
    ) -> None:
        """``networks`` lie on ``device``; ``dtype`` is that of autocast.

        ``frozen`` are the networks that the plan's losses look through, and ``colours`` how each class's colours are
        spread; losses that need what was not given are left out.
        """
        self.networks, self.config, self.plan, self.device, self.dtype = networks, networks.config, plan, device, dtype
        self.world, self.rank = process_count(), process_rank()
        frozen = frozen or FrozenNetworks()
        self.sampler = Sampler(self.config, plan.prior_share)
        self.showing = Showing(plan.augment, frozen, dtype)
        self.objective = Objective(self.config, plan, frozen, colours, self.showing)
        rates = (networks.generator, plan.lr_generator), (networks.encoder, plan.encoder_rate)
        self.optimiser_g = torch.optim.Adam([_at_rate(*pair) for pair in rates], betas=BETAS)
        self.optimiser_d = torch.optim.Adam([_at_rate(networks.discriminator, plan.lr_discriminator)], betas=BETAS)
        self.stopwatch = Stopwatch(device)
        self.sums: dict[str, Tensor] = {}  # losses and statistics, added up since they were last taken

    def __call__(self, batch: Batch, step: int, images: int) -> None:
        """Trains on one batch. ``step`` counts from 0, seeds the step's random numbers and sets the learning rates;
        ``images`` is how many were seen before it."""
        random = streams.of_step(self.plan.seed, step * self.world + self.rank, self.device)
        networks, discriminator = self.networks, self.networks.discriminator.requires_grad_(False)
        weights, price = self.plan.weights_at(step), self.plan.kl_price(step, images)
        with autocast(self.device, self.dtype):
            scene = Scene.of(batch, self.config)
            rendered = self.sampler(scene, networks.encoder, networks.generator, random)
            made, photos = self.showing(scene, rendered, random)
            losses = self.objective(scene, rendered, (made, photos), discriminator, weights, price)
        self.stopwatch.mark("pictures and losses")
        self.optimiser_g.zero_grad(set_to_none=True)
        torch.stack(list(losses.values())).sum().backward()
        self._apply(self.optimiser_g, self.plan.rate_factor(step))
        self.stopwatch.mark("their gradients")
        discriminator.requires_grad_(True)
        with autocast(self.device, self.dtype):
            predictions = judge(discriminator, made.detached().and_then(photos))
            fakes, reals = split(predictions, len(made.pictures))
            losses["discriminator"] = hinge_discriminator(reals, fakes)
        self.optimiser_d.zero_grad(set_to_none=True)
        losses["discriminator"].backward()
        self._apply(self.optimiser_d, self.plan.rate_factor(step))
        self.stopwatch.mark("discriminator")
        networks.update_means(min(self.plan.ema, (1 + step) / (FIRST_DECAYS + step)))
        for name, value in (self.objective.statistics | losses).items():
            self._count(name, value)
        self.stopwatch.mark("averages")

    @torch.no_grad()
    def recount(self, batches: Iterable[Batch]) -> None:
        """Gives the averaged generator's batch norms the statistics of its own pictures, made as a step makes them.

        Until then they have those of the network in training, whose weights differ (Izmailov et al., "Averaging Weights
        Leads to Wider Optima and Better Generalization", UAI 2018, section 3.3).
        """
        generator, encoder = self.networks.mean_generator, self.networks.mean_encoder
        norms = [module for module in generator.modules() if isinstance(module, nn.BatchNorm2d)]
        for norm in norms:
            norm.reset_running_stats()
            norm.momentum = None  # a plain mean over all batches
            norm.train()
        for number, batch in enumerate(batches):
            random = streams.of_recount(number, self.device)
            with autocast(self.device, self.dtype):
                self.sampler(Scene.of(batch, self.config), encoder, generator, random)
        for norm in norms:
            norm.momentum = MOMENTUM
            norm.eval()

    def _apply(self, optimiser: torch.optim.Optimizer, factor: float) -> None:
        for group in optimiser.param_groups:
            group["lr"] = group["full_rate"] * factor
            if self.world > 1:
                average([p.grad for p in group["params"] if p.grad is not None])
        optimiser.step()

    def _count(self, name: str, value: Tensor) -> None:
        """Adds to ``sums`` on the device, so that no step waits for a GPU to report its losses."""
        self.sums[name] = self.sums.get(name, torch.zeros((), device=self.device)) + value.detach()


def _at_rate(network: nn.Module, rate: float) -> dict[str, Any]:
    """An optimiser's group of a network's parameters; "full_rate" is its learning rate before a phase's factor."""
    return {"params": list(network.parameters()), "lr": rate, "full_rate": rate}
