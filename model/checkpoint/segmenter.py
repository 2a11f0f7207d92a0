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
from model.perception.label_reader import LabelReader
from model.perception.photo_segmenter import READ, STRIDE, PhotoSegmenter, PhotoSegmenterConfig
from model.perception.segmenter import Segmenter, SegmenterConfig

FORMAT, PHOTO_FORMAT = "groupdnet-studio segmenter 1", "groupdnet-studio photo segmenter 1"
STAGES = (2, 8)  # fewest and most stages
MAX_WIDTH = 1024  # most channels of a stage
MAX_PATCH = 8  # most pixels of a patch's side
MAX_DILATION = 64  # largest dilation of a convolution
MAX_READ = 1024  # most pixels a side at which a photo is read


def load_segmenter(path: Path) -> LabelReader:
    """The segmenter in a file, of either kind; raises InputError "bad_checkpoint" where it is not a whole one."""
    metadata = read_metadata(path)
    config = _config(metadata, path.name)
    with torch.device("meta"):
        segmenter = Segmenter(config) if isinstance(config, SegmenterConfig) else PhotoSegmenter(config)
    load_tensors(segmenter.eval(), path)
    if isinstance(segmenter, PhotoSegmenter):  # a third faster so, on a CPU
        segmenter.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return segmenter


def segmenter_bytes(segmenter: LabelReader, half: bool = False) -> bytes:
    """The safetensors file of a segmenter; with ``half``, weights are float16."""
    kind = PHOTO_FORMAT if isinstance(segmenter, PhotoSegmenter) else FORMAT
    metadata = {"format": kind, "segmenter": json.dumps(asdict(segmenter.config))}
    return save(stored(segmenter, half), metadata=metadata)


def _config(metadata: dict[str, str], name: str) -> SegmenterConfig | PhotoSegmenterConfig:
    """The configuration in the header of the file called ``name``.

    Raises InputError "bad_checkpoint", unless a network of sensible size can be built from it.
    """
    kind = metadata.get("format")
    if kind not in (FORMAT, PHOTO_FORMAT):
        raise bad_checkpoint(f"{name} has the format {kind!r}; allowed is {FORMAT!r} or {PHOTO_FORMAT!r}.")
    try:
        data = json.loads(metadata["segmenter"])
        config: SegmenterConfig | PhotoSegmenterConfig
        if kind == PHOTO_FORMAT:
            config = PhotoSegmenterConfig(**{**data, "widths": tuple(data["widths"])})
        else:
            lists = {key: tuple(data[key]) for key in ("size", "widths", "dilations")}
            config = SegmenterConfig(**{**data, **lists})
    except (KeyError, ValueError, TypeError, RecursionError) as error:
        raise bad_checkpoint(f"{name} does not say what segmenter it holds: {error}.") from error
    problems = list(_photo_problems(config) if isinstance(config, PhotoSegmenterConfig) else _problems(config))
    if problems:
        raise bad_checkpoint(f"{name} is no segmenter of ours", problems)
    return config


def _wrong(rows: list[tuple[str, int, int]]) -> list[str]:
    """A problem, in words, for each row (name, value, largest value) whose value is no whole number in 1 … largest."""
    bad = [row for row in rows if type(row[1]) is not int or not 1 <= row[1] <= row[2]]
    return [f"{name} has {value!r}, allowed are 1 … {limit}" for name, value, limit in bad]


def _photo_problems(config: PhotoSegmenterConfig) -> Iterator[str]:
    """Every field of a photo segmenter whose value is not allowed, in words."""
    numbers = [("classes", config.classes, MAX_CLASSES), ("side", config.side, MAX_READ)]
    wrong = _wrong(numbers + [("widths", width, MAX_WIDTH) for width in config.widths])
    yield from wrong
    if len(config.widths) != len(READ):
        yield f"it has {len(config.widths)} widths, allowed are {len(READ)}"
    elif not wrong and config.side % STRIDE:
        yield f"side is {config.side}, allowed are multiples of {STRIDE} ≤ {MAX_READ}"


def _problems(config: SegmenterConfig) -> Iterator[str]:
    """Every field whose value is not allowed, in words."""
    numbers = [("classes", config.classes, MAX_CLASSES), ("patch", config.patch, MAX_PATCH)]
    numbers += [("widths", width, MAX_WIDTH) for width in config.widths]
    wrong = _wrong(numbers + [("dilations", dilation, MAX_DILATION) for dilation in config.dilations])
    yield from wrong
    if not STAGES[0] <= len(config.widths) <= STAGES[1] or len(config.dilations) > STAGES[1]:
        stages = f"{len(config.widths)} widths and {len(config.dilations)} dilations"
        yield f"it has {stages}, allowed are {STAGES[0]} … {STAGES[1]} and 0 … {STAGES[1]}"
    elif not wrong:
        yield from _size_problems(config)


def _size_problems(config: SegmenterConfig) -> Iterator[str]:
    sides = [type(n) is int and 0 < n <= MAX_SIDE and n % config.stride == 0 for n in config.size]
    if len(sides) != 2 or not all(sides):
        yield f"size is {list(config.size)!r}, allowed are two multiples of {config.stride} ≤ {MAX_SIDE}"
