"""Codes in a file of NumPy's: an .npz with one float16 array [8, h, w] a class, by the class's name."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable
from typing import NoReturn

import numpy as np

from model.errors import InputError
from model.network.config import GroupDNetConfig
from model.recipe.styles import FLOAT16_MAX, MAX_NAME, Code, Style
from model.recipe.taxonomy import Taxonomy

ALLOWED = "a .npz with one array a class, by the class's name"
HEADER = 4096  # bytes that an array's header may take


def write_codes(style: Style, classes: Iterable[int], config: GroupDNetConfig, taxonomy: Taxonomy) -> bytes:
    """The codes that ``style`` gives those classes."""
    buffer = io.BytesIO()
    np.savez(buffer, **{taxonomy.names[c]: style.spec(c).code(c, config) for c in classes})  # type: ignore[arg-type]
    return buffer.getvalue()


def read_codes(content: bytes, config: GroupDNetConfig, taxonomy: Taxonomy, name: str | None = None) -> Style:
    """The style of such a file, its origin called ``name``; a class that the file lacks keeps to seed 0.

    Raises InputError for any other file, a class that the model lacks, another shape and numbers that float16 has not.
    """
    limit = 8 * int(np.prod(config.code_shape)) + HEADER  # of one array, as float64
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            for entry in archive.infolist():
                if entry.file_size > limit:
                    _refuse(f"{entry.filename} has {entry.file_size} bytes, more than a code can", entry.file_size)
        with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
            found = {key: np.asarray(arrays[key]) for key in arrays.files}
    except InputError:
        raise
    except (ValueError, OSError, EOFError, zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
        _refuse("the file of codes cannot be read", None, error)
    if not found:
        _refuse("the file of codes is empty", None)
    source = name[:MAX_NAME] if name else None
    return Style(0, {taxonomy.index(key): Code(_code(key, value, config), source) for key, value in found.items()})


def _code(key: str, value: np.ndarray, config: GroupDNetConfig) -> bytes:
    if value.shape != config.code_shape or value.dtype.kind not in "fiu":
        sizes = "×".join(map(str, config.code_shape))
        _refuse(f"the code of {key} is {value.dtype} {value.shape}, this model's are numbers ({sizes})", value.shape)
    numbers = value.astype(np.float64)
    if not (np.abs(numbers) <= FLOAT16_MAX).all():  # NaN is refused too
        _refuse(f"the code of {key} has numbers beyond ±{FLOAT16_MAX:.0f}, or none at all", key)
    return numbers.astype("<f2").tobytes()


def _refuse(what: str, value: object, cause: Exception | None = None) -> NoReturn:
    raise InputError(f"{what}; allowed is {ALLOWED}", field="codes", value=value, allowed=ALLOWED) from cause
