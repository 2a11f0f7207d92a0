"""The authors' released files: read without running them, configured from their shapes, spectral norm folded.

Nothing but keys and shapes decides the configuration. Each number of it shows in several tensors, so it is taken by
majority: one damaged tensor is then named as the damaged one, and does not make its neighbours look wrong.
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
from model.network.config import CODE_CHANNELS, Block, GroupDNetConfig
from model.network.encoder import Encoder
from model.network.presets import PRESETS

BLOCK_NAMES = ("head_0", "G_middle_0", "G_middle_1", "up_0", "up_1", "up_2", "up_3")
UNUSED_NAME = "up_4"
MAX_ELEMENTS = 500_000_000  # of one file, all tensors together
EDGES_SIZE, PLAIN_SIZE = (256, 512), (256, 256)  # image sizes of the released networks with and without edges


def read_pth(path: Path) -> State:
    """The tensors of a ``.pth`` file, without DataParallel's prefix; raises InputError and never runs what it holds."""
    check_file_size(path.name, path.stat().st_size)
    check_file_size(f"{path.name} unpacked", _unpacked_size(path))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # on pickle protocols, which the reader either takes or refuses
            content = torch.load(path, weights_only=True, map_location="cpu")
    except Exception as error:  # whatever a damaged or hostile file makes of the reader
        raise bad_checkpoint(_reading_fault(path, str(error))) from None
    if not isinstance(content, dict) or not content:
        raise bad_checkpoint(f"{path.name} holds a {type(content).__name__}, expected a table of named tensors.")
    for key, tensor in content.items():
        if not isinstance(key, str) or not isinstance(tensor, Tensor):
            raise bad_checkpoint(
                f"{path.name} holds {key!r}: a {type(tensor).__name__}, expected a name and its tensor."
            )
        if tensor.layout != torch.strided or tensor.device.type != "cpu" or tensor.is_quantized or tensor.is_complex():
            raise bad_checkpoint(f"{path.name}: {key} is no ordinary tensor of numbers.")
    if sum(tensor.numel() for tensor in content.values()) > MAX_ELEMENTS:
        raise bad_checkpoint(f"{path.name} holds more than {MAX_ELEMENTS:,} numbers, which is the limit.")
    prefix = "module."
    if all(key.startswith(prefix) for key in content):
        return {key.removeprefix(prefix): tensor.detach() for key, tensor in content.items()}
    return {key: tensor.detach() for key, tensor in content.items()}


def _unpacked_size(path: Path) -> int:
    """Bytes within a zipped file: what torch writes is not compressed, what an attacker writes may be."""
    try:
        with zipfile.ZipFile(path) as archive:
            return sum(entry.file_size for entry in archive.infolist())
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return 0  # not zipped, or too damaged for torch to unpack it


def _reading_fault(path: Path, message: str) -> str:
    call = re.search(r"GLOBAL ([\w.]+)", message)
    if call:
        return f"{path.name} is a pickle that asks to run {call[1]}: refused, and nothing of it was run."
    return (
        f"{path.name} cannot be read as a file of tensors: it is damaged, cut short, or a pickle of something else; "
        "nothing of it was run."
    )


def infer_config(generator: Shapes, encoder: Shapes | None = None) -> GroupDNetConfig:
    """The configuration of a released generator, from its shapes; raises InputError where they do not tell it."""
    if "fc.weight" not in generator and "fc_mu.weight" in generator:
        raise bad_checkpoint("This is an encoder, expected a generator's file; the encoder's is found beside it.")
    rows = [_infer_row(generator, name) for name in BLOCK_NAMES]
    unused = [_infer_row(generator, UNUSED_NAME)] if any(key.startswith(f"{UNUSED_NAME}.") for key in generator) else []
    head = rows[0].groups
    taken = _vote(_sizes(generator, ["fc.weight"], 1))
    codes = head * taken if taken else head * CODE_CHANNELS
    if codes % CODE_CHANNELS:
        raise bad_checkpoint(
            f"This is no GroupDNet generator: its fc takes {codes} channels, expected {CODE_CHANNELS} for each class."
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
    """One block; its shared_groups still hold the channels that mlp_shared takes in each group."""
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
    return (shapes[key][axis] for key in keys if len(shapes.get(key, ())) > axis and shapes[key][axis] > 0)


def _vote(sizes: Iterable[int]) -> int | None:
    counts = Counter(sizes).most_common(1)
    return counts[0][0] if counts else None


def _missing_parts(shapes: Shapes) -> list[str]:
    """What every generator has and this file lacks."""
    convs = [f"conv_{i}.{part}" for i in "01" for part in ("weight_orig", "weight_u", "weight_v", "bias")]
    norm = [f"param_free_norm.{part}" for part in ("running_mean", "running_var", "num_batches_tracked")]
    norm += [f"mlp_{mlp}.{part}" for mlp in ("shared.0", "gamma", "beta") for part in ("weight", "bias")]
    block = convs + [f"norm_{i}.{part}" for i in "01" for part in norm]
    ends = ["fc.weight", "fc.bias", "conv_img.weight", "conv_img.bias"]
    keys = ends + [f"{name}.{part}" for name in BLOCK_NAMES for part in block]
    return [f"{key} is missing" for key in keys if key not in shapes]


def _infer_semantics(shapes: Shapes, rows: list[Block], classes: int) -> int:
    """C, or 2C with instance edges: whichever gives every mlp_shared its block's groups or one group a class."""
    for channels in (classes, 2 * classes):
        groups = [channels / row.shared_groups for row in rows]
        if all(count in (row.groups, classes) for count, row in zip(groups, rows)):
            return channels
    return classes


def _with_shared_groups(shapes: Shapes, row: Block, semantics: int) -> Block:
    if semantics % row.shared_groups:
        raise bad_checkpoint(
            f"{row.name}: mlp_shared takes {row.shared_groups} channels a group, which does not divide {semantics}."
        )
    return replace(row, shared_groups=semantics // row.shared_groups)


def _infer_encoder_width(encoder: Shapes, classes: int) -> int:
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
    """The tensors of a network of ours, ``manifest``: weight = weight_orig ÷ σ, with σ = uᵀ W v.

    σ is summed in float64 and then rounded, so that the weights come out the same on every machine.
    """
    folded: State = {}
    for key in manifest:
        if key in state:
            folded[key] = state[key]
            continue
        weight, u, v = (state[f"{key}_{part}"].double() for part in ("orig", "u", "v"))
        sigma = (u @ (weight.flatten(1) @ v)).float()
        if sigma == 0:
            raise bad_checkpoint(f"{key}_orig has the spectral norm 0, so that it cannot be divided by it.")
        folded[key] = state[f"{key}_orig"].float() / sigma
    return folded
