"""The training world is reproducible, complete, and its pictures follow its label maps to the pixel."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from model.data.landscape import Landscape, contact_sheet, render_set
from model.errors import InputError


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Small tensors gain nothing from threads, and lose much where the machine is busy."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def sixty() -> tuple[Tensor, Tensor]:
    return Landscape(64, seed=0).scenes(0, 60)


def test_a_scene_is_the_same_pixels_alone_in_a_batch_and_in_another_instance(sixty: tuple[Tensor, Tensor]) -> None:
    labels, pictures = Landscape(64, seed=0).scenes(5, 1)
    assert torch.equal(labels[0], sixty[0][5])
    assert torch.equal(pictures[0], sixty[1][5])


def test_scenes_rendered_as_one_batch_agree_with_scenes_rendered_alone(sixty: tuple[Tensor, Tensor]) -> None:
    world = Landscape(64, seed=0)
    world.batch = 8
    labels, pictures = world.scenes(0, 8)
    assert (labels != sixty[0][:8]).float().mean() < 1e-3  # a CPU's vector units round by place
    assert (pictures.int() - sixty[1][:8].int()).abs().float().mean() < 0.05


def test_seeds_and_scenes_differ(sixty: tuple[Tensor, Tensor]) -> None:
    other = Landscape(64, seed=1).scenes(0, 1)[0][0]
    assert not torch.equal(other, sixty[0][0])
    assert len({labels.numpy().tobytes() for labels in sixty[0]}) > 55  # one-class maps may repeat


def test_shapes_types_and_classes(sixty: tuple[Tensor, Tensor]) -> None:
    labels, pictures = sixty
    assert (labels.dtype, labels.shape) == (torch.uint8, (60, 64, 64))
    assert (pictures.dtype, pictures.shape) == (torch.uint8, (60, 3, 64, 64))
    assert labels.unique().tolist() == list(range(12))


def test_no_picture_is_flat_black_or_white(sixty: tuple[Tensor, Tensor]) -> None:
    brightness = sixty[1].float().mean(1).flatten(1)
    assert brightness.std(1).min() > 1.5
    assert brightness.mean(1).min() > 15 and brightness.mean(1).max() < 250


def test_pictures_change_where_labels_change(sixty: tuple[Tensor, Tensor]) -> None:
    labels, luminance = sixty[0], sixty[1].float().mean(1)  # [60, 64, 64]
    for axis in (1, 2):
        step, border = luminance.diff(dim=axis).abs(), labels.int().diff(dim=axis) != 0
        at_shift = {shift: step[torch.roll(border, shift, axis)].mean().item() for shift in range(-4, 5)}
        assert max(at_shift, key=lambda shift: at_shift[shift]) == 0
        assert at_shift[0] > 1.3 * max(at_shift[-4], at_shift[4])


@pytest.mark.parametrize("label", [4, 6])
def test_restyling_one_class_leaves_the_others_alone(label: int) -> None:
    world = Landscape(64, seed=0)
    labels, before = world.scenes(0, 8)
    _, after = world.scenes(0, 8, restyle={label: 1000})
    change = (after.int() - before.int()).abs().float().mean(1)
    inside = labels == label
    assert change[inside].sum() > 0.8 * change.sum()  # the rest: reflections, softened borders


def test_unknown_sizes_and_seeds_are_refused() -> None:
    with pytest.raises(InputError, match=r"size 100 .* 32, 64, 128, 256, 512"):
        Landscape(100)
    with pytest.raises(InputError, match=r"seed is -1; allowed is 0 or more"):
        Landscape(64, seed=-1)


def test_contact_sheet_pairs_maps_with_pictures(sixty: tuple[Tensor, Tensor]) -> None:
    sheet = contact_sheet(sixty[0][:5], sixty[1][:5], columns=3)
    assert sheet.size == (3 * 128, 2 * 64)
    assert (np.asarray(sheet)[:64, 64:128] == sixty[1][0].permute(1, 2, 0).numpy()).all()


def test_a_rendered_set_holds_the_scenes_and_resumes_after_a_kill(
    tmp_path: Path, sixty: tuple[Tensor, Tensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("model.data.landscape.CHUNK", 4)
    render_set(tmp_path, 6, size=64, seed=0)
    labels = np.load(tmp_path / "labels.npy", mmap_mode="r")
    pictures = np.load(tmp_path / "pictures.npy", mmap_mode="r")
    assert (labels == sixty[0][:6].numpy()).all() and (pictures == sixty[1][:6].numpy()).all()

    np.load(tmp_path / "pictures.npy", mmap_mode="r+")[:] = 0
    (tmp_path / "done").write_text("1")  # as if killed after the first chunk
    render_set(tmp_path, 6, size=64, seed=0)
    again = np.load(tmp_path / "pictures.npy", mmap_mode="r")
    assert (again[:4] == 0).all() and (again[4:] == sixty[1][4:6].numpy()).all()

    monkeypatch.setattr("multiprocessing.get_context", lambda _: pytest.fail("a finished set was rendered again"))
    render_set(tmp_path, 5, size=64, seed=0)
