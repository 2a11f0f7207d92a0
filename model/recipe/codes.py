"""Codes as NumPy files: an .npz with one float16 array [8, h, w] for each class, by the class's name."""

from __future__ import annotations

import io
import math
import zipfile
from collections.abc import Iterable

import numpy as np

from model.errors import InputError, refuse
from model.network.config import GroupDNetConfig
from model.recipe.styles import FLOAT16_MAX, MAX_NAME, Code, Style
from model.recipe.taxonomy import Taxonomy

ALLOWED = "an .npz file with one array for each class, by the class's name"
HEADER = 4096  # most bytes of an array's header


def write_codes(style: Style, classes: Iterable[int], config: GroupDNetConfig, taxonomy: Taxonomy) -> bytes:
    """An .npz file with the codes, float16 of ``config.code_shape``, that ``style`` gives to ``classes``."""
    buffer = io.BytesIO()
    np.savez(buffer, **{taxonomy.names[c]: style.spec(c).code(c, config) for c in classes})  # type: ignore[arg-type]
    return buffer.getvalue()


def read_codes(content: bytes, config: GroupDNetConfig, taxonomy: Taxonomy, name: str | None = None) -> Style:
    """The style in an .npz file of codes. Its codes say that they are from ``name``; classes not in it have seed 0.

    Raises InputError for any other file, a class that the model lacks, another shape, and numbers beyond float16.
    """
    limit = math.prod(config.code_shape) * np.dtype(np.float64).itemsize + HEADER  # bytes of one array
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            for entry in archive.infolist():
                if entry.file_size > limit:
                    what = f"has {entry.file_size} bytes in {entry.filename}"
                    refuse("codes", entry.file_size, what, f"at most {limit} bytes for each class")
        with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
            found = {key: np.asarray(arrays[key]) for key in arrays.files}
    except InputError:
        raise
    except (ValueError, OSError, EOFError, zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
        refuse("codes", None, "cannot be read", ALLOWED, cause=error)
    if not found:
        refuse("codes", None, "is empty", ALLOWED)
    source = name[:MAX_NAME] if name else None
    specs = {taxonomy.index(key): Code(_code(key, value, config), source) for key, value in found.items()}
    return Style(0, specs)


def _code(key: str, value: np.ndarray, config: GroupDNetConfig) -> bytes:
    """The array of the class called ``key`` as a style stores it: little-endian float16."""
    if value.shape != config.code_shape or value.dtype.kind not in "fiu":
        what, allowed = f"has {value.dtype} {value.shape} for {key}", f"numbers {config.code_shape} for each class"
        refuse("codes", list(value.shape), what, allowed)
    numbers = value.astype(np.float64)
    if not (np.abs(numbers) <= FLOAT16_MAX).all():  # this refuses NaN too
        refuse("codes", key, f"has numbers for {key} that are NaN or too large", f"at most ±{FLOAT16_MAX:.0f}")
    return numbers.astype("<f2").tobytes()
