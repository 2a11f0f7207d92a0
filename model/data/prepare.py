"""A training set out of photos with label maps, by a data recipe: cropped, relabelled, divided, and looked at.

    OUT/train/photos/NAME.jpg   OUT/train/labels/NAME.png   (class indices, 255 unknown), and the same under OUT/val
    OUT/taxonomy.json           the classes
    OUT/prepared.json           the recipe, every photo with its split and groups, what was left out and why
    OUT/sheet.png               some pairs, to look at

The same photos and recipe give the same bytes.
"""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from model.data.backdrop import with_backdrop
from model.data.data_recipe import DataRecipe
from model.data.datasets import PairFolder, open_dataset
from model.data.derived import READS, RULES
from model.data.duplicates import Print, alike, fingerprint, in_val
from model.data.framing import around, middle
from model.data.prepared import RECORD
from model.data.regions import nearest, seams
from model.errors import InputError
from model.progress import Progress
from model.recipe.images import resize_nearest
from model.recipe.taxonomy import UNKNOWN, Taxonomy

VERSION = 1  # version of the folder's form
SPLITS = ("train", "val")
LARGE = 2  # how many times as large as its picture a photo may be; twice that or more is reduced first
QUALITY = 96  # JPEG quality of the photos; chroma is not subsampled
SHEET_PAIRS, SHEET_COLUMNS, SHEET_HEIGHT = 24, 6, 192
FULL_SIZE = (64, 64)  # asked of a data set whose photos are read as they are stored


@dataclass(frozen=True)
class Item:
    """A prepared photo: what the record says of it, and by what others like it are found."""

    name: str
    split: str
    unknown: float  # share of its pixels without a class
    counts: np.ndarray  # pixels of each class
    seen: Print


def prepare(source: Path, out: Path, recipe: DataRecipe, *, skip_unpaired: bool = False) -> dict[str, Any]:
    """Makes the folder ``out``, which must not be there yet, and returns what its ``prepared.json`` says.

    Everything is written into ``out``.partial, which takes its name when it is complete.
    """
    if out.exists():
        raise InputError(f"{out} is there already; remove it, or name another folder.", field="out", value=str(out))
    dataset = open_dataset(source, None, FULL_SIZE, skip_unpaired=skip_unpaired)
    preparer = Preparer(recipe, dataset.taxonomy)
    partial = out.with_name(out.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    for split in SPLITS:
        (partial / split / "photos").mkdir(parents=True)
        (partial / split / "labels").mkdir()
    left_out: dict[str, str] = {}
    items = list(_write_pairs(dataset, preparer, partial, left_out))
    items = _without_duplicates(items, recipe, partial, left_out)
    if not all(any(item.split == split for item in items) for split in SPLITS):
        raise InputError(
            f"{source} leaves {len(items)} photos by this recipe, too few for both train and val.", field="data"
        )
    record = _record(recipe, source, items, left_out)
    _write_json(partial / "taxonomy.json", recipe.taxonomy.to_json())
    _contact_sheet(partial, items, recipe.taxonomy).save(partial / "sheet.png")
    _write_json(partial / RECORD, record)
    partial.rename(out)
    return record


class Unfit(Exception):
    """A photo is left out; the message is the reason."""


class Preparer:
    """A recipe, as far as it looks at one photo at a time."""

    def __init__(self, recipe: DataRecipe, source: Taxonomy) -> None:
        """Raises InputError where a class of the source has no place in the recipe."""
        self.recipe = recipe
        self.index = {row.name: i for i, row in enumerate(recipe.classes)}
        taken = {name: self.index[row.name] for row in recipe.classes for name in row.sources}
        if lost := [name for name in source.names if name not in taken and name not in recipe.unknown]:
            raise InputError(
                f"The recipe {recipe.name} has no place for {len(lost)} of the {len(source)} classes: "
                f"{', '.join(lost[:8])}; put them into a class's from, or into unknown.",
                field="recipe",
                value=lost,
            )
        self.table = np.full(256, UNKNOWN, np.uint8)
        self.table[: len(source)] = [taken.get(name, UNKNOWN) for name in source.names]
        self.seam = np.zeros(256, bool)
        self.seam[: len(source)] = [name in recipe.seam_of for name in source.names]

    def __call__(self, photo: np.ndarray, labels: np.ndarray, name: str) -> tuple[np.ndarray, np.ndarray]:
        """A photo uint8 [H, W, 3] and its labels in source classes → the same at the recipe's size, prepared."""
        recipe = self.recipe
        stored = resize_nearest(labels, (photo.shape[0], photo.shape[1]))
        if recipe.border:
            inner = slice(recipe.border, -recipe.border)
            photo, stored = photo[inner, inner], stored[inner, inner]
        if photo.size == 0:
            raise Unfit(f"nothing of it is inside a border of {recipe.border} pixels")
        photo, stored = _reduced(photo, stored, recipe.size)
        labels = self._relabelled(stored)
        for row in recipe.classes:
            if row.rule is not None and row.of is not None:
                others = {name: labels == self.index[name] for name in READS[row.rule]}
                found = RULES[row.rule](photo, labels == self.index[row.of], others)
                labels = np.where(found, np.uint8(self.index[row.name]), labels)
        background = self.index.get("background")
        if recipe.person is None:
            frame = middle(labels.shape, recipe.size)
        else:
            shown = labels != background
            if not shown.any():
                raise Unfit("nobody is in it: all of it is background")
            frame = around(shown, recipe.person, recipe.size)
        photo, labels = frame.cut(photo), frame.cut(labels, background)
        if min(labels.shape) < min(recipe.size) / 2:
            raise Unfit(f"only {labels.shape[1]}×{labels.shape[0]} pixels of it can be shown")
        if recipe.backdrop:
            photo = with_backdrop(photo, labels != background, name)
        return _resized(photo, labels, recipe.size)

    def _relabelled(self, stored: np.ndarray) -> np.ndarray:
        labels = self.table[stored]
        strips = seams(self.seam[stored], self.recipe.seam) if self.recipe.seam else np.zeros(labels.shape, bool)
        return nearest(labels, strips, labels != UNKNOWN)


def _reduced(photo: np.ndarray, labels: np.ndarray, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """A photo much larger than what is made of it, by a whole factor smaller: the rules know pixels."""
    factor = min(photo.shape[0] // (LARGE * size[0]), photo.shape[1] // (LARGE * size[1]))
    if factor < 2:
        return photo, labels
    smaller = np.asarray(Image.fromarray(photo).reduce(factor))
    return smaller, resize_nearest(labels, (smaller.shape[0], smaller.shape[1]))


def _write_pairs(dataset: PairFolder, preparer: Preparer, folder: Path, left_out: dict[str, str]) -> Iterator[Item]:
    """Writes every photo that the recipe takes, and fills ``left_out``: name → reason."""
    recipe, classes = preparer.recipe, len(preparer.recipe.classes)
    names = _names(dataset)
    with Progress(len(names)) as progress:
        for index, name in enumerate(names):
            photo, stored = dataset.read(index)
            try:
                seen = fingerprint(photo)
                picture, labels = preparer(photo, stored, name)
                unknown = np.count_nonzero(labels == UNKNOWN) / labels.size
                if not recipe.leave_out.holds(name, unknown):
                    raise Unfit(_why(recipe, name, unknown))
            except Unfit as reason:
                left_out[name] = str(reason)
            else:
                split = "val" if in_val(name, recipe.val) else "train"
                photo_file, label_file = _files(folder, split, name)
                Image.fromarray(picture).save(photo_file, quality=QUALITY, subsampling=0)
                Image.fromarray(labels).save(label_file, optimize=True)
                counts = np.bincount(labels[labels != UNKNOWN], minlength=classes)
                yield Item(name, split, round(unknown, 4), counts, seen)
            progress.describe(name)
            progress.advance(1)


def _why(recipe: DataRecipe, name: str, unknown: float) -> str:
    if name.startswith(recipe.leave_out.prefixes):
        return f"{unknown:.0%} of it has no class, the recipe takes {recipe.leave_out.unknown:.0%} at most"
    return f"its name begins with none of {', '.join(recipe.leave_out.prefixes)}"


def _names(dataset: PairFolder) -> list[str]:
    """The photos' file names without ending; those in different folders must not be called the same."""
    names = [pair.photo.stem for pair in dataset.pairs]
    if twice := [name for name, count in Counter(names).items() if count > 1]:
        raise InputError(
            f"{len(twice):,} photos are called like another: {', '.join(twice[:3])}; give each a name of its own.",
            field="data",
        )
    return names


def _files(folder: Path, split: str, name: str) -> tuple[Path, Path]:
    return folder / split / "photos" / f"{name}.jpg", folder / split / "labels" / f"{name}.png"


def _without_duplicates(
    items: Sequence[Item], recipe: DataRecipe, folder: Path, left_out: dict[str, str]
) -> list[Item]:
    """Takes the photos of train out that show the same as one of val."""
    hashes = {split: {item.name: item.seen for item in items if item.split == split} for split in SPLITS}
    found = alike(hashes["train"], hashes["val"], recipe.alike)
    for name, twin in found.items():
        left_out[name] = f"nearly the same photo as {twin}, which is held out"
        for file in _files(folder, "train", name):
            file.unlink()
    return [item for item in items if item.name not in found]


def _record(recipe: DataRecipe, source: Path, items: Sequence[Item], left_out: Mapping[str, str]) -> dict[str, Any]:
    groups = {
        item.name: [key for key, group in recipe.groups.items() if group.holds(item.name, item.unknown)]
        for item in items
    }
    return {
        "version": VERSION,
        "source": recipe.source,
        "terms": recipe.terms,
        "folder": source.resolve().name,
        "recipe": recipe.to_json(),
        "counts": {split: _counts(recipe, [item for item in items if item.split == split]) for split in SPLITS},
        "left_out": dict(sorted(left_out.items())),
        "photos": [
            {"name": item.name, "split": item.split, "groups": groups[item.name], "unknown": item.unknown}
            for item in items
        ],
    }


def _counts(recipe: DataRecipe, items: Sequence[Item]) -> dict[str, Any]:
    """How many photos a split has, and of each class in how many of them it is and its share of the known pixels."""
    counts = np.stack([item.counts for item in items])  # [N, C]
    shares = counts.sum(axis=0) / max(counts.sum(), 1)
    return {
        "photos": len(items),
        "unknown": round(float(np.mean([item.unknown for item in items])), 4),
        "classes": {
            row.name: {"photos": int(np.count_nonzero(counts[:, i])), "share": round(float(shares[i]), 5)}
            for i, row in enumerate(recipe.classes)
        },
    }


def _contact_sheet(folder: Path, items: Sequence[Item], taxonomy: Taxonomy) -> Image.Image:
    """Photo beside coloured label map, unknown in black, of photos spread evenly over the set."""
    chosen = [items[i] for i in np.linspace(0, len(items) - 1, min(SHEET_PAIRS, len(items))).astype(int)]
    colours = np.zeros((256, 3), np.uint8)
    colours[: len(taxonomy)] = taxonomy.display
    pairs = []
    for item in chosen:
        photo_file, label_file = _files(folder, item.split, item.name)
        with Image.open(photo_file) as photo, Image.open(label_file) as labels:
            coloured = Image.fromarray(colours[np.asarray(labels)])
            size = round(SHEET_HEIGHT * photo.width / photo.height), SHEET_HEIGHT
            pairs.append(np.hstack([np.asarray(picture.resize(size)) for picture in (photo, coloured)]))
    pairs += [np.zeros_like(pairs[0])] * (-len(pairs) % SHEET_COLUMNS)
    rows = [np.hstack(pairs[i : i + SHEET_COLUMNS]) for i in range(0, len(pairs), SHEET_COLUMNS)]
    return Image.fromarray(np.vstack(rows))


def _write_json(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _resized(photo: np.ndarray, labels: np.ndarray, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    wide = (size[1], size[0])
    smooth = Image.fromarray(photo).resize(wide, Image.Resampling.LANCZOS)
    return np.asarray(smooth), np.asarray(Image.fromarray(labels).resize(wide, Image.Resampling.NEAREST))
