"""Tables by neighbourhood: the plain network's picture on any label map, whatever the cache has seen before."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from conftest import narrow_config, random_checkpoint
from hypothesis import given, settings
from hypothesis import strategies as st

from model.checkpoint import Checkpoint
from model.engine import Engine, modulation
from model.evaluation.bench import random_checkpoint as random_preset
from model.network.config import Block, GroupDNetConfig, at_size
from model.network.layers import instance_edges
from model.network.presets import ade20k, cityscapes, deepfashion, landscape

KINDS = ("noise", "one class", "one-pixel classes", "lines at the border", "regions", "half noise")


def label_map(kind: str, config: GroupDNetConfig, seed: int) -> np.ndarray:
    """uint8 [H, W] of the config's size."""
    random, (height, width), classes = np.random.default_rng(seed), config.image_size, config.classes
    labels = np.full((height, width), random.integers(classes), np.uint8)
    noise = random.integers(0, classes, (height, width), np.uint8)
    if kind == "noise":
        return noise
    if kind == "one-pixel classes":
        labels.flat[random.permutation(labels.size)[:classes]] = np.arange(classes)
    if kind == "lines at the border":
        for line in (labels[0], labels[-1], labels[:, 0], labels[:, -1], labels[1], labels[:, -2]):
            line[:] = random.integers(classes)
        labels[[0, 0, -1, -1], [0, -1, 0, -1]] = random.integers(0, classes, 4)
    if kind == "regions":
        y, x = np.mgrid[:height, :width] / 16
        labels = ((np.sin(x + seed) + np.cos(1.3 * y) + 2) / 4.001 * classes).astype(np.uint8)
    if kind == "half noise":
        labels[: height // 2] = noise[: height // 2]
    return labels


@st.composite
def configs(draw: st.DrawFn) -> GroupDNetConfig:
    """Small networks of every shape that the presets have between them, and more."""
    classes = draw(st.integers(2, 9))
    common = [g for g in (1, 2, classes) if classes % g == 0]
    groups = sorted((draw(st.sampled_from(common)) for _ in range(7)), reverse=True)
    unit = int(np.lcm.reduce(groups)) * 2
    widths = [unit * draw(st.integers(1, 2)) for _ in range(8)]
    hidden = [classes * g * 2 for g in groups]
    names = ("head_0", "G_middle_0", "G_middle_1", "up_0", "up_1", "up_2", "up_3")
    shared = [draw(st.sampled_from([1, g, classes])) for g in groups]
    edges = draw(st.booleans())
    shared = [s if (classes * (2 if edges else 1)) % s == 0 else 1 for s in shared]
    rows = tuple(Block(*row) for row in zip(names, widths, widths[1:], groups, hidden, shared, groups))
    size = draw(st.sampled_from([(64, 64), (64, 128), (128, 64)]))
    config = GroupDNetConfig(classes, size, 1, rows, 4 * classes, instance_edges=edges)
    shared_codes, noise, smooth = draw(st.booleans()), draw(st.booleans()), draw(st.integers(0, 6))
    return replace(config, shared_codes=shared_codes, noise=noise, smooth=smooth)


def instances_for(config: GroupDNetConfig, seed: int, count: int = 1) -> np.ndarray | None:
    if not config.instance_edges:
        return None
    height, width = config.image_size
    random = np.random.default_rng(seed)
    coarse = random.integers(0, 5, (count, height // 8, width // 8), np.int32)
    return coarse.repeat(8, axis=1).repeat(8, axis=2)


def plain(ckpt: Checkpoint, labels: np.ndarray, codes: np.ndarray, instances: np.ndarray | None) -> torch.Tensor:
    maps = torch.from_numpy(labels).long()
    edges = None if instances is None else instance_edges(torch.from_numpy(instances).long())
    with torch.inference_mode():
        return ckpt.generator(torch.from_numpy(codes), ckpt.generator.modulation(maps, edges))


def random_codes(config: GroupDNetConfig, count: int) -> np.ndarray:
    shape = (count, 8 * config.classes, *config.latent_size)
    return np.random.default_rng(0).standard_normal(shape).astype(np.float32)


def assert_equal_to_plain(engine: Engine, ckpt: Checkpoint, maps: np.ndarray, seed: int = 0) -> None:
    codes = random_codes(ckpt.config, len(maps))
    instances = instances_for(ckpt.config, seed, len(maps))
    expected = plain(ckpt, maps, codes, instances)
    assert float(expected.std()) > 0.02
    assert float((engine.synthesize(maps, codes, instances) - expected).abs().max()) < 1e-5


@settings(max_examples=12)
@given(configs(), st.lists(st.tuples(st.sampled_from(KINDS), st.integers(0, 99)), min_size=1, max_size=3))
def test_any_network_on_any_batch_of_label_maps(config: GroupDNetConfig, kinds: list[tuple[str, int]]) -> None:
    ckpt = random_preset("random", config)
    maps = np.stack([label_map(kind, config, seed) for kind, seed in kinds])
    assert_equal_to_plain(Engine(ckpt, "cpu"), ckpt, maps)


PRESETS = {
    "landscape": at_size(landscape(), (128, 192)),
    "deepfashion": at_size(deepfashion(16), (128, 64)),
    "ade20k": at_size(ade20k(4), (64, 64)),
    "cityscapes": at_size(cityscapes(70), (64, 128)),
}


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_on_every_kind_of_label_map(name: str) -> None:
    ckpt = random_preset(name, PRESETS[name])
    engine = Engine(ckpt, "cpu")
    assert_equal_to_plain(engine, ckpt, np.stack([label_map(kind, ckpt.config, 7) for kind in KINDS]))


def test_a_large_map_of_noise_has_its_modulation_by_convolution(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(modulation, "BY_CONVOLUTION", 32 * 32)
    ckpt = random_preset("edges", replace(narrow_config(instance_edges=True), image_size=(64, 128)))
    engine = Engine(ckpt, "cpu")
    noise, calm = (label_map(kind, ckpt.config, 1) for kind in ("noise", "one class"))
    maps = np.stack([noise, calm, noise])
    assert_equal_to_plain(engine, ckpt, maps)
    assert {entry.shareable for entry in engine.cache._kept.values()} == {True, False}
    monkeypatch.setattr(Engine, "pictures_per_pass", 3)
    assert_equal_to_plain(engine, ckpt, maps)


# Edits


@st.composite
def edits(draw: st.DrawFn) -> list[tuple[int, int, int, int, int]]:
    """Rectangles: row, column, height, width, class."""
    small = st.integers(1, 12)
    return draw(
        st.lists(st.tuples(st.integers(0, 63), st.integers(0, 63), small, small, st.integers(0, 11)), max_size=6)
    )


TINY = random_checkpoint(narrow_config())


@settings(max_examples=25)
@given(edits(), st.sampled_from(KINDS))
def test_a_painted_map_has_the_same_bits_as_one_that_came_at_once(
    strokes: list[tuple[int, int, int, int, int]], kind: str
) -> None:
    """However a label map came about, its picture is the same: a recipe knows nothing of the strokes."""
    painter, labels = Engine(TINY, "cpu"), label_map(kind, TINY.config, 3)
    codes = random_codes(TINY.config, 1)
    painter.synthesize(labels, codes)
    for y, x, height, width, c in strokes:
        labels = labels.copy()
        labels[y : y + height, x : x + width] = c
        painted = painter.synthesize(labels, codes)
    if strokes:
        assert torch.equal(painted, Engine(TINY, "cpu").synthesize(labels, codes))


def test_a_stroke_adds_the_rows_of_its_own_neighbourhoods_alone(scene: np.ndarray) -> None:
    engine, codes = Engine(TINY, "cpu"), random_codes(TINY.config, 1)
    engine.render(scene, codes)
    before = [len(rows.numbers) for rows in engine.cache.rows]
    stroke = scene.copy()
    stroke[30, 20:40] = 3
    engine.render(stroke, codes)
    added = [len(rows.numbers) - count for rows, count in zip(engine.cache.rows, before)]
    assert 0 < added[-1] <= 5 * 24
    engine.render(scene, codes)
    twice = scene.copy()
    twice[30, 21:41] = 3  # the same stroke one pixel on
    engine.render(twice, codes)
    assert len(engine.cache.rows[-1].numbers) - before[-1] <= added[-1] + 10


def test_a_map_that_becomes_noise_stroke_by_stroke(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(modulation, "BY_CONVOLUTION", 32 * 32)
    engine, codes = Engine(TINY, "cpu"), random_codes(TINY.config, 1)
    noise, labels = label_map("noise", TINY.config, 5), label_map("one class", TINY.config, 5)
    for top in range(0, 64, 8):
        labels = labels.copy()
        labels[top : top + 8] = noise[top : top + 8]
        painted = engine.synthesize(labels, codes)
        assert torch.equal(painted, Engine(TINY, "cpu").synthesize(labels, codes))
    assert not next(reversed(engine.cache._kept.values())).shareable


# Memory


def test_the_cache_keeps_to_its_limit_and_forgets_the_least_recently_used() -> None:
    limit = 3_000_000
    engine, codes = Engine(TINY, "cpu", cache_bytes=limit), random_codes(TINY.config, 1)
    favourite = label_map("regions", TINY.config, 1000)
    expected = engine.synthesize(favourite, codes)
    for seed in range(30):
        engine.synthesize(label_map("half noise", TINY.config, seed), codes)
        assert torch.equal(engine.synthesize(favourite, codes), expected)
        assert engine.cache.nbytes <= limit
        held = [tensor for rows in engine.cache.rows for pair in rows.pairs for tensor in pair]
        maps = engine.cache._kept.values()
        assert engine.cache.nbytes >= sum(t.nbytes for t in held) + sum(entry.nbytes for entry in maps)
    assert engine.cache.misses == 31
    assert 2 <= len(engine.cache) < 20
    engine.cache.clear()
    assert (engine.cache.nbytes, len(engine.cache)) == (0, 0)
    assert torch.equal(engine.synthesize(favourite, codes), expected)


def test_a_map_larger_than_the_limit_is_rendered_and_not_kept() -> None:
    engine, codes = Engine(TINY, "cpu", cache_bytes=1000), random_codes(TINY.config, 2)
    labels = label_map("half noise", TINY.config, 2)
    assert torch.equal(engine.synthesize(labels, codes), Engine(TINY, "cpu").synthesize(labels, codes))
    assert (engine.cache.nbytes, len(engine.cache)) == (0, 0)


THOUSAND = """
import numpy as np
from conftest import narrow_config, random_checkpoint
from model.engine import Engine
from test_modulation import label_map, random_codes

def resident():
    return int(open("/proc/self/statm").read().split()[1]) * 4096

ckpt = random_checkpoint(narrow_config())
engine, codes = Engine(ckpt, "cpu", cache_bytes=2**23), random_codes(ckpt.config, 1)
for i in range(1000):
    engine.render(label_map("half noise" if i % 10 == 0 else "regions", ckpt.config, i), codes)
    if i == 49:
        first = resident()
print(resident() / first)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_thousand_label_maps_leave_the_process_as_large_as_fifty() -> None:
    command = [sys.executable, "-c", THOUSAND]
    done = subprocess.run(command, capture_output=True, text=True, cwd="tests", env={"PYTHONPATH": "..:."}, check=True)
    assert float(done.stdout) < 1.1
