"""How a segmenter is trained: alone, or before a network that compares its features, on the same data."""

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
from model.data.sources import prefetch
from model.errors import InputError
from model.progress import SAVE_SECONDS, Progress
from model.training.augmentation import UNKNOWN
from model.training.lessons import Lesson
from model.training.streams import FirstBatch

LOG_STEPS = 50


@torch.no_grad()
def pixel_accuracy(scores: Tensor, labels: Tensor) -> float:
    """Share of the labelled pixels whose best class is the label's."""
    known = labels != UNKNOWN
    return ((scores.argmax(1) == labels) & known).sum().item() / max(1, known.sum().item())


def segmenter_loss(scores: Tensor, labels: Tensor, weights: Tensor | None = None) -> Tensor:
    """Cross-entropy of scores [N, C, H, W] and labels long [N, H, W], a mean over the labelled pixels by their classes'
    ``weights`` [C]; 0 where there are none."""
    if not (labels != UNKNOWN).any():
        return 0 * scores.sum()
    return F.cross_entropy(scores, labels, weights, ignore_index=UNKNOWN)


def train_segmenter(
    path: Path,
    lesson: Lesson,
    batch_size: int,
    images: int,
    autocast: Callable[[], AbstractContextManager[object]],
) -> None:
    """Trains on ``images`` pictures and writes ``path``; ``path`` with .pt beside it is the state to resume from.

    A segmenter that ``path`` holds already is trained further, as it is built and at half the rate.
    """
    source, device = lesson.source, lesson.source.device
    steps, state_path, further = max(1, images // batch_size), path.with_suffix(".pt"), path.exists()
    segmenter = load_segmenter(path) if further else lesson.fresh()
    if not isinstance(segmenter, lesson.kind):
        raise InputError(
            f"{path} holds a {type(segmenter).__name__}, and the plan trains a {lesson.kind.__name__}: delete the "
            "file, or change the plan's segmenter.",
            field="segmenter",
            value=type(segmenter).__name__,
            allowed=lesson.kind.__name__,
        )
    segmenter.to(device, memory_format=torch.channels_last).train()  # type: ignore[call-overload]
    rates = [(tensors, rate / (2 if further else 1)) for tensors, rate in lesson.parts(segmenter)]
    optimiser = torch.optim.AdamW([{"params": list(tensors), "lr": rate} for tensors, rate in rates])
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, [rate for _, rate in rates], total_steps=steps + 1, pct_start=lesson.warm_share
    )
    weights = lesson.class_weights()
    weights = None if weights is None else weights.to(device)
    parts: dict[str, Any] = {"segmenter": segmenter, "optimiser": optimiser, "schedule": schedule}
    start, saved, accuracy = _resumed(state_path, parts, device), time.monotonic(), None
    wanted = ((FirstBatch.SEGMENTER + step, batch_size, lesson.size(step, segmenter)) for step in range(start, steps))
    with Progress(steps, start) as progress:
        for step, batch in enumerate(prefetch(source, wanted), start=start + 1):
            photos, labels = lesson.shown(batch, step)
            with autocast():
                scores = segmenter(photos.contiguous(memory_format=torch.channels_last)).float()
            if scores.shape[2:] != labels.shape[1:]:
                scores = F.interpolate(scores, labels.shape[1:], mode="bilinear")
            loss = segmenter_loss(scores, labels, weights)
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            optimiser.step()
            schedule.step()
            progress.advance(batch_size)
            if step % LOG_STEPS == 0:
                now = pixel_accuracy(scores, labels)
                accuracy = now if accuracy is None else 0.8 * accuracy + 0.2 * now
                progress.describe(f"segmenter {accuracy:.1%} of pixels right")
            if time.monotonic() - saved > SAVE_SECONDS:
                saved = time.monotonic()
                _save(state_path, step, parts)
    partial = path.with_suffix(".partial")
    partial.write_bytes(segmenter_bytes(segmenter))
    partial.replace(path)
    state_path.unlink(missing_ok=True)


def _resumed(path: Path, parts: dict[str, Any], device: torch.device) -> int:
    """Gives the parts the state that a stopped training left; the step that it left off at, 0 where there is none."""
    if not path.exists():
        return 0
    state = torch.load(path, map_location=device, weights_only=True)
    for name, part in parts.items():
        part.load_state_dict(state[name])
    return int(state["step"])


def _save(path: Path, step: int, parts: dict[str, Any]) -> None:
    partial = path.with_suffix(".partial")
    torch.save({"step": step, **{name: part.state_dict() for name, part in parts.items()}}, partial)
    partial.replace(path)
