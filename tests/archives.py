"""Released archives made from derived weights, for the tests."""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from derived_weights import derive
from torch import Tensor

FIXTURES = Path(__file__).parent / "fixtures"
NAMES = ("deepfashion_ngf16", "cityscapes_ngf70", "ade20k_ngf16")


@functools.cache
def manifest(name: str) -> dict[str, Any]:
    """{"generator": {key: shape}, "encoder": {key: shape}}, or the three released ones for "official"."""
    content: dict[str, Any] = json.loads((FIXTURES / f"{name}.keys.json").read_text())
    return content


@functools.cache
def _derived(name: str, part: str) -> dict[str, Tensor]:
    return {key: torch.from_numpy(np.asarray(array)) for key, array in derive(manifest(name)[part]).items()}


def released_state(name: str, part: str = "generator") -> dict[str, Tensor]:
    """A state dict as the released files hold it; the caller may change the table, not the tensors."""
    return dict(_derived(name, part))


def write_archive(folder: Path, name: str = "deepfashion_ngf16", *, encoder: bool = True) -> Path:
    """A released archive's folder."""
    folder.mkdir(parents=True, exist_ok=True)
    torch.save(released_state(name), folder / "latest_net_G.pth")
    if encoder:
        torch.save(released_state(name, "encoder"), folder / "latest_net_E.pth")
    return folder


def parity_arrays(name: str) -> dict[str, np.ndarray]:
    """labels, latent, photo, perhaps instances, and what the reference network makes of them."""
    with np.load(FIXTURES / f"{name}.npz") as arrays:
        return dict(arrays)
