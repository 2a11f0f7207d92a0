"""The contents that a checkpoint must have: limits of its configuration, and every tensor's name and shape."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from typing import Any

import torch
from torch import Tensor, nn

from model.errors import InputError
from model.network.config import CODE_CHANNELS, LATENT_STRIDE, Block, GroupDNetConfig
from model.network.encoder import Encoder
from model.network.groupdnet import Generator, ResidualBlock
from model.network.layers import SpectralConv2d

State = dict[str, Tensor]
Shapes = dict[str, list[int]]
LISTED = 20  # most problems that an error's details list
NAMED = 3  # most problems that an error's message names
BLOCKS = 7  # residual blocks of a generator: the six doublings between them make LATENT_STRIDE
MAX_CLASSES = 255  # most classes: a label is one byte, and 255 means unknown
MAX_WIDTH = 16_384  # most channels of a layer; the widest released one has 4,832
MAX_SIDE = 2048  # most pixels of a picture's height or width
MAX_FILE_BYTES = 2 * 2**30  # most bytes of a file with weights


def bad_checkpoint(message: str, problems: Sequence[str] = (), **details: Any) -> InputError:
    """The InputError "bad_checkpoint" for a checkpoint that cannot be used.

    ``message`` is a whole sentence. Where there are ``problems``, it is the beginning of one that goes on with them;
    each is a clause without a semicolon, such as "noise is 1, allowed are true and false".
    """
    if not problems:
        return InputError(message, code="bad_checkpoint", field="checkpoint", details=details or None)
    more = f"; and {len(problems) - NAMED} more" if len(problems) > NAMED else ""
    return InputError(
        f"{message}: {'; '.join(problems[:NAMED])}{more}.",
        code="bad_checkpoint",
        field="checkpoint",
        details={"problems": list(problems[:LISTED]), "count": len(problems), **details},
    )


def check_file_size(name: str, size: int, limit: int | None = None) -> None:
    """Raises InputError for a file of more bytes than ``limit``, which is MAX_FILE_BYTES by default."""
    limit = limit or MAX_FILE_BYTES
    if size > limit:
        raise bad_checkpoint(f"{name} has {size:,} bytes; allowed is at most {limit:,}.")


def check_config(config: GroupDNetConfig) -> None:
    """Raises InputError with every problem, unless a network of sensible size can be built from ``config``."""
    problems = list(_range_problems(config)) or list(_division_problems(config))
    if problems:
        raise bad_checkpoint("The checkpoint's config is no network of ours", problems)


def _range_problems(config: GroupDNetConfig) -> Iterator[str]:
    """Every field whose type or value is not allowed, in words."""
    numbers = [("classes", config.classes, MAX_CLASSES), ("fc_groups", config.fc_groups, MAX_WIDTH)]
    numbers += [("encoder_width", config.encoder_width, MAX_WIDTH)]
    rows = (*config.blocks, *config.unused)
    widths = [field.name for field in fields(Block) if field.name != "name"]
    numbers += [(f"{row.name}.{width}", getattr(row, width), MAX_WIDTH) for row in rows for width in widths]
    for name, value, limit in numbers:
        if type(value) is not int or not 1 <= value <= limit:
            yield f"{name} is {value!r}, allowed are 1 … {limit}"
    for field in fields(GroupDNetConfig):
        value = getattr(config, field.name)
        if field.type == "bool" and not isinstance(value, bool):
            yield f"{field.name} is {value!r}, allowed are true and false"
    sides = [type(n) is int and 0 < n <= MAX_SIDE and n % LATENT_STRIDE == 0 for n in config.image_size]
    if len(sides) != 2 or not all(sides):
        yield f"image_size is {list(config.image_size)!r}, allowed are two multiples of {LATENT_STRIDE} ≤ {MAX_SIDE}"
    side = config.encoder_side
    if side is not None and not (type(side) is int and 0 < side <= MAX_SIDE and side % LATENT_STRIDE == 0):
        yield f"encoder_side is {side!r}, allowed are null and multiples of {LATENT_STRIDE} ≤ {MAX_SIDE}"
    if side is not None and not config.shared_codes:
        yield f"encoder_side is {side!r}, allowed only where shared_codes is true"
    if not (type(config.smooth) is int and 0 <= config.smooth < BLOCKS):
        yield f"smooth is {config.smooth!r}, allowed are 0 … {BLOCKS - 1}"
    if len(config.blocks) != BLOCKS or len(config.unused) > 1:
        yield f"it has {len(config.blocks)} blocks and {len(config.unused)} unused, allowed are {BLOCKS} and 0 … 1"
    names = [row.name for row in rows]
    if not all(isinstance(name, str) and name.isidentifier() for name in names) or len(set(names)) < len(names):
        yield f"its blocks are called {names!r}, allowed are identifiers, all different"


def _division_problems(config: GroupDNetConfig) -> Iterator[str]:
    """Every number of groups that does not divide its channels, and widths that do not meet, in words."""
    first = config.blocks[0].inputs
    splits = [
        ("fc_groups", config.fc_groups, {"fc's outputs": first, "the codes": CODE_CHANNELS * config.classes}),
        ("classes", config.classes, {"encoder_width": config.encoder_width}),
    ]
    inputs, semantics = first, config.semantic_channels
    for row in (*config.blocks, *config.unused):
        if row.inputs != inputs:
            yield f"{row.name} takes {row.inputs} channels, but the block before it gives {inputs}"
        inputs = row.outputs
        ends = {"inputs": row.inputs, "outputs": row.outputs}
        splits += [
            (f"{row.name}.groups", row.groups, ends),
            (f"{row.name}.gamma_groups", row.gamma_groups, {"hidden": row.hidden, **ends}),
            (
                f"{row.name}.shared_groups",
                row.shared_groups,
                {"hidden": row.hidden, "semantics": semantics},
            ),
        ]
    for name, groups, widths in splits:
        for width, value in widths.items():
            if value % groups:
                yield f"{name} {groups} does not divide {width} {value}"


def bare_networks(config: GroupDNetConfig) -> tuple[Generator, Encoder]:
    """Generator and encoder on PyTorch's meta device: their tensors have shapes and no memory."""
    with torch.device("meta"):
        return Generator(config).eval(), Encoder(config).eval()


def our_manifest(network: nn.Module) -> Shapes:
    """Key → shape of every tensor of a network as this project stores it, spectral norm folded into the weights."""
    return {key: list(tensor.shape) for key, tensor in network.state_dict().items()}


def released_manifest(config: GroupDNetConfig) -> dict[str, Shapes]:
    """{"generator": {key: shape}, "encoder": {key: shape}} of the released files, which store spectral norm apart."""
    generator, encoder = bare_networks(config)
    with torch.device("meta"):
        for row in config.unused:
            generator.add_module(row.name, ResidualBlock(row, config.semantic_channels, layer=0, noise=False))
    return {"generator": _unfolded(generator), "encoder": _unfolded(encoder)}


def _unfolded(network: nn.Module) -> Shapes:
    spectral = {name for name, module in network.named_modules() if isinstance(module, SpectralConv2d)}
    manifest: Shapes = {}
    for key, shape in our_manifest(network).items():
        name, _, kind = key.rpartition(".")
        if kind == "weight" and name in spectral:
            rows, *columns = shape
            manifest |= {
                f"{key}_orig": shape,
                f"{key}_u": [rows],
                f"{key}_v": [int(torch.Size(columns).numel())],
            }
        else:
            manifest[key] = shape
    return manifest


def shape_problems(shapes: Mapping[str, Sequence[int]], manifest: Shapes) -> list[str]:
    """Every key that is missing, has another shape or is not in the manifest, in words."""
    problems = [f"{key} {shape} is missing" for key, shape in manifest.items() if key not in shapes]
    problems += [
        f"{key} has the shape {list(shapes[key])}, expected {shape}"
        for key, shape in manifest.items()
        if key in shapes and list(shapes[key]) != shape
    ]
    return problems + [f"{key} {list(shape)} is unexpected" for key, shape in shapes.items() if key not in manifest]


def refuse_misfit(name: str, shapes: Mapping[str, Sequence[int]], manifest: Shapes, **details: Any) -> None:
    """Raises InputError with every problem, unless a file's tensors are those of the manifest."""
    problems = shape_problems(shapes, manifest)
    if problems:
        raise bad_checkpoint(f"{name} does not fit", problems, file=name, **details)
