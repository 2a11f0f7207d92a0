"""Surfaces of the classes: the colour and relief of their pixels, from noise, style and the label map around them."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from model.data.landscape.layout import Frame, Scene, run_ends
from model.data.landscape.looks import CLOUD, FLOWER, GRASS, HOUSE, MOUNTAIN, ROAD, ROCK, SAND, SNOW, TONES, TREE, Style
from model.data.landscape.noise import (
    BROAD,
    CELL,
    CELL_U,
    CELL_V,
    FBM,
    FBM_U,
    FBM_V,
    FINE,
    RIDGE,
    RIDGE_U,
    RIDGE_V,
    NoiseAtlas,
    lerp,
    normalise,
    smoothstep,
)

# Linear colours.
BARK = (0.055, 0.040, 0.030)
GLASS = (0.05, 0.07, 0.09)
LAMPLIGHT = (0.85, 0.52, 0.18)
LEAVES = ((0.05, 0.09, 0.02), (0.13, 0.22, 0.05))  # dark and light leaves under flowers


@dataclass
class Surface:
    """The material of n pixels, for ``Shader`` to light."""

    albedo: Tensor  # [3, n] linear colour in white light
    normal: Tensor  # [3, n] unit vectors
    occlusion: Tensor  # [n] share of the light that arrives: 1 in the open
    wrap: float = 0.0  # share by which light reaches beyond the side that faces the sun, on soft things
    glow: Tensor | None = None  # [3, n] light that the surface gives off


def blur(plane: Tensor, width: int) -> Tensor:
    """[B, S, S] blurred by two passes of a box of odd ``width``, which is close to a Gaussian."""
    half, plane = width // 2, plane[:, None]
    for _ in range(2):
        plane = F.avg_pool2d(F.pad(plane, (half, half, 0, 0), mode="replicate"), (1, width), 1)
        plane = F.avg_pool2d(F.pad(plane, (0, 0, half, half), mode="replicate"), (width, 1), 1)
    return plane[:, 0]


def shifted(plane: Tensor, down: int, right: int) -> Tensor:
    """[B, S, S] moved down and to the right by whole pixels, with its edge repeated."""
    size = plane.shape[1]
    return F.pad(plane[:, None], (right, 0, down, 0), mode="replicate")[:, 0, :size, :size]


class Stage:
    """B scenes in their styles, with planes [B, S, S] computed from their maps, such as the shadows of tall things.

    A pixel's flat index is scene · S² + row · S + column.
    """

    def __init__(self, frame: Frame, atlas: NoiseAtlas, grain: Tensor, scene: Scene, style: Style) -> None:
        self.frame, self.atlas, self.grain, self.scene, self.style = frame, atlas, grain, scene, style
        labels = scene.labels
        tree, rock, house = labels == TREE, labels == ROCK, labels == HOUSE
        tall = (tree | rock | house).float()
        self.crowding = shifted(blur(tall, self.odd(9)), max(1, round(2 * self.frame.unit)), 0)
        steps = [max(1, round(length * self.frame.unit)) for length in (4, 9, 15, 23)]
        self.shadow = torch.stack([shifted(tall, max(1, step // 3), step) for step in steps]).mean(0)
        self.cloud_near = blur((labels == CLOUD).float(), self.odd(7))
        self.cloud_wide = blur((labels == CLOUD).float(), self.odd(33))
        solid = blur((tree | rock).float(), self.odd(13))
        body = torch.where(labels == CLOUD, self.cloud_wide, solid)
        self.bulge_x = F.pad(body[:, :, 2:] - body[:, :, :-2], (1, 1)) * self.frame.unit  # slope for a pixel of 256×256
        self.bulge_y = F.pad(body[:, 2:] - body[:, :-2], (0, 0, 1, 1)) * self.frame.unit

    def odd(self, pixels: float) -> int:
        """The odd number of pixels here nearest to ``pixels`` of a picture of 256×256."""
        return 2 * max(1, round(pixels * self.frame.unit / 2)) + 1


class Pixels:
    """The n pixels of one class in all scenes: their places, and numbers of their scenes and noise for each of them."""

    def __init__(self, stage: Stage, label: int, index: Tensor) -> None:
        size, scene, style = stage.frame.size, stage.scene, stage.style
        self.stage, self.label, self.index = stage, label, index
        self.batch = index // (size * size)
        self.row, self.col = (index % (size * size) // size).float(), (index % size).float()
        self.depth, self.across, self.along = (self.plane(t) for t in (scene.depth, scene.across, scene.along))
        self.normal = scene.normal.reshape(3, -1)[:, index]
        self.shape, self.offset = style.shape[label][:, self.batch], style.offset[label][:, self.batch]
        self.sun, self.sun_colour = style.sun[:, self.batch], style.sun_colour[:, self.batch]
        self.ambient = style.ambient[:, self.batch]

    def plane(self, plane: Tensor) -> Tensor:
        """A plane [B, S, S] at these pixels, [n]."""
        return plane.reshape(-1)[self.index]

    def of(self, numbers: Tensor) -> Tensor:
        """One number for each scene, [B], at these pixels, [n]."""
        return numbers[self.batch]

    def colour(self, rgb: tuple[float, float, float]) -> Tensor:
        """One colour or vector for all pixels, [3, n]."""
        return torch.tensor(rgb, device=self.depth.device)[:, None].expand(-1, len(self.index))

    def tone(self, which: int) -> Tensor:
        """The colour with this index in the class's palette, [3, n]."""
        return self.stage.style.palette[self.label][which][:, self.batch]

    def ramp(self, t: Tensor) -> Tensor:
        """The class's colour at t [n] of its ramp, from dark at 0 to light at 1: [3, n]."""
        return self.stage.style.ramp[self.label][:, self.batch * TONES + (t.clamp(0, 1) * (TONES - 1)).long()]

    def noise(
        self,
        period: float | Tensor,
        channels: tuple[int, ...],
        *,
        shift: float = 0.0,
        squeeze: float = 1.0,
        slant: bool = True,
        soften: float = 0.0,
    ) -> Tensor:
        """Noise on the surface, whose tile repeats every ``period`` world units: [len(channels), n].

        ``shift`` moves it by tiles, ``squeeze`` scales it along the second texture coordinate, ``slant`` says that the
        surface is flat ground, and ``soften`` leaves out so many octaves of the finest detail.
        """
        stage = self.stage
        lod = torch.log2(self.depth / stage.frame.focal)
        if slant:  # the further away, the flatter is the angle at which the ground is seen
            lod = lod + 0.5 * torch.log2(1 + self.depth / 40)
        lod = lod + (torch.log2(256 / period) if isinstance(period, Tensor) else math.log2(256 / period))
        u, v = self.across / period + self.offset[0] + shift, self.along / period * squeeze + self.offset[1] + shift
        dither = stage.grain.reshape(-1)[self.index % stage.grain.numel()]
        return stage.atlas.read(u, v, channels, lod + soften + dither - 0.5)

    def bumped(
        self, slope_u: Tensor, slope_v: Tensor, strength: float | Tensor, normal: Tensor | None = None
    ) -> Tensor:
        """Normals [3, n] tilted by slopes [n] along the texture coordinates; the second is up on walls, else away."""
        normal = self.normal if normal is None else normal
        upright = 1 - normal[1].clamp(0, 1)
        tilt = torch.stack([-slope_u, -slope_v * upright, -slope_v * (1 - upright)])
        return normalise(normal + tilt * strength)

    def open(self) -> Tensor:
        """Share of the light from the sky, [n]: 1 where nothing tall is near, less beside tall things."""
        return 1 - 0.4 * self.plane(self.stage.crowding)

    def sunlit(self) -> Tensor:
        """Share of the sunlight, [n]: 1 in the sun, less in the shadow of tall things to the left."""
        if self.label in (TREE, HOUSE, ROCK, MOUNTAIN):
            return torch.ones_like(self.depth)
        return 1 - 0.6 * self.plane(self.stage.shadow)

    def height(self) -> Tensor:
        """Height above the ground under the eye, [n] world units."""
        scene, focal = self.stage.scene, self.stage.frame.focal
        return self.of(scene.eye) + (self.of(scene.horizon) - self.row) / focal * self.depth


def mountain(p: Pixels) -> Surface:
    big = p.noise(300, (FBM_U, FBM_V, RIDGE, RIDGE_U, RIDGE_V, BROAD), slant=False, soften=1.2)
    small = p.noise(70, (FBM, RIDGE, RIDGE_U, RIDGE_V), slant=False)
    slope_u = big[0] + 0.9 * big[3] + 0.16 * small[2]
    slope_v = 0.6 * big[1] + 0.5 * big[4] + 0.16 * small[3]
    strata = (p.height() / (8 + 14 * p.shape[1]) + big[5]).sin() * (p.shape[2] > 0.65)
    tone = 0.42 + 0.07 * small[1] + 0.05 * small[0] + 0.10 * big[5] + 0.08 * strata + 0.08 * big[2]
    normal = p.bumped(slope_u, slope_v, 0.05 * (0.7 + 0.6 * p.shape[0]))
    return Surface(p.ramp(tone), normal, p.open() * (0.85 + 0.12 * big[2]).clamp(0.6, 1.1), wrap=0.35)


def snow(p: Pixels) -> Surface:
    drift = p.noise(60, (FBM_U, FBM_V, RIDGE_U, RIDGE_V))
    fine = p.noise(9, (FBM_U, FBM_V, FINE))
    relief = (0.02 + 0.025 * p.shape[0]) * (0.35 + 0.65 * torch.exp(-p.depth / 90))  # far drifts would look like waves
    normal = p.bumped(drift[0] * 0.7 + 0.3 * drift[2], drift[1] * 0.7 + 0.3 * drift[3], relief)
    normal = p.bumped(fine[0], fine[1], 0.01, normal)
    facing = (normal * p.sun).sum(0)
    return Surface(p.ramp(0.74 + 0.35 * (facing - 0.4) + 0.04 * fine[2]), normal, p.open(), wrap=0.25)


def _meadow(p: Pixels) -> tuple[Tensor, Tensor]:
    """Tone [n], from dark at 0 to light at 1, and normals [3, n] of short plants."""
    broad = p.noise(70, (BROAD,))[0]
    middle = p.noise(14, (FBM, FBM_U, FBM_V, FINE))
    blades = p.noise(3.2, (FINE,), squeeze=0.45)[0]
    u, v = p.col / p.stage.frame.size * 1.6 + p.offset[0], p.row / p.stage.frame.size * 0.38 + p.offset[1]
    close = p.stage.atlas.read(u, v, (FINE,))[0] * torch.exp(-p.depth / 14)
    tone = 0.48 + 0.15 * broad + 0.11 * middle[0] + 0.07 * middle[3] + 0.10 * close
    tone = tone + (0.14 + 0.1 * p.shape[1]) * blades * (0.5 + 0.5 * torch.exp(-p.depth / 50))
    return tone, p.bumped(middle[1], middle[2], 0.02)


def grass(p: Pixels) -> Surface:
    tone, normal = _meadow(p)
    mown = (p.across * 0.9).sin() * (p.shape[2] > 0.8) * torch.exp(-p.depth / 60)
    return Surface(p.ramp(tone + 0.12 * mown), normal, p.open(), wrap=0.3)


def flower(p: Pixels) -> Surface:
    tone, normal = _meadow(p)
    dark, light = (p.colour(leaf) for leaf in LEAVES)
    leaves = lerp(dark, light, tone.clamp(0, 1) * 1.2)
    bloom = p.noise(5.5, (FBM, BROAD, CELL, FINE), shift=0.3)
    dense = bloom[2] + 0.25 * bloom[3] + 0.2 * bloom[1] + 0.35 - 0.25 * p.shape[0]
    share = smoothstep(0.3, 0.7, dense + 0.22 * smoothstep(30, 150, p.depth))
    petals = p.ramp(0.5 + 0.25 * bloom[2] + 0.22 * bloom[3] + 0.06 * bloom[0])
    return Surface(lerp(leaves, petals, share), normal, p.open(), wrap=0.3)


def tree(p: Pixels) -> Surface:
    """Leaves in clumps whose size follows the distance. Their noise is read by screen coordinates, to have no seams."""
    size = p.stage.frame.size
    octave = torch.log2((p.depth / (40 + 30 * p.shape[0])).clamp(0.35, 12))
    coarsest = octave.floor()
    fade = octave - coarsest  # the coarsest of three sizes fades out as the finest fades in
    clumps = torch.zeros(3, len(p.index), device=octave.device)
    weights: tuple[Tensor | float, ...] = (0.75 * (1 - fade), 0.55, 0.35 + 0.2 * fade)
    for step, weight in enumerate(weights):
        frequency = 2.0 ** (coarsest + step) * 2.4
        u, v = p.col / size * frequency + p.offset[0], p.row / size * frequency + p.offset[1]
        lod = torch.log2(256 * frequency / size).clamp_min(0)
        clumps = clumps + weight * p.stage.atlas.read(u, v, (CELL, CELL_U, CELL_V), lod)
    u, v = p.col / size * 1.35 + p.offset[0], p.row / size * 1.35 + p.offset[1]
    leaf = p.stage.atlas.read(u, v, (FINE, BROAD, CELL))
    normal = torch.stack([-p.plane(p.stage.bulge_x) * 7, p.plane(p.stage.bulge_y) * 7 + 0.35, torch.full_like(u, -0.7)])
    normal = normalise(normalise(normal) + p.normal * 0.45)
    normal = normalise(normal + torch.stack([-clumps[1], clumps[2], torch.zeros_like(u)]) * 0.045)
    depth = 0.36 + 0.42 * clumps[0] + 0.17 * leaf[0] + 0.14 * leaf[2] + 0.05 * leaf[1]  # low in the gaps
    leaves = p.ramp(0.12 + 0.58 * depth + 0.1 * leaf[1] + 0.1 * normal[1])
    bark = p.colour(BARK) * (1 + 0.4 * leaf[0])
    albedo = torch.where(p.plane(p.stage.scene.bark), bark, leaves)
    return Surface(albedo, normal, (0.2 + 0.85 * depth).clamp(0.1, 1.15) * (0.8 + 0.2 * normal[1]), wrap=0.25)


def sand(p: Pixels) -> Surface:
    dune = p.noise(50, (FBM_U, FBM_V, BROAD, FINE))
    grain = p.noise(11, (FBM, FBM_U, FBM_V))
    direction = p.shape[0]
    ripple = ((p.across * direction + p.along * (1 - direction)) * 2.2 + grain[0] * 2.2).sin()
    ripple = ripple * torch.exp(-p.depth / 45) * (p.shape[1] > 0.4)
    slope_u = dune[0] * 0.5 + ripple * 6 * direction + grain[1] * 0.3
    slope_v = dune[1] * 0.5 + ripple * 6 * (1 - direction) + grain[2] * 0.3
    tone = 0.52 + 0.12 * dune[2] + 0.08 * dune[3] + 0.07 * ripple + 0.06 * grain[0]
    return Surface(p.ramp(tone), p.bumped(slope_u, slope_v, 0.03), p.open())


def rock(p: Pixels) -> Surface:
    big = p.noise(24, (RIDGE, RIDGE_U, RIDGE_V, BROAD), slant=False)
    small = p.noise(7, (RIDGE, RIDGE_U, RIDGE_V), slant=False)
    round_ = torch.stack(
        [-p.plane(p.stage.bulge_x) * 9, p.plane(p.stage.bulge_y) * 9 + 0.4, torch.full_like(p.col, -0.6)]
    )
    normal = normalise(p.normal + normalise(round_))
    normal = p.bumped(big[1] + 0.5 * small[1], big[2] + 0.5 * small[2], 0.035 + 0.03 * p.shape[0], normal)
    tone = 0.47 + 0.13 * big[0] + 0.11 * small[0] + 0.1 * big[3]
    return Surface(p.ramp(tone), normal, p.open() * (0.85 + 0.15 * small[0]).clamp(0.5, 1.1))


def road(p: Pixels) -> Surface:
    broad = p.noise(20, (FBM, BROAD))
    gravel = p.noise(4, (FBM_U, FBM_V, FINE))
    tone = 0.5 + 0.06 * broad[0] + 0.11 * broad[1] + 0.14 * gravel[2] * torch.exp(-p.depth / 60)
    return Surface(p.ramp(tone), p.bumped(gravel[0], gravel[1], 0.008), p.open())


def house(p: Pixels) -> Surface:
    """Roof, storeys and windows from nothing but the region: long ones become a row of gabled fronts."""
    left, right, foot, tall = (p.plane(plane) for plane in _house_runs(p.stage))
    up, across = (foot - p.row) / tall, (p.col - left) / (right - left + 1)  # in region heights, widths
    units = ((right - left + 1) / (1.5 * tall)).round().clamp_min(1)
    unit, within = (across * units).floor(), (across * units).remainder(1)
    gable = (units > 1) & (up > 0.5) & ((within - 0.5).abs() * 2 < (0.96 - up) / 0.46)
    roof = (up > 0.55) & ~gable
    rows = 1 + (tall > 22 * p.stage.frame.unit).float()
    storey = up / 0.55 * rows
    across_windows = ((right - left + 1) / units / (0.4 * tall)).round().clamp(1, 4)
    window_x, window_y = (within * across_windows).remainder(1), storey.remainder(1)
    inside = (storey < rows) & (up > 0.04) & ~roof
    hole_x, hole_y = (window_x - 0.5).abs(), (window_y - 0.55).abs()
    window = inside & (hole_x < 0.2) & (hole_y < 0.25)
    frame = inside & (hole_x < 0.28) & (hole_y < 0.33) & ~window
    door = inside & (up < 0.3) & ((within - 0.5).abs() * across_windows < 0.24) & (unit.remainder(2) < 0.5)
    tone = 1 + 0.16 * (unit * 2.4).sin() * (units > 1)
    grime = p.stage.atlas.read(p.col / p.stage.frame.size, p.row / p.stage.frame.size, (FBM,))[0]
    tiles = 0.14 * (up * 60).sin() + 0.1 * grime
    brick = 0.06 * (up * 110).sin().sign() * (p.shape[1] > 0.6)
    albedo = torch.where(roof, p.tone(0) * (1 + tiles), p.tone(1) * tone * (1 + 0.07 * grime + brick))
    albedo = torch.where(frame | door, p.tone(2), torch.where(window, p.colour(GLASS), albedo))
    lit = window & ~door & (p.shape[2] > 0.7)
    eaves = smoothstep(0.47, 0.55, up) * ~roof
    occlusion = 1 - 0.3 * smoothstep(0.1, 0, up) - 0.3 * eaves
    wall = p.colour((-0.35, 0.2, -1.0))
    normal = normalise(torch.where(roof, p.colour((-0.2, 0.8, -0.7)), wall))
    return Surface(albedo, normal, occlusion, glow=p.colour(LAMPLIGHT) * lit)


def _house_runs(stage: Stage) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Left, right and foot of each house pixel's runs, and its region's height, [B, S, S] each."""
    house = stage.scene.labels == HOUSE
    top, foot = run_ends(house, stage.frame.row)
    left, right = (t.transpose(1, 2) for t in run_ends(house.transpose(1, 2), stage.frame.row))
    height = foot - top + 1
    reach = stage.odd(60)

    def reaching(plane: Tensor, rows: int, cols: int) -> Tensor:
        """The highest value of houses around each pixel, so that a thing before a house does not divide it in two."""
        plane = torch.where(house, plane, -1e4)
        return F.max_pool2d(plane[:, None], (rows, cols), 1, (rows // 2, cols // 2))[:, 0]

    left, right = -reaching(-left, reach, 1), reaching(right, reach, 1)
    return left, right, reaching(foot, 1, reach), reaching(height, 1, reach).clamp_min(4)


SURFACES: dict[int, Callable[[Pixels], Surface]] = {
    MOUNTAIN: mountain,
    SNOW: snow,
    GRASS: grass,
    TREE: tree,
    SAND: sand,
    ROCK: rock,
    ROAD: road,
    FLOWER: flower,
    HOUSE: house,
}
