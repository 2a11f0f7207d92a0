"""The paper's three networks and the landscape network, as configurations.

Imports no PyTorch.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from model.network.config import Block, GroupDNetConfig


def _rows(
    widths: Sequence[int], groups: Sequence[int], modulation: Iterable[tuple[int, int, int]], fc_out: int
) -> tuple[Block, ...]:
    """The blocks with these output widths and groups; ``modulation`` has (hidden, shared_groups, gamma_groups)."""
    names = ("head_0", "G_middle_0", "G_middle_1", "up_0", "up_1", "up_2", "up_3", "up_4")
    inputs = (fc_out, *widths)
    return tuple(Block(n, i, o, g, *m) for n, i, o, g, m in zip(names, inputs, widths, groups, modulation))


def deepfashion(ngf: int = 160) -> GroupDNetConfig:
    """The paper's network for DeepFashion: 8 classes, 256×256; ``ngf`` is its width, 160 in the paper."""
    groups = (8, 8, 4, 4, 2, 2, 1)
    widths = [ngf * m for m in (16, 16, 16, 8, 4, 2, 1)]
    return GroupDNetConfig(
        8, (256, 256), 8, _rows(widths, groups, [(128, g, g) for g in groups], 16 * ngf), encoder_width=256
    )


def cityscapes(ngf: int = 280) -> GroupDNetConfig:
    """The paper's network for Cityscapes: 35 classes, 256×512, instance edges; ``ngf`` is 280 in the paper."""
    groups = (35, 35, 20, 14, 10, 4, 1)
    widths = [ngf * m for m in (16, 16, 16, 8, 4, 2, 1)]
    rows = _rows(widths, groups, [(35 * g, 35, 35) for g in groups], 16 * ngf)
    return GroupDNetConfig(35, (256, 512), 35, rows, encoder_width=350, instance_edges=True)


def ade20k(ngf: int = 64) -> GroupDNetConfig:
    """The paper's network for ADE20K: 151 classes, 256×256; ``ngf`` is 64 in the paper."""
    groups = (151, 16, 16, 8, 4, 2, 1, 1)
    widths = [16 * 151, *(ngf * m for m in (32, 16, 16, 8, 4, 2, 1))]
    hidden = [2 * 151 if 151 % g == 0 else 151 * g for g in groups]
    rows = _rows(widths, groups, [(h, 151, g) for h, g in zip(hidden, groups)], 16 * 151)
    return GroupDNetConfig(151, (256, 256), 151, rows[:7], encoder_width=604, unused=rows[7:])


def landscape() -> GroupDNetConfig:
    """The landscape model's network: 12 classes, 256×256, small enough to train and to paint with on a CPU."""
    groups = (12, 12, 6, 4, 4, 2, 1)
    widths = (192, 192, 192, 128, 96, 48, 24)
    rows = _rows(widths, groups, [(48, g, g) for g in groups], 192)
    return GroupDNetConfig(
        classes=12,
        image_size=(256, 256),
        fc_groups=12,
        blocks=rows,
        encoder_width=192,
        shared_codes=True,
        encoder_norm=False,
        encoder_side=128,
        noise=True,
        smooth=3,
    )


PRESETS = {"deepfashion": deepfashion, "cityscapes": cityscapes, "ade20k": ade20k, "landscape": landscape}
