"""What pictures cost by count alone: multiplications, bytes, and the steps of a fit. Imports no PyTorch."""

from __future__ import annotations

import math

from model.network.config import LATENT_STRIDE, GroupDNetConfig


def gflop(config: GroupDNetConfig) -> tuple[float, float]:
    """10⁹ multiplications and additions of one picture: all, and without the modulation."""
    height, width = config.image_size
    first, last, blocks = config.blocks[0], config.blocks[-1], config.blocks
    synthesis = 9 * 8 * config.classes * first.inputs // config.fc_groups * (height // 64) * (width // 64)
    synthesis += 9 * last.outputs * 3 * height * width
    modulation = 0
    for i, row in enumerate(blocks):
        pixels = (height >> (len(blocks) - 1 - i)) * (width >> (len(blocks) - 1 - i))
        convs = 9 * row.middle * (row.inputs + row.outputs) + row.learned_skip * row.inputs * row.outputs
        synthesis += convs // row.groups * pixels
        shared = 9 * config.semantic_channels * row.hidden // row.shared_groups
        for _, channels in row.norms():
            modulation += (shared + 2 * 9 * row.hidden * channels // row.gamma_groups) * pixels
    return 2e-9 * (synthesis + modulation), 2e-9 * synthesis


def least_bytes(config: GroupDNetConfig) -> int:
    """Float32 bytes of synthesis if every convolution's input, output and weights passed through memory once."""
    height, width = config.image_size
    numbers = 0
    for i, row in enumerate(config.blocks):
        pixels = (height >> (len(config.blocks) - 1 - i)) * (width >> (len(config.blocks) - 1 - i))
        ends = [(row.inputs, row.middle, 9), (row.middle, row.outputs, 9)]
        ends += [(row.inputs, row.outputs, 1)] if row.learned_skip else []
        numbers += sum((a + b) * pixels + taps * a * b // row.groups for a, b, taps in ends)
    return 4 * numbers


STEPS = 64
# What the picture's sides are divided by, and the share of the steps there. Not by 4: a network finished at full size
# has other colours there, and codes that fit those are where the larger sizes' descents do not get out again.
STAGES = ((2, 0.6), (1, 0.4))


def stages(config: GroupDNetConfig, steps: int) -> list[tuple[tuple[int, int], int]]:
    """(picture size, number of steps) of each stage, the full size last."""
    height, width = config.image_size
    plan: list[tuple[tuple[int, int], int]] = []
    left, due = steps, 0.0
    for divisor, share in STAGES[:-1]:
        due += share  # a size that does not exist leaves its share to the next
        if config.shared_codes and not (height % (divisor * LATENT_STRIDE) or width % (divisor * LATENT_STRIDE)):
            count, due = min(round(due * steps), left - 1), 0.0
            if count:
                plan.append(((height // divisor, width // divisor), count))
                left -= count
    return [*plan, ((height, width), left)]


def pictures_worth(config: GroupDNetConfig, steps: int = STEPS) -> int:
    """About how many pictures could be rendered while a photo is fitted; a step costs three of its size."""
    full = math.prod(config.image_size)
    return math.ceil(3 * sum(count * math.prod(size) / full for size, count in stages(config, steps)))
