"""From geometry and style to pictures: every class shades its own pixels, then water mirrors them, then haze."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from model.landscape_layout import Frame, Scene, map_horizon, run_ends, smooth_within
from model.landscape_looks import (
    CLASSES,
    CLOUD,
    FLOWER,
    GRASS,
    HOUSE,
    MOONLIGHT,
    MOUNTAIN,
    ROAD,
    ROCK,
    SAND,
    SKY,
    SNOW,
    TONES,
    TREE,
    WATER,
    Style,
)
from model.landscape_noise import (
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

BARK = (0.055, 0.040, 0.030)
GLASS = (0.05, 0.07, 0.09)
LAMPLIGHT = (0.85, 0.52, 0.18)
LEAVES = ((0.05, 0.09, 0.02), (0.13, 0.22, 0.05))  # under the flowers, dark and light


@dataclass
class Surface:
    """What light falls on, for n pixels."""

    albedo: Tensor  # [3, n]
    normal: Tensor  # [3, n]
    occlusion: Tensor  # [n] 1 is open to the sky
    wrap: float = 0.0  # how far light reaches round soft things
    glow: Tensor | None = None  # [3, n] light of its own


def blur(plane: Tensor, width: int) -> Tensor:
    """Two passes of a box of odd ``width`` (close to a Gaussian) over [B, S, S]."""
    half, plane = width // 2, plane[:, None]
    for _ in range(2):
        plane = F.avg_pool2d(F.pad(plane, (half, half, 0, 0), mode="replicate"), (1, width), 1)
        plane = F.avg_pool2d(F.pad(plane, (0, 0, half, half), mode="replicate"), (width, 1), 1)
    return plane[:, 0]


def shifted(plane: Tensor, down: int, right: int) -> Tensor:
    """[B, S, S] moved by whole pixels; the edges repeat."""
    size = plane.shape[1]
    return F.pad(plane[:, None], (right, 0, down, 0), mode="replicate")[:, 0, :size, :size]


class Shader:
    """Shades B scenes in their styles. Pixels are flat lists (index = scene·S² + row·S + column)."""

    def __init__(self, frame: Frame, atlas: NoiseAtlas, grain: Tensor, scene: Scene, style: Style) -> None:
        self.frame, self.atlas, self.grain, self.scene, self.style = frame, atlas, grain, scene, style
        self.labels = scene.labels
        self.horizon = map_horizon(scene.labels)  # the sky's gradient follows what the map shows
        self._measure()
        self.sky = self._sky()  # [3, B·S·S]

    def odd(self, pixels: float) -> int:
        """An odd width that is ``pixels`` at the reference size."""
        return 2 * max(1, round(pixels * self.frame.unit / 2)) + 1

    def _measure(self) -> None:
        """Planes derived from the map: roundness of its regions, darkness near and behind tall things."""
        labels = self.labels
        tree, rock, house = labels == TREE, labels == ROCK, labels == HOUSE
        tall = (tree | rock | house).float()
        self.crowding = shifted(blur(tall, self.odd(9)), max(1, round(2 * self.frame.unit)), 0)
        steps = [max(1, round(length * self.frame.unit)) for length in (4, 9, 15, 23)]
        self.shadow = torch.stack([shifted(tall, max(1, step // 3), step) for step in steps]).mean(0)
        self.cloud_near = blur((labels == CLOUD).float(), self.odd(7))
        self.cloud_wide = blur((labels == CLOUD).float(), self.odd(33))
        solid = blur((tree | rock).float(), self.odd(13))
        body = torch.where(labels == CLOUD, self.cloud_wide, solid)
        self.bulge_x = F.pad(body[:, :, 2:] - body[:, :, :-2], (1, 1)) * self.frame.unit  # per reference pixel
        self.bulge_y = F.pad(body[:, 2:] - body[:, :-2], (0, 0, 1, 1)) * self.frame.unit

    def picture(self) -> Tensor:
        """uint8 [B, 3, S, S]."""
        batch, size = len(self.labels), self.frame.size
        image = torch.zeros_like(self.sky)
        shaders: dict[int, Callable[[Pixels], Surface]] = {
            MOUNTAIN: self._mountain,
            SNOW: self._snow,
            GRASS: self._grass,
            TREE: self._tree,
            SAND: self._sand,
            ROCK: self._rock,
            ROAD: self._road,
            FLOWER: self._flower,
            HOUSE: self._house,
        }
        for label in range(CLASSES):
            index = (self.labels.reshape(-1) == label).nonzero()[:, 0]
            if not len(index) or label == WATER:
                continue
            if label == SKY:
                image[:, index] = self.sky[:, index]
            elif label == CLOUD:
                image[:, index] = self._cloud(Pixels(self, label, index))
            else:
                pixels = Pixels(self, label, index)
                image[:, index] = self._hazed(self._lit(shaders[label](pixels), pixels), pixels)
        index = (self.labels.reshape(-1) == WATER).nonzero()[:, 0]
        if len(index):  # last: it mirrors all others
            pixels = Pixels(self, WATER, index)
            image[:, index] = self._hazed(self._water(pixels, image), pixels)
        return self._developed(image.view(3, batch, size, size).transpose(0, 1))

    # Light ---------------------------------------------------------------------------------------------------------

    def _lit(self, surface: Surface, p: Pixels) -> Tensor:
        facing = ((surface.normal * p.sun).sum(0) + surface.wrap) / (1 + surface.wrap)
        open_ = surface.occlusion
        direct = facing.clamp_min(0) * open_ * p.sunlit()
        colour = surface.albedo * (p.sun_colour * direct + p.ambient * (open_ * (0.72 + 0.28 * surface.normal[1])))
        return colour if surface.glow is None else colour + surface.glow

    def _hazed(self, colour: Tensor, p: Pixels) -> Tensor:
        amount = (1 - torch.exp(-((p.depth / p.of(self.style.haze)) ** 1.2))) * 0.6
        horizon, middle = (self.style.palette[SKY][tone][:, p.batch] for tone in (2, 1))
        return lerp(colour, lerp(horizon, middle, 0.4), amount)

    def _developed(self, image: Tensor) -> Tensor:
        """Softened borders, a little bloom and a filmic curve: linear [B, 3, S, S] → uint8."""
        label = F.pad(self.labels.float()[:, None], (1, 1, 1, 1), mode="replicate")
        border = F.max_pool2d(label, 3, 1) + F.max_pool2d(-label, 3, 1) != 0
        image = torch.where(border, _softened(image), image).clamp_min(0)
        cell = max(2, self.frame.size // 32)
        coarse = F.avg_pool2d(image.clamp_max(3), cell)
        coarse = F.avg_pool2d(F.pad(coarse, (2, 2, 2, 2), mode="replicate"), 5, 1)
        bloom = F.interpolate(coarse, scale_factor=cell, mode="bilinear")
        x = (image * 0.9 + 0.12 * bloom) * 0.86
        x = (x * (2.51 * x + 0.06) / (x * (2.43 * x + 0.59) + 0.14)).clamp(0, 1)
        return (x ** (1 / 2.2) * 255).round().to(torch.uint8)

    # Sky -------------------------------------------------------------------------------------------------------------

    def _sky(self) -> Tensor:
        """The sky at every pixel, [3, B·S·S]: others see it behind clouds and in water."""
        frame, style, size = self.frame, self.style, self.frame.size
        rise = (self.horizon[:, None, None] - frame.row) / size  # [B, S, S]
        elevation = (rise / 0.55).clamp(0, 1)
        zenith, middle, horizon = (style.palette[SKY][tone][:, :, None, None] for tone in range(3))
        low, high = lerp(horizon, middle, elevation / 0.35), lerp(middle, zenith, (elevation - 0.35) / 0.65)
        colour = torch.where(elevation < 0.35, low, high)  # [3, B, S, S]
        number, offset = style.shape[SKY][:, :, None, None], style.offset[SKY][:, :, None, None]
        wisp = self.atlas.read(
            frame.col / size * 0.35 / (elevation + 0.35) + offset[0],
            0.5 / (elevation + 0.22) + offset[1],
            (FBM, BROAD),
        )
        wisp = smoothstep(0.3, 2.6, wisp[0] + 0.4 * wisp[1] + 1.6 * number[0] - 0.5) * number[1] * 0.55
        colour = lerp(colour, horizon * 0.55 + 0.42 * middle.amax(0), wisp * smoothstep(0, 0.12, elevation))
        view = normalise(torch.stack([(frame.col / size - 0.62).expand_as(rise), rise - 0.03, torch.ones_like(rise)]))
        # The glow sits right of the middle near the horizon, and only a low sun's sky shows it.
        glow = style.sun_colour[:, :, None, None] * (0.22 * view[2].clamp_min(0) ** 14) * self._low_sun()
        stars = (style.sky == MOONLIGHT)[:, None, None] * (self.grain > 0.9985) * 0.5 * elevation
        return (colour + glow + stars).reshape(3, -1)

    def _low_sun(self) -> Tensor:
        return smoothstep(0.5, 0.25, self.style.sun[1])[:, None, None]

    def _cloud(self, p: Pixels) -> Tensor:
        wide, near = p.plane(self.cloud_wide), p.plane(self.cloud_near)
        u, v = p.col / self.frame.size * 0.5 + p.offset[0], p.row / self.frame.size * 0.8 + p.offset[1]
        fbm, slope_u, slope_v, broad = self.atlas.read(u, v, (FBM, FBM_U, FBM_V, BROAD), torch.full_like(u, 1.3))
        puff = torch.stack(
            [-p.plane(self.bulge_x) * 11 - slope_u * 0.03, p.plane(self.bulge_y) * 11 + slope_v * 0.03 + 0.5]
        )
        normal = normalise(torch.cat([puff, torch.full_like(puff[:1], -0.7)]))
        facing = (normal * p.sun).sum(0)
        tone = 0.68 + 0.28 * facing + (0.04 + 0.05 * p.shape[1]) * fbm + 0.03 * broad - 0.10 * smoothstep(0.5, 1, wide)
        cover = smoothstep(0.1, 0.95, near * 0.9 + 0.16 * fbm) * (0.9 + 0.1 * p.shape[0])
        moonlit = lerp(torch.ones_like(p.sun_colour), p.sun_colour.clamp_max(1.4) / 1.4, 0.5)
        return lerp(self.sky[:, p.index], p.ramp(tone) * moonlit, cover)

    # Ground and what stands on it ----------------------------------------------------------------------------------

    def _mountain(self, p: Pixels) -> Surface:
        big = p.noise(300, (FBM_U, FBM_V, RIDGE, RIDGE_U, RIDGE_V, BROAD), slant=False, soften=1.2)
        small = p.noise(70, (FBM, RIDGE, RIDGE_U, RIDGE_V), slant=False)
        slope_u = big[0] + 0.9 * big[3] + 0.16 * small[2]
        slope_v = 0.6 * big[1] + 0.5 * big[4] + 0.16 * small[3]
        strata = (p.height() / (8 + 14 * p.shape[1]) + big[5]).sin() * (p.shape[2] > 0.65)
        tone = 0.42 + 0.07 * small[1] + 0.05 * small[0] + 0.10 * big[5] + 0.08 * strata + 0.08 * big[2]
        normal = p.bumped(slope_u, slope_v, 0.05 * (0.7 + 0.6 * p.shape[0]))
        return Surface(p.ramp(tone), normal, p.open() * (0.85 + 0.12 * big[2]).clamp(0.6, 1.1), wrap=0.35)

    def _snow(self, p: Pixels) -> Surface:
        drift = p.noise(60, (FBM_U, FBM_V, RIDGE_U, RIDGE_V))
        fine = p.noise(9, (FBM_U, FBM_V, FINE))
        relief = (0.02 + 0.025 * p.shape[0]) * (
            0.35 + 0.65 * torch.exp(-p.depth / 90)
        )  # far drifts would look like waves
        normal = p.bumped(drift[0] * 0.7 + 0.3 * drift[2], drift[1] * 0.7 + 0.3 * drift[3], relief)
        normal = p.bumped(fine[0], fine[1], 0.01, normal)
        facing = (normal * p.sun).sum(0)
        return Surface(p.ramp(0.74 + 0.35 * (facing - 0.4) + 0.04 * fine[2]), normal, p.open(), wrap=0.25)

    def _meadow(self, p: Pixels) -> tuple[Tensor, Tensor]:
        """Tone and normal of short growth."""
        broad = p.noise(70, (BROAD,))[0]
        middle = p.noise(14, (FBM, FBM_U, FBM_V, FINE))
        blades = p.noise(3.2, (FINE,), squeeze=0.45)[0]
        u, v = p.col / self.frame.size * 1.6 + p.offset[0], p.row / self.frame.size * 0.38 + p.offset[1]
        close = self.atlas.read(u, v, (FINE,))[0] * torch.exp(-p.depth / 14)
        tone = 0.48 + 0.15 * broad + 0.11 * middle[0] + 0.07 * middle[3] + 0.10 * close
        tone = tone + (0.14 + 0.1 * p.shape[1]) * blades * (0.5 + 0.5 * torch.exp(-p.depth / 50))
        return tone, p.bumped(middle[1], middle[2], 0.02)

    def _grass(self, p: Pixels) -> Surface:
        tone, normal = self._meadow(p)
        mown = (p.across * 0.9).sin() * (p.shape[2] > 0.8) * torch.exp(-p.depth / 60)
        return Surface(p.ramp(tone + 0.12 * mown), normal, p.open(), wrap=0.3)

    def _flower(self, p: Pixels) -> Surface:
        tone, normal = self._meadow(p)
        dark, light = (p.colour(leaf) for leaf in LEAVES)
        leaves = lerp(dark, light, tone.clamp(0, 1) * 1.2)
        bloom = p.noise(5.5, (FBM, BROAD, CELL, FINE), shift=0.3)
        dense = bloom[2] + 0.25 * bloom[3] + 0.2 * bloom[1] + 0.35 - 0.25 * p.shape[0]
        share = smoothstep(0.3, 0.7, dense + 0.22 * smoothstep(30, 150, p.depth))
        petals = p.ramp(0.5 + 0.25 * bloom[2] + 0.22 * bloom[3] + 0.06 * bloom[0])
        return Surface(lerp(leaves, petals, share), normal, p.open(), wrap=0.3)

    def _tree(self, p: Pixels) -> Surface:
        """Leaves at two sizes that follow the distance; read on the screen, so that no wall or seam can show."""
        size = self.frame.size
        octave = torch.log2((p.depth / (40 + 30 * p.shape[0])).clamp(0.35, 12))
        coarsest = octave.floor()
        fade = octave - coarsest  # the coarsest of three sizes goes as the finest comes
        clumps = torch.zeros(3, len(p.index), device=octave.device)
        for step, weight in enumerate((0.75 * (1 - fade), 0.55, 0.35 + 0.2 * fade)):
            frequency = 2.0 ** (coarsest + step) * 2.4
            u, v = p.col / size * frequency + p.offset[0], p.row / size * frequency + p.offset[1]
            lod = torch.log2(256 * frequency / size).clamp_min(0)
            clumps = clumps + weight * self.atlas.read(u, v, (CELL, CELL_U, CELL_V), lod)
        u, v = p.col / size * 1.35 + p.offset[0], p.row / size * 1.35 + p.offset[1]
        leaf = self.atlas.read(u, v, (FINE, BROAD, CELL))
        normal = torch.stack([-p.plane(self.bulge_x) * 7, p.plane(self.bulge_y) * 7 + 0.35, torch.full_like(u, -0.7)])
        normal = normalise(normalise(normal) + p.normal * 0.45)
        normal = normalise(normal + torch.stack([-clumps[1], clumps[2], torch.zeros_like(u)]) * 0.045)
        depth = 0.36 + 0.42 * clumps[0] + 0.17 * leaf[0] + 0.14 * leaf[2] + 0.05 * leaf[1]  # low in the gaps
        leaves = p.ramp(0.12 + 0.58 * depth + 0.1 * leaf[1] + 0.1 * normal[1])
        bark = p.colour(BARK) * (1 + 0.4 * leaf[0])
        albedo = torch.where(p.plane(self.scene.bark), bark, leaves)
        return Surface(albedo, normal, (0.2 + 0.85 * depth).clamp(0.1, 1.15) * (0.8 + 0.2 * normal[1]), wrap=0.25)

    def _sand(self, p: Pixels) -> Surface:
        dune = p.noise(50, (FBM_U, FBM_V, BROAD, FINE))
        grain = p.noise(11, (FBM, FBM_U, FBM_V))
        direction = p.shape[0]
        ripple = ((p.across * direction + p.along * (1 - direction)) * 2.2 + grain[0] * 2.2).sin()
        ripple = ripple * torch.exp(-p.depth / 45) * (p.shape[1] > 0.4)
        slope_u = dune[0] * 0.5 + ripple * 6 * direction + grain[1] * 0.3
        slope_v = dune[1] * 0.5 + ripple * 6 * (1 - direction) + grain[2] * 0.3
        tone = 0.52 + 0.12 * dune[2] + 0.08 * dune[3] + 0.07 * ripple + 0.06 * grain[0]
        return Surface(p.ramp(tone), p.bumped(slope_u, slope_v, 0.03), p.open())

    def _rock(self, p: Pixels) -> Surface:
        big = p.noise(24, (RIDGE, RIDGE_U, RIDGE_V, BROAD), slant=False)
        small = p.noise(7, (RIDGE, RIDGE_U, RIDGE_V), slant=False)
        round_ = torch.stack(
            [-p.plane(self.bulge_x) * 9, p.plane(self.bulge_y) * 9 + 0.4, torch.full_like(p.col, -0.6)]
        )
        normal = normalise(p.normal + normalise(round_))
        normal = p.bumped(big[1] + 0.5 * small[1], big[2] + 0.5 * small[2], 0.035 + 0.03 * p.shape[0], normal)
        tone = 0.47 + 0.13 * big[0] + 0.11 * small[0] + 0.1 * big[3]
        return Surface(p.ramp(tone), normal, p.open() * (0.85 + 0.15 * small[0]).clamp(0.5, 1.1))

    def _road(self, p: Pixels) -> Surface:
        broad = p.noise(20, (FBM, BROAD))
        gravel = p.noise(4, (FBM_U, FBM_V, FINE))
        tone = 0.5 + 0.06 * broad[0] + 0.11 * broad[1] + 0.14 * gravel[2] * torch.exp(-p.depth / 60)
        return Surface(p.ramp(tone), p.bumped(gravel[0], gravel[1], 0.008), p.open())

    def _house(self, p: Pixels) -> Surface:
        """Roof, storeys and windows from nothing but the region: long ones become a row of gabled fronts."""
        left, right, foot, tall = (p.plane(plane) for plane in self._house_runs())
        up, across = (foot - p.row) / tall, (p.col - left) / (right - left + 1)  # in region heights, widths
        units = ((right - left + 1) / (1.5 * tall)).round().clamp_min(1)
        unit, within = (across * units).floor(), (across * units).remainder(1)
        gable = (units > 1) & (up > 0.5) & ((within - 0.5).abs() * 2 < (0.96 - up) / 0.46)
        roof = (up > 0.55) & ~gable
        rows = (2 + (tall > 40 * self.frame.unit).float()).clamp_max(3)
        storey = up / 0.55 * rows
        across_windows = ((right - left + 1) / units / (0.28 * tall)).round().clamp(1, 6)
        window_x, window_y = (within * across_windows).remainder(1), storey.remainder(1)
        inside = (storey < rows) & (up > 0.04) & ~roof
        hole_x, hole_y = (window_x - 0.5).abs(), (window_y - 0.55).abs()
        window = inside & (hole_x < 0.2) & (hole_y < 0.25)
        frame = inside & (hole_x < 0.28) & (hole_y < 0.33) & ~window
        tone = 1 + 0.16 * (unit * 2.4).sin() * (units > 1)
        grime = self.atlas.read(p.col / self.frame.size, p.row / self.frame.size, (FBM,))[0]
        tiles = 0.14 * (up * 60).sin() + 0.1 * grime
        brick = 0.06 * (up * 110).sin().sign() * (p.shape[1] > 0.6)
        albedo = torch.where(roof, p.tone(0) * (1 + tiles), p.tone(1) * tone * (1 + 0.07 * grime + brick))
        albedo = torch.where(frame, p.tone(2), torch.where(window, p.colour(GLASS), albedo))
        lit = window & (p.shape[2] > 0.7)
        eaves = smoothstep(0.47, 0.55, up) * ~roof
        occlusion = 1 - 0.3 * smoothstep(0.1, 0, up) - 0.3 * eaves
        wall = p.colour((-0.35, 0.2, -1.0))
        normal = normalise(torch.where(roof, p.colour((-0.2, 0.8, -0.7)), wall))
        return Surface(albedo, normal, occlusion, glow=p.colour(LAMPLIGHT) * lit)

    def _house_runs(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Left, right and foot of each house pixel's runs, and its region's height, [B, S, S] each."""
        house = self.labels == HOUSE
        top, foot = run_ends(house, self.frame.row)
        left, right = (t.transpose(1, 2) for t in run_ends(house.transpose(1, 2), self.frame.row))
        height = foot - top + 1
        reach = self.odd(60)

        def reaching(plane: Tensor, rows: int, cols: int) -> Tensor:
            """Highest value at houses around: what stands before a house does not cut it in two."""
            plane = torch.where(house, plane, -1e4)
            return F.max_pool2d(plane[:, None], (rows, cols), 1, (rows // 2, cols // 2))[:, 0]

        left, right = -reaching(-left, reach, 1), reaching(right, reach, 1)
        return left, right, reaching(foot, 1, reach), reaching(height, 1, reach).clamp_min(4)

    # Water ----------------------------------------------------------------------------------------------------------

    def _water(self, p: Pixels, image: Tensor) -> Tensor:
        frame, size, unit = self.frame, self.frame.size, self.frame.unit
        wet = self.labels == WATER
        shore = torch.where(wet, 0.0, frame.row).cummax(1)[0]  # its row, above each pixel
        shore = p.plane(smooth_within(shore, wet, round(9 * unit)))  # mirrored things would show every step of it
        swell = p.noise(9 + 14 * p.shape[0], (FBM, FBM_U, FBM_V, FINE), squeeze=0.45)
        chop = p.noise(3.5, (FBM, FBM_U, FBM_V, FINE), shift=0.5, squeeze=0.4)
        rough = (0.2 + 0.9 * p.shape[1]) * (0.4 + 0.6 * torch.exp(-p.depth / 60))
        tilt_u = (swell[1] * 0.02 + chop[1] * 0.012) * rough
        tilt_v = (swell[2] * 0.02 + chop[2] * 0.012) * rough
        out = p.row - shore  # distance from the shore, pixels
        row = shore - out * 0.96 - 1 + tilt_v * (2 * unit + out * 0.14)
        col = p.col + tilt_u * (1.5 * unit + out * 0.05)
        mirrored = self._mirror(image, p, row, col, (1 + unit + out * 0.04).long())
        down = self._looking_down(p)
        strength = (0.06 + 0.94 * (1 - down - 0.12 * tilt_v).clamp(0, 1) ** 3.2) * (0.3 + 0.3 * p.shape[2])
        depth_tone = 0.34 + 0.12 * swell[0] + 0.22 * smoothstep(14, 0, out / unit) + 0.05 * chop[0] + 0.15 * down
        body = p.ramp(depth_tone) * (p.sun_colour * p.sun[1].clamp_min(0.3) * 0.7 + p.ambient * 0.75)
        colour = lerp(body, mirrored * 0.93, strength.clamp(0, 0.5))
        up = normalise(torch.stack([tilt_u * 0.5, torch.ones_like(tilt_u), tilt_v * 0.5]))
        rise = (p.of(self.scene.horizon) - p.row) / frame.focal
        view = normalise(torch.stack([(p.col - size / 2) / frame.focal, rise, torch.ones_like(rise)]))
        sparkle_from = normalise(p.colour((0.1, 0.35, 1.0)))  # glitter lies under the brightest part of the sky
        glint = ((view - 2 * (view * up).sum(0) * up) * sparkle_from).sum(0).clamp_min(0) ** 70
        colour = colour + p.sun_colour * (0.3 * p.shape[3]) * glint
        foam = smoothstep(3.5, 0, out / unit) * (chop[3] + swell[3] > 0.1) * 0.25 * p.shape[3] * (p.depth < 400)
        return lerp(colour, p.ambient + p.sun_colour * 0.3, foam)

    def _looking_down(self, p: Pixels) -> Tensor:
        """Sine of the angle at which the eye looks down on flat ground."""
        return (p.of(self.scene.eye) / p.depth).clamp(0.02, 0.9)

    def _mirror(self, image: Tensor, p: Pixels, row: Tensor, col: Tensor, spread: Tensor) -> Tensor:
        """Colours that stand over the shore, a little blurred; the sky where only water is there."""
        size = self.frame.size
        row, col = row.clamp(0, size - 1).long(), col.clamp(0, size - 1).long()
        start = p.batch * size * size
        source = start + row * size + col
        above = start + (row - spread).clamp_min(0) * size + col
        beside = start + row * size + (col + spread).clamp_max(size - 1)
        seen = (image[:, source] * 2 + image[:, above] + image[:, beside]) / 4
        overhead = (2 * p.of(self.horizon) - p.row).clamp(0, size - 1).long()
        nothing = self.labels.reshape(-1)[source] == WATER
        return torch.where(nothing, self.sky[:, start + overhead * size + col], seen)


def _softened(image: Tensor) -> Tensor:
    """A 3×3 binomial filter, by its two passes."""
    rows = F.pad(image, (0, 0, 1, 1), mode="replicate")
    image = (rows[:, :, :-2] + 2 * rows[:, :, 1:-1] + rows[:, :, 2:]) / 4
    cols = F.pad(image, (1, 1, 0, 0), mode="replicate")
    return (cols[..., :-2] + 2 * cols[..., 1:-1] + cols[..., 2:]) / 4


class Pixels:
    """The pixels of one class: their place, and the scene's numbers and noise read for them."""

    def __init__(self, shader: Shader, label: int, index: Tensor) -> None:
        size, scene, style = shader.frame.size, shader.scene, shader.style
        self.shader, self.label, self.index = shader, label, index
        self.batch = index // (size * size)
        self.row, self.col = (index % (size * size) // size).float(), (index % size).float()
        self.depth, self.across, self.along = (self.plane(t) for t in (scene.depth, scene.across, scene.along))
        self.normal = scene.normal.reshape(3, -1)[:, index]
        self.shape, self.offset = style.shape[label][:, self.batch], style.offset[label][:, self.batch]
        self.sun, self.sun_colour = style.sun[:, self.batch], style.sun_colour[:, self.batch]
        self.ambient = style.ambient[:, self.batch]

    def plane(self, plane: Tensor) -> Tensor:
        """[B, S, S] → [n]."""
        return plane.reshape(-1)[self.index]

    def of(self, numbers: Tensor) -> Tensor:
        """[B] → [n]."""
        return numbers[self.batch]

    def colour(self, rgb: tuple[float, float, float]) -> Tensor:
        return torch.tensor(rgb, device=self.depth.device)[:, None].expand(-1, len(self.index))

    def tone(self, which: int) -> Tensor:
        """One colour of the class's palette, [3, n]."""
        return self.shader.style.palette[self.label][which][:, self.batch]

    def ramp(self, t: Tensor) -> Tensor:
        """The class's colours from dark (0) to light (1), [3, n]."""
        return self.shader.style.ramp[self.label][:, self.batch * TONES + (t.clamp(0, 1) * (TONES - 1)).long()]

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
        """Noise over the surface, one tile every ``period`` world units, [len(channels), n].

        ``soften`` leaves out so many octaves of detail that the pixels could still show.
        """
        shader = self.shader
        lod = torch.log2(self.depth / shader.frame.focal)
        if slant:  # flat ground is seen ever more edge-on
            lod = lod + 0.5 * torch.log2(1 + self.depth / 40)
        lod = lod + (torch.log2(256 / period) if isinstance(period, Tensor) else math.log2(256 / period))
        u, v = self.across / period + self.offset[0] + shift, self.along / period * squeeze + self.offset[1] + shift
        dither = shader.grain.reshape(-1)[self.index % shader.grain.numel()]
        return shader.atlas.read(u, v, channels, lod + soften + dither - 0.5)

    def bumped(
        self, slope_u: Tensor, slope_v: Tensor, strength: float | Tensor, normal: Tensor | None = None
    ) -> Tensor:
        """The normal tilted by slopes along the two texture coordinates; the second is up on walls, away on ground."""
        normal = self.normal if normal is None else normal
        upright = 1 - normal[1].clamp(0, 1)
        tilt = torch.stack([-slope_u, -slope_v * upright, -slope_v * (1 - upright)])
        return normalise(normal + tilt * strength)

    def open(self) -> Tensor:
        """1 where nothing tall is near, less beside it."""
        return 1 - 0.4 * self.plane(self.shader.crowding)

    def sunlit(self) -> Tensor:
        """1 in the sun; flat things lie in the shadow of what stands left of them."""
        if self.label in (TREE, HOUSE, ROCK, MOUNTAIN):
            return torch.ones_like(self.depth)
        return 1 - 0.6 * self.plane(self.shader.shadow)

    def height(self) -> Tensor:
        """World units above the eye's ground level."""
        scene, focal = self.shader.scene, self.shader.frame.focal
        return self.of(scene.eye) + (self.of(scene.horizon) - self.row) / focal * self.depth
