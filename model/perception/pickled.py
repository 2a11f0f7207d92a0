"""Pickles of NumPy arrays, read without running anything that they name."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from model.perception.store import bad_file

# What an array's pickle names; NumPy 2 writes numpy._core where NumPy 1 wrote numpy.core.
_reconstruct: Callable[..., Any] = np.empty(0).__reduce__()[0]  # type: ignore[assignment]
ALLOWED: dict[tuple[str, str], Callable[..., Any]] = {
    ("numpy.core.multiarray", "_reconstruct"): _reconstruct,
    ("numpy._core.multiarray", "_reconstruct"): _reconstruct,
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
}


class _Arrays(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in ALLOWED:
            raise pickle.UnpicklingError(f"it names {module}.{name}, and only NumPy arrays are allowed")
        return ALLOWED[module, name]

    def persistent_load(self, pid: Any) -> Any:
        raise pickle.UnpicklingError("it names something outside of itself")


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """The arrays in a pickle of nested dictionaries, by their keys joined with "/".

    Raises InputError where the file is damaged, or names anything but NumPy's arrays, which is not executed.
    """
    try:
        with path.open("rb") as file:
            tree = _Arrays(file).load()
        return dict(_leaves(tree, ""))
    except Exception as error:  # a damaged pickle raises anything
        reason = str(error).rstrip(".") or type(error).__name__
        raise bad_file(f"{path} could not be read as a pickle of arrays: {reason}.", path.name) from error


def _leaves(tree: Any, key: str) -> list[tuple[str, np.ndarray]]:
    if isinstance(tree, np.ndarray) and tree.dtype.kind == "f":
        return [(key, tree)]
    if not isinstance(tree, dict):
        raise ValueError(f"{key or 'its root'} is a {type(tree).__name__}, not an array of numbers")
    return [leaf for name, branch in tree.items() for leaf in _leaves(branch, f"{key}/{name}" if key else str(name))]
