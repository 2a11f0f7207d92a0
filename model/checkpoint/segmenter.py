"""The segmenter's file: safetensors with the network's configuration in its header."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import torch
from safetensors.torch import save

from model.checkpoint.manifest import MAX_CLASSES, MAX_SIDE, bad_checkpoint
from model.checkpoint.tensors import load_tensors, read_metadata, stored
from model.perception.segmenter import Segmenter, SegmenterConfig

FORMAT = "groupdnet-studio segmenter 1"  # name and version of the format, in the file's header
STAGES = (2, 8)  # fewest and most stages
MAX_WIDTH = 1024  # most channels of a stage
MAX_PATCH = 8  # most pixels of a patch's side
MAX_DILATION = 64  # largest dilation of a convolution


def load_segmenter(path: Path) -> Segmenter:
    """The segmenter in a file; raises InputError "bad_checkpoint" where it is not a whole segmenter."""
    config = _config(read_metadata(path), path.name)
    with torch.device("meta"):
        segmenter = Segmenter(config).eval()
    load_tensors(segmenter, path)
    return segmenter


def segmenter_bytes(segmenter: Segmenter, half: bool = False) -> bytes:
    """The safetensors file of a segmenter; with ``half``, weights are float16."""
    metadata = {"format": FORMAT, "segmenter": json.dumps(asdict(segmenter.config))}
    return save(stored(segmenter, half), metadata=metadata)


def _config(metadata: dict[str, str], name: str) -> SegmenterConfig:
    """The configuration in the header of the file called ``name``.

    Raises InputError "bad_checkpoint", unless a network of sensible size can be built from it.
    """
    if metadata.get("format") != FORMAT:
        raise bad_checkpoint(f"{name} has the format {metadata.get('format')!r}; allowed is {FORMAT!r}.")
    try:
        data = json.loads(metadata["segmenter"])
        lists = {key: tuple(data[key]) for key in ("size", "widths", "dilations")}
        config = SegmenterConfig(**{**data, **lists})
    except (KeyError, ValueError, TypeError, RecursionError) as error:
        raise bad_checkpoint(f"{name} does not say what segmenter it holds: {error}.") from error
    problems = list(_problems(config))
    if problems:
        raise bad_checkpoint(f"{name} is no segmenter of ours", problems)
    return config


def _problems(config: SegmenterConfig) -> Iterator[str]:
    """Every field whose value is not allowed, in words."""
    numbers = [("classes", config.classes, MAX_CLASSES), ("patch", config.patch, MAX_PATCH)]
    numbers += [("widths", width, MAX_WIDTH) for width in config.widths]
    numbers += [("dilations", dilation, MAX_DILATION) for dilation in config.dilations]
    wrong = [row for row in numbers if type(row[1]) is not int or not 1 <= row[1] <= row[2]]
    yield from (f"{name} has {value!r}, allowed are 1 … {limit}" for name, value, limit in wrong)
    if not STAGES[0] <= len(config.widths) <= STAGES[1] or len(config.dilations) > STAGES[1]:
        stages = f"{len(config.widths)} widths and {len(config.dilations)} dilations"
        yield f"it has {stages}, allowed are {STAGES[0]} … {STAGES[1]} and 0 … {STAGES[1]}"
    elif not wrong:
        yield from _size_problems(config)


def _size_problems(config: SegmenterConfig) -> Iterator[str]:
    sides = [type(n) is int and 0 < n <= MAX_SIDE and n % config.stride == 0 for n in config.size]
    if len(sides) != 2 or not all(sides):
        yield f"size is {list(config.size)!r}, allowed are two multiples of {config.stride} ≤ {MAX_SIDE}"
