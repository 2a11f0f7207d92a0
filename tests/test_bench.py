"""The bench: its counts are those of the networks, its scenes what they claim, its table whole."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from model.__main__ import main
from model.evaluation.bench import BRUSH, label_map, painted
from model.network.config import GroupDNetConfig
from model.network.cost import gflop
from model.network.groupdnet import Generator
from model.network.presets import PRESETS, ade20k, cityscapes, deepfashion, landscape


@pytest.mark.parametrize(
    ("config", "everything", "synthesis"),
    [(deepfashion(), 582, 237), (ade20k(), 765, 116), (cityscapes(), 925, 871)],
    ids=["deepfashion", "ade20k", "cityscapes"],
)
def test_operations_of_the_papers_networks(config: GroupDNetConfig, everything: float, synthesis: float) -> None:
    assert gflop(config) == pytest.approx((everything, synthesis), abs=1)


def test_operations_are_those_that_the_network_does() -> None:
    """Counted by every convolution as it runs."""
    config = landscape()
    generator, counted = Generator(config).eval(), 0

    def count(conv: torch.nn.Conv2d, _: object, output: torch.Tensor) -> None:
        nonlocal counted
        counted += 2 * output[0, 0].numel() * conv.weight.numel()

    for module in generator.modules():
        if isinstance(module, torch.nn.Conv2d):
            module.register_forward_hook(count)
    with torch.inference_mode():
        modulation = generator.modulation(torch.zeros(1, *config.image_size, dtype=torch.long))
        of_modulation = counted
        generator(torch.zeros(1, 96, *config.latent_size), modulation)
    assert gflop(config) == pytest.approx((counted / 1e9, (counted - of_modulation) / 1e9))


@pytest.mark.parametrize("name", PRESETS)
def test_a_dab_repaints_a_disc(name: str) -> None:
    labels = label_map(PRESETS[name](), 3)
    changed = labels != painted(labels, 5)
    assert 0.5 * BRUSH**2 < changed.sum() <= 0.8 * BRUSH**2
    for axis in (0, 1):
        assert np.ptp(changed.any(axis).nonzero()[0]) < BRUSH


def test_a_models_table_and_its_json(tiny_checkpoint: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["bench", "--checkpoint", str(tiny_checkpoint / "tiny"), "--device", "cpu", "--seconds", "0.01"]
    assert main([*command, "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert row["difference"] < 1e-5
    assert row["plain_to_resample"] == pytest.approx(row["plain_ms"] / row["resample_ms"])
    assert all(row[f"{case}_ms"] > 0 for case in ("plain", "new_map", "stroke", "resample", "batch", "encode", "floor"))
    assert row["error"] is None
    assert 0 < row["busy_p50_ms"] <= row["busy_p90_ms"] and row["quiet_p50_ms"] > 0
    assert main(command) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "|  | Tiny |"
    assert all(line.count("|") == 3 for line in lines if line.startswith("|"))


@pytest.mark.parametrize(("option", "value"), [("seconds", "0.0"), ("batch", "-1")])
def test_numbers_that_are_none(option: str, value: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", f"--{option}", value]) == 2
    assert f"--{option} is {value}; allowed is more than 0" in capsys.readouterr().err


def test_both_paths_against_float64(tiny_checkpoint: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = ["--checkpoint", str(tiny_checkpoint / "tiny"), "--device", "cpu"]
    assert main(["bench", *source, "--seconds", "0.01", "--float64", "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert 0 < row["error"] < 1e-5 and 0 < row["plain_error"] < 1e-5
    assert row["difference"] <= row["error"] + row["plain_error"]


def test_a_picture_that_differs_is_an_error(
    tiny_checkpoint: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("model.evaluation.bench.MOST_DIFFERENT", 0.0)
    source = ["--checkpoint", str(tiny_checkpoint / "tiny"), "--device", "cpu"]
    assert main(["bench", *source, "--seconds", "0.01"]) == 2
    out, err = capsys.readouterr()
    assert out.startswith("|  | Tiny |")
    assert "Tiny's picture differs from the plain network's by" in err
