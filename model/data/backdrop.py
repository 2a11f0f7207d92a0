"""A plain, softly graded backdrop in the place of whatever is behind a person."""

from __future__ import annotations

import hashlib

import numpy as np

from model.data.regions import need_scipy

EDGE = 1.5  # pixels over which a person's outline fades into the backdrop
TRUSTED = 3  # pixels inside the outline from where a person's colours hold nothing of what was behind
GRAIN = 0.7  # deviation of the backdrop's grain, of 255


def with_backdrop(photo: np.ndarray, person: np.ndarray, name: str) -> np.ndarray:
    """``photo`` uint8 [H, W, 3] with a backdrop wherever ``person`` bool [H, W] is false; drawn by ``name`` alone.

    Near the outline a person's colours are those from further inside, so that no rim of the street is left.
    """
    ndimage = need_scipy("scipy.ndimage", "Prepared training sets")
    inside = ndimage.distance_transform_edt(person)
    trusted = (inside >= TRUSTED) | (person & (inside >= ndimage.maximum_filter(inside, 2 * TRUSTED + 1)))
    rows, columns = ndimage.distance_transform_edt(~trusted, return_distances=False, return_indices=True)
    spread = ndimage.gaussian_filter(photo[rows, columns].astype(np.float32), (1, 1, 0))
    colours = np.where(trusted[..., None], photo, spread)
    alpha = ndimage.gaussian_filter(person.astype(np.float32), EDGE)
    alpha = ((alpha - 0.35) / 0.55).clip(0, 1)[..., None]  # [H, W, 1]; the outline lies a little inside the label's
    mixed = alpha * colours + (1 - alpha) * backdrop(person.shape, name)
    return mixed.round().clip(0, 255).astype(np.uint8)


def backdrop(shape: tuple[int, ...], name: str) -> np.ndarray:
    """float32 [H, W, 3] of 0 … 255: mostly a pale grey or tint, sometimes a darker one, lighter at a spot."""
    key = int.from_bytes(hashlib.sha256(b"backdrop " + name.encode()).digest()[:8], "big")
    random = np.random.Generator(np.random.Philox(key=key))
    lightness = random.uniform(0.72, 0.97) if random.random() < 0.8 else random.uniform(0.3, 0.72)
    hue, chroma = random.uniform(0, 2 * np.pi), 0.12 * random.random() ** 1.5
    tint = chroma * np.cos(hue + np.array([0, 2, 4]) * np.pi / 3)
    height, width = shape[:2]
    y, x = np.linspace(0, 1, height)[:, None], np.linspace(0, 1, width)[None]
    spot = np.hypot((y - random.uniform(0.1, 0.6)) * height / width, x - random.uniform(0.2, 0.8))
    shade = random.uniform(-0.08, 0.08) * (y - 0.5) - random.uniform(0.0, 0.1) * spot**2
    colour = 255 * (lightness + tint + shade[..., None])
    return (colour + GRAIN * random.standard_normal((height, width, 1))).astype(np.float32)
