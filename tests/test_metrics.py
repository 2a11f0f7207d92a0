"""Each number that evaluation reports, against values worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from model.evaluation import metrics
from model.perception.features import perceptual_distance
from model.recipe.change import measure_change
from model.recipe.labels import to_lab

RANDOM = np.random.default_rng(0)


def test_intersection_over_union_and_accuracy() -> None:
    labels = np.array([[0, 0, 1], [1, 2, 2]])
    read = np.array([[0, 1, 1], [1, 2, 0]])
    matrix = metrics.confusion(labels, read, 4)  # class 3 is neither there nor seen: it does not count
    assert matrix.tolist() == [[1, 1, 0, 0], [0, 2, 0, 0], [1, 0, 1, 0], [0, 0, 0, 0]]
    assert metrics.mean_iou(matrix) == pytest.approx((1 / 3 + 2 / 3 + 1 / 2) / 3)
    assert metrics.pixel_accuracy(matrix) == pytest.approx(4 / 6)


@given(st.integers(0, 2**32 - 1))
def test_reading_every_pixel_right_is_one_and_order_does_not_matter(seed: int) -> None:
    labels = np.random.default_rng(seed).integers(0, 5, (7, 9))
    matrix = metrics.confusion(labels, labels, 5)
    assert metrics.mean_iou(matrix) == metrics.pixel_accuracy(matrix) == 1
    assert np.array_equal(metrics.confusion(labels[::-1], labels[::-1], 5), matrix)


def test_a_class_colour_is_its_mean_unless_the_class_is_tiny() -> None:
    labels = np.zeros((20, 20), np.uint8)
    labels[:10] = 2
    labels[0, 0] = 1  # 0.25 %
    picture = np.zeros((20, 20, 3), np.uint8)
    picture[:5] = (100, 50, 0)
    found = metrics.class_colours(picture, labels)
    assert sorted(found) == [0, 2]
    assert found[0].tolist() == [0, 0, 0]
    assert found[2] == pytest.approx(np.array([100, 50, 0]) * 99 / 199)


def test_colours_differ_as_cie_says() -> None:
    red, white, black = (to_lab(np.array(rgb)) for rgb in ((255, 0, 0), (255, 255, 255), (0, 0, 0)))
    assert red == pytest.approx([53.24, 80.09, 67.20], abs=0.01)
    assert metrics.delta_e(white, black) == pytest.approx(100, abs=0.01)
    assert metrics.delta_e(red, white) == pytest.approx(np.hypot(100 - 53.24, np.hypot(80.09, 67.20)), abs=0.02)


def test_deviations_are_over_the_pictures_that_show_a_class() -> None:
    table = metrics.colour_table([{0: np.full(3, 50.0)}, {0: np.full(3, 200.0), 2: np.zeros(3)}, {}], 3)
    assert table.shape == (3, 3, 3) and np.isnan(table[2]).all() and np.isnan(table[0, 1:]).all()
    lightness = [to_lab(np.full(3, grey))[0] for grey in (50.0, 200.0)]
    varied = metrics.deviations(table)
    assert varied[0] == pytest.approx((lightness[1] - lightness[0]) / 2, rel=1e-3)
    assert np.isnan(varied[1]) and np.isnan(varied[2])


def test_sharpness_is_the_energy_of_the_finest_detail() -> None:
    flat = np.full((16, 16, 3), 90, np.uint8)
    ramp = np.broadcast_to(np.arange(16.0)[:, None, None] * 3, (16, 16, 3))
    checks = np.broadcast_to(((np.indices((16, 16)).sum(0) % 2) * 20.0 + 90)[..., None], (16, 16, 3))
    assert metrics.high_frequency_energy(flat) == pytest.approx(0, abs=1e-12)
    assert metrics.high_frequency_energy(ramp) == pytest.approx(0, abs=1e-12)
    assert metrics.high_frequency_energy(checks) == pytest.approx(10**2)


def test_change_is_told_apart_by_where_it_is() -> None:
    before = np.full((4, 4, 3), 250, np.uint8)
    after = before.copy()
    after[0, :, 0] = 244  # one channel of a quarter, 6 lower: no byte wraps
    inside = np.zeros((4, 4), bool)
    inside[:2] = True
    assert measure_change(before, after, inside)[:2] == (1.0, 0.0)


def test_frechet_distance_of_normals_that_are_known() -> None:
    a = RANDOM.normal(size=(50, 4)) @ RANDOM.normal(size=(4, 4))
    spread = np.trace(np.cov(a, rowvar=False))
    assert metrics.frechet(a, a) == pytest.approx(0, abs=1e-9)
    assert metrics.frechet(a, a + np.array([1, 2, 0, 0])) == pytest.approx(5)
    centred = a - a.mean(0)
    assert metrics.frechet(centred, 3 * centred) == pytest.approx(4 * spread)  # (1 + 9 − 2·3) tr A
    b = RANDOM.normal(size=(60, 4))
    assert metrics.frechet(a, b) == pytest.approx(metrics.frechet(b, a))


def test_perceptual_distance_compares_directions() -> None:
    a = torch.rand(2, 5, 3, 3)
    assert perceptual_distance([a], [a]).tolist() == pytest.approx([0, 0])
    assert perceptual_distance([a], [7 * a]).tolist() == pytest.approx([0, 0], abs=1e-6)
    east, north = torch.zeros(1, 2, 2, 2), torch.zeros(1, 2, 2, 2)
    east[:, 0], north[:, 1] = 3, 0.1
    assert perceptual_distance([east], [north]).item() == pytest.approx(2)
    half = east.clone()
    half[..., 0] = north[..., 0]
    assert perceptual_distance([east, half], [north, half]).item() == pytest.approx(1)  # stages are averaged
    assert perceptual_distance([half], [east]).item() == pytest.approx(1)  # and pixels


def test_the_bootstrap_gives_the_interval_of_a_mean() -> None:
    values = RANDOM.normal(10, 2, 400)
    low, high = metrics.bootstrap(lambda chosen: float(values[chosen].mean()), len(values))
    error = values.std() / 400**0.5
    assert (low, high) == pytest.approx((values.mean() - 1.96 * error, values.mean() + 1.96 * error), abs=0.3 * error)
    assert metrics.bootstrap(lambda chosen: 3.0, 5) == (3.0, 3.0)
