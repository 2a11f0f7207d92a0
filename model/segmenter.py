"""A small U-Net that reads label maps from pictures: its features are the perceptual loss where there is no VGG-19."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from model.errors import InputError
from model.progress import SAVE_SECONDS, Progress
from model.sources import Source, prefetch

FIRST_STEP = 2**41  # the segmenter's batches are not the network's


def _convs(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, padding=1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(),
        nn.Conv2d(outputs, outputs, 3, padding=1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(),
    )


class Segmenter(nn.Module):
    """Picture [N, 3, H, W] in [−1, 1], H and W multiples of 8 → class scores [N, C, H, W]."""

    def __init__(self, classes: int, widths: Sequence[int] = (16, 32, 64, 96)) -> None:
        super().__init__()
        self.widths = tuple(widths)
        self.down = nn.ModuleList(_convs(i, o) for i, o in zip((3, *widths), widths))
        self.up = nn.ModuleList(_convs(i + o, o) for i, o in zip(widths[::-1], widths[-2::-1]))
        self.predict = nn.Conv2d(widths[0], classes, 1)

    def features(self, picture: Tensor) -> list[Tensor]:
        """The encoder's stages, full resolution first; the loss compares them."""
        x, stages = picture, []
        for i, stage in enumerate(self.down):
            x = stage(F.max_pool2d(x, 2) if i else x)
            stages.append(x)
        return stages

    def forward(self, picture: Tensor) -> Tensor:
        *skips, x = self.features(picture)
        for stage, skip in zip(self.up, reversed(skips)):
            x = stage(torch.cat([F.interpolate(x, scale_factor=2, mode="nearest"), skip], dim=1))
        return self.predict(x)

    def save(self, path: Path) -> None:
        tensors = {key: value.contiguous() for key, value in self.state_dict().items()}
        partial = path.with_suffix(".partial")
        save_file(tensors, partial, metadata={"classes": str(self.predict.out_channels), "widths": repr(self.widths)})
        partial.replace(path)


def load_segmenter(path: Path) -> Segmenter:
    """Raises InputError where the file is not a segmenter of ours."""
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata()
            widths = [int(width) for width in metadata["widths"].strip("()").split(",")]
            segmenter = Segmenter(int(metadata["classes"]), widths)
            segmenter.load_state_dict({key: file.get_tensor(key) for key in file.keys()})  # noqa: SIM118
    except (OSError, SafetensorError, KeyError, TypeError, ValueError, RuntimeError) as error:
        raise InputError(f"{path} is not a segmenter: {error}.", code="bad_checkpoint", value=str(path)) from error
    return segmenter.eval().requires_grad_(False)


@torch.no_grad()
def pixel_accuracy(scores: Tensor, labels: Tensor) -> float:
    """Share of pixels whose best class is the label's."""
    return (scores.argmax(1) == labels).float().mean().item()


def train_segmenter(
    path: Path,
    source: Source,
    size: tuple[int, int],
    batch_size: int,
    images: int,
    autocast: Callable[[], AbstractContextManager[object]],
) -> None:
    """Trains on ``images`` pictures and writes ``path``; ``path`` with .pt beside it is the state to resume from."""
    steps, state_path, device = max(1, images // batch_size), path.with_suffix(".pt"), source.device
    segmenter = Segmenter(len(source.taxonomy)).to(device)
    optimiser = torch.optim.AdamW(segmenter.parameters(), 2e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 2e-3, total_steps=steps + 1)
    parts: dict[str, Any] = {"segmenter": segmenter, "optimiser": optimiser, "schedule": schedule}
    start, saved, accuracy = 0, time.monotonic(), None
    if state_path.exists():
        state = torch.load(state_path, map_location=device, weights_only=True)
        for name, part in parts.items():
            part.load_state_dict(state[name])
        start = state["step"]
    wanted = ((FIRST_STEP + step, batch_size, size) for step in range(start, steps))
    with Progress(steps, start) as progress:
        for step, batch in enumerate(prefetch(source, wanted), start=start + 1):
            with autocast():
                scores = segmenter(batch.photos).float()
            loss = F.cross_entropy(scores, batch.labels)
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            optimiser.step()
            schedule.step()
            progress.advance(batch_size)
            if step % 50 == 0:
                now = pixel_accuracy(scores, batch.labels)
                accuracy = now if accuracy is None else 0.8 * accuracy + 0.2 * now
                progress.describe(f"segmenter {accuracy:.1%} of pixels right")
            if time.monotonic() - saved > SAVE_SECONDS:
                saved = time.monotonic()
                partial = state_path.with_suffix(".partial")
                torch.save({"step": step, **{name: part.state_dict() for name, part in parts.items()}}, partial)
                partial.replace(state_path)
    segmenter.save(path)
    state_path.unlink(missing_ok=True)
