"""The files that the paper's authors released: read without running them, and folded into plain weights.

The configuration is inferred from keys and shapes alone. Each of its numbers shows in several tensors and is taken by
majority, so that one damaged tensor is named as the damaged one and the others fit.
"""

from __future__ import annotations

import re
import warnings
import zipfile
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from model.checkpoint.manifest import Shapes, State, bad_checkpoint, check_config, check_file_size
from model.errors import InputError
from model.network.config import CODE_CHANNELS, Block, GroupDNetConfig
from model.network.encoder import Encoder
from model.network.presets import PRESETS

BLOCK_NAMES = ("head_0", "G_middle_0", "G_middle_1", "up_0", "up_1", "up_2", "up_3")
UNUSED_NAME = "up_4"
MAX_ELEMENTS = 500_000_000  # most numbers of one file, all tensors together
EDGES_SIZE, PLAIN_SIZE = (256, 512), (256, 256)  # image sizes of the released networks with and without edges


def read_pth(path: Path) -> State:
    """The tensors of a ``.pth`` file, by name without DataParallel's prefix.

    Raises InputError "bad_checkpoint" where it holds anything else. Code inside the file is never run.
    """
    check_file_size(path.name, path.stat().st_size)
    check_file_size(f"{path.name} unpacked", _unpacked_size(path))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # warnings on pickle protocols: the reader takes them or refuses them
            content = torch.load(path, weights_only=True, map_location="cpu")
    except Exception as error:  # a damaged or hostile file can make the reader fail in any way
        raise _unreadable(path, str(error)) from None
    if not isinstance(content, dict) or not content:
        raise bad_checkpoint(f"{path.name} holds a {type(content).__name__}; allowed is a table of named tensors.")
    for key, tensor in content.items():
        if not isinstance(key, str) or not isinstance(tensor, Tensor):
            raise bad_checkpoint(
                f"{path.name} holds {key!r} of the type {type(tensor).__name__}; allowed is a name and its tensor."
            )
        if tensor.layout != torch.strided or tensor.device.type != "cpu" or tensor.is_quantized or tensor.is_complex():
            raise bad_checkpoint(f"{path.name} is damaged: {key} is no ordinary tensor of numbers.")
    count = sum(tensor.numel() for tensor in content.values())
    if count > MAX_ELEMENTS:
        raise bad_checkpoint(f"{path.name} holds {count:,} numbers; allowed is no more than {MAX_ELEMENTS:,} numbers.")
    prefix = "module."
    if all(key.startswith(prefix) for key in content):
        return {key.removeprefix(prefix): tensor.detach() for key, tensor in content.items()}
    return {key: tensor.detach() for key, tensor in content.items()}


def _unpacked_size(path: Path) -> int:
    """Bytes of a zip file's contents; torch does not compress them, but a hostile file may."""
    try:
        with zipfile.ZipFile(path) as archive:
            return sum(entry.file_size for entry in archive.infolist())
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return 0  # the file is not zipped, or too damaged for torch to unpack


def _unreadable(path: Path, message: str) -> InputError:
    """The error for a file that torch could not read, by torch's own message."""
    call = re.search(r"GLOBAL ([\w.]+)", message)
    if call:
        return bad_checkpoint(
            f"{path.name} is a pickle that asks to run {call[1]}: refused, and nothing of it was run."
        )
    return bad_checkpoint(
        f"{path.name} cannot be read as a file of tensors: it is damaged, cut short, or a pickle of something else, "
        "and nothing of it was run."
    )


def infer_config(generator: Shapes, encoder: Shapes | None = None) -> GroupDNetConfig:
    """The configuration of a released generator, and of its encoder where there is one, from the tensors' shapes.

    Raises InputError "bad_checkpoint" where the shapes are not those of such networks.
    """
    if "fc.weight" not in generator and "fc_mu.weight" in generator:
        raise bad_checkpoint("This is an encoder; allowed is a generator's file, beside which the encoder's is found.")
    rows = [_infer_row(generator, name) for name in BLOCK_NAMES]
    unused = [_infer_row(generator, UNUSED_NAME)] if any(key.startswith(f"{UNUSED_NAME}.") for key in generator) else []
    head = rows[0].groups
    taken = _vote(_sizes(generator, ["fc.weight"], 1))
    codes = head * taken if taken else head * CODE_CHANNELS
    if codes % CODE_CHANNELS:
        raise bad_checkpoint(
            f"This is no GroupDNet generator: its fc takes {codes} channels; allowed is {CODE_CHANNELS} for each class."
        )
    classes = codes // CODE_CHANNELS
    semantics = _infer_semantics(generator, rows, classes)
    rows, unused = ([_with_shared_groups(generator, row, semantics) for row in some] for some in (rows, unused))
    config = GroupDNetConfig(
        classes=classes,
        image_size=EDGES_SIZE if semantics > classes else PLAIN_SIZE,
        fc_groups=head,
        blocks=tuple(rows),
        unused=tuple(unused),
        encoder_width=_infer_encoder_width(encoder or {}, classes),
        instance_edges=semantics > classes,
    )
    check_config(config)
    return config


def _infer_row(shapes: Shapes, name: str) -> Block:
    """One block; its shared_groups is still the number of channels that mlp_shared takes in each group."""
    norms = [f"{name}.{norm}" for norm in ("norm_0", "norm_1", "norm_s")]
    spectral = {conv: f"{name}.{conv}.weight_orig" for conv in ("conv_0", "conv_1", "conv_s")}
    norm_0 = [f"{norms[0]}.param_free_norm.running_{what}" for what in ("mean", "var")]
    norm_0 += [f"{norms[0]}.mlp_{what}.{part}" for what in ("gamma", "beta") for part in ("weight", "bias")]
    outer = [spectral["conv_1"], f"{name}.conv_1.bias", f"{name}.conv_1.weight_u", spectral["conv_s"]]
    shared = [f"{norm}.mlp_shared.0.{part}" for norm in norms for part in ("weight", "bias")]
    inputs, outputs, hidden = (_vote(_sizes(shapes, keys, 0)) for keys in (norm_0, outer, shared))
    taken = _vote(_sizes(shapes, shared, 1))
    if not inputs or not outputs or not hidden or not taken:
        raise bad_checkpoint("This is no GroupDNet generator", _missing_parts(shapes))
    taken_by = {"conv_0": (inputs, 9), "conv_1": (min(inputs, outputs), 9), "conv_s": (inputs, 1)}  # channels, taps
    votes = [
        channels // size for conv, (channels, _) in taken_by.items() for size in _sizes(shapes, [spectral[conv]], 1)
    ]
    votes += [
        channels * taps // size
        for conv, (channels, taps) in taken_by.items()
        for size in _sizes(shapes, [f"{name}.{conv}.weight_v"], 0)
    ]
    groups = _vote(votes)
    gammas = [f"{norm}.mlp_{what}.weight" for norm in norms for what in ("gamma", "beta")]
    gamma_groups = _vote(hidden // size for size in _sizes(shapes, gammas, 1))
    return Block(name, inputs, outputs, groups or 1, hidden, taken, gamma_groups or 1)


def _sizes(shapes: Shapes, keys: Iterable[str], axis: int) -> Iterator[int]:
    """The sizes along ``axis`` of those tensors of ``keys`` that are there."""
    return (shapes[key][axis] for key in keys if len(shapes.get(key, ())) > axis and shapes[key][axis] > 0)


def _vote(sizes: Iterable[int]) -> int | None:
    """The most frequent size, or None where there is none."""
    counts = Counter(sizes).most_common(1)
    return counts[0][0] if counts else None


def _missing_parts(shapes: Shapes) -> list[str]:
    """Every tensor that all generators have and this file lacks, in words."""
    convs = [f"conv_{i}.{part}" for i in "01" for part in ("weight_orig", "weight_u", "weight_v", "bias")]
    norm = [f"param_free_norm.{part}" for part in ("running_mean", "running_var", "num_batches_tracked")]
    norm += [f"mlp_{mlp}.{part}" for mlp in ("shared.0", "gamma", "beta") for part in ("weight", "bias")]
    block = convs + [f"norm_{i}.{part}" for i in "01" for part in norm]
    ends = ["fc.weight", "fc.bias", "conv_img.weight", "conv_img.bias"]
    keys = ends + [f"{name}.{part}" for name in BLOCK_NAMES for part in block]
    return [f"{key} is missing" for key in keys if key not in shapes]


def _infer_semantics(shapes: Shapes, rows: list[Block], classes: int) -> int:
    """The semantics' channels, C or with instance edges 2C: those with which each mlp_shared has its block's number
    of groups, or one group for each class."""
    for channels in (classes, 2 * classes):
        groups = [channels / row.shared_groups for row in rows]
        if all(count in (row.groups, classes) for count, row in zip(groups, rows)):
            return channels
    return classes


def _with_shared_groups(shapes: Shapes, row: Block, semantics: int) -> Block:
    """The block with the number of mlp_shared's groups in place of the channels of each."""
    if semantics % row.shared_groups:
        raise bad_checkpoint(
            f"{row.name}: mlp_shared takes {row.shared_groups} channels a group, which does not divide {semantics}."
        )
    return replace(row, shared_groups=semantics // row.shared_groups)


def _infer_encoder_width(encoder: Shapes, classes: int) -> int:
    """The encoder's width, or without an encoder that of the preset with so many classes, or 32 for each class."""
    layers = zip(range(1, 7), Encoder.MULTIPLIERS)
    width = _vote(
        size // multiplier
        for i, multiplier in layers
        for size in _sizes(encoder, [f"layer{i}.0.weight_orig", f"layer{i}.0.weight_u"], 0)
    )
    if width:
        return width
    presets = (preset() for preset in PRESETS.values())
    return next((preset.encoder_width for preset in presets if preset.classes == classes), 32 * classes)


def fold_spectral_norm(state: State, manifest: Shapes) -> State:
    """The tensors that ``manifest`` names, from released ones: weight = weight_orig ÷ σ, with σ = uᵀ W v.

    σ is the spectral norm as training estimated it (Miyato et al., ICLR 2018). It is summed in float64 and then
    rounded, so that the weights are the same on every machine.
    """
    folded: State = {}
    for key in manifest:
        if key in state:
            folded[key] = state[key]
            continue
        weight, u, v = (state[f"{key}_{part}"].double() for part in ("orig", "u", "v"))
        sigma = (u @ (weight.flatten(1) @ v)).float()
        if sigma == 0:
            raise bad_checkpoint(f"{key}_orig has the spectral norm 0, by which it cannot be divided.")
        folded[key] = state[f"{key}_orig"].float() / sigma
    return folded
