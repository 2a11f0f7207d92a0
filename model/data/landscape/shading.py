"""Shading of scenes: each class's pixels get their colour and light, water mirrors the others, and haze covers all."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from model.data.landscape.layout import map_horizon, smooth_within
from model.data.landscape.looks import CLASSES, CLOUD, MOONLIGHT, SKY, WATER
from model.data.landscape.noise import BROAD, FBM, FBM_U, FBM_V, FINE, lerp, normalise, smoothstep
from model.data.landscape.surfaces import SURFACES, Pixels, Stage, Surface


class Shader:
    """Makes the pictures of a stage. Colours are linear until ``_developed`` turns them into sRGB."""

    def __init__(self, stage: Stage) -> None:
        self.stage, self.frame, self.style = stage, stage.frame, stage.style
        self.labels = stage.scene.labels
        self.horizon = map_horizon(self.labels)  # the sky's gradient follows what the map shows
        self.sky = self._sky()  # [3, B·S·S]

    def picture(self) -> Tensor:
        """The pictures, uint8 [B, 3, S, S]."""
        batch, size = len(self.labels), self.frame.size
        image = torch.zeros_like(self.sky)
        for label in range(CLASSES):
            index = (self.labels.reshape(-1) == label).nonzero()[:, 0]
            if not len(index) or label == WATER:
                continue
            if label == SKY:
                image[:, index] = self.sky[:, index]
            elif label == CLOUD:
                image[:, index] = self._cloud(Pixels(self.stage, label, index))
            else:
                pixels = Pixels(self.stage, label, index)
                image[:, index] = self._hazed(self._lit(SURFACES[label](pixels), pixels), pixels)
        index = (self.labels.reshape(-1) == WATER).nonzero()[:, 0]
        if len(index):  # water comes last, because it mirrors the others
            pixels = Pixels(self.stage, WATER, index)
            image[:, index] = self._hazed(self._water(pixels, image), pixels)
        return self._developed(image.view(3, batch, size, size).transpose(0, 1))

    # Light ---------------------------------------------------------------------------------------------------------

    def _lit(self, surface: Surface, p: Pixels) -> Tensor:
        """Colours [3, n] of a surface in sunlight and ambient light."""
        facing = ((surface.normal * p.sun).sum(0) + surface.wrap) / (1 + surface.wrap)
        open_ = surface.occlusion
        direct = facing.clamp_min(0) * open_ * p.sunlit()
        colour = surface.albedo * (p.sun_colour * direct + p.ambient * (open_ * (0.72 + 0.28 * surface.normal[1])))
        return colour if surface.glow is None else colour + surface.glow

    def _hazed(self, colour: Tensor, p: Pixels) -> Tensor:
        """Colours [3, n] mixed with the haze's, the more the further away a pixel is."""
        amount = (1 - torch.exp(-((p.depth / p.of(self.style.haze)) ** 1.2))) * 0.6
        horizon, middle = (self.style.palette[SKY][tone][:, p.batch] for tone in (2, 1))
        return lerp(colour, lerp(horizon, middle, 0.4), amount)

    def _developed(self, image: Tensor) -> Tensor:
        """Linear colours [B, 3, S, S] → sRGB uint8, with softened borders, a little bloom and a filmic curve."""
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
        """The sky's colour at every pixel, [3, B·S·S]: clouds are laid over it, and water mirrors it."""
        frame, style, size = self.frame, self.style, self.frame.size
        rise = (self.horizon[:, None, None] - frame.row) / size  # [B, S, S]
        elevation = (rise / 0.55).clamp(0, 1)
        zenith, middle, horizon = (style.palette[SKY][tone][:, :, None, None] for tone in range(3))
        low, high = lerp(horizon, middle, elevation / 0.35), lerp(middle, zenith, (elevation - 0.35) / 0.65)
        colour = torch.where(elevation < 0.35, low, high)  # [3, B, S, S]
        number, offset = style.shape[SKY][:, :, None, None], style.offset[SKY][:, :, None, None]
        wisp = self.stage.atlas.read(
            frame.col / size * 0.35 / (elevation + 0.35) + offset[0],
            0.5 / (elevation + 0.22) + offset[1],
            (FBM, BROAD),
        )
        wisp = smoothstep(0.3, 2.6, wisp[0] + 0.4 * wisp[1] + 1.6 * number[0] - 0.5) * number[1] * 0.55
        colour = lerp(colour, horizon * 0.55 + 0.42 * middle.amax(0), wisp * smoothstep(0, 0.12, elevation))
        view = normalise(torch.stack([(frame.col / size - 0.62).expand_as(rise), rise - 0.03, torch.ones_like(rise)]))
        # The sun's glow is right of the middle near the horizon, and is seen only where the sun is low.
        glow = style.sun_colour[:, :, None, None] * (0.22 * view[2].clamp_min(0) ** 14) * self._low_sun()
        stars = (style.sky == MOONLIGHT)[:, None, None] * (self.stage.grain > 0.9985) * 0.5 * elevation
        return (colour + glow + stars).reshape(3, -1)

    def _low_sun(self) -> Tensor:
        """1 where the sun is low, 0 where it is high: [B, 1, 1]."""
        return smoothstep(0.5, 0.25, self.style.sun[1])[:, None, None]

    def _cloud(self, p: Pixels) -> Tensor:
        """Colours [3, n] of clouds over the sky."""
        wide, near = p.plane(self.stage.cloud_wide), p.plane(self.stage.cloud_near)
        u, v = p.col / self.frame.size * 0.5 + p.offset[0], p.row / self.frame.size * 0.8 + p.offset[1]
        fbm, slope_u, slope_v, broad = self.stage.atlas.read(u, v, (FBM, FBM_U, FBM_V, BROAD), torch.full_like(u, 1.3))
        puff = torch.stack(
            [
                -p.plane(self.stage.bulge_x) * 11 - slope_u * 0.03,
                p.plane(self.stage.bulge_y) * 11 + slope_v * 0.03 + 0.5,
            ]
        )
        normal = normalise(torch.cat([puff, torch.full_like(puff[:1], -0.7)]))
        facing = (normal * p.sun).sum(0)
        tone = 0.68 + 0.28 * facing + (0.04 + 0.05 * p.shape[1]) * fbm + 0.03 * broad - 0.10 * smoothstep(0.5, 1, wide)
        cover = smoothstep(0.1, 0.95, near * 0.9 + 0.16 * fbm) * (0.9 + 0.1 * p.shape[0])
        moonlit = lerp(torch.ones_like(p.sun_colour), p.sun_colour.clamp_max(1.4) / 1.4, 0.5)
        return lerp(self.sky[:, p.index], p.ramp(tone) * moonlit, cover)

    # Water ----------------------------------------------------------------------------------------------------------

    def _water(self, p: Pixels, image: Tensor) -> Tensor:
        """Colours [3, n] of water that mirrors ``image`` [3, B·S·S], with waves, glitter and foam."""
        frame, size, unit = self.frame, self.frame.size, self.frame.unit
        wet = self.labels == WATER
        shore = torch.where(wet, 0.0, frame.row).cummax(1)[0]  # row of the shore above each pixel
        shore = p.plane(smooth_within(shore, wet, round(9 * unit)))  # smooth, or steps of it would show in the mirror
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
        rise = (p.of(self.stage.scene.horizon) - p.row) / frame.focal
        view = normalise(torch.stack([(p.col - size / 2) / frame.focal, rise, torch.ones_like(rise)]))
        sparkle_from = normalise(p.colour((0.1, 0.35, 1.0)))  # direction of the brightest part of the sky
        glint = ((view - 2 * (view * up).sum(0) * up) * sparkle_from).sum(0).clamp_min(0) ** 70
        colour = colour + p.sun_colour * (0.3 * p.shape[3]) * glint
        foam = smoothstep(3.5, 0, out / unit) * (chop[3] + swell[3] > 0.1) * 0.25 * p.shape[3] * (p.depth < 400)
        return lerp(colour, p.ambient + p.sun_colour * 0.3, foam)

    def _looking_down(self, p: Pixels) -> Tensor:
        """The sine of the angle at which the eye looks down on flat ground, [n]."""
        return (p.of(self.stage.scene.eye) / p.depth).clamp(0.02, 0.9)

    def _mirror(self, image: Tensor, p: Pixels, row: Tensor, col: Tensor, spread: Tensor) -> Tensor:
        """Colours [3, n] of ``image`` at (row, col), blurred over ``spread`` pixels; the sky's where water is there."""
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
    """The image [B, 3, S, S] blurred by a 3×3 binomial filter, in two passes."""
    rows = F.pad(image, (0, 0, 1, 1), mode="replicate")
    image = (rows[:, :, :-2] + 2 * rows[:, :, 1:-1] + rows[:, :, 2:]) / 4
    cols = F.pad(image, (1, 1, 0, 0), mode="replicate")
    return (cols[..., :-2] + 2 * cols[..., 1:-1] + cols[..., 2:]) / 4
