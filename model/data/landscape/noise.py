"""Random numbers and noise textures of the procedural landscapes, both reproducible from a seed alone."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

# Channels of the atlas. Those with _U and _V are the slopes of the channel before them, which bump maps need.
FBM, FBM_U, FBM_V, BROAD, RIDGE, RIDGE_U, RIDGE_V, CELL, CELL_U, CELL_V, FINE = range(11)


def lerp(a: Tensor, b: Tensor, t: Tensor | float) -> Tensor:
    """Linear interpolation: a at t = 0, b at t = 1."""
    return a + (b - a) * t


def smoothstep(low: float, high: float, x: Tensor) -> Tensor:
    """0 below ``low``, 1 above ``high``, smooth between; where ``low`` is above ``high``, 1 below and 0 above."""
    t = ((x - low) / (high - low)).clamp(0, 1)
    return t * t * (3 - 2 * t)


def normalise(v: Tensor) -> Tensor:
    """Vectors [3, …] scaled to unit length along the first axis."""
    return v * (v[0] * v[0] + v[1] * v[1] + v[2] * v[2]).clamp_min(1e-9).rsqrt()


class Draws:
    """Random numbers for B scenes, handed out in order.

    Every scene has a counter-based generator of its own, with the key (seed, scene) and a ``stream``. So it draws the
    same numbers in any batch and on any device, whatever is drawn from other streams.
    """

    def __init__(self, seed: int, scenes: Sequence[int], stream: int, columns: int, device: torch.device) -> None:
        """``columns`` is the most numbers that each scene can draw."""
        rows = [np.random.Generator(np.random.Philox(key=[seed, k], counter=[0, 0, 0, stream])) for k in scenes]
        table = np.stack([row.random(columns, dtype=np.float32) for row in rows])
        self.table = torch.from_numpy(table).to(device)  # [B, columns]
        self.used = 0

    def take(self, scenes: Tensor) -> Draws:
        """The draws of some of the scenes, whose indices are given; those already used stay used."""
        part = object.__new__(Draws)
        part.table, part.used = self.table[scenes], self.used
        return part

    def uniform(self, *shape: int, low: float = 0.0, high: float = 1.0) -> Tensor:
        """Uniform numbers [B, *shape] in low … high."""
        count = math.prod(shape)
        if self.used + count > self.table.shape[1]:
            raise RuntimeError(f"a scene draws more than its {self.table.shape[1]} numbers")
        part = self.table[:, self.used : self.used + count]
        self.used += count
        return low + (high - low) * part.reshape(-1, *shape)

    def chance(self, probability: float, *shape: int) -> Tensor:
        """bool [B, *shape], each true with this probability."""
        return self.uniform(*shape) < probability

    def normal(self, *shape: int) -> Tensor:
        """Standard normal numbers [B, *shape], bounded at ± 3.1."""
        return torch.erfinv((2 * self.uniform(*shape) - 1).clamp(-0.998, 0.998)) * math.sqrt(2)

    def choice(self, weights: Sequence[float], *shape: int) -> Tensor:
        """Indices of weights, long [B, *shape], with probabilities in proportion to the weights."""
        edges = torch.tensor(weights, dtype=torch.float32, device=self.table.device).cumsum(0)
        return torch.searchsorted(edges, self.uniform(*shape) * edges[-1], right=True).clamp_max(len(weights) - 1)


class NoiseAtlas:
    """A noise tile that repeats without seams, in eleven channels, with all its mip levels in one texture.

    Coordinates count tiles. Level l has details of at least 2^l texels, where a tile has 256. The last level is the
    tile's mean, so that the tile fades far away and its repetition is not seen.
    """

    TILE, LEVELS = 256, 7

    def __init__(self, seed: int, device: torch.device) -> None:
        generator = torch.Generator().manual_seed(seed)
        frequency = torch.fft.fftfreq(self.TILE, 1 / self.TILE)
        radius = (frequency[:, None] ** 2 + frequency[None] ** 2).sqrt()
        channels = torch.stack(_tile_channels(radius, generator))  # [11, T, T]
        levels = []
        for level in range(self.LEVELS):
            width = 0.45 * 2**level if level else 0.0
            keep = torch.exp(-0.5 * (2 * math.pi * radius / self.TILE * width) ** 2)
            if level == self.LEVELS - 1:
                keep = (radius == 0).float()
            levels.append(F.pad(_filtered(channels, keep)[None], (1, 1, 1, 1), mode="circular"))
        self.texture = torch.cat(levels, 2).to(device)  # [1, 11, L·(T+2), T+2]
        self._subsets: dict[tuple[int, ...], Tensor] = {}

    def read(self, u: Tensor, v: Tensor, channels: tuple[int, ...], lod: Tensor | None = None) -> Tensor:
        """The channels at (u, v): [len(channels), *u.shape]. ``lod``, of u's shape, is the mip level, rounded."""
        if channels not in self._subsets:  # a subset is copied once and not at every read
            self._subsets[channels] = self.texture[:, list(channels)].contiguous()
        line = (v - v.floor()) * self.TILE + 0.5
        if lod is not None:
            line = line + lod.round().clamp(0, self.LEVELS - 1) * (self.TILE + 2)
        grid_x = (2 * ((u - u.floor()) * self.TILE + 0.5) + 1) / (self.TILE + 2) - 1
        grid_y = (2 * line + 1) / (self.LEVELS * (self.TILE + 2)) - 1
        grid = torch.stack([grid_x, grid_y], -1).reshape(1, 1, -1, 2)
        values: Tensor = F.grid_sample(self._subsets[channels], grid, align_corners=False)
        return values.reshape(-1, *u.shape)


def _filtered(noise: Tensor, gain: Tensor) -> Tensor:
    """Noise [..., T, T] with each frequency multiplied by its gain [T, T]."""
    return torch.fft.ifft2(torch.fft.fft2(noise) * gain).real


def _tile_channels(radius: Tensor, generator: torch.Generator) -> list[Tensor]:
    """The eleven channels of the tile, each [T, T]; ``radius`` is the frequency in cycles per tile."""
    size = len(radius)

    def spectrum(gain: Tensor) -> Tensor:
        noise = _filtered(torch.randn(size, size, generator=generator), gain)
        return noise / noise.std()

    def power_law(exponent: float) -> Tensor:
        return spectrum(torch.where(radius > 1, radius.clamp_min(1) ** -exponent, 0.0))

    def band(centre: float) -> Tensor:
        return spectrum(torch.exp(-((radius.clamp_min(0.1) / centre).log() ** 2) / 0.25))

    def slopes(t: Tensor) -> list[Tensor]:
        return [(torch.roll(t, -1, axis) - torch.roll(t, 1, axis)) * (size / 2) for axis in (1, 0)]

    fbm, broad = power_law(1.7), power_law(1.5)
    ridge, weight, gate = torch.zeros_like(radius), 1.0, torch.ones_like(radius)
    for octave in range(6):  # multifractal noise: fine ridges appear only where coarse ones are high
        crest = (1 - band(2.2 * 2**octave).abs() * 0.75).clamp(0, 1) ** 2
        ridge = ridge + weight * crest * gate
        gate, weight = (crest * 1.6).clamp(0, 1), weight * 0.46
    ridge = (ridge - ridge.mean()) / ridge.std()
    cell = _cells(size, 20, generator)
    return [fbm, *slopes(fbm), broad, ridge, *slopes(ridge), cell, *slopes(cell), band(size / 7)]


def _cells(size: int, count: int, generator: torch.Generator) -> Tensor:
    """Worley noise [T, T] (Worley, SIGGRAPH 1996): 1 at the centres of ``count``² jittered cells, −0.3 between them."""
    jitter = torch.rand(count, count, 2, generator=generator)
    axis = torch.arange(size) / size * count
    y, x = torch.meshgrid(axis, axis, indexing="ij")
    nearest = torch.full((size, size), 9.0)
    for dy in (-1, 0, 1):
        for dx in (-1, 0, 1):
            cell_y, cell_x = y.floor() + dy, x.floor() + dx
            centre = jitter[(cell_y % count).long(), (cell_x % count).long()]  # [T, T, 2]
            nearest = torch.minimum(nearest, (cell_y + centre[..., 0] - y) ** 2 + (cell_x + centre[..., 1] - x) ** 2)
    return (1 - nearest).clamp(-0.3, 1)
