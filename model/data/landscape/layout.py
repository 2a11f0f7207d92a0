"""Layouts of scenes: label maps with the geometry of every pixel. This file has the painted ones, terrain.py others."""

from __future__ import annotations

from dataclasses import dataclass, fields

import torch
import torch.nn.functional as F
from torch import Tensor

from model.data.landscape.looks import CLASSES, CLOUD, FLOWER, GRASS, HOUSE, MOUNTAIN, ROCK, SAND, SKY, SNOW, TREE
from model.data.landscape.noise import BROAD, FBM, Draws, NoiseAtlas, lerp

FAR = 3000.0  # depth of sky and clouds in world units; a house is about five units high


@dataclass
class Scene:
    """The G-buffer of B scenes: the class of every pixel and its place in the world. x is right, y up, z away."""

    labels: Tensor  # [B, S, S] int64 class indices
    depth: Tensor  # [B, S, S] distance along z, world units
    across: Tensor  # [B, S, S] first texture coordinate, to the right, world units
    along: Tensor  # [B, S, S] second texture coordinate, away on the ground and up on steep things, world units
    normal: Tensor  # [3, B, S, S] unit vectors
    bark: Tensor  # [B, S, S] bool, true on the trunk of a tree
    horizon: Tensor  # [B] row of the pixels at the eye's height
    eye: Tensor  # [B] height of the eye, world units

    @staticmethod
    def join(parts: list[Scene], order: Tensor) -> Scene:
        """Scenes of several layouts in one batch; ``order[i]`` is the index of scene i in the joined parts."""

        def gather(name: str) -> Tensor:
            axis = 1 if name == "normal" else 0
            return torch.cat([getattr(part, name) for part in parts], axis).index_select(axis, order)

        return Scene(**{field.name: gather(field.name) for field in fields(Scene)})


@dataclass
class Frame:
    """The grid of a picture's pixels."""

    size: int  # pixels a side
    device: torch.device

    def __post_init__(self) -> None:
        axis = torch.arange(self.size, device=self.device).float()
        self.row, self.col = torch.meshgrid(axis, axis, indexing="ij")  # [S, S]
        self.focal = float(self.size)  # focal length in pixels: the field of view is 53°
        self.unit = self.size / 256  # pixels here for one pixel of a picture of 256×256


def majority(labels: Tensor, width: int) -> Tensor:
    """The most frequent class in the width×width window around each pixel of [B, S, S], for an odd width up to 5.

    It removes speckles and makes borders as smooth as painted ones. Twelve counters of five bits share one int64, so
    that one separable box sum counts all classes.
    """
    size = labels.shape[1]
    counters = F.pad(torch.ones_like(labels) << (5 * labels), (width // 2,) * 4)
    counters = torch.stack([counters[:, :, i : i + size] for i in range(width)]).sum(0)
    counters = torch.stack([counters[:, i : i + size] for i in range(width)]).sum(0)
    best, winner = torch.zeros_like(labels), torch.zeros_like(labels)
    for label in range(CLASSES):
        count = (counters >> (5 * label)) & 31
        more = count > best
        best, winner = torch.where(more, count, best), torch.where(more, label, winner)
    return winner


def map_horizon(labels: Tensor) -> Tensor:
    """The row [B] of the horizon as a label map suggests it: the share of sky and far things times the height."""
    high = ((labels == SKY) | (labels == CLOUD) | (labels == MOUNTAIN)).float() + 0.5 * (labels == SNOW)
    size = labels.shape[1]
    return high.mean((1, 2)).clamp(0.25, 0.62) * size


def run_ends(member: Tensor, row: Tensor) -> tuple[Tensor, Tensor]:
    """First and last row, each [B, S, S], of the vertical run of true pixels in ``member`` that a pixel belongs to.

    Where ``member`` is false, they are the pixel's own row ± 1; ``row`` [S, S] has each pixel's row.
    """
    outside = row.expand(member.shape)
    size = member.shape[1]
    above = torch.where(member, -1.0, outside).cummax(1)[0]
    below = torch.where(member, float(size), outside).flip(1).cummin(1)[0].flip(1)
    return above + 1, below - 1


class PaintedMaps:
    """Label maps as people paint them: bands, blobs, strokes and boxes of any class; the geometry follows the map."""

    # How likely each class is (in the order of ``looks``): for each band from the horizon down, for marks above the
    # horizon, for marks below it, and for places where every class is as likely.
    BANDS = (
        (0, 0, 6, 3, 1, 2, 0, 0, 2, 0, 0, 0.6),
        (0, 0, 3, 2, 4, 4, 1, 1, 2, 0.4, 0.8, 0.6),
        (0, 0, 0, 1, 5, 3, 4, 2, 2, 1, 1.4, 0.6),
        (0, 0, 0, 1, 4, 1, 3, 3, 2, 2.4, 2.6, 0),
    )
    BAND_ROWS = (-0.06, 0.02, 0.14, 0.34)  # top of each band below the horizon, in heights of the picture
    UP_HIGH = (0.5, 9, 1, 1, 0, 2, 0, 0, 0, 0, 0, 1.8)
    DOWN_LOW = (0, 0, 0, 1, 2, 3, 3, 1, 4, 2.6, 2.6, 3)
    ANYTHING = (1,) * CLASSES

    def __init__(self, frame: Frame, atlas: NoiseAtlas) -> None:
        self.frame, self.atlas = frame, atlas

    def paint(self, draws: Draws) -> Scene:
        """One scene for each of the draws' scenes."""
        horizon = draws.uniform(1, 1, low=0.3, high=0.58)
        wild = draws.chance(0.35, 1, 1)
        labels = self._bands(draws, horizon, wild)
        labels = self._marks(draws, labels, horizon, wild)
        kind = draws.uniform(1, 1)
        labels = torch.where(kind < 0.1, self._patchwork(draws), labels)
        single = draws.choice(self.ANYTHING, 1, 1).expand_as(labels)
        labels = torch.where(kind > 0.96, single, labels)
        return self.stand(labels)

    def _noise(self, draws: Draws, scale: float) -> Tensor:
        """Fractal noise over the picture, [B, S, S]; ``scale`` tiles of it fill the width."""
        x, y = self.frame.col / self.frame.size * scale, self.frame.row / self.frame.size * scale
        return self.atlas.read(x + draws.uniform(1, 1), y + draws.uniform(1, 1), (FBM,))[0]

    def _bands(self, draws: Draws, horizon: Tensor, wild: Tensor) -> Tensor:
        """Sky, and below it up to four bands with uneven tops; where ``wild``, of any class: labels [B, S, S]."""
        size = self.frame.size
        labels = torch.zeros(len(horizon), size, size, dtype=torch.long, device=self.frame.device)
        x, y = self.frame.col[:1] / size * 0.25, self.frame.row / size
        for i, (weights, below) in enumerate(zip(self.BANDS, self.BAND_ROWS, strict=True)):
            label = torch.where(wild, draws.choice(self.ANYTHING, 1, 1), draws.choice(weights, 1, 1))
            roughness = draws.uniform(1, 1, low=0.01, high=0.09) * (1.15 - 0.25 * i)
            u = x + draws.uniform(1, 1)
            ridge = self.atlas.read(u, draws.uniform(1, 1).expand_as(u), (FBM,))[0]
            line = horizon + below + ridge * roughness + draws.uniform(1, 1, low=-0.06, high=0.06)
            labels = torch.where((y > line) & draws.chance(0.85, 1, 1), label, labels)
        return labels

    def _marks(self, draws: Draws, labels: Tensor, horizon: Tensor, wild: Tensor) -> Tensor:
        """The label maps with up to eight blobs, strokes, houses and boxes on top."""
        x, y = self.frame.col / self.frame.size, self.frame.row / self.frame.size
        for _ in range(8):
            at_x, at_y = draws.uniform(1, 1), draws.uniform(1, 1) ** 0.8
            radius = draws.uniform(1, 1, low=0.2, high=1.0) ** 1.4 * 0.22
            stretch = draws.uniform(1, 1, low=0.4, high=2.6)
            high, low = draws.choice(self.UP_HIGH, 1, 1), draws.choice(self.DOWN_LOW, 1, 1)
            label = torch.where(at_y < horizon, high, low)
            label = torch.where(wild, draws.choice(self.ANYTHING, 1, 1), label)
            dx, dy = (x - at_x) / radius, (y - at_y) / radius
            blob = ((dx / stretch) ** 2 + (dy * stretch) ** 2).sqrt() + 0.25 * self._noise(draws, 0.5)
            slope = draws.uniform(1, 1, low=-1, high=1)
            stroke = (dy - dx * slope - 0.05 / radius * (x * 9).sin()).abs() * 4
            # A house is wider than it is high, with straight walls and a triangular gable.
            gable = torch.maximum(dx.abs() / 0.9, torch.maximum(dy / 0.7, -0.25 - dy + dx.abs() * 0.7))
            box = torch.maximum(dx.abs() / stretch.clamp(0.7, 1.6), dy.abs() / 0.7)
            form = draws.uniform(1, 1)
            shape = torch.where(form < 0.15, stroke, blob)
            shape = torch.where(label == HOUSE, torch.where(form < 0.7, gable, box), shape)
            labels = torch.where((shape < 1) & draws.chance(0.7, 1, 1), label, labels)
        return labels

    def _patchwork(self, draws: Draws) -> Tensor:
        """Label maps of five classes; each covers the pixels where its own noise is the highest."""
        labels = draws.choice(self.ANYTHING, 5, 1, 1)  # [B, 5, 1, 1]
        highest = torch.stack([self._noise(draws, 0.35) for _ in range(5)], 1).argmax(1, keepdim=True)
        return labels.expand(-1, -1, *highest.shape[2:]).gather(1, highest)[:, 0]

    def stand(self, labels: Tensor) -> Scene:
        """The scene of any label maps [B, S, S], its geometry derived from the map alone.

        The ground is a plane below the map's horizon. Upright things stand on the ground at the last row of their
        vertical run.
        """
        frame, size = self.frame, self.frame.size
        horizon = map_horizon(labels)
        eye = torch.full_like(horizon, 5.0)
        row = frame.row.expand(labels.shape)
        upright = (labels == TREE) | (labels == HOUSE) | (labels == MOUNTAIN) | (labels == ROCK)
        foot = torch.where(upright, run_ends(upright, frame.row)[1], row)
        foot = torch.where(upright, smooth_within(foot, upright, int(40 * frame.unit)), foot)
        below = F.softplus((foot - horizon[:, None, None]) / (6 * frame.unit)) * 6 * frame.unit + 5 * frame.unit
        depth = frame.focal * eye[:, None, None] / below
        depth = torch.where(labels == MOUNTAIN, depth.clamp(260, 700), depth)
        across = (frame.col - size / 2 + 0.5) / frame.focal * depth
        standing = upright | (row < horizon[:, None, None])
        along = torch.where(standing, -row / frame.focal * depth * 1.4, depth)
        tilt = torch.where(upright, 0.4, 1.0)
        normal = torch.stack([torch.zeros_like(tilt), tilt, torch.where(upright, -0.9, 0.0)])
        normal = normal * (normal**2).sum(0).rsqrt()
        far = (labels == SKY) | (labels == CLOUD)
        depth = torch.where(far, FAR, depth)
        return Scene(labels, depth, across, along, normal, torch.zeros_like(upright), horizon, eye)


def smooth_within(values: Tensor, member: Tensor, radius: int) -> Tensor:
    """``values`` [B, S, S] averaged over the members among the 2 · radius + 1 neighbours in each row.

    It removes seams between columns.
    """
    width = 2 * radius + 1

    def blur(t: Tensor) -> Tensor:
        return F.avg_pool2d(t[:, None], (1, width), 1, (0, radius), count_include_pad=False)[:, 0]

    weight = member.float()
    return blur(values * weight) / blur(weight).clamp_min(1e-4)


def scatter_clouds(scene: Scene, frame: Frame, atlas: NoiseAtlas, draws: Draws) -> None:
    """Turn part of a scene's sky into clouds, which are small and flat near the horizon and large overhead."""
    size = frame.size
    horizon = scene.horizon[:, None, None]
    elevation = (horizon - frame.row).clamp_min(2 * frame.unit) / size + 0.06
    scale = draws.uniform(1, 1, low=0.10, high=0.30)
    layered = draws.chance(0.65, 1, 1)
    u = (frame.col / size - 0.5) / (elevation + 0.25) * scale + draws.uniform(1, 1)
    v = torch.where(layered, -elevation * 2.2, 0.12 / (elevation + 0.1)) * scale * 2 + draws.uniform(1, 1)
    fbm, broad = atlas.read(u, v, (FBM, BROAD))
    cover = fbm + 0.45 * broad > draws.uniform(1, 1, low=0.0, high=2.1)
    cloudy = (scene.labels == SKY) & cover & (frame.row < horizon - 3 * frame.unit)
    scene.labels = torch.where(cloudy, CLOUD, scene.labels)


# How likely each class is to cover a terrain's ground, and the patches in it.
GROUNDS = {GRASS: 9.0, SNOW: 1.8, SAND: 1.6, ROCK: 2.2, FLOWER: 1.8}
PATCHES = {FLOWER: 5.0, GRASS: 3.0, SAND: 1.6, ROCK: 4.0, SNOW: 1.2}


def weights_of(table: dict[int, float]) -> list[float]:
    """Weights by class as a list of all classes, 0 for those that the table lacks."""
    return [table.get(label, 0.0) for label in range(CLASSES)]


def interpolate_depth(near: Tensor, far: Tensor, t: Tensor) -> Tensor:
    """The depth at t in 0 … 1 of the way between two slices on the screen, where 1/z is linear and z is not."""
    return 1 / lerp(1 / near, 1 / far, t)
