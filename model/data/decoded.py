"""Samples of a data set, decoded once: arrays on disk that are mapped into memory, instead of files read every time."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from model.data.datasets import PairFolder
from model.data.regions import fill_unknown
from model.errors import InputError
from model.progress import Progress
from model.recipe.taxonomy import UNKNOWN

VERSION = 1  # version of the files' form; files of another are written anew
RECORD = "decoded.json"


@dataclass(frozen=True)
class Decoded:
    """Photos uint8 [N, H, W, 3], labels uint8 [N, H, W] in which every pixel has a class, and where the data set says
    so itself: known bool [N, H, W], None if it always does; instance ids int32 [N, H, W] or None."""

    photos: np.ndarray
    labels: np.ndarray
    known: np.ndarray | None
    instances: np.ndarray | None


def decode(dataset: PairFolder, folder: Path) -> Decoded:
    """The samples of ``dataset`` at its size, from the arrays in ``folder``, which are written first unless they are of
    the same files: names, sizes in bytes and times of change are compared."""
    wanted = _facts(dataset)
    record = folder / RECORD
    try:
        ready = json.loads(record.read_text(encoding="utf-8")) == wanted
    except (OSError, ValueError):
        ready = False
    if not ready:
        try:
            _write(dataset, folder)
            _replace(record, json.dumps(wanted).encode())
        except OSError as error:
            raise InputError(
                f"The decoded photos cannot be kept in {folder}: {error.strerror or error}.", field="data"
            ) from error
    arrays = {path.stem: np.load(path, mmap_mode="r") for path in folder.glob("*.npy")}
    return Decoded(arrays["photos"], arrays["labels"], arrays.get("known"), arrays.get("instances"))


def _facts(dataset: PairFolder) -> dict[str, Any]:
    files = []
    for pair in dataset.pairs:
        for path in filter(None, (pair.photo, pair.labels, pair.instances)):
            facts = path.stat()
            files.append([str(path.absolute()), facts.st_size, facts.st_mtime_ns])
    return {"version": VERSION, "size": list(dataset.size), "classes": len(dataset.taxonomy), "files": files}


def _write(dataset: PairFolder, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for stale in (folder / RECORD, *folder.glob("*.npy")):
        stale.unlink(missing_ok=True)
    shape = (len(dataset), *dataset.size)
    kinds: dict[str, tuple[tuple[int, ...], type]] = {
        "photos": ((*shape, 3), np.uint8),
        "labels": (shape, np.uint8),
        "known": (shape, np.bool_),
    }
    if dataset.pairs[0].instances is not None:
        kinds["instances"] = (shape, np.int32)
    partial = {name: folder / f"{name}.{os.getpid()}.partial" for name in kinds}
    arrays = {
        name: np.lib.format.open_memmap(partial[name], "w+", dtype, shape) for name, (shape, dtype) in kinds.items()
    }
    everything_known = True
    with Progress(len(dataset)) as progress:
        progress.describe("decoding photos")
        for index in range(len(dataset)):
            labels, photo, instances = dataset[index]
            values = labels.numpy()
            known = values != UNKNOWN
            arrays["photos"][index] = photo.numpy().transpose(1, 2, 0)
            arrays["labels"][index] = values if known.all() else fill_unknown(values)
            arrays["known"][index] = known
            everything_known &= bool(known.all())
            if instances is not None:
                arrays["instances"][index] = instances.numpy()
            progress.advance(1)
    for name, array in arrays.items():
        array.flush()
        partial[name].replace(folder / f"{name}.npy")
    if everything_known:
        (folder / "known.npy").unlink(missing_ok=True)


def _replace(path: Path, data: bytes) -> None:
    partial = path.with_suffix(f".{os.getpid()}.partial")
    partial.write_bytes(data)
    partial.replace(path)
