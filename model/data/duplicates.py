"""Photos that show the same: a hash of 64 bits by which they are found, and which of two splits keeps them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import numpy as np
from PIL import Image

SIDE = 8


def difference_hash(photo: np.ndarray) -> np.ndarray:
    """uint8 [H, W, 3] → 64 bits, bool [64]: where the photo, 9×8 pixels small and grey, gets brighter to the right."""
    grey = Image.fromarray(photo).convert("L").resize((SIDE + 1, SIDE), Image.Resampling.BOX)
    values = np.asarray(grey, np.int16)
    return (values[:, 1:] > values[:, :-1]).ravel()


def mirrored(hashes: np.ndarray) -> np.ndarray:
    """The hashes [N, 64] of the same photos, left and right exchanged (but for pixels of equal brightness)."""
    return ~hashes.reshape(-1, SIDE, SIDE)[:, :, ::-1].reshape(len(hashes), -1)


def in_val(name: str, share: float) -> bool:
    """Whether a photo is held out: a function of its name alone, so that it stays where it is as a set grows."""
    digest = hashlib.sha256(name.encode()).digest()
    return int.from_bytes(digest[:8], "big") < share * 2**64


def alike(train: Mapping[str, np.ndarray], val: Mapping[str, np.ndarray], bits: int) -> dict[str, str]:
    """Name of each photo of ``train`` whose hash is within ``bits`` of one of ``val``, mirrored or not → that one's."""
    if not train or not val:
        return {}
    names, held_out = list(train), list(val)
    first, second = np.stack([train[name] for name in names]), np.stack([val[name] for name in held_out])
    distances = np.minimum(_distances(first, second), _distances(first, mirrored(second)))  # [train, val]
    closest = distances.argmin(axis=1)
    return {name: held_out[closest[row]] for row, name in enumerate(names) if distances[row, closest[row]] <= bits}


def _distances(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Bits that differ, int [A, B]."""
    a, b = first.astype(np.float32), second.astype(np.float32)
    return (a @ (1 - b).T + (1 - a) @ b.T).round().astype(int)
