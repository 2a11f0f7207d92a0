"""Sources of training pictures: the procedural world, rendered during training or ahead of it, or a folder of photos.

A batch depends on the source and the step's number only, so that a resumed run sees the same batches.
"""

from __future__ import annotations

import json
import queue
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from model.data.datasets import open_dataset
from model.data.decoded import Decoded, decode
from model.data.landscape import Landscape, is_rendered
from model.data.regions import fill_unknown
from model.errors import InputError, refuse
from model.network.config import LATENT_STRIDE
from model.recipe.taxonomy import TAXONOMIES, UNKNOWN, Taxonomy
from model.recipe.terms import Terms

WORLD_TERMS = Terms("Apache-2.0", "a procedural world, computed by this project")


@dataclass(frozen=True)
class Batch:
    """N pictures with their label maps."""

    labels: Tensor  # long [N, H, W]
    photos: Tensor  # float32 [N, 3, H, W] in [−1, 1]
    instances: Tensor | None  # int32 [N, H, W]
    known: Tensor | None = None  # bool [N, H, W], False where a label is the nearest known pixel's; None: all True

    def to(self, device: torch.device) -> Batch:
        """The same batch on a device."""
        labels, photos = (part.to(device, non_blocking=True) for part in (self.labels, self.photos))
        optional = (self.instances, self.known)
        instances, known = (None if part is None else part.to(device, non_blocking=True) for part in optional)
        return Batch(labels, photos, instances, known)


class Source(Protocol):
    """Anything that gives training batches."""

    taxonomy: Taxonomy
    device: torch.device  # the device of its batches
    terms: Terms  # licence and source of weights trained on the data

    def batch(self, step: int, count: int, size: tuple[int, int]) -> Batch:
        """The batch of a step: ``count`` pictures of ``size`` (H, W)."""
        ...


def _draw(seed: int, step: int, high: int, count: int) -> tuple[np.ndarray, np.ndarray]:
    """For each picture of a step the index of its sample, below ``high``, and whether it is mirrored: [count] each."""
    generator = np.random.Generator(np.random.Philox(key=[seed, step]))
    return generator.integers(0, high, count), generator.random(count) < 0.5


def _mirror(tensor: Tensor, mirrored: np.ndarray) -> Tensor:
    """[N, …, W], flipped from left to right where bool [N] ``mirrored`` is true."""
    flips = torch.from_numpy(mirrored).view(-1, *[1] * (tensor.dim() - 1))
    return torch.where(flips, tensor.flip(-1), tensor)


def _normalise(pictures: Tensor) -> Tensor:
    """uint8 pictures → float32 in [−1, 1]."""
    return pictures.float() / 127.5 - 1


class RenderedWorld:
    """Scenes rendered ahead by ``python -m model landscape --render``, at their own size and at sizes that divide it.

    It computes with NumPy, because PyTorch would start a second pool of threads for the thread that fetches batches.
    With more threads than cores, OpenMP's threads sleep instead of spinning while they wait for each other, which costs
    training a quarter of its speed.
    """

    taxonomy, terms = TAXONOMIES["landscape"], WORLD_TERMS

    def __init__(self, folder: Path, device: torch.device, seed: int = 0) -> None:
        self.device, self.seed = device, seed
        try:
            self.size = int(json.loads((folder / "scenes.json").read_text())["size"])
            self.labels = np.load(folder / "labels.npy", mmap_mode="r")
            self.pictures = np.load(folder / "pictures.npy", mmap_mode="r")
        except (OSError, ValueError, KeyError) as error:
            raise InputError(f"{folder} does not hold rendered scenes: {error}.", value=str(folder)) from error
        self.scaled = {(self.size, self.size): (self.labels, self.pictures)}
        if not is_rendered(folder):
            raise InputError(f"{folder} is not rendered to the end yet.", value=str(folder))

    def batch(self, step: int, count: int, size: tuple[int, int]) -> Batch:
        """Random scenes, half of them mirrored; raises InputError for a size that does not divide the scenes'."""
        labels, pictures = self._at(size)
        chosen, mirrored = _draw(self.seed, step, len(labels), count)
        maps, photos = labels[chosen].astype(np.int64), pictures[chosen].astype(np.float32) / 127.5 - 1
        for array in (maps, photos):
            array[mirrored] = array[mirrored, ..., ::-1]
        return Batch(torch.from_numpy(maps), torch.from_numpy(photos), None).to(self.device)

    def _at(self, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
        """All scenes at a size, labels [N, H, W] and pictures [N, 3, H, W]; smaller ones are kept in memory."""
        if size in self.scaled:
            return self.scaled[size]
        if size[0] != size[1] or self.size % size[0]:
            what = f"is {size[0]}×{size[1]} for scenes of {self.size}×{self.size}"
            refuse("size", list(size), what, f"a square whose side divides {self.size}")
        factor = self.size // size[0]
        pictures = np.empty((len(self.pictures), 3, *size), np.uint8)
        for first in range(0, len(pictures), 64):
            full = self.pictures[first : first + 64]
            blocks = full.reshape(len(full), 3, size[0], factor, size[1], factor)
            pictures[first : first + 64] = blocks.mean((3, 5), dtype=np.float32).round()
        self.scaled[size] = np.array(self.labels[:, ::factor, ::factor]), pictures
        return self.scaled[size]


class LiveWorld:
    """Scenes rendered for each batch, each scene once: on a GPU this costs less than reading them."""

    taxonomy, terms = TAXONOMIES["landscape"], WORLD_TERMS

    def __init__(self, device: torch.device, seed: int = 0) -> None:
        self.device, self.seed = device, seed
        self.worlds: dict[int, Landscape] = {}

    def batch(self, step: int, count: int, size: tuple[int, int]) -> Batch:
        """The next scenes in turn."""
        world = self.worlds.setdefault(size[0], Landscape(size[0], seed=self.seed, device=self.device))
        labels, pictures = world.scenes(step * count, count)
        return Batch(labels.long(), _normalise(pictures), None)


class PhotoFolder:
    """Photos with their label maps, in any of the layouts that ``model.data.layouts`` knows. Nothing in them states
    their terms."""

    terms = Terms()

    def __init__(
        self,
        path: Path,
        taxonomy: str | None,
        device: torch.device,
        seed: int = 0,
        skip_unpaired: bool = False,
        keep: Path | None = None,
    ) -> None:
        """``keep`` is a folder for the decoded photos; with None the files are read anew for every batch.

        The other arguments are those of ``open_dataset``.
        """
        self.device, self.seed, self.keep = device, seed, keep
        smallest = (LATENT_STRIDE, LATENT_STRIDE)  # any size would do: each batch asks for its own
        dataset = open_dataset(path, taxonomy, smallest, skip_unpaired=skip_unpaired, write_taxonomy=True)
        self.taxonomy, self.dataset = dataset.taxonomy, dataset
        self.decoded: dict[tuple[int, int], Decoded] = {}
        self.pool = ThreadPoolExecutor(8)

    def batch(self, step: int, count: int, size: tuple[int, int]) -> Batch:
        """Random photos, half of them mirrored."""
        chosen, mirrored = _draw(self.seed, step, len(self.dataset), count)
        labels, photos, known, instances = self._samples(chosen, size)
        return Batch(
            _mirror(labels.long(), mirrored),
            _mirror(_normalise(photos), mirrored),
            None if instances is None else _mirror(instances, mirrored),
            None if known is None else _mirror(known, mirrored),
        ).to(self.device)

    def _samples(
        self, chosen: np.ndarray, size: tuple[int, int]
    ) -> tuple[Tensor, Tensor, Tensor | None, Tensor | None]:
        """Labels uint8 [N, H, W], photos uint8 [N, 3, H, W], ``known`` and ``instances`` as in ``Batch``."""
        if self.keep is None:
            samples = list(self.pool.map(self.dataset.resized(size).__getitem__, chosen.tolist()))
            given = np.stack([labels.numpy() for labels, _, _ in samples])
            known = given != UNKNOWN
            filled = given if known.all() else np.stack([fill_unknown(labels) for labels in given])
            maps = [instances for _, _, instances in samples if instances is not None]
            return (
                torch.from_numpy(filled),
                torch.stack([photo for _, photo, _ in samples]),
                None if known.all() else torch.from_numpy(known),
                torch.stack(maps) if len(maps) == len(chosen) else None,
            )
        if size not in self.decoded:
            self.decoded[size] = decode(self.dataset.resized(size), self.keep / f"{size[0]}x{size[1]}")
        arrays = self.decoded[size]
        parts = (arrays.labels, arrays.photos.transpose(0, 3, 1, 2), arrays.known, arrays.instances)
        labels, photos, known_part, ids = (None if part is None else torch.from_numpy(part[chosen]) for part in parts)
        assert labels is not None and photos is not None
        return labels, photos, known_part, ids


def prefetch(source: Source, steps: Iterator[tuple[int, int, tuple[int, int]]], ahead: int = 2) -> Iterator[Batch]:
    """The batches of each (step, count, size) in turn, made by a thread that keeps ``ahead`` of them ready.

    An exception in the thread is raised where its batch is asked for.
    """
    ready: queue.Queue[Batch | BaseException | None] = queue.Queue(ahead)
    stop = threading.Event()

    def put(item: Batch | BaseException | None) -> None:
        while not stop.is_set():
            try:
                return ready.put(item, timeout=0.2)
            except queue.Full:
                continue

    def work() -> None:
        try:
            for step in steps:
                if stop.is_set():
                    return
                put(source.batch(*step))
            put(None)
        except BaseException as error:  # handed on, to be raised where the batch is asked for
            put(error)

    threading.Thread(target=work, daemon=True).start()
    try:
        while (item := ready.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            yield item
    finally:
        stop.set()
