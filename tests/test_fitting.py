"""Codes without an encoder: a descent finds the looks of a picture, and moves nothing else."""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from conftest import narrow_config, random_checkpoint

from model.checkpoint import Checkpoint, load_checkpoint
from model.data.landscape import Landscape
from model.engine import Engine
from model.engine.engine import to_uint8
from model.engine.fitting import FitStep
from model.errors import InputError
from model.network.config import GroupDNetConfig, at_size
from model.network.cost import stages
from model.perception.colour import lab
from model.recipe.styles import Style, style_from_encoding

ROOT = Path(__file__).parents[1]
LANDSCAPE = ROOT / "checkpoints" / "landscape"
PRESENT = [0, 2, 4, 6, 11]  # classes in the fixture ``scene``


def shipped(size: int) -> Engine:
    """The landscape model for pictures of another size."""
    ckpt = load_checkpoint(LANDSCAPE)
    ckpt.config = ckpt.generator.config = at_size(ckpt.config, (size, size))
    if ckpt.encoder is not None:
        ckpt.encoder.config = ckpt.config
    return Engine(ckpt, device="cpu")


def without_encoder(ckpt: Checkpoint) -> Engine:
    return Engine(replace(ckpt, encoder=None), device="cpu")


def last(engine: Engine, photo: np.ndarray, labels: np.ndarray, **options: Any) -> FitStep:
    return deque(engine.fit(photo, labels, **options), maxlen=1).pop()


def colour_errors(photo: np.ndarray, picture: np.ndarray, labels: np.ndarray) -> list[float]:
    """ΔE between the mean colours of every class over 1 % of the area."""
    large = [c for c in np.unique(labels) if (labels == c).mean() > 0.01]
    means = [torch.tensor(np.stack([p[labels == c].mean(0) for c in large])) / 127.5 - 1 for p in (photo, picture)]
    return (lab(means[0]) - lab(means[1])).norm(dim=1).tolist()


@pytest.fixture(scope="module")
def engine() -> Engine:
    return without_encoder(random_checkpoint(narrow_config()))


@pytest.mark.parametrize(
    ("rgb", "expected"),
    [
        ((255, 255, 255), (100, 0, 0)),
        ((0, 0, 0), (0, 0, 0)),
        ((255, 0, 0), (53.24, 80.09, 67.20)),
        ((0, 0, 255), (32.30, 79.19, -107.86)),
        ((20, 20, 20), (6.32, 0, 0)),
    ],
)
def test_lab_of_known_colours(rgb: tuple[int, ...], expected: tuple[float, ...]) -> None:
    assert lab(torch.tensor(rgb) / 127.5 - 1).tolist() == pytest.approx(expected, abs=0.05)


def test_lab_has_a_gradient_everywhere() -> None:
    levels = torch.linspace(-1.2, 1.2, 50)[:, None].repeat(1, 3).requires_grad_()
    lab(levels).sum().backward()
    assert levels.grad is not None and torch.isfinite(levels.grad).all()


@pytest.mark.parametrize(("shared", "size"), [(True, 64), (False, 128)])
def test_the_looks_of_a_picture_made_here_are_found_again(shared: bool, size: int, scene: np.ndarray) -> None:
    engine = without_encoder(random_checkpoint(at_size(narrow_config(shared_codes=shared), (size, size))))
    labels = scene.repeat(size // 64, 0).repeat(size // 64, 1)
    photo, other = (engine.render(labels, Style(seed).codes(engine.config)[None])[0] for seed in (43, 44))
    first, *_, end = engine.fit(photo, labels)
    assert end.distance < 0.5 * first.distance
    errors, prior_errors = (colour_errors(photo, p, labels) for p in (to_uint8(end.picture), other))
    assert np.mean(errors) < 0.25 * np.mean(prior_errors)


def test_the_landscape_models_own_pictures_are_found_again() -> None:
    engine = shipped(64)
    labels = np.asarray(Landscape(64, seed=4242).scenes(0, 1)[0][0])
    photo = engine.render(labels, Style(41).codes(engine.config)[None])[0]
    end = last(engine, photo, labels)
    samples = [engine.render(labels, Style(seed).codes(engine.config)[None])[0] for seed in range(4)]
    prior_errors = [np.mean(colour_errors(photo, sample, labels)) for sample in samples]
    assert np.mean(colour_errors(photo, to_uint8(end.picture), labels)) < 0.25 * np.mean(prior_errors)


def test_a_fitted_look_is_as_close_as_an_encoded_one() -> None:
    engine = shipped(128)
    fitted_errors: list[float] = []
    encoded_errors: list[float] = []
    for labels, photo in zip(*(part.numpy() for part in Landscape(128, seed=4242).scenes(0, 2))):
        photo, classes = photo.transpose(1, 2, 0), np.unique(labels)
        for codes, errors in (
            (last(engine, photo, labels).codes, fitted_errors),
            (engine.encode(photo, labels)[0], encoded_errors),
        ):
            style = style_from_encoding(codes, classes, engine.config)
            errors += colour_errors(photo, engine.render(labels, style.codes(engine.config)[None])[0], labels)
    assert np.median(fitted_errors) < np.median(encoded_errors)


def test_absent_classes_keep_the_seeds_codes(engine: Engine, scene: np.ndarray) -> None:
    end = last(engine, np.full((64, 64, 3), 90, np.uint8), scene, steps=6, seed=5)
    codes, prior = (c.reshape(12, 8) for c in (end.codes, Style(5).codes(engine.config)))
    moved = np.abs(codes - prior).max(1) > 0
    assert np.flatnonzero(moved).tolist() == PRESENT


def test_the_end_is_what_its_style_renders(engine: Engine, scene: np.ndarray) -> None:
    photo = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    end = last(engine, photo, scene, steps=5, seed=3)
    style = style_from_encoding(end.codes, PRESENT, engine.config, seed=3)
    assert np.array_equal(style.codes(engine.config), end.codes)
    assert np.abs(engine.render(scene, end.codes[None])[0].astype(int) - to_uint8(end.picture)).max() <= 1


def test_steps_are_counted_and_repeatable(engine: Engine, scene: np.ndarray) -> None:
    photo = np.full((64, 64, 3), 90, np.uint8)
    runs = [list(engine.fit(photo, scene, steps=7, seed=1)) for _ in range(2)]
    assert [(step.number, step.total) for step in runs[0]] == [(n, 7) for n in range(8)]
    assert [step.distance for step in runs[0]] == [step.distance for step in runs[1]]
    assert np.array_equal(runs[0][-1].codes, runs[1][-1].codes)


def test_work_is_done_when_it_is_asked_for(engine: Engine, scene: np.ndarray) -> None:
    """Between two steps other pictures can be made, whatever the mode of the thread, and nothing leaks out."""
    photo = np.full((64, 64, 3), 90, np.uint8)
    alone = [step.distance for step in engine.fit(photo, scene, steps=4)]
    steps, found = engine.fit(photo, scene, steps=4), []
    for i in range(5):
        with torch.inference_mode(i % 2 == 0):
            found.append(next(steps).distance)
        assert torch.is_grad_enabled() and not torch.is_inference_mode_enabled()
        engine.render(scene, Style(i).codes(engine.config)[None])
    assert found == pytest.approx(alone, rel=1e-5)


def test_a_smaller_picture_comes_first_where_codes_are_shared(scene: np.ndarray) -> None:
    engine = without_encoder(random_checkpoint(at_size(narrow_config(), (128, 128))))
    labels = scene.repeat(2, 0).repeat(2, 1)
    steps = list(engine.fit(np.full((128, 128, 3), 90, np.uint8), labels, steps=10))
    sizes = [tuple(step.picture.shape[1:]) for step in steps]
    assert sizes[0] == (64, 64) and sizes[-1] == (128, 128)
    assert sizes == sorted(sizes)
    small = sizes.count((64, 64))
    assert steps[small].share == pytest.approx(small / (small + 4 * (10 - small)))  # a quarter of the pixels


@pytest.mark.parametrize("steps", [1, 2, 7, 80])
@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize("size", [(64, 64), (128, 256), (256, 256), (192, 192)])
def test_stages_end_at_full_size_and_take_every_step(steps: int, shared: bool, size: tuple[int, int]) -> None:
    config: GroupDNetConfig = replace(narrow_config(shared_codes=shared), image_size=size)
    plan = stages(config, steps)
    assert sum(count for _, count in plan) == steps and all(count > 0 for _, count in plan)
    assert plan[-1][0] == size
    assert all(side % 64 == 0 for small, _ in plan for side in small)
    assert shared or len(plan) == 1


def test_instance_maps_are_taken_where_the_model_has_edges(scene: np.ndarray) -> None:
    engine = without_encoder(random_checkpoint(narrow_config(instance_edges=True)))
    photo = np.full((64, 64, 3), 90, np.uint8)
    ids = np.arange(64)[:, None].repeat(64, 1)
    with_ids, without = (next(engine.fit(photo, scene, given, steps=3)).distance for given in (ids, None))
    assert with_ids != without


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"photo": np.zeros((64, 64, 3))}, "photo"),
        ({"photo": np.zeros((32, 64, 3), np.uint8)}, "photo"),
        ({"labels": np.full((64, 64), 12)}, "labels"),
        ({"labels": np.zeros((2, 64, 64), np.uint8)}, "labels"),
        ({"instances": np.zeros((64, 64), np.int32)}, "instances"),
        ({"steps": 0}, "steps"),
    ],
)
def test_what_is_wrong_is_said_before_any_step(engine: Engine, changes: dict[str, object], field: str) -> None:
    given = {"photo": np.zeros((64, 64, 3), np.uint8), "labels": np.zeros((64, 64), np.uint8)} | changes
    with pytest.raises(InputError) as caught:
        engine.fit(**given)  # type: ignore[arg-type]
    assert caught.value.field == field
