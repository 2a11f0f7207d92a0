"""Training runs: ``python -m model train RUN``. A run's folder holds all of its state; the same command resumes it.

    state.pt          everything that resuming needs, written every 45 seconds and at the end
    plan.json, segmenter.safetensors, log.jsonl, sheets/, checkpoint/ (the averaged network, ready to load)

Several GPUs: ``torchrun --nproc-per-node 8 -m model train RUN``. Gradients are averaged, batch norm is synchronised.
"""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from model.checkpoint import Checkpoint, save_checkpoint
from model.checkpoint.checkpoint import SEGMENTER_FILE
from model.checkpoint.segmenter import load_segmenter
from model.data.sources import Source, prefetch
from model.devices import training_precision
from model.errors import InputError
from model.network.config import GroupDNetConfig, at_size
from model.network.layers import semantics
from model.progress import SAVE_SECONDS, Progress
from model.training import streams
from model.training.colours import ClassColours
from model.training.frozen import frozen_networks
from model.training.networks import new_networks, start_codes
from model.training.plan import Phase, Plan
from model.training.processes import any_of_them
from model.training.sampler import Scene, by_channel, edges_of, prior_codes
from model.training.step import TrainingStep
from model.training.streams import FirstBatch

LOG_STEPS = 50  # steps over which a line of the log takes means
VOTE_STEPS = 10  # steps after which several processes ask each other whether to stop
SHEET_COLUMNS = 6  # scenes on a sample sheet
MEASURED_BATCH = 8  # photos a batch over which colours and first codes are measured
COLOUR_BATCHES, CODE_BATCHES = 256, 64  # how many such batches each of the two takes


class Run:
    """A plan, carried out in a folder."""

    def __init__(
        self, folder: Path, plan: Plan, source: Source, train_step: TrainingStep, start: Checkpoint | None = None
    ) -> None:
        """``start``: the checkpoint that the networks of ``train_step`` began with."""
        self.folder, self.plan, self.source, self.start = folder, plan, source, start
        self.train_step, self.networks = train_step, train_step.networks
        self.config, self.device = train_step.config, train_step.device
        self.rank, self.world = train_step.rank, train_step.world
        self.step = self.images = 0
        self.seconds = 0.0
        self.terms = source.terms.and_those_of(start.terms if start else None)

    @classmethod
    def begin(
        cls,
        folder: Path,
        plan: Plan,
        source: Source,
        precision: str,
        start: Checkpoint | None = None,
        vgg19: Path | None = None,
    ) -> Run:
        """A run that is ready for its next step, the first one or the one after ``state.pt`` was written.

        ``start`` is the checkpoint that it begins with, whose network it trains, whatever the plan's preset; ``vgg19``
        the weight file of VGG-19 in torchvision's layout, for the perceptual loss. Raises InputError where data,
        network and plan do not go together, or a file is missing.
        """
        config = _config(plan, source, start)
        networks = new_networks(config, plan, source.device, start)
        dtype = training_precision(precision, source.device)
        frozen = frozen_networks(folder, plan, source, dtype, vgg19)
        colours = _measured_colours(plan, source, config)
        run = cls(folder, plan, source, TrainingStep(networks, plan, source.device, dtype, frozen, colours), start)
        run.resume()
        run.start_codes()
        return run

    def start_codes(self) -> None:
        """Gives a fresh encoder codes with the mean and deviation that the plan asks for; a resumed run has them."""
        fresh = self.step == 0 and (self.start is None or self.start.encoder is None)
        if self.plan.code_sigma is not None and fresh:
            size = self.plan.phases[0].size
            batches = (self.source.batch(FirstBatch.COLOURS + i, MEASURED_BATCH, size) for i in range(CODE_BATCHES))
            pairs = ((batch.photos, batch.labels) for batch in batches)
            start_codes(self.networks.encoder, pairs, self.plan.code_sigma)
            self.networks.update_means(0)

    def steps(self) -> Iterator[tuple[int, int, tuple[int, int]]]:
        """(number, count, size) of every batch that this process asks of the source, from the next step on."""
        for step in range(self.step, self.plan.steps):
            phase = self.plan.phase_at(step)
            yield step * self.world + self.rank, phase.batch, phase.size

    def fit(self, stop_at: float, sheet_steps: int) -> bool:
        """Train until the plan is done (→ True), or until the clock passes ``stop_at`` or a signal comes (→ False)."""
        signals = _catch_signals()
        self.networks.train()
        saved = started = time.monotonic()
        before = self.seconds
        with Progress(self.plan.steps, self.step, enabled=self.rank == 0) as progress:
            for batch in prefetch(self.source, self.steps()):
                self.train_step.stopwatch.mark("data")
                phase = self.plan.phase_at(self.step)
                self.train_step(batch, self.step, self.images)
                self.step += 1
                self.images += phase.batch * self.world
                self.seconds = before + time.monotonic() - started
                progress.advance(phase.batch * self.world)
                if self.step % LOG_STEPS == 0:
                    progress.describe(self._log(phase))
                if self.rank == 0 and self.step % sheet_steps == 0:
                    self.sheet()
                if self.rank == 0 and time.monotonic() - saved > SAVE_SECONDS:
                    self.save()
                    saved = time.monotonic()
                if self._all_stop(bool(signals) or time.time() > stop_at):
                    break
        if self.rank == 0:
            self.save()
            self.export()
        return self.step >= self.plan.steps

    def _all_stop(self, wanted: bool) -> bool:
        """Whether to stop. Several processes ask each other now and then, because all must leave at the same step."""
        if self.world == 1:
            return wanted
        if self.step % VOTE_STEPS:
            return False
        return any_of_them(wanted, self.device)

    def _log(self, phase: Phase) -> str:
        values = {name: round(value.item() / LOG_STEPS, 4) for name, value in self.train_step.sums.items()}
        self.train_step.sums.clear()
        shares = {part: round(share, 3) for part, share in self.train_step.stopwatch.shares().items()}
        if self.rank == 0:
            when = {"step": self.step, "images": self.images, "seconds": round(self.seconds), "size": phase.size}
            with (self.folder / "log.jsonl").open("a") as log:
                log.write(json.dumps({**when, **values, "shares": shares}) + "\n")
        times = ", ".join(f"{part} {share:.0%}" for part, share in shares.items())
        losses = " ".join(f"{name} {value:.3g}" for name, value in values.items())
        return f"{phase.size[0]}×{phase.size[1]} ({times}) {losses}"

    def save(self) -> None:
        state = {
            "networks": self.networks.state_dict(),
            "optimiser_g": self.train_step.optimiser_g.state_dict(),
            "optimiser_d": self.train_step.optimiser_d.state_dict(),
            "progress": {"step": self.step, "images": self.images, "seconds": self.seconds},
        }
        partial = self.folder / "state.partial"
        torch.save(state, partial)
        partial.replace(self.folder / "state.pt")

    def resume(self) -> None:
        """Takes up ``state.pt`` if there is one."""
        path = self.folder / "state.pt"
        if not path.exists():
            return
        state = torch.load(path, map_location=self.device, weights_only=True)
        self.networks.load_state_dict(state["networks"])
        self.train_step.optimiser_g.load_state_dict(state["optimiser_g"])
        self.train_step.optimiser_d.load_state_dict(state["optimiser_d"])
        self.step, self.images, self.seconds = (state["progress"][key] for key in ("step", "images", "seconds"))

    def export(self) -> None:
        """Writes the averaged networks as a checkpoint that can be loaded."""
        if self.plan.recount_images and self.step >= self.plan.steps:
            phase = self.plan.phases[-1]
            count = -(-self.plan.recount_images // phase.batch)
            batches = (self.source.batch(FirstBatch.RECOUNT + i, phase.batch, phase.size) for i in range(count))
            self.train_step.recount(batches)
        log, segmenter = self.folder / "log.jsonl", self.folder / SEGMENTER_FILE
        cuda = self.device.type == "cuda"
        record = {
            "plan": self.plan.to_json(),
            "from": self.start.fingerprint if self.start else None,
            "step": self.step,
            "images": self.images,
            "hours": round(self.seconds / 3600, 2),
            "device": torch.cuda.get_device_name() if cuda else f"{self.device.type}, {os.cpu_count()} cores",
            "torch": torch.__version__,
            "last_log": json.loads(log.read_text().splitlines()[-1]) if log.exists() else None,
        }
        checkpoint = Checkpoint(
            self.config,
            self.source.taxonomy,
            self.networks.mean_generator,
            self.networks.mean_encoder,
            load_segmenter(segmenter) if segmenter.exists() else None,
            title=self.source.taxonomy.name.capitalize(),
            terms=self.terms,
            record=record,
        )
        save_checkpoint(self.folder / "checkpoint", checkpoint)

    @torch.no_grad()
    def sheet(self) -> None:
        """Writes a sample sheet. Its rows are label maps, photos, pictures with the photos' codes, two rows with prior
        codes, and one with the photos' codes but for the largest class, whose code is a prior one."""
        size = self.plan.phase_at(self.step).size
        batch = self.source.batch(FirstBatch.SHEET, SHEET_COLUMNS, size)
        generator, encoder = self.networks.mean_generator, self.networks.mean_encoder
        random = streams.fixed(streams.SHEET_SEED, self.device)

        def prior() -> Tensor:
            return prior_codes(self.config, SHEET_COLUMNS, size, random)

        modulation = generator.modulation(batch.labels, edges_of(batch, self.config))
        present = semantics(batch.labels, self.config.classes).amax((2, 3)) > 0
        mu = encoder.encode(batch.photos, batch.labels)[0]
        mu = torch.where(by_channel(present), mu, prior())
        largest = semantics(batch.labels, self.config.classes).sum((2, 3)).argmax(1)
        chosen = by_channel(F.one_hot(largest, self.config.classes).bool())
        rows = [
            self._coloured(batch.labels),
            batch.photos,
            generator(mu, modulation),
            generator(prior(), modulation),
            generator(prior(), modulation),
            generator(torch.where(chosen, prior(), mu), modulation),
        ]
        grid = torch.cat([torch.cat(list(row), dim=2) for row in rows], dim=1)  # [3, 6·H, 6·W]
        pixels = ((grid.clamp(-1, 1) + 1) * 127.5).round().byte().permute(1, 2, 0).cpu().numpy()
        (self.folder / "sheets").mkdir(exist_ok=True)
        Image.fromarray(pixels).save(self.folder / "sheets" / f"{self.images:08d}.png")

    def _coloured(self, labels: Tensor) -> Tensor:
        colours = torch.tensor(self.source.taxonomy.display, device=labels.device).float() / 127.5 - 1
        return colours[labels].permute(0, 3, 1, 2)


def _config(plan: Plan, source: Source, start: Checkpoint | None) -> GroupDNetConfig:
    """The configuration of the network that a run trains, at the size of its last phase. Raises InputError where the
    data has another number of classes."""
    config = at_size(start.config if start else plan.config(), plan.phases[-1].size)
    if len(source.taxonomy) != config.classes:
        what = "checkpoint" if start else f"preset {plan.preset}" if plan.preset else "plan's network"
        raise InputError(
            f"The data has {len(source.taxonomy)} classes ({source.taxonomy.name}), "
            f"but the {what} has {config.classes}.",
            field="from" if start else "preset",
            value=start.title if start else plan.preset,
        )
    return config


def _measured_colours(plan: Plan, source: Source, config: GroupDNetConfig) -> ClassColours | None:
    """The spread of each class's colours, by which the losses on class colours are measured; None where the plan has no
    such loss. A function of the data alone, so that a resumed run has the same."""
    if not plan.largest_weight("moments"):
        return None
    size = plan.phases[0].size
    batches = (source.batch(FirstBatch.COLOURS + i, MEASURED_BATCH, size) for i in range(COLOUR_BATCHES))
    return ClassColours.measure((batch.photos, Scene.of(batch, config).trusted) for batch in batches)


def _catch_signals() -> list[int]:
    """A list to which signals that ask the process to stop are added when they come, in place of ending it at once; the
    run finishes its step and saves."""
    caught: list[int] = []
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, lambda number, frame: caught.append(number))
    return caught
