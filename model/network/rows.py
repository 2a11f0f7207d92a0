"""A network for any number of classes, from the few numbers that a training plan names.

Imports no PyTorch.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from model.errors import refuse, shown
from model.network.config import Block, GroupDNetConfig, at_size

BLOCKS = ("head_0", "G_middle_0", "G_middle_1", "up_0", "up_1", "up_2", "up_3")
HIDDEN = 48  # channels between the two convolutions of each modulation, before rounding
MERGED = (1, 1, 2, 3, 3, 6, 12)  # classes in one group, block by block, of the landscape network's twelve
NARROWER = (1, 1, 1, 2 / 3, 1 / 2, 1 / 4, 1 / 8)  # width of each block ÷ width of the first
CHANNELS = 16  # channels per class in the encoder's first layer
WIDTHS = (192, 256)  # least and largest width proposed for the first block
FEWEST = 8  # least channels per class in the first block, even if that makes it wider
ROUNDING = 0.15  # largest relative change that makes a width a multiple of 8 or 4
SIZE = (256, 256)

FIELDS = (
    "classes",
    "image_size",
    "widths",
    "groups",
    "hidden",
    "encoder_width",
    "instance_edges",
    "shared_codes",
    "encoder_norm",
    "encoder_side",
    "noise",
    "smooth",
)


def config_of(data: Mapping[str, Any]) -> GroupDNetConfig:
    """The network of ``{"classes": 13, "widths": [7 numbers], "groups": [7 numbers], "hidden": 48, …}``.

    Only ``classes`` must be there. Widths and groups that are left out are proposed: groups fall from one a class to
    one for all, as the landscape network's do, and widths can be divided by them. The rest are the fields of
    GroupDNetConfig, by default as in the landscape network. Raises InputError, which names the field.
    """
    if unknown := [name for name in data if name not in FIELDS]:
        refuse("network", unknown[0], f"has the field {shown(unknown[0])}", ", ".join(FIELDS))
    classes = data.get("classes")
    if type(classes) is not int or not 1 <= classes <= 255:
        refuse("network.classes", classes, f"is {shown(classes)}", "a whole number, 1 … 255")
    groups = _seven(data, "groups") or propose_groups(classes)
    widths = _seven(data, "widths") or propose_widths(classes, groups)
    hidden = _number(data, "hidden", HIDDEN, 1)
    rest = {name: data[name] for name in FIELDS[6:] if name in data}
    for name in ("instance_edges", "shared_codes", "encoder_norm", "noise"):
        if type(rest.get(name, True)) is not bool:
            refuse(f"network.{name}", rest[name], f"is {shown(rest[name])}", "true or false")
    _number(data, "smooth", 3, 0)
    if data.get("encoder_side") is not None:
        _number(data, "encoder_side", 128, 1)
    config = GroupDNetConfig(
        classes=classes,
        image_size=SIZE,
        fc_groups=classes,
        blocks=_rows(classes, widths, groups, hidden),
        encoder_width=_number(data, "encoder_width", CHANNELS * classes, 1),
        **{"shared_codes": True, "encoder_norm": False, "encoder_side": 128, "noise": True, "smooth": 3, **rest},
    )
    _check(config)
    size = data.get("image_size", SIZE)
    if not (isinstance(size, Sequence) and len(size) == 2 and all(type(side) is int for side in size)):
        refuse("network.image_size", size, f"is {shown(size)}", "two whole numbers, height and width")
    return at_size(config, (size[0], size[1]))


def propose_groups(classes: int) -> tuple[int, ...]:
    """Seven numbers, each at most the one before, from ``classes`` down to 1, along divisors of ``classes`` where there
    are some about right, else along numbers that keep the blocks' widths small."""
    groups = [classes, classes]
    wide = _first_width(classes)
    for merged, narrower in zip(MERGED[2:6], NARROWER[2:6]):
        target = max(1.0, classes / merged)
        most = min(groups[-1], math.ceil(target))
        candidates = [n for n in range(1, most + 1) if math.lcm(n, groups[-1]) <= 1.25 * wide * narrower]

        def distance(n: int, target: float = target) -> float:
            off = abs(math.log(n / target))
            return off if classes % n == 0 else off + 0.3

        groups.append(min(candidates or [1], key=distance))
    return (*groups, 1)


def propose_widths(classes: int, groups: Sequence[int]) -> tuple[int, ...]:
    """Seven widths that fall as the landscape network's do, each divided by the groups of the blocks on both sides."""
    first, after = _first_width(classes), [*groups[1:], 1]
    widths = []
    for block, (narrower, own, following) in enumerate(zip(NARROWER, groups, after)):
        step, wanted = math.lcm(own, following, classes if block == 0 else 1), first * narrower
        rounded = [unit * max(1, round(wanted / unit)) for unit in (math.lcm(step, 8), math.lcm(step, 4), step)]
        widths.append(next((width for width in rounded if abs(width / wanted - 1) < ROUNDING), rounded[-1]))
    return tuple(widths)


def _first_width(classes: int) -> int:
    least, most = WIDTHS
    return classes * max(FEWEST, math.ceil(least / classes), min(CHANNELS, most // classes))


def _rows(classes: int, widths: Sequence[int], groups: Sequence[int], hidden: int) -> tuple[Block, ...]:
    """``hidden`` is rounded up to what a block's groups divide. Classes of different groups are told apart from the
    beginning where the groups divide the classes."""
    rows = []
    for name, inputs, outputs, own in zip(BLOCKS, (widths[0], *widths), widths, groups):
        rows.append(Block(name, inputs, outputs, own, own * -(-hidden // own), math.gcd(own, classes), own))
    return tuple(rows)


def _check(config: GroupDNetConfig) -> None:
    classes, first = config.classes, config.blocks[0]
    if first.inputs % classes:
        refuse("network.widths", first.inputs, f"begins with {first.inputs}", f"a multiple of the {classes} classes")
    if config.encoder_width % classes:
        allowed = f"a multiple of the {classes} classes"
        refuse("network.encoder_width", config.encoder_width, f"is {config.encoder_width}", allowed)
    before = classes
    for row in config.blocks:
        if row.groups > before:
            what = f"has {row.groups} in block {row.name} after {before}: classes that were merged cannot be parted"
            refuse("network.groups", row.groups, what, "numbers that do not grow")
        if row.inputs % row.groups or row.outputs % row.groups:
            what = f"has {row.groups} in block {row.name}, whose widths are {row.inputs} and {row.outputs}"
            refuse("network.groups", row.groups, what, "what divides both")
        before = row.groups


def _seven(data: Mapping[str, Any], name: str) -> tuple[int, ...] | None:
    value = data.get(name)
    if value is None:
        return None
    if not isinstance(value, Sequence) or len(value) != len(BLOCKS) or any(type(n) is not int or n < 1 for n in value):
        refuse(f"network.{name}", value, f"is {shown(value)}", f"{len(BLOCKS)} whole numbers, 1 or more")
    return tuple(value)


def _number(data: Mapping[str, Any], name: str, default: int, least: int) -> int:
    value = data.get(name, default)
    if type(value) is not int or value < least:
        refuse(f"network.{name}", value, f"is {shown(value)}", f"a whole number, {least} or more")
    return int(value)
