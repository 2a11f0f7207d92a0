"""The classes of the landscapes and their looks: palettes, skies with their light, and the draw of a style."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from model.data.landscape.noise import Draws, lerp

SKY, CLOUD, MOUNTAIN, SNOW, GRASS, TREE, WATER, SAND, ROCK, ROAD, FLOWER, HOUSE = range(12)
CLASSES = 12
STYLE_STREAM = 16  # class c draws its look from random stream 16 + c, so that looks are independent of each other
TONES = 256  # colours in the ramp of a look

# For each class its looks as three colours: (dark, middle, light), for the sky (zenith, middle, horizon), for houses
# (roof, wall, window frame).
PALETTES: dict[int, tuple[str, ...]] = {
    SKY: (
        "1f5fb4 5b9bdc bfdcf0", "2f6fae 8fb4cf f3d9a8", "3a3f78 c0687a ffb064", "8e9aa6 aab4bd cdd3d6",
        "0a1230 1b2c58 3c5484", "5a6ca8 c79bb5 ffd9c0", "0f3f8c 2f7fc8 9cd0e8", "2a6f80 7fc0b8 e8f0c8",
    ),
    CLOUD: (
        "98a6ba e2e8ef ffffff", "a39aa8 ecd2c0 fff4e2", "8a7088 eaa490 ffe0b4", "7c858e a8afb5 d8dcdf",
        "3a4660 6c7a96 a9b6cc", "a08cab e8c4cc fff0ea", "b0a79c ece6da fffdf5", "5c6470 8b949e bcc3ca",
        "b4562c ec8c4c ffca84", "1e2638 3c4a64 74849e", "6a4a90 ac84c4 e6caf0",
    ),
    MOUNTAIN: (
        "4b4540 857a70 b9aea0", "5b3326 a65f3d d99a68", "2e3a4a 5f7186 9fb0c0",
        "3d3a2c 77704e b0a878", "4a4a52 8f8f98 d0d0d4", "3a2a38 7a5a70 b492a4",
    ),
    SNOW: (
        "8fa9d0 e4edf8 ffffff", "7c9cc8 cfe0f2 f8fcff", "b0a8b8 ece4e4 fffaf2", "6f9ab0 bfdde2 effcfc",
        "a8688c eca8b0 ffdcc8", "a87c54 e8c48c fff0cc", "2e4c88 6890cc b4d2f4", "62686e 9ca4a8 d0d4d6",
    ),
    GRASS: (
        "2c4a16 5f8a2c a3bf55", "44441a 8a8440 c8ba74", "173f22 2f7a3c 7cb85c",
        "4f4020 98804a cdb47a", "2f4430 67836a a8b89c", "3a4c18 7c9434 bac866",
    ),
    TREE: (
        "12260c 32591a 7c9c3c", "3a1406 a8481a eda23c", "4a1c34 c86a94 f8c4d8", "081c16 17402c 4c7a54",
        "2e2a10 6e6a30 b4ac60", "3a0a0c 8c1e1c d85a3c", "40380a ac8a20 ecd060",
    ),
    WATER: (
        "0a3a4a 1c7c8c 5cc8c4", "04141c 0c2c3c 2c5464", "0e2a1a 2c5a3c 6c9068",
        "5c8ca0 9cc8d4 d8eef2", "0a2450 1a4c94 5490d0", "3a2c1c 75603c b09a6c",
    ),
    SAND: (
        "a8834c d8b87c f2dfb0", "8c4a2c c4784a e8ac7c", "9c948a d0c8bc f0ece4",
        "4a4440 75706a a09a94", "b09458 dcc47c f6e8b4",
    ),
    ROCK: (
        "34343a 74747a b8b8b8", "4a2c20 8c5a40 c8966c", "24241e 55584a 8c9478",
        "58544c a09a8c dcd6c8", "1c2026 3c444e 74808c", "4e1812 9c3c28 d87850", "2c3818 5c7434 98ac6c",
        "8c8474 d2cab8 f8f4e8", "2c3e54 587490 98b6cc",
    ),
    ROAD: ("3a3a3e 5c5c60 8a8a8c", "5c4028 94704c c4a078", "7c7468 aca294 d8d0c4", "5a2e20 9c5a3c c88860"),
    FLOWER: (
        "3a0e4a 8c3cb4 d49cf0", "6a0a14 d82430 ff7a60", "7a5a04 f0c010 fff078",
        "6a1a4a e868a8 ffd0e4", "b4b4c8 f0f0f4 ffffff", "141c6a 4058d8 9cb4ff",
    ),
    HOUSE: (
        "7a2418 e8dcc4 8c3a28", "2c3440 f4f2ec 445064", "4a3020 a06c44 3c2818",
        "7c7c80 c49070 a84830", "38424a e8c868 6c3a2c", "20505c f0e8d8 2c7078",
    ),
}  # fmt: skip

# The light of each sky, in the order of PALETTES: weight among the scenes, the sun's elevation in degrees, the sun's
# colour, the ambient colour, and the haze. The light on the ground varies far less than the sky's own look, because
# each class has a style of its own: a model could not learn a world where the sky decides the colour of all classes.
SKY_LIGHT = (
    (4.0, 48, (1.52, 1.42, 1.26), (0.35, 0.42, 0.52), 0.8),  # clear
    (2.2, 26, (1.75, 1.36, 0.96), (0.36, 0.40, 0.46), 1.0),  # golden hour
    (1.8, 16, (1.75, 1.14, 0.76), (0.40, 0.37, 0.46), 1.1),  # sunset
    (1.6, 58, (0.62, 0.62, 0.62), (0.62, 0.65, 0.69), 1.3),  # overcast
    (1.0, 38, (0.62, 0.74, 1.08), (0.22, 0.29, 0.45), 0.8),  # moonlight
    (1.5, 20, (1.58, 1.18, 1.04), (0.41, 0.39, 0.51), 1.0),  # dawn
    (2.0, 56, (1.62, 1.51, 1.34), (0.31, 0.40, 0.54), 0.6),  # deep blue
    (1.4, 34, (1.48, 1.40, 1.15), (0.34, 0.45, 0.47), 1.0),  # teal
)
DAYLIGHT = (1.5, 1.28, 1.08, 0.38, 0.41, 0.48)  # colours of sun and ambient light with which every sky's are mixed
MOONLIGHT = 4  # index of the moonlit sky
SUN_AZIMUTH = -58.0  # degrees from straight ahead: from the left in every scene, as no label map says where the sun is


@dataclass
class Style:
    """The looks of B scenes: for each class colours and four free numbers, and the light, which the sky decides."""

    ramp: dict[int, Tensor]  # class → [3, B·TONES] linear colours from dark to light
    palette: dict[int, Tensor]  # class → [3 tones, 3 rgb, B] linear colours
    shape: dict[int, Tensor]  # class → [4, B] free numbers in 0 … 1
    offset: dict[int, Tensor]  # class → [2, B] place in the noise tile from which the class is read
    sky: Tensor  # [B] index of the sky's look
    sun: Tensor  # [3, B] unit vector to the sun: right, up, away
    sun_colour: Tensor  # [3, B] linear colour
    ambient: Tensor  # [3, B] linear colour
    haze: Tensor  # [B] distance in world units at which haze is thick


def draw_style(seed: int, scenes: Sequence[int], restyle: Mapping[int, int], device: torch.device) -> Style:
    """The looks of ``scenes``; a class in ``restyle`` takes its looks from the scenes so many further on."""
    ramp, palette, shape, offset = {}, {}, {}, {}
    for label in range(CLASSES):
        chosen = [scene + restyle.get(label, 0) for scene in scenes]
        draws = Draws(seed, chosen, STYLE_STREAM + label, 24, device)
        table = _linear_palettes(label).to(device)  # [looks, 3 tones, 3 rgb]
        weights = [row[0] for row in SKY_LIGHT] if label == SKY else [1.0] * len(table)
        look, second = draws.choice(weights), draws.choice(weights)
        blend = draws.uniform(high=0.4) * draws.chance(0.0 if label == SKY else 0.35)
        tones = lerp(table[look], table[second], blend[:, None, None])
        tones = tones * torch.exp(0.12 * draws.normal(1, 3) + 0.12 * draws.normal(1, 1))  # [B, 3, 3]
        ramp[label], palette[label] = _ramp(tones), tones.permute(1, 2, 0)
        shape[label], offset[label] = draws.uniform(4).t(), draws.uniform(2).t()
        if label == SKY:
            sky = look
    light = torch.tensor([[e, *sun, *ambient, haze] for _, e, sun, ambient, haze in SKY_LIGHT], device=device)[sky]
    light[:, 1:7] = lerp(light.new_tensor(DAYLIGHT), light[:, 1:7], 0.65)
    elevation, azimuth = light[:, 0].deg2rad(), torch.tensor(SUN_AZIMUTH, device=device).deg2rad()
    flat = elevation.cos()
    sun = torch.stack([flat * azimuth.sin(), elevation.sin(), -flat * azimuth.cos()])
    haze = 2600 / light[:, 7] * 2.2 ** (shape[SKY][2] - 0.5)
    return Style(ramp, palette, shape, offset, sky, sun, light[:, 1:4].t(), light[:, 4:7].t(), haze)


def _linear_palettes(label: int) -> Tensor:
    """The looks of a class as linear colours [looks, 3 tones, 3 rgb]."""
    looks = [
        [[int(colour[i : i + 2], 16) / 255 for i in (0, 2, 4)] for colour in look.split()] for look in PALETTES[label]
    ]
    return torch.tensor(looks) ** 2.2


def _ramp(tones: Tensor) -> Tensor:
    """tones [B, 3, 3 rgb] → a table [3, B·TONES] of colours from dark over middle to light."""
    t = torch.linspace(0, 2, TONES, device=tones.device)[None, :, None]
    low, high = tones[:, :1], tones[:, 2:]
    table = torch.where(t < 1, lerp(low, tones[:, 1:2], t), lerp(tones[:, 1:2], high, t - 1))  # [B, TONES, 3]
    return table.permute(2, 0, 1).reshape(3, -1)
