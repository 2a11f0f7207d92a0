"""Small checkpoints of a kind of their own, and what the only door says of a bad one."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from archives import released_state
from torch import Tensor

from model.checkpoint import Checkpoint, inspect, load_checkpoint
from model.errors import InputError
from model.network.config import Block, GroupDNetConfig
from model.network.encoder import Encoder
from model.network.groupdnet import Generator
from model.recipe.taxonomy import TAXONOMIES

BLOCKS = ("head_0", "G_middle_0", "G_middle_1", "up_0", "up_1", "up_2", "up_3")


def tiny(classes: int = 12, edges: bool = False) -> GroupDNetConfig:
    """A small network of its own kind: groups melt 1 : 1 : ½ : … as far as they divide."""
    width, rows, inputs = 4 * classes, [], 4 * classes
    for name, part in zip(BLOCKS, (1, 1, 2, 2, 4, 4, 0)):
        groups = classes // part if part and classes % part == 0 else 1
        outputs = width // part if groups > 1 or part == 1 else 4
        rows += [Block(name, inputs, outputs, groups, classes * 2, classes if edges else groups, groups)]
        inputs = outputs
    return GroupDNetConfig(
        classes,
        (256, 512) if edges else (256, 256),
        classes,
        tuple(rows),
        encoder_width=2 * classes,
        instance_edges=edges,
    )


def fresh(config: GroupDNetConfig | None = None, encoder: bool = True, **more: Any) -> Checkpoint:
    torch.manual_seed(0)
    config = config or replace(tiny(), shared_codes=True, encoder_norm=False, noise=True)
    networks = Generator(config).eval(), Encoder(config).eval()
    return Checkpoint(config, TAXONOMIES["landscape"], networks[0], networks[1] if encoder else None, **more)


def refused(path: Path) -> InputError:
    """The error that loading gives; the doctor says the same and raises nothing."""
    with pytest.raises(InputError) as caught:
        load_checkpoint(path)
    assert caught.value.code == "bad_checkpoint"
    report = inspect(path)
    assert not report.ok and report.problems and report.problem_count >= len(report.problems)
    assert report.problems == (caught.value.details or {}).get("problems", [str(caught.value)])
    assert all(problem in report.to_text() for problem in report.problems)
    json.dumps(report.to_json())
    return caught.value


def rewrite(archive: Path, change: Callable[[dict[str, Tensor]], object], part: str = "G", **how: Any) -> None:
    path = archive / f"latest_net_{part}.pth"
    state = released_state("deepfashion_ngf16", {"G": "generator", "E": "encoder"}[part])
    torch.save(change(state) or state, path, **how)
