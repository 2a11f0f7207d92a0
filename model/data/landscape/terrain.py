"""Scenes of a terrain in perspective, with lakes, rivers, roads, forests, single trees and houses."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from model.data.landscape.layout import (
    FAR,
    GROUNDS,
    PATCHES,
    Frame,
    Scene,
    interpolate_depth,
    majority,
    scatter_clouds,
    weights_of,
)
from model.data.landscape.looks import MOUNTAIN, ROAD, SAND, SKY, SNOW, TREE, WATER
from model.data.landscape.noise import (
    BROAD,
    CELL,
    CELL_U,
    CELL_V,
    FBM,
    FBM_U,
    FBM_V,
    RIDGE,
    RIDGE_U,
    RIDGE_V,
    Draws,
    NoiseAtlas,
    normalise,
    smoothstep,
)
from model.data.landscape.sprites import draw_plot, place

NEAREST, FARTHEST = 2.2, 1500.0  # depths of the first and last slice, world units
CANOPY = 85.0  # distance at which the noise of a forest's crowns repeats, world units


@dataclass
class Land:
    """The numbers that describe the terrain of B scenes, each [B, 1] unless said otherwise; lengths in world units."""

    hill: Tensor  # height of hills
    hill_period: Tensor  # distance at which the hills' noise repeats
    peak: Tensor  # height of mountains
    peak_period: Tensor  # distance at which the mountains' noise repeats
    peak_start: Tensor  # depth at which the mountains begin
    level: Tensor  # height of flat ground above the water
    forest: Tensor  # threshold of the noise for forest: the lower, the more forest
    tree_height: Tensor  # height of a forest's trees
    tree_line: Tensor  # height above which no forest grows
    snow_line: Tensor  # height above which mountains have snow
    beach: Tensor  # height up to which the ground is sand
    patchiness: Tensor  # threshold of the noise for patches: the lower, the more patches
    road_width: Tensor  # half the width of the road; below 0 there is none
    road: Tensor  # [B, 4] start, swing, frequency and drift of the road's course
    river_width: Tensor  # half the width of the river; below 0 there is none
    river: Tensor  # [B, 4] start, swing, frequency and drift of the river's course
    ground: Tensor  # class of the ground
    patch: Tensor  # class of the patches in the ground
    offset: Tensor  # [B, 6] places in the noise tile: of hills, mountains and crowns, two numbers each
    horizon: Tensor  # row of the horizon
    clearance: Tensor  # height of the eye above the ground near it


def draw_land(draws: Draws, size: int) -> Land:
    """Random numbers for terrains in pictures of ``size`` pixels a side."""

    def number(low: float, high: float) -> Tensor:
        return draws.uniform(1, low=low, high=high)

    def wave(start: float, swing: tuple[float, float], frequency: tuple[float, float], drift: float) -> Tensor:
        return torch.cat(
            [number(-start, start), number(*swing), number(*frequency), number(-drift, drift)], 1
        )  # [B, 4]

    def if_chance(probability: float, value: Tensor) -> Tensor:
        return torch.where(draws.chance(probability, 1), value, -900.0)

    return Land(
        hill=number(1.5, 10),
        hill_period=number(90, 220),
        peak=number(0, 1) ** 0.8 * 260,
        peak_period=number(1600, 3200),
        peak_start=number(160, 480),
        level=number(-3.5, 6),
        forest=number(-0.5, 1.8),
        tree_height=number(4, 9),
        tree_line=number(10, 140),
        snow_line=number(20, 330),
        beach=number(-1, 2.2),
        patchiness=number(0.1, 1.5),
        road_width=if_chance(0.6, number(2.2, 5.5)),
        road=wave(10, (3, 16), (0.01, 0.05), 0.25),
        river_width=if_chance(0.3, number(3, 14)),
        river=wave(25, (6, 30), (0.012, 0.035), 0.3),
        ground=draws.choice(weights_of(GROUNDS), 1),
        patch=draws.choice(weights_of(PATCHES), 1),
        offset=draws.uniform(6),
        horizon=number(0.30, 0.58) * size,
        clearance=number(2.5, 11),
    )


class Terrain:
    """Renders terrains into scenes: slices at rising depths are projected, and each pixel finds the slice it shows."""

    def __init__(self, frame: Frame, atlas: NoiseAtlas) -> None:
        self.frame, self.atlas = frame, atlas
        self.slices = 96 + frame.size // 2

    def render(self, draws: Draws) -> Scene:
        """One scene for each of the draws' scenes."""
        land = draw_land(draws, self.frame.size)
        scene = self._project(land)
        scatter_clouds(scene, self.frame, self.atlas, draws)
        scene.labels = majority(scene.labels, 5 if self.frame.size > 128 else 3)
        plot = draw_plot(draws)
        labels, height, _ = self.survey(land, plot.x, plot.z)
        plot.wanted &= (labels != WATER) & (labels != ROAD) & (labels != TREE)
        plot.ground = height
        place(plot, scene, self.frame, self.atlas)
        return scene

    # Heights at points of the ground, x and z [B or 1, n] -------------------------------------------------------

    def _lod(self, z: Tensor) -> Tensor:
        """The mip level at depth z of a tile that lies on the ground with one texel a world unit."""
        return torch.log2(z / self.frame.focal * 1.6 * (1 + z / 60).sqrt())

    def _hills(self, land: Land, x: Tensor, z: Tensor, channels: tuple[int, ...]) -> Tensor:
        u, v = x / land.hill_period + land.offset[:, :1], z / land.hill_period + land.offset[:, 1:2]
        return self.atlas.read(u, v, channels, self._lod(z) + torch.log2(256 / land.hill_period))

    def _peaks(self, land: Land, x: Tensor, z: Tensor, channels: tuple[int, ...]) -> Tensor:
        u, v = x / land.peak_period + land.offset[:, 2:3], z / land.peak_period + land.offset[:, 3:4]
        return self.atlas.read(u, v, channels, torch.ones_like(u))  # level 1, as the finest ridges would be needles

    def _crowns(self, land: Land, x: Tensor, z: Tensor, channels: tuple[int, ...]) -> Tensor:
        u, v = x / CANOPY + land.offset[:, 4:5], z / CANOPY + land.offset[:, 5:6]
        return self.atlas.read(u, v, channels, self._lod(z) + math.log2(256 / CANOPY) - 0.5)

    def _rise(self, land: Land, z: Tensor) -> Tensor:
        """The height of mountains at depth z: 0 before they begin, all of it further away."""
        return land.peak * smoothstep(0, 1, (z - land.peak_start) / 420)

    def _bare_height(
        self, land: Land, x: Tensor, z: Tensor, hills: Tensor, broad: Tensor, peaks: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Ground without trees: its height, the mountains' part of that, and the distance from the road's middle."""
        mountain = self._rise(land, z) * (peaks[0] * 0.42 + 0.4 + 0.28 * peaks[1]).clamp_min(0) ** 1.25
        height = smoothstep(4, 70, z) * land.hill * hills + mountain + land.level

        def distance(wave: Tensor) -> Tensor:
            start, swing, frequency, drift = (wave[:, i : i + 1] for i in range(4))
            return (x - start - swing * (z * frequency).sin() - drift * z).abs()

        bank = distance(land.river) - land.river_width + 1.5 * broad
        valley = torch.minimum(height, bank * 0.16 + (bank * 0.03).clamp_min(0) ** 2)
        height = torch.where((land.river_width > 0) & (z < 450) & (mountain < 6), valley, height)
        return height, mountain, distance(land.road)

    def _forest(self, land: Land, z: Tensor, height: Tensor, mountain: Tensor, broad: Tensor, road: Tensor) -> Tensor:
        """Above 0 where a forest grows: not in water, near the eye, on high ground or on the road."""
        barred = (height < 0.5).float() + (z < 45) + ((height > land.tree_line) | (mountain > 45))
        return broad - land.forest - 3 * barred - 4 * (road < land.road_width + 2)

    def _with_crowns(self, land: Land, height: Tensor, forest: Tensor, crown: Tensor) -> Tensor:
        """The height of ground, water and forest; ``crown`` is the noise of the trees' crowns."""
        canopy = smoothstep(0, 0.12, forest) * 0.55 + 0.55 * crown.clamp_min(0)
        return height.clamp_min(0) + (forest > 0) * land.tree_height * canopy

    def silhouette(self, land: Land, x: Tensor, z: Tensor) -> tuple[Tensor, Tensor]:
        """Height with trees, and bool whether trees stand, [B, n] each, at points of the ground: for the projection."""
        hills, broad = self._hills(land, x, z, (FBM, BROAD))
        height, mountain, road = self._bare_height(land, x, z, hills, broad, self._peaks(land, x, z, (RIDGE, FBM)))
        forest = self._forest(land, z, height, mountain, broad, road)
        return self._with_crowns(land, height, forest, self._crowns(land, x, z, (CELL,))[0]), forest > 0

    def survey(self, land: Land, x: Tensor, z: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Labels [B, n], height with trees [B, n] and normals [3, B, n] at points of the ground."""
        hills, hill_u, hill_v, broad = self._hills(land, x, z, (FBM, FBM_U, FBM_V, BROAD))
        ridge, ridge_u, ridge_v, fbm = self._peaks(land, x, z, (RIDGE, RIDGE_U, RIDGE_V, FBM))
        height, mountain, road = self._bare_height(land, x, z, hills, broad, torch.stack([ridge, fbm]))
        forest = self._forest(land, z, height, mountain, broad, road)
        crown, crown_u, crown_v = self._crowns(land, x, z, (CELL, CELL_U, CELL_V))
        tree, near, rise = forest > 0, smoothstep(4, 70, z) * land.hill / land.hill_period, self._rise(land, z)
        steep = rise * 0.65 / land.peak_period
        slope_x, slope_z = near * hill_u + steep * ridge_u, near * hill_v + steep * ridge_v
        steepness = (slope_x**2 + slope_z**2).sqrt()

        labels = land.ground.expand_as(height)
        labels = torch.where(hills * 0.5 - broad * 0.7 > land.patchiness, land.patch, labels)
        labels = torch.where(mountain > 9 + 3 * broad, MOUNTAIN, labels)
        snowy = height > land.snow_line + 14 * broad + 60 * (steepness - 0.5)
        labels = torch.where((mountain > 9) & snowy, SNOW, labels)
        labels = torch.where(height < land.beach * (1 + 0.3 * broad), SAND, labels)
        labels = torch.where(tree, TREE, labels)
        labels = torch.where((road < land.road_width) & (height > 0) & (z < 260) & (mountain < 5), ROAD, labels)
        labels = torch.where(height < 0, WATER, labels)

        slope_x = torch.where(tree, crown_u / CANOPY * land.tree_height * 0.5, slope_x) * (height >= 0)
        slope_z = torch.where(tree, crown_v / CANOPY * land.tree_height * 0.5, slope_z) * (height >= 0)
        normal = normalise(torch.stack([-slope_x, torch.ones_like(slope_x), -slope_z]))
        return labels, self._with_crowns(land, height, forest, crown), normal

    # Projection ---------------------------------------------------------------------------------------------------

    def _project(self, land: Land) -> Scene:
        """The scenes without clouds and sprites."""
        frame, size, count = self.frame, self.frame.size, self.slices
        batch = len(land.horizon)
        step = torch.arange(count, device=frame.device) / (count - 1)
        slice_z = NEAREST * (FARTHEST / NEAREST) ** step  # [K], about evenly spaced on the screen
        side = (frame.col[0] - size / 2 + 0.5) / frame.focal  # [S]
        x = (side[None] * slice_z[:, None]).reshape(1, -1).expand(batch, -1)
        z = slice_z[:, None].expand(count, size).reshape(1, -1).expand(batch, -1)
        height, tree = (t.view(batch, count, size) for t in self.silhouette(land, x, z))
        middle = slice(size // 2 - size // 8, size // 2 + size // 8)
        eye = height[:, : count // 6, middle].amax((1, 2)) + land.clearance[:, 0]

        row = land.horizon[:, :, None] - frame.focal * (height - eye[:, None, None]) / slice_z[None, :, None]
        skyline = row.cummin(1)[0].transpose(1, 2).contiguous()  # [B, S columns, K]: highest row up to each slice
        query = frame.row.t().expand(batch, size, size).contiguous()
        hit = torch.searchsorted(-skyline, -query - 1e-4)
        sky, hit = (hit >= count).transpose(1, 2), hit.clamp(1, count - 1)
        before, after = skyline.gather(2, hit - 1), skyline.gather(2, hit)
        t = ((before - query) / (before - after).clamp_min(1e-3)).clamp(0, 1)
        depth = interpolate_depth(slice_z[hit - 1], slice_z[hit], t)
        # Where a forest begins, its front is upright at the slice's depth: a depth between the slices would show the
        # ground climbing up to the trees' tops.
        tree = tree.transpose(1, 2)
        front = tree.gather(2, hit)
        depth = torch.where(front & ~tree.gather(2, hit - 1), slice_z[hit], depth).transpose(1, 2)
        front = front.transpose(1, 2)

        across = side * depth
        labels, high, normal = self.survey(land, across.reshape(batch, -1), depth.reshape(batch, -1))
        labels = torch.where(front, TREE, labels.view(batch, size, size))
        return Scene(
            labels=torch.where(sky, SKY, labels),
            depth=torch.where(sky, FAR, depth),
            across=across,
            along=depth
            + 1.4 * high.view(batch, size, size),  # with the height, so that textures on walls do not stretch
            normal=normal.view(3, batch, size, size),
            bark=torch.zeros_like(sky),
            horizon=land.horizon[:, 0],
            eye=eye,
        )
