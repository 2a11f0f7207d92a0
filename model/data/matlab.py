"""Arrays and lists of names out of ``.mat`` files: MATLAB version 5, and Octave's text form of the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from model.data.regions import need_scipy
from model.errors import InputError

OCTAVE = b"# Created by Octave"
MAX_VALUES = 1 << 26  # largest array that is read from a text file


def read_matrix(path: Path, name: str) -> np.ndarray:
    """The two-dimensional array called ``name``; raises InputError, which names the file, where there is none."""
    value = _variables(path).get(name)
    if not isinstance(value, np.ndarray) or value.ndim != 2 or value.dtype.kind not in "uif":
        raise InputError(f"{path} has no matrix called {name!r}.", field="labels", value=str(path))
    return value


def read_names(path: Path, name: str) -> list[str]:
    """The list of words (a MATLAB cell array) called ``name``."""
    value = _variables(path).get(name)
    if isinstance(value, np.ndarray):
        value = [str(np.asarray(cell).item()) for cell in value.ravel() if np.asarray(cell).size == 1]
    if not value or not all(isinstance(word, str) for word in value):
        raise InputError(f"{path} has no list of names called {name!r}.", field="taxonomy", value=str(path))
    return list(value)


def _variables(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            if file.read(len(OCTAVE)) == OCTAVE:
                return _octave(path.read_text(encoding="utf-8", errors="replace").splitlines())
    except OSError as error:
        raise InputError(f"{path}: {(error.strerror or 'cannot be read').lower()}.", value=str(path)) from error
    except (ValueError, IndexError, KeyError) as error:
        raise InputError(f"{path} is damaged and cannot be read: {error}.", value=str(path)) from error
    loadmat = need_scipy("scipy.io", "MATLAB files").loadmat
    try:
        return loadmat(path)
    except Exception as error:  # scipy raises whatever a damaged file leads it to
        raise InputError(f"{path} is not a MATLAB file that can be read: {error}.", value=str(path)) from error


def _octave(lines: list[str]) -> dict[str, Any]:
    """Every integer or real matrix and every cell array of words of a text file, by name."""
    variables: dict[str, Any] = {}
    at = 0
    while at < len(lines):
        if not lines[at].startswith("# name: "):
            at += 1
            continue
        name, kind = lines[at][8:].strip(), lines[at + 1].removeprefix("# type: ").strip()
        if kind == "cell":
            variables[name], at = _octave_cell(lines, at + 2)
        elif kind.endswith("matrix"):
            variables[name], at = _octave_matrix(lines, at + 2)
        else:
            at += 2
    return variables


def _octave_matrix(lines: list[str], at: int) -> tuple[np.ndarray, int]:
    """The values that begin at a line, and the line after them.

    Those with ``ndims`` stand one a line, column by column; those with ``rows`` and ``columns`` a row a line.
    """
    if lines[at].startswith("# ndims:"):
        shape = tuple(int(word) for word in lines[at + 1].split())
        count = int(np.prod(shape))
        if not 0 < count <= MAX_VALUES:
            raise ValueError(f"a matrix of shape {shape}")
        at += 2
        values = np.array(" ".join(lines[at : at + count]).split(), np.float64)
        return values.reshape(shape, order="F"), at + count
    rows, columns = (int(line.split(":")[1]) for line in lines[at : at + 2])
    at += 2
    values = np.array(" ".join(lines[at : at + rows]).split(), np.float64)
    return values.reshape(rows, columns), at + rows


def _octave_cell(lines: list[str], at: int) -> tuple[list[str], int]:
    rows, columns = (int(line.split(":")[1]) for line in lines[at : at + 2])
    at += 2
    words: list[str] = []
    while len(words) < rows * columns:
        if lines[at].startswith("# length:"):
            words.append(lines[at + 1])
        at += 1
    return words, at
