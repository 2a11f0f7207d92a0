"""The data of an evaluation: held-out scenes with their photos, and painted label maps without photos."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from model.checkpoint import Checkpoint
from model.data.datasets import open_dataset
from model.data.landscape import SIZES, Landscape
from model.data.prepared import is_prepared, open_prepared
from model.data.regions import fill_unknown
from model.errors import InputError
from model.recipe.images import Size
from model.recipe.labels import read_labels
from model.recipe.taxonomy import UNKNOWN

STROKES = (3, 9)  # fewest brush strokes on a painted map, and one more than the most
BRUSHES = (0.03, 0.16)  # least and largest width of the brush ÷ height of the map
DABS = 40  # brush dabs in one stroke


@dataclass(frozen=True)
class Sample:
    """A label map, with its photo and instance ids where there are any."""

    labels: np.ndarray  # uint8 [H, W]
    photo: np.ndarray | None = None  # uint8 [H, W, 3]
    instances: np.ndarray | None = None  # int32 [H, W]
    known: np.ndarray | None = None  # bool [H, W], False where a label is the nearest known pixel's; None: all True
    groups: tuple[str, ...] = ()  # the photo's groups in its prepared set

    def sure(self, values: np.ndarray) -> np.ndarray:
        """The values of pixels whose label is known: [H, W, …] → [K, …]."""
        return values.reshape(-1, *values.shape[2:]) if self.known is None else values[self.known]


@dataclass(frozen=True)
class HeldOut:
    """``count`` samples, made or read one after the other as they are asked for."""

    source: str  # where they come from, in words
    count: int
    samples: Iterator[Sample]
    prepared: str | None = None  # name of the taxonomy of a prepared set of photos; None: other data


def world_scenes(checkpoint: Checkpoint, count: int, seed: int) -> HeldOut:
    """Scenes 0 … count−1 of the procedural world with this seed.

    Raises InputError where the model was trained on this seed, or its classes or size are not the world's.
    """
    height, width = checkpoint.config.image_size
    if checkpoint.taxonomy.name != "landscape" or height != width or height not in SIZES:
        raise InputError(
            f"The procedural world has no {checkpoint.taxonomy.name} scenes of {width}×{height} pixels; "
            "name a data set with --data.",
            field="data",
            value="world",
        )
    trained = (checkpoint.record or {}).get("plan", {}).get("seed")
    if seed == trained:
        raise InputError(
            f"--seed {seed} is what the model was trained on; allowed is any other seed.", field="seed", value=seed
        )
    world = Landscape(height, seed)

    def samples() -> Iterator[Sample]:
        for i in range(count):
            labels, pictures = world.scenes(i, 1)
            yield Sample(labels[0].numpy(), np.ascontiguousarray(pictures[0].permute(1, 2, 0).numpy()))

    return HeldOut(f"the procedural world, seed {seed}", count, samples())


def folder_scenes(
    checkpoint: Checkpoint,
    folder: Path,
    count: int,
    taxonomy: str | None = None,
    skip_unpaired: bool = False,
    split: str | None = None,
    groups: Sequence[str] = (),
) -> HeldOut:
    """The first ``count`` samples of a folder: rendered scenes, a prepared set or a data set.

    ``split`` is "train" or "val", by default "val" where there is one; ``groups`` chooses photos of a prepared set. Its
    photos come in the order of their names' hashes, so that the first ones are a fair choice of all. Raises InputError
    where the data cannot be read, has no groups or has other classes than the model.
    """
    prepared = open_prepared(folder) if is_prepared(folder) else None
    if groups and prepared is None:
        raise InputError(
            f"--groups is {','.join(groups)}, but {folder} has no groups; allowed is a prepared set, which has them.",
            field="groups",
            value=list(groups),
        )
    if (folder / "scenes.json").is_file():
        return _rendered_scenes(checkpoint, folder, count)
    size = checkpoint.config.image_size
    if prepared:
        split = split or "val"
        dataset = prepared.dataset(split, groups, size)
        dataset.pairs.sort(key=lambda pair: hashlib.sha256(pair.photo.stem.encode()).digest())
    else:
        dataset = open_dataset(folder, taxonomy, size, split, skip_unpaired=skip_unpaired)
    if len(dataset.taxonomy) != checkpoint.config.classes:
        raise InputError(
            f"The data has {len(dataset.taxonomy)} classes ({dataset.taxonomy.name}); "
            f"allowed is the model's {checkpoint.config.classes}.",
            field="data",
            value=str(folder),
        )
    count = min(count, len(dataset))
    own = {name: its for name, part, its in prepared.photos if part == split} if prepared else {}

    def samples() -> Iterator[Sample]:
        for i in range(count):
            labels, photo, instances = dataset[i]
            ids = None if instances is None or not checkpoint.config.instance_edges else instances.numpy()
            known = labels.numpy() != UNKNOWN
            filled = labels.numpy() if known.all() else fill_unknown(labels.numpy())
            its = own.get(dataset.pairs[i].photo.stem, ())
            yield Sample(filled, photo.permute(1, 2, 0).numpy(), ids, None if known.all() else known, its)

    chosen = " ".join(filter(None, (split, ", ".join(groups))))
    source = f"{folder.name}, {dataset.taxonomy.name}" + (f", {chosen}" if chosen else "")
    return HeldOut(source, count, samples(), dataset.taxonomy.name if prepared else None)


def _rendered_scenes(checkpoint: Checkpoint, folder: Path, count: int) -> HeldOut:
    """The first ``count`` scenes of a folder that ``python -m model landscape --render`` has written."""
    try:
        facts = json.loads((folder / "scenes.json").read_text())
        seed, size = int(facts["seed"]), int(facts["size"])
        labels, pictures = (np.load(folder / f"{name}.npy", mmap_mode="r") for name in ("labels", "pictures"))
    except (OSError, ValueError, KeyError) as error:
        raise InputError(f"{folder} does not hold rendered scenes: {error}.", value=str(folder)) from error
    if checkpoint.taxonomy.name != "landscape" or (size, size) != tuple(checkpoint.config.image_size):
        raise InputError(
            f"{folder} has landscape scenes of {size}×{size} pixels; allowed is {checkpoint.taxonomy.name} of "
            f"{checkpoint.config.image_size[1]}×{checkpoint.config.image_size[0]}, as the model has it.",
            field="data",
            value=str(folder),
        )
    count = min(count, len(labels))
    pairs = (Sample(np.array(labels[i]), np.array(pictures[i].transpose(1, 2, 0))) for i in range(count))
    return HeldOut(f"rendered scenes of the world, seed {seed}", count, pairs)


def painted_maps(checkpoint: Checkpoint, count: int, folder: Path | None, seed: int) -> HeldOut:
    """``count`` label maps without photos: first the PNG files of ``folder``, then maps of brush strokes by ``seed``.

    Raises InputError where the folder has no PNG files.
    """
    files = sorted(folder.glob("*.png"))[:count] if folder else []
    if folder and count and not files:
        raise InputError(
            f"{folder} has no label maps; allowed is a folder of PNG files.", field="maps", value=str(folder)
        )
    size, classes = checkpoint.config.image_size, checkpoint.config.classes

    def samples() -> Iterator[Sample]:
        for file in files:
            yield Sample(read_labels(file, checkpoint.taxonomy, size, resize=True, field=file.name))
        for i in range(count - len(files)):
            yield Sample(brush_map(size, classes, np.random.default_rng([seed, i])))

    return HeldOut(f"{len(files)} drawn maps, {count - len(files)} of brush strokes", count, samples())


def brush_map(size: Size, classes: int, random: np.random.Generator) -> np.ndarray:
    """A label map as a person would paint it: uint8 [H, W].

    It has one class everywhere, in half of all maps a second class below a wavy line, and strokes of a round brush.
    """
    height, width = size
    rows, columns = np.mgrid[:height, :width]
    labels = np.full(size, random.integers(classes), np.uint8)
    if random.random() < 0.5:
        swing, phase, turns = random.uniform(0, 0.06), random.uniform(0, 2 * np.pi), random.uniform(1, 3)
        border = random.uniform(0.25, 0.7) + swing * np.sin(phase + turns * 2 * np.pi * columns / width)
        labels[rows > border * height] = random.integers(classes)
    for _ in range(random.integers(*STROKES)):
        class_index, radius = random.integers(classes), random.uniform(*BRUSHES) * height / 2
        start, end = random.uniform(0, 1, (2, 2)) * size
        bend = random.normal(0, 0.15, 2) * size
        for t in np.linspace(0, 1, DABS):
            row, column = start + (end - start) * t + bend * np.sin(np.pi * t)
            labels[(rows - row) ** 2 + (columns - column) ** 2 <= radius**2] = class_index
    return labels
