"""What the values of a data set's label files are called, and colours for classes that come without any."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from model.data.matlab import read_matrix, read_names
from model.errors import InputError
from model.recipe.images import MAX_PIXELS, read_png
from model.recipe.labels import to_lab
from model.recipe.taxonomy import UNKNOWN, Taxonomy

STEP = 24  # between the red, green and blue values that drawn colours are chosen from
DARKEST, LIGHTEST = 35, 245


def read_class_names(path: Path, variable: str | None = None) -> list[str]:
    """The names in a JSON list, or in the variable of a MATLAB file, by the value of the label files."""
    if variable is not None:
        return read_names(path, variable)
    try:
        names = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InputError(f"{path} is not JSON: {error}.", field="taxonomy", value=str(path)) from error
    if not isinstance(names, list) or not names or not all(isinstance(name, str) for name in names):
        raise InputError(
            f"{path} is not a list of names; allowed is a list of one text a class.", field="taxonomy", value=str(path)
        )
    return names


def named_taxonomy(title: str, names: Sequence[str]) -> Taxonomy:
    """The classes of these names, in colours as different as can be."""
    colours = tuple(distinct_colours(len(names)))
    return Taxonomy(title, tuple(names), colours, colours)


def distinct_colours(count: int) -> list[tuple[int, int, int]]:
    """Colours each of which is as far as can be, in CIE Lab, from those before it; the same every time."""
    steps = np.arange(DARKEST, LIGHTEST + 1, STEP)
    grid = np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), axis=-1).reshape(-1, 3)  # [K, 3]
    lab = to_lab(grid)
    chosen = [int(np.abs(lab - np.array([50, 0, 0])).sum(axis=1).argmin())]
    distances = np.full(len(lab), np.inf)
    while len(chosen) < count:
        distances = np.minimum(distances, np.square(lab - lab[chosen[-1]]).sum(axis=1))
        chosen.append(int(distances.argmax()))
    return [(int(r), int(g), int(b)) for r, g, b in grid[chosen]]


def read_label_matrix(path: Path, variable: str, classes: int, field: str) -> np.ndarray:
    """A label map out of a MATLAB or Octave file, uint8 [H, W]; raises InputError on a value that is no class."""
    values = read_matrix(path, variable)
    wrong = values[(values < 0) | (values >= classes) & (values != UNKNOWN) | (values != np.round(values))]
    if len(wrong):
        pixels = np.count_nonzero(values == wrong[0])
        raise InputError(
            f"{field} has the value {wrong[0]:g} on {pixels:,} pixels, which is no class; "
            f"allowed is 0 … {classes - 1}, and {UNKNOWN} for unknown.",
            code="unknown_label",
            field=field,
            value=float(wrong[0]),
        )
    return values.astype(np.uint8)


def numbered_names(files: Sequence[Path]) -> list[str]:
    """Names for the values 0 … the largest that label files hold, each a greyscale or palette PNG; 255 is unknown."""
    largest = -1
    for file in files:
        _, values = read_png(file, None, False, MAX_PIXELS, file.name)
        if values.ndim != 2 or values.dtype != np.uint8:
            raise InputError(
                f"{file} holds colours or 16 bits, which only a taxonomy.json in the folder could explain.",
                field="taxonomy",
                value=str(file),
            )
        known = values[values != UNKNOWN]
        largest = max(largest, int(known.max()) if known.size else -1)
    if largest < 0:
        raise InputError(f"{len(files):,} label maps have no pixel with a class.", field="data")
    return [f"class {index}" for index in range(largest + 1)]
