"""Training pictures from a prepared set: random crops of photos that were decoded once."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from model.data.datasets import Pair, PairFolder
from model.data.decoded import decode
from model.data.framing import middle
from model.data.sources import Batch
from model.errors import InputError
from model.recipe.taxonomy import Taxonomy
from model.recipe.terms import Terms

RECORD = "prepared.json"
LEAST_SHARE = 0.005  # least share of a photo's pixels for the photo to count as one that has the class


@dataclass(frozen=True)
class Prepared:
    """What a prepared set says of itself; ``photos`` are (name, split, groups)."""

    folder: Path
    taxonomy: Taxonomy
    size: tuple[int, int]
    photos: tuple[tuple[str, str, tuple[str, ...]], ...]
    record: dict[str, Any]

    @property
    def terms(self) -> Terms:
        """Licence and source of weights that learn from the set, by its record. InputError where they are no text."""
        return Terms(*(str(self.record.get(key) or "") for key in ("terms", "source")))

    def pairs(self, split: str, groups: Sequence[str] = ()) -> list[Pair]:
        """The photos of train or val that are in any of the groups; no groups: all of them."""
        known = sorted({group for _, _, own in self.photos for group in own})
        if lost := [group for group in groups if group not in known]:
            raise InputError(
                f"{self.folder} has no group {lost[0]!r}; allowed is {', '.join(known) or 'none'}.",
                field="groups",
                value=lost[0],
                allowed=known,
            )
        place = self.folder / split
        chosen = [
            Pair(place / "photos" / f"{name}.jpg", place / "labels" / f"{name}.png")
            for name, own_split, own in self.photos
            if own_split == split and (not groups or set(groups) & set(own))
        ]
        if not chosen:
            raise InputError(f"{self.folder} has no photos in its split {split!r}.", field="split", value=split)
        return chosen

    def dataset(self, split: str, groups: Sequence[str] = (), size: tuple[int, int] | None = None) -> PairFolder:
        return PairFolder(self.pairs(split, groups), self.taxonomy, size or self.size)


def is_prepared(folder: Path) -> bool:
    return (folder / RECORD).is_file()


def open_prepared(folder: Path) -> Prepared:
    """A folder that ``python -m model prepare`` made."""
    try:
        record = json.loads((folder / RECORD).read_text(encoding="utf-8"))
        taxonomy = Taxonomy.from_json(json.loads((folder / "taxonomy.json").read_text(encoding="utf-8")))
        photos = tuple((str(row["name"]), str(row["split"]), tuple(row["groups"])) for row in record["photos"])
        height, width = record["recipe"]["size"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{folder} is not a prepared set that can be read: {error}.", value=str(folder)) from error
    return Prepared(folder, taxonomy, (height, width), photos, record)


class PreparedPhotos:
    """Random crops of the photos of a prepared set, mirrored half of the time; every batch is a function of seed and
    step. Photos are made smaller by averaging areas and never larger.

    ``crop`` is the least side of a crop, as a share of the largest that the photo holds. ``rare`` is how much oftener
    photos of rare classes are shown: a photo's weight is its rarest class's share of the photos to the power of −rare,
    so 0 shows all alike and 1 every class alike.
    """

    def __init__(
        self,
        folder: Path,
        device: torch.device,
        seed: int = 0,
        *,
        split: str = "train",
        groups: Sequence[str] = (),
        crop: float = 0.7,
        rare: float = 0.0,
        keep: Path | None = None,
    ) -> None:
        """``keep`` is where the decoded photos lie; None is a folder in the prepared set itself."""
        if not 0 < crop <= 1 or not 0 <= rare <= 1:
            raise InputError(f"crop is {crop} and rare {rare}; allowed is 0 to 1, crop above 0.", field="crop")
        prepared = open_prepared(folder)
        self.taxonomy, self.device, self.seed = prepared.taxonomy, device, seed
        self.terms, self.size, self.crop = prepared.terms, prepared.size, crop
        decoded = decode(prepared.dataset(split), (keep or folder / "decoded") / split)
        self.photos, self.labels, self.known = decoded.photos, decoded.labels, decoded.known
        places = {pair.photo: index for index, pair in enumerate(prepared.pairs(split))}
        self.chosen = np.array([places[pair.photo] for pair in prepared.pairs(split, groups)])
        self.sums = np.cumsum(self._weights(rare))

    def __len__(self) -> int:
        return len(self.chosen)

    def _weights(self, rare: float) -> np.ndarray:
        """How often each chosen photo is shown, of 1 [K]."""
        if rare == 0:
            return np.full(len(self.chosen), 1 / len(self.chosen))
        classes = len(self.taxonomy)
        present = np.zeros((len(self.chosen), classes), bool)
        for row, index in enumerate(self.chosen):
            labels = self.labels[index] if self.known is None else self.labels[index][self.known[index]]
            present[row] = np.bincount(labels.ravel(), minlength=classes) > LEAST_SHARE * self.labels[index].size
        shares = present.mean(axis=0).clip(1 / len(present))
        weights = np.where(present, shares, 1).min(axis=1) ** -rare
        return weights / weights.sum()

    def batch(self, step: int, count: int, size: tuple[int, int]) -> Batch:
        """``size`` (H, W) is at most that of the prepared photos."""
        if size[0] > self.size[0] or size[1] > self.size[1]:
            raise InputError(
                f"Photos of {self.size[0]}×{self.size[1]} pixels cannot be shown at {size[0]}×{size[1]}; allowed is "
                "that size or a smaller one.",
                field="size",
                value=list(size),
            )
        random = np.random.Generator(np.random.Philox(key=[self.seed, step]))
        rows = np.searchsorted(self.sums, random.random(count), side="right").clip(max=len(self.chosen) - 1)
        draws = random.random((count, 4))  # scale, row, column, mirrored
        photos, labels = np.empty((count, *size, 3), np.uint8), np.empty((count, *size), np.uint8)
        known = None if self.known is None else np.empty((count, *size), bool)
        for i, index in enumerate(self.chosen[rows]):
            box = self._box(size, draws[i])
            turn = slice(None, None, -1 if draws[i, 3] < 0.5 else 1)
            photos[i] = _resample(self.photos[index], size, box, Image.Resampling.BOX)[:, turn]
            labels[i] = _resample(self.labels[index], size, box, Image.Resampling.NEAREST)[:, turn]
            if self.known is not None and known is not None:
                known[i] = _resample(self.known[index], size, box, Image.Resampling.NEAREST)[:, turn]
        pictures = photos.transpose(0, 3, 1, 2).astype(np.float32) / 127.5 - 1
        return Batch(
            torch.from_numpy(labels.astype(np.int64)),
            torch.from_numpy(np.ascontiguousarray(pictures)),
            None,
            None if known is None else torch.from_numpy(known),
        ).to(self.device)

    def _box(self, size: tuple[int, int], draws: np.ndarray) -> tuple[float, float, float, float]:
        """Left, top, right and bottom of a crop in the proportions of ``size``, in pixels of the stored photo."""
        largest = middle(self.size, size)
        least = max(self.crop, size[0] / largest.height, size[1] / largest.width)
        scale = least + (1 - least) * draws[0]
        height, width = (max(round(scale * side), least) for side, least in zip((largest.height, largest.width), size))
        top, left = round(draws[1] * (self.size[0] - height)), round(draws[2] * (self.size[1] - width))
        return left, top, left + width, top + height


def _resample(
    stored: np.ndarray, size: tuple[int, int], box: tuple[float, float, float, float], how: Image.Resampling
) -> np.ndarray:
    """The part of an array [H, W, …] in ``box``, at ``size``."""
    left, top, right, bottom = (int(side) for side in box)
    part = stored[top:bottom, left:right]
    if part.shape[:2] == size:
        return part
    values = part.view(np.uint8) if part.dtype == bool else part
    resized = np.asarray(Image.fromarray(np.ascontiguousarray(values)).resize((size[1], size[0]), how))
    return resized.astype(bool) if part.dtype == bool else resized
