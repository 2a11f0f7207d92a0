"""How the segmenter is trained: before a network that compares its features, on the same data."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from model.checkpoint.segmenter import load_segmenter, segmenter_bytes
from model.data.sources import Source, prefetch
from model.perception.segmenter import Segmenter, SegmenterConfig
from model.progress import SAVE_SECONDS, Progress

FIRST_STEP = 2**41  # the segmenter's batches are not the network's
LOG_STEPS = 50
RATE = 2e-3
DILATIONS = (2, 4)
SMALL_EVERY = 3  # batches are shown at half size now and then: cheaper steps, and small pictures are read as well


def _size_at(step: int, config: SegmenterConfig) -> tuple[int, int]:
    height, width = config.size
    small = step % SMALL_EVERY == 0 and height % (2 * config.stride) == width % (2 * config.stride) == 0
    return (height // 2, width // 2) if small else config.size


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
    """Trains on ``images`` pictures and writes ``path``; ``path`` with .pt beside it is the state to resume from.

    A segmenter that ``path`` holds already is trained further, as it is built and at half the rate.
    """
    steps, state_path, device = max(1, images // batch_size), path.with_suffix(".pt"), source.device
    further = path.exists()
    fresh = SegmenterConfig(len(source.taxonomy), size, dilations=DILATIONS)
    segmenter = load_segmenter(path) if further else Segmenter(fresh)
    segmenter.to(device, memory_format=torch.channels_last).train().requires_grad_()  # type: ignore[call-overload]
    rate = RATE / (2 if further else 1)
    optimiser = torch.optim.AdamW(segmenter.parameters(), rate)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, rate, total_steps=steps + 1)
    parts: dict[str, Any] = {"segmenter": segmenter, "optimiser": optimiser, "schedule": schedule}
    start, saved, accuracy = 0, time.monotonic(), None
    if state_path.exists():
        state = torch.load(state_path, map_location=device, weights_only=True)
        for name, part in parts.items():
            part.load_state_dict(state[name])
        start = state["step"]
    wanted = ((FIRST_STEP + step, batch_size, _size_at(step, segmenter.config)) for step in range(start, steps))
    with Progress(steps, start) as progress:
        for step, batch in enumerate(prefetch(source, wanted), start=start + 1):
            with autocast():
                scores = segmenter(batch.photos.contiguous(memory_format=torch.channels_last)).float()
            loss = F.cross_entropy(scores, batch.labels)
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            optimiser.step()
            schedule.step()
            progress.advance(batch_size)
            if step % LOG_STEPS == 0:
                now = pixel_accuracy(scores, batch.labels)
                accuracy = now if accuracy is None else 0.8 * accuracy + 0.2 * now
                progress.describe(f"segmenter {accuracy:.1%} of pixels right")
            if time.monotonic() - saved > SAVE_SECONDS:
                saved = time.monotonic()
                partial = state_path.with_suffix(".partial")
                torch.save({"step": step, **{name: part.state_dict() for name, part in parts.items()}}, partial)
                partial.replace(state_path)
    partial = path.with_suffix(".partial")
    partial.write_bytes(segmenter_bytes(segmenter))
    partial.replace(path)
    state_path.unlink(missing_ok=True)
