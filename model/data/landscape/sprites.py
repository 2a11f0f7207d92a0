"""Single trees and houses that stand in a terrain."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from model.data.landscape.layout import Frame, Scene
from model.data.landscape.looks import HOUSE, TREE
from model.data.landscape.noise import CELL, FINE, Draws, NoiseAtlas, normalise

HOUSES, TREES = 3, 9  # most houses and most single trees in a scene
ROUND, CONE, POPLAR = range(3)  # kinds of trees
FAR_AWAY = 9e9  # a depth beyond everything, world units
BALLS = 5  # ellipses that make up the crown of a round tree


@dataclass
class Plot:
    """The sprites of B scenes and their places, each [B, HOUSES + TREES] with the houses first."""

    x: Tensor  # place to the right, world units
    z: Tensor  # depth, world units
    height: Tensor  # world units
    house: Tensor  # bool, true for houses
    kind: Tensor  # ROUND, CONE or POPLAR
    numbers: Tensor  # [B, sprites, 12] free numbers in 0 … 1
    wanted: Tensor  # bool, true where the sprite is drawn
    ground: Tensor  # height of the ground under it, world units


def draw_plot(draws: Draws) -> Plot:
    """Random sprites on ground that is flat until ``ground`` is set."""
    count = HOUSES + TREES
    village, grove = draws.chance(0.6, 1), draws.chance(0.65, 1)
    wanted = torch.cat([draws.chance(0.6, HOUSES) & village, draws.chance(0.8, TREES) & grove], 1)
    house = (torch.arange(count, device=wanted.device) < HOUSES).expand_as(wanted)
    z = 9 * 18 ** draws.uniform(count)
    z = torch.where(house, 16 + 0.4 * z, z)
    x = draws.uniform(count, low=-0.55, high=0.55) * z
    beside = draws.chance(0.4, count) & ~house & ~house.roll(1, 1)  # trees that stand beside the one before
    x = torch.where(beside, x.roll(1, 1) * z / z.roll(1, 1) + 2, x)
    height = torch.where(house, draws.uniform(count, low=4.5, high=8), draws.uniform(count, low=3.5, high=9))
    kind = draws.choice([4, 2.5, 1.2], 1).expand_as(z)  # all trees of a scene are of one kind
    return Plot(x, z, height, house, kind, draws.uniform(count, 12), wanted, torch.zeros_like(z))


def place(plot: Plot, scene: Scene, frame: Frame, atlas: NoiseAtlas) -> None:
    """Write the sprites into the scene; each pixel shows the nearest one."""
    size = frame.size
    scale = plot.height / plot.z * frame.focal  # pixels
    centre = plot.x / plot.z * frame.focal + size / 2
    base = scene.horizon[:, None] - frame.focal * (plot.ground - scene.eye[:, None]) / plot.z
    half = torch.where(plot.house, 1.25, 0.52) * scale
    top = torch.where(plot.house, 1.0, 1.12) * scale
    left, right = ((centre + side).clamp(0, size) for side in (-half, half))
    left, right = left.floor().long(), right.ceil().long()
    upper, lower = (base - top).floor().clamp(0, size).long(), (base + 0.05 * scale).ceil().clamp(0, size).long()
    width = (right - left).clamp_min(0)
    area = (width * (lower - upper).clamp_min(0) * (plot.wanted & (scale > 5 * frame.unit))).reshape(-1)

    # One flat list has the pixels of all boxes, one after the other.
    sprite = torch.repeat_interleave(torch.arange(len(area), device=area.device), area)
    if not len(sprite):
        return
    within = torch.arange(len(sprite), device=area.device) - (area.cumsum(0) - area)[sprite]

    def of(values: Tensor) -> Tensor:
        return values.reshape(-1)[sprite]

    col, row = of(left) + within % of(width), of(upper) + within // of(width)
    pixel = (sprite // plot.z.shape[1]) * size * size + row * size + col
    across, up = (col - of(centre)) / of(scale), (of(base) - row) / of(scale)  # in heights of the sprite
    numbers = plot.numbers.reshape(-1, 12).t()[:, sprite]
    ragged = atlas.read(col / size * 0.9 + numbers[3], row / size * 0.9 + numbers[4], (FINE, CELL))
    crown, trunk, leaf_normal = _tree(across, up, numbers, of(plot.kind), ragged)
    house, depth = of(plot.house), of(plot.z)
    wall_normal = torch.tensor([[0.0], [0.15], [-1.0]], device=depth.device).expand_as(leaf_normal)
    normal = normalise(torch.where(house, wall_normal, leaf_normal))
    shape = torch.where(house, _house(across, up, numbers), crown | trunk) & (
        depth < scene.depth.reshape(-1)[pixel] + 1.5
    )

    nearest = torch.full((scene.depth.numel(),), FAR_AWAY, device=depth.device)
    nearest = nearest.scatter_reduce(0, pixel, torch.where(shape, depth, FAR_AWAY), "amin")
    seen = (shape & (depth == nearest[pixel])).nonzero()[:, 0]
    target = pixel[seen]

    def put(plane: Tensor, values: Tensor) -> Tensor:
        changed = plane.contiguous().reshape(-1).clone()
        changed[target] = values[seen].to(plane.dtype)
        return changed.view(plane.shape)

    scene.labels = put(scene.labels, torch.where(house, HOUSE, TREE))
    scene.depth = put(scene.depth, depth)
    scene.across = put(scene.across, (col - size / 2) / frame.focal * depth)
    scene.bark = put(scene.bark, trunk & ~crown & ~house)
    scene.normal = torch.stack([put(scene.normal[i], normal[i]) for i in range(3)])


def _tree(across: Tensor, up: Tensor, numbers: Tensor, kind: Tensor, ragged: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Crown, trunk (bool [n]) and normal [3, n] of a tree of height 1 at (across, up)."""
    spread = 0.65 + 0.35 * numbers[0]
    radius = torch.stack([0.2 + 0.1 * numbers[(ball + 3) % 12] for ball in range(BALLS)])
    ball_x = (across - (numbers[1:6] - 0.5) * 0.5 * spread) / radius
    ball_y = (up - 0.42 - 0.42 * numbers[6:11]) / radius
    inside, ball = (1 - ball_x**2 - ball_y**2).max(0, keepdim=True)
    inside, normal_x, normal_y = inside[0], ball_x.gather(0, ball)[0], ball_y.gather(0, ball)[0]

    tier = (up * 7 + numbers[2]).remainder(1)
    cone_width = (0.27 * spread * (1.02 - up).clamp_min(0) * (1.0 - 0.28 * tier)).clamp_min(1e-3)
    cone = torch.where((up > 0.1) & (up < 1.02), 1 - across.abs() / cone_width, -9.0)
    poplar = 1 - (across / (0.13 * spread)) ** 2 - ((up - 0.56) / 0.44) ** 2
    is_cone, is_poplar = kind == CONE, kind == POPLAR
    inside = torch.where(is_cone, cone, torch.where(is_poplar, poplar, inside))
    normal_x = torch.where(is_cone, across / cone_width, torch.where(is_poplar, across / 0.15, normal_x)).clamp(-1, 1)
    normal_y = torch.where(is_cone, 0.35, torch.where(is_poplar, up - 0.45, normal_y))

    crown = inside + 0.16 * ragged[0] + 0.15 * ragged[1] > 0.12
    trunk = (across.abs() < 0.022 + 0.02 * (0.15 - up).clamp_min(0)) & (up > -0.02) & (up < 0.5)
    toward = (1 - normal_x**2 - normal_y**2).clamp_min(0.1).sqrt()
    return crown, trunk, torch.stack([normal_x, normal_y + 0.25, -toward])


def _house(across: Tensor, up: Tensor, numbers: Tensor) -> Tensor:
    """bool [n], whether (across, up) is on a house of height 1: a wall below a gable or below a long roof."""
    half = 0.55 + 0.5 * numbers[0]
    slope = 0.35 + 1.2 * (numbers[3] < 0.5)
    roof = (up > 0.5) & (up < 0.92) & (across.abs() < half + 0.08 - (up - 0.5) * slope)
    wall = (across.abs() < half) & (up > -0.04) & (up <= 0.5)
    return roof | wall
