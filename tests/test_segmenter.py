"""The segmenter: a file that is whole or refused, beside the generator's; label maps read from pictures of any size."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from conftest import random_checkpoint, random_segmenter
from safetensors.torch import load_file, save_file

from model.checkpoint import convert, inspect, load_checkpoint, save_checkpoint
from model.checkpoint.segmenter import FORMAT, load_segmenter, segmenter_bytes
from model.engine import Engine
from model.errors import InputError
from model.network.config import GroupDNetConfig
from model.perception.segmenter import Segmenter, SegmenterConfig

CONFIG = SegmenterConfig(12, (32, 32), (8, 12, 16), (2, 4))


@pytest.fixture
def folder(tmp_path: Path, tiny_config: GroupDNetConfig) -> Path:
    save_checkpoint(tmp_path / "tiny", random_checkpoint(tiny_config))
    return tmp_path / "tiny"


def picture(size: int = 32) -> torch.Tensor:
    return torch.rand(1, 3, size, size, generator=torch.Generator().manual_seed(0)) * 2 - 1


def refused(folder: Path) -> str:
    """What loading the checkpoint, and its doctor, say of its segmenter."""
    with pytest.raises(InputError) as caught:
        load_checkpoint(folder)
    assert caught.value.code == "bad_checkpoint"
    report = inspect(folder)
    assert not report.ok and report.problems[0] in str(caught.value)
    return str(caught.value)


def test_a_segmenter_comes_back_from_its_file(tmp_path: Path) -> None:
    segmenter = random_segmenter(CONFIG)
    (tmp_path / "s.safetensors").write_bytes(segmenter_bytes(segmenter))
    again = load_segmenter(tmp_path / "s.safetensors")
    assert again.config == CONFIG and not again.training
    assert torch.equal(again(picture()), segmenter(picture()))


def test_half_of_its_bytes_read_the_same_map(tmp_path: Path) -> None:
    segmenter = random_segmenter(CONFIG)
    (tmp_path / "s.safetensors").write_bytes(segmenter_bytes(segmenter, half=True))
    again = load_segmenter(tmp_path / "s.safetensors")
    assert len(segmenter_bytes(segmenter, half=True)) < 0.6 * len(segmenter_bytes(segmenter))
    assert (again.segment(picture()) == segmenter.segment(picture())).float().mean() > 0.97


def test_it_looks_as_far_around_as_its_dilations_say() -> None:
    """A change in one corner reaches a pixel far away only through the dilated convolutions."""

    def reach(dilations: tuple[int, ...]) -> int:
        segmenter = random_segmenter(replace(CONFIG, dilations=dilations, widths=(4, 4)))
        before = picture(64)
        after = before.clone()
        after[..., 0, 0] += 1
        changed = (segmenter(before) != segmenter(after))[0].any(0)
        return int(changed.any(0).nonzero().max())

    assert reach((8,)) == reach(()) + 16  # half resolution


def test_patches_are_taken_apart_and_put_together_pixel_by_pixel() -> None:
    """With patches of two, each pixel of the map still answers to its own pixel of the picture."""
    segmenter = random_segmenter(replace(CONFIG, patch=2, widths=(8, 8), dilations=()))
    scores = segmenter(picture(64))
    assert scores.shape == (1, 12, 64, 64)
    assert [stage.shape[2] for stage in segmenter.features(picture(64))] == [32, 16]
    shifted = segmenter(picture(64).roll((4, 8), dims=(2, 3)))
    inner = (slice(None), slice(None), slice(24, 40), slice(24, 40))
    assert torch.allclose(shifted[inner], scores.roll((4, 8), dims=(2, 3))[inner], atol=1e-5)
    assert (scores[..., ::2, ::2] - scores[..., 1::2, 1::2]).abs().max() > 0.1


def test_pictures_of_any_size_are_read_at_its_own() -> None:
    segmenter = random_segmenter(CONFIG)
    large = picture().repeat_interleave(2, 2).repeat_interleave(2, 3)
    assert segmenter.segment(large).shape == (1, 64, 64)
    scores = torch.nn.functional.interpolate(segmenter(picture()), (64, 64), mode="bilinear")
    assert torch.equal(segmenter.segment(large), scores.argmax(1))


def test_a_checkpoint_carries_its_segmenter(folder: Path, tmp_path: Path) -> None:
    before = load_checkpoint(folder)
    after = convert(folder, tmp_path / "copy")
    assert before.segmenter is not None and after.segmenter is not None
    assert torch.equal(after.segmenter(picture()), before.segmenter(picture()))
    assert after.fingerprint == before.fingerprint
    assert inspect(folder).to_json()["applications"]["segment"] == {"available": True}


def test_without_a_segmenter_all_else_works(folder: Path) -> None:
    (folder / "segmenter.safetensors").unlink()
    checkpoint = load_checkpoint(folder)
    assert checkpoint.segmenter is None
    state = inspect(folder).to_json()["applications"]["segment"]
    assert not state["available"] and "no segmenter" in state["reason"]
    with pytest.raises(InputError, match="no segmenter") as caught:
        Engine(checkpoint, "cpu").segment(np.zeros((64, 64, 3), np.uint8))
    assert caught.value.code == "no_segmenter"
    save_checkpoint(folder, checkpoint)
    assert not (folder / "segmenter.safetensors").exists()


def test_the_engine_reads_a_photo_as_the_network_does(tiny_config: GroupDNetConfig) -> None:
    checkpoint = random_checkpoint(tiny_config)
    photo = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    labels = Engine(checkpoint, "cpu").segment(photo)
    assert checkpoint.segmenter is not None
    expected = checkpoint.segmenter.segment(torch.from_numpy(photo).permute(2, 0, 1)[None] / 127.5 - 1)[0]
    assert labels.dtype == np.uint8 and np.array_equal(labels, expected.numpy())
    with pytest.raises(InputError, match="photo is 32×64 pixels"):
        Engine(checkpoint, "cpu").segment(photo[:, :32])


def test_a_segmenter_of_other_classes_is_refused(folder: Path) -> None:
    (folder / "segmenter.safetensors").write_bytes(segmenter_bytes(Segmenter(replace(CONFIG, classes=8))))
    assert "segmenter.safetensors tells 8 classes apart, but the network has 12" in refused(folder)


@pytest.mark.parametrize("kept", [0.0, 0.01, 0.9])
def test_a_truncated_segmenter_is_refused(folder: Path, kept: float) -> None:
    path = folder / "segmenter.safetensors"
    content = path.read_bytes()
    path.write_bytes(content[: int(kept * len(content))])
    assert "segmenter.safetensors cannot be read as safetensors" in refused(folder)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"widths": [8, 12, 20]}, "segmenter.safetensors does not fit"),
        ({"dilations": []}, "around.0.0.weight [16, 16, 3, 3] is unexpected"),
        ({"widths": [8]}, "it has 1 widths and 1 dilations, allowed are 2 … 8 and 0 … 8"),
        ({"widths": [8, 12, 10**9]}, "widths has 1000000000, allowed are 1 … 1024"),
        ({"widths": [8, 12, "16"]}, "widths has '16', allowed are 1 … 1024"),
        ({"patch": 0}, "patch has 0, allowed are 1 … 8"),
        ({"patch": 2}, "segmenter.safetensors does not fit"),
        ({"patch": 8, "size": [64, 48]}, "size is [64, 48], allowed are two multiples of 32"),
        ({"classes": 0}, "classes has 0, allowed are 1 … 255"),
        ({"size": [32, 30]}, "size is [32, 30], allowed are two multiples of 4"),
        ({"size": [32]}, "size is [32], allowed are two multiples of 4"),
        ({"size": 32}, "does not say what segmenter it holds"),
        ({"colour": "blue"}, "does not say what segmenter it holds"),
    ],
)
def test_a_header_that_cannot_be_trusted_is_refused(folder: Path, changes: dict[str, Any], message: str) -> None:
    path = folder / "segmenter.safetensors"
    config = json.dumps({**asdict(load_segmenter(path).config), **changes})
    save_file(load_file(path), path, metadata={"format": FORMAT, "segmenter": config})
    assert message in refused(folder)


def test_safetensors_of_another_kind_are_refused(folder: Path) -> None:
    shutil.copy(folder / "generator.safetensors", folder / "segmenter.safetensors")
    assert f"has the format 'groupdnet-studio 1'; allowed is '{FORMAT}'" in refused(folder)


def test_numbers_that_are_none_are_refused(folder: Path) -> None:
    path = folder / "segmenter.safetensors"
    state = load_file(path)
    state["predict.weight"][0, 0] = float("nan")
    metadata = {"format": FORMAT, "segmenter": json.dumps(asdict(load_segmenter(path).config))}
    save_file(state, path, metadata=metadata)
    assert "segmenter.safetensors is damaged: predict.weight holds NaN or infinity 1 times" in refused(folder)
