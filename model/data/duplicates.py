"""Photos that show the same: a perceptual hash by which they are found, and which split a photo belongs to.

The hash is 64 bits that say where a small grey copy of the photo gets brighter to the right. Plain scenes, a sun over a
sea, often have the same bits; so photos count as alike only where small coloured copies hardly differ as well.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from PIL import Image

SIDE = 8
COLOURS_APART = 15  # mean difference, of 255, of the small coloured copies of photos that are alike


@dataclass(frozen=True)
class Print:
    """What a photo is recognised by: bits bool [8, 8], colours float32 [8, 8, 3] of 0 … 255."""

    bits: np.ndarray
    colours: np.ndarray


def fingerprint(photo: np.ndarray) -> Print:
    """The perceptual hash and small copy of a photo uint8 [H, W, 3]."""
    image = Image.fromarray(photo)
    grey = np.asarray(image.convert("L").resize((SIDE + 1, SIDE), Image.Resampling.BOX), np.int16)
    colours = np.asarray(image.resize((SIDE, SIDE), Image.Resampling.BOX), np.float32)
    return Print(grey[:, 1:] > grey[:, :-1], colours)


def mirrored(one: Print) -> Print:
    """The print of the same photo with left and right exchanged; exact but for neighbours of equal brightness."""
    return Print(~one.bits[:, ::-1], one.colours[:, ::-1])


def in_val(name: str, share: float) -> bool:
    """Whether a photo is held out: a function of its name alone, so that it stays where it is as a set grows."""
    digest = hashlib.sha256(name.encode()).digest()
    return int.from_bytes(digest[:8], "big") < share * 2**64


def alike(train: Mapping[str, Print], val: Mapping[str, Print], bits: int) -> dict[str, str]:
    """Name of each photo of ``train`` that shows the same as one of ``val``, mirrored or not → that one's name.

    Their hashes differ in ``bits`` of 64 at most, and their colours hardly.
    """
    found: dict[str, str] = {}
    if not val:
        return found
    names = list(val)
    both = [*val.values(), *map(mirrored, val.values())]
    hashes = np.stack([one.bits for one in both])  # [2V, 8, 8]
    colours = np.stack([one.colours for one in both])  # [2V, 8, 8, 3]
    for name, one in train.items():
        near = np.flatnonzero((hashes != one.bits).sum((1, 2)) <= bits)
        apart = np.abs(colours[near] - one.colours).mean((1, 2, 3))
        if len(near) and apart.min() <= COLOURS_APART:
            found[name] = names[near[apart.argmin()] % len(names)]
    return found
