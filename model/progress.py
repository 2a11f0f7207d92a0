"""Progress of a long run: steps done, images per second, time left, and the share of time that each part takes."""

from __future__ import annotations

import sys
import time
from itertools import pairwise
from types import TracebackType
from typing import Any

import torch

LINE_SECONDS = 15.0  # seconds between two lines of progress where there is no bar
SAVE_SECONDS = 45.0  # seconds between two saved states: the most work that a killed run loses


class Progress:
    """A progress bar on a terminal; plain lines on stderr where that is no terminal, or where rich is not installed.

    Usage: ``with Progress(steps, done) as progress: progress.advance(images)``.
    """

    def __init__(self, steps: int, done: int = 0, enabled: bool = True) -> None:
        """``steps`` in all, of which ``done`` were taken by an earlier run; nothing is shown unless ``enabled``."""
        self.steps, self.done, self.enabled = steps, done, enabled
        self.text = ""
        self.images = 0
        self.started = self.printed = time.monotonic()
        self.first = done
        self.bar: Any = None
        if enabled and sys.stderr.isatty():
            try:
                from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
                from rich.progress import Progress as RichProgress
            except ImportError:
                return
            columns = (
                TextColumn("{task.percentage:>3.0f} %"),
                BarColumn(),
                TimeRemainingColumn(),
                TextColumn("{task.description}"),
            )
            self.bar = RichProgress(*columns)
            self.task = self.bar.add_task("", total=steps, completed=done)

    def __enter__(self) -> Progress:
        if self.bar:
            self.bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.bar:
            self.bar.stop()
        elif self.enabled:
            self._print()

    def describe(self, text: str) -> None:
        """Set the text that is shown beside the numbers."""
        self.text = text

    def advance(self, images: int) -> None:
        """Count one more step, in which ``images`` were made; they give the images per second."""
        self.done += 1
        self.images += images
        now = time.monotonic()
        rate = self.images / max(now - self.started, 1e-9)
        if self.bar:
            self.bar.update(self.task, completed=self.done, description=f"{rate:.1f} images/s {self.text}")
        elif self.enabled and now - self.printed > LINE_SECONDS:
            self.printed = now
            self._print()

    def _print(self) -> None:
        elapsed = max(time.monotonic() - self.started, 1e-9)
        left = (self.steps - self.done) * elapsed / max(self.done - self.first, 1)
        rate = self.images / elapsed
        print(
            f"{self.done}/{self.steps} {rate:.1f} images/s {left / 60:.0f} min left {self.text}",
            file=sys.stderr,
            flush=True,
        )


class Stopwatch:
    """Measures the share of the time that each part of a step takes.

    On CUDA the times are events that the GPU records. They are read in ``shares`` alone, so that no step waits for it.
    """

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.marks: list[tuple[str, Any]] = []  # (name of the part that ends, seconds or CUDA event at its end)

    def mark(self, part: str) -> None:
        """Note that ``part`` ends now; it began at the mark before."""
        if self.device.type != "cuda":
            self.marks.append((part, time.perf_counter()))
            return
        event = torch.cuda.Event(enable_timing=True)
        event.record(torch.cuda.current_stream(self.device))
        self.marks.append((part, event))

    def shares(self) -> dict[str, float]:
        """Each part's share of the time since ``shares`` was last called; the shares sum to 1."""
        marks, self.marks = self.marks, self.marks[-1:]
        if self.device.type == "cuda" and marks:
            marks[-1][1].synchronize()
        spent: dict[str, float] = {}
        for (_, before), (part, after) in pairwise(marks):
            seconds = after - before if self.device.type != "cuda" else before.elapsed_time(after) / 1000
            spent[part] = spent.get(part, 0.0) + seconds
        total = sum(spent.values())
        return {part: seconds / total for part, seconds in spent.items()} if total else {}
