"""Small made data sets on disk: photos with label maps, in the form of plain pairs."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from model.data.duplicates import in_val

NAMES = ("nothing", "sky", "ground", "car")
COLOURS = np.array([(10, 10, 10), (90, 140, 220), (80, 120, 50), (200, 30, 30)], np.uint8)

RECIPE: dict[str, Any] = {
    "name": "small",
    "source": "made for a test",
    "terms": "none",
    "size": [32, 32],
    "classes": [
        {"name": "sky", "colour": "#5080c0", "from": ["sky"]},
        {"name": "ground", "colour": "#508040", "from": ["ground"]},
    ],
    "unknown": ["nothing", "car"],
    "seam": 2,
    "seam_of": ["nothing"],
    "border": 4,
    "leave_out": {"unknown": 0.6},
    "groups": {"open": {"prefixes": ["open_"]}, "clear": {"unknown": 0.1}},
}


def write_pair(folder: Path, name: str, photo: np.ndarray, labels: np.ndarray) -> None:
    for part, pixels in (("photos", photo), ("labels", labels)):
        (folder / part).mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(folder / part / f"{name}.png")


def scene(seed: int, size: tuple[int, int] = (40, 40)) -> tuple[np.ndarray, np.ndarray]:
    """Photo and labels: sky over ground, the border somewhere, in colours with grain that are the scene's own."""
    random = np.random.default_rng(seed)
    labels = np.full(size, 2, np.uint8)
    labels[: size[0] // 3 + seed % 8] = 1
    shift = random.integers(-60, 60, (len(COLOURS), 3))
    colours = (COLOURS + shift)[labels]
    coarse = random.normal(0, 40, (5, 5, 1)).repeat(-(-size[0] // 5), 0).repeat(-(-size[1] // 5), 1)
    grain = coarse[: size[0], : size[1]] + random.normal(0, 6, (*size, 3))
    return (colours + grain).clip(0, 255).astype(np.uint8), labels


def write_scenes(folder: Path, names: Sequence[str]) -> Path:
    for index, name in enumerate(names):
        write_pair(folder, name, *scene(index))
    (folder / "classes.json").write_text(json.dumps(NAMES))
    return folder


def names_in(split: str, count: int, prefix: str = "open_") -> list[str]:
    """Names that the hash puts into a split."""
    candidates = (f"{prefix}{index:03}" for index in range(10_000))
    chosen = (name for name in candidates if in_val(name, 0.1) == (split == "val"))
    return [next(chosen) for _ in range(count)]


def write_recipe(path: Path, **changes: Any) -> Path:
    path.write_text(json.dumps({**RECIPE, **changes}))
    return path


def write_prepared(folder: Path, classes: int, count: int, size: tuple[int, int], unknown: bool = False) -> Path:
    """A prepared set of stripes, each class in its colour, as ``python -m model prepare`` leaves it.

    Photo i shows the classes i … i + 3, and where labels are unknown, in its left eighth.
    """
    colours = [f"#{(40 + 61 * c) % 256:02x}{(90 + 37 * c) % 256:02x}{(200 + 83 * c) % 256:02x}" for c in range(classes)]
    table = np.array([[int(colour[i : i + 2], 16) for i in (1, 3, 5)] for colour in colours], np.uint8)
    rows: list[Mapping[str, Any]] = []
    for split, first, number in (("train", 0, count), ("val", count, max(1, count // 4))):
        for index in range(first, first + number):
            name = f"photo{index:03}"
            stripes = (index + np.arange(4)) % classes
            labels = stripes[np.arange(size[1]) * 4 // size[1]][None].repeat(size[0], 0).astype(np.uint8)
            photo = table[labels]
            if unknown:
                labels[:, : size[1] // 8] = 255
            for part, pixels, ending in (("photos", photo, "jpg"), ("labels", labels, "png")):
                place = folder / split / part
                place.mkdir(parents=True, exist_ok=True)
                Image.fromarray(pixels).save(place / f"{name}.{ending}", quality=95, subsampling=0)
            rows.append({"name": name, "split": split, "groups": ["even"] if index % 2 == 0 else [], "unknown": 0.0})
    listed = [
        {"index": c, "name": f"class {c}", "colour": colour, "display": colour} for c, colour in enumerate(colours)
    ]
    (folder / "taxonomy.json").write_text(json.dumps({"name": "stripes", "unknown": None, "classes": listed}))
    said = {"source": "made for a test", "terms": "none"}
    (folder / "prepared.json").write_text(json.dumps({**said, "recipe": {"size": list(size)}, "photos": rows}))
    return folder
