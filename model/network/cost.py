"""The cost of pictures, counted from the configuration: arithmetic, memory, and the steps of a fit.

Imports no PyTorch.
"""

from __future__ import annotations

import math

from model.network.config import CODE_CHANNELS, LATENT_STRIDE, GroupDNetConfig


def gflop(config: GroupDNetConfig) -> tuple[float, float]:
    """10⁹ multiplications and additions for one picture: (with the modulation of its label map, without it)."""
    first, last = config.blocks[0], config.blocks[-1]
    codes = CODE_CHANNELS * config.classes * math.prod(config.latent_size)
    synthesis = 9 * codes * first.inputs // config.fc_groups
    synthesis += 9 * last.outputs * 3 * math.prod(config.image_size)
    modulation = 0
    for row, size in zip(config.blocks, config.layer_sizes()):
        pixels = math.prod(size)
        convs = 9 * row.middle * (row.inputs + row.outputs) + row.learned_skip * row.inputs * row.outputs
        synthesis += convs // row.groups * pixels
        shared = 9 * config.semantic_channels * row.hidden // row.shared_groups
        for _, channels in row.norms():
            modulation += (shared + 2 * 9 * row.hidden * channels // row.gamma_groups) * pixels
    return 2e-9 * (synthesis + modulation), 2e-9 * synthesis


def least_bytes(config: GroupDNetConfig) -> int:
    """Bytes of a float32 synthesis if each convolution's input, output and weights passed through memory once."""
    numbers = 0
    for row, size in zip(config.blocks, config.layer_sizes()):
        pixels = math.prod(size)
        ends = [(row.inputs, row.middle, 9), (row.middle, row.outputs, 9)]  # (from, to, taps) of each convolution
        ends += [(row.inputs, row.outputs, 1)] if row.learned_skip else []
        numbers += sum((a + b) * pixels + taps * a * b // row.groups for a, b, taps in ends)
    return 4 * numbers


STEPS = 64  # steps of gradient descent in which a photo's codes are fitted, unless another number is asked for
# For each stage of a fit: the number that the picture's sides are divided by, and its share of the steps. There is no
# stage at a quarter of the size: a network trained at full size gives other colours there, and a descent that starts
# from the codes for those colours does not leave them at the larger sizes.
STAGES = ((2, 0.6), (1, 0.4))


def stages(config: GroupDNetConfig, steps: int) -> list[tuple[tuple[int, int], int]]:
    """((H, W), number of steps) of each stage of a fit, the full size last; the numbers sum to ``steps``.

    Only networks with shared codes have stages at smaller sizes.
    """
    height, width = config.image_size
    plan: list[tuple[tuple[int, int], int]] = []
    left, due = steps, 0.0
    for divisor, share in STAGES[:-1]:
        due += share  # the share of a size that cannot be used goes to the next stage
        if config.shared_codes and not (height % (divisor * LATENT_STRIDE) or width % (divisor * LATENT_STRIDE)):
            count, due = min(round(due * steps), left - 1), 0.0
            if count:
                plan.append(((height // divisor, width // divisor), count))
                left -= count
    return [*plan, ((height, width), left)]


def pictures_worth(config: GroupDNetConfig, steps: int = STEPS) -> int:
    """About how many pictures could be rendered in the time of one fit; a step costs as much as three of its size."""
    full = math.prod(config.image_size)
    return math.ceil(3 * sum(count * math.prod(size) / full for size, count in stages(config, steps)))
