"""The engine gives a style's picture, the same one whatever else it has been asked for."""

from __future__ import annotations

import copy
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from conftest import narrow_config, random_checkpoint

from model.checkpoint import Checkpoint, load_checkpoint
from model.devices import devices, pick_device
from model.engine import Engine
from model.engine import engine as engine_module
from model.engine.engine import to_uint8
from model.engine.modulation import MapModulation
from model.errors import InputError
from model.network.encoder import split_by_class
from model.network.layers import instance_edges
from model.recipe.styles import Style, mixture, morph, style_from_encoding

SKY, GRASS, WATER, HOUSE, SNOW = 0, 4, 6, 11, 3


@pytest.fixture(scope="module")
def checkpoint(tiny_checkpoint: Path) -> Checkpoint:
    return load_checkpoint(tiny_checkpoint / "tiny")


@pytest.fixture(scope="module")
def engine(checkpoint: Checkpoint) -> Engine:
    return Engine(checkpoint, "cpu")


@pytest.fixture
def codes(engine: Engine) -> np.ndarray:
    """Five styles' codes, float32 [5, 96, 1, 1]."""
    return np.stack([Style(seed).codes(engine.config) for seed in range(5)])


def edged() -> Checkpoint:
    return random_checkpoint(narrow_config(instance_edges=True))


# Pictures


def test_the_engine_computes_what_the_plain_network_computes(
    engine: Engine, checkpoint: Checkpoint, scene: np.ndarray, codes: np.ndarray
) -> None:
    generator = checkpoint.generator
    plain = generator(torch.from_numpy(codes), generator.modulation(torch.from_numpy(scene).long()[None]))
    ours = engine.synthesize(scene, codes)
    assert (ours.dtype, ours.shape) == (torch.float32, (5, 3, 64, 64))
    assert float((ours - plain).abs().max()) < 1e-5


def test_render_rounds_half_to_even(engine: Engine, scene: np.ndarray, codes: np.ndarray) -> None:
    pictures = engine.render(scene, codes)
    assert (pictures.dtype, pictures.shape) == (np.uint8, (5, 64, 64, 3))
    exact = (engine.synthesize(scene, codes).numpy() + 1) * np.float32(127.5)
    assert (pictures == np.rint(exact).transpose(0, 2, 3, 1)).all()
    beyond = torch.tensor([-9.0, -1.0, 0.0, 1.0, 9.0]).expand(3, 1, 5)
    assert to_uint8(beyond)[0, :, 0].tolist() == [0, 0, 128, 255, 255]


def test_the_pictures_are_worth_testing_with(engine: Engine, scene: np.ndarray, codes: np.ndarray) -> None:
    pictures = engine.synthesize(scene, codes)
    assert float((pictures.abs() > 0.99).float().mean()) < 0.01
    assert float(pictures.std(dim=0).mean()) > 0.05  # from style to style
    assert float(pictures.std(dim=(2, 3)).mean()) > 0.1  # from pixel to pixel


def test_a_picture_does_not_depend_on_its_company(engine: Engine, scene: np.ndarray, codes: np.ndarray) -> None:
    alone = np.concatenate([engine.synthesize(scene, code[None]) for code in codes])
    assert (engine.synthesize(scene, codes).numpy() == alone).all()
    assert (engine.synthesize(scene, codes[::-1].copy()).numpy()[::-1] == alone).all()
    other = np.roll(scene, 7, axis=0)
    maps = np.stack([scene, other, scene, scene, other])
    mixed = engine.synthesize(maps, codes).numpy()
    assert (mixed[[0, 2, 3]] == alone[[0, 2, 3]]).all()
    assert (mixed[1] == engine.synthesize(other, codes[1:2]).numpy()).all()


def test_arrays_and_tensors_are_the_same_to_it(engine: Engine, scene: np.ndarray, codes: np.ndarray) -> None:
    expected = engine.render(scene, codes[:1])
    assert (engine.render(torch.from_numpy(scene), torch.from_numpy(codes[:1])) == expected).all()
    assert (engine.render(scene.astype(np.int32)[None], codes[0]) == expected).all()


def test_many_pictures_are_made_in_passes_of_bounded_size(
    checkpoint: Checkpoint, scene: np.ndarray, codes: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = Engine(checkpoint, "cpu")
    passes: list[int] = []
    one_pass = engine.synthesis

    def counted(codes: torch.Tensor, maps: list[MapModulation]) -> torch.Tensor:
        passes.append(len(codes))
        return one_pass(codes, maps)

    monkeypatch.setattr(engine, "synthesis", counted)
    monkeypatch.setattr(Engine, "pictures_per_pass", 2)  # as on a GPU
    expected = np.concatenate([engine.synthesize(scene, code[None]) for code in codes])
    passes.clear()
    assert np.allclose(engine.synthesize(scene, codes), expected, atol=1e-5)
    assert passes == [2, 2, 1]
    passes.clear()
    maps = np.stack([scene, scene[::-1], scene, scene, scene[::-1]])
    expected = np.concatenate([engine.synthesize(*pair) for pair in zip(maps, codes)])
    passes.clear()
    assert np.allclose(engine.synthesize(maps, codes), expected, atol=1e-5)
    assert passes == [2, 2, 1]
    assert engine.cache.misses == 2


def test_a_gpu_takes_as_many_pictures_as_fit() -> None:
    gpu = object.__new__(Engine)
    checkpoint = random_checkpoint(narrow_config())
    gpu.config, gpu.generator = checkpoint.config, checkpoint.generator
    gpu.device, gpu.dtype = torch.device("cuda"), torch.float16
    widest = 8 * 64 * 64 * 2  # bytes of up_3's input
    assert gpu.pictures_per_pass == engine_module.PASS_BYTES // (engine_module.LIVE_TENSORS * widest)


# The modulation's cache


def test_one_label_map_is_modulated_once(checkpoint: Checkpoint, scene: np.ndarray, codes: np.ndarray) -> None:
    engine = Engine(checkpoint, "cpu")
    engine.render(scene, codes)
    assert (engine.cache.hits, engine.cache.misses, len(engine.cache)) == (4, 1, 1)
    engine.render(scene.copy(), codes[:1])
    assert (engine.cache.hits, engine.cache.misses) == (5, 1)
    changed = scene.copy()
    changed[5, 5] = SNOW
    engine.render(changed, codes[:1])
    assert (engine.cache.misses, len(engine.cache)) == (2, 2)


def test_without_a_cache_the_pictures_are_the_same(
    checkpoint: Checkpoint, engine: Engine, scene: np.ndarray, codes: np.ndarray
) -> None:
    uncached = Engine(checkpoint, "cpu", cache_bytes=0)
    assert (uncached.render(scene, codes) == engine.render(scene, codes)).all()
    assert (uncached.cache.nbytes, uncached.cache.hits) == (0, 0)


def test_the_checkpoint_is_left_as_it_was(scene: np.ndarray, codes: np.ndarray) -> None:
    checkpoint = random_checkpoint(narrow_config())
    checkpoint.generator.train()
    before = copy.deepcopy(checkpoint.generator.state_dict())
    Engine(checkpoint, "cpu").render(scene, codes[:1])
    after = checkpoint.generator.state_dict()
    assert all(torch.equal(before[key], after[key]) for key in before)
    assert checkpoint.generator.training
    assert all(parameter.requires_grad for parameter in checkpoint.generator.parameters())


# The applications


def test_resampling_a_class_that_is_absent_moves_its_own_code_alone(engine: Engine) -> None:
    style = Style(7)
    other = style.resample([SNOW], 5).codes(engine.config)
    moved = (other != style.codes(engine.config)).any(axis=(1, 2))
    assert moved.nonzero()[0].tolist() == list(range(8 * SNOW, 8 * SNOW + 8))


def test_before_the_classes_merge_a_code_changes_its_class_alone(engine: Engine) -> None:
    """fc and the 12-group blocks: a class's channels stay its own, whatever the label map."""
    config, generator = engine.config, engine.generator
    labels = torch.full((1, 64, 64), SKY)
    features = []
    for style in (Style(7), Style(7).resample([WATER], 5)):
        latent = torch.from_numpy(style.codes(config))[None]
        with torch.inference_mode():
            features.append(generator.blocks()[0](generator.fc(latent), generator.modulation(labels)))
    width = features[0].shape[1] // config.classes
    moved = (features[0] != features[1]).flatten(2).any(2)[0].nonzero()[:, 0]
    assert len(moved)
    assert set(moved.tolist()) <= set(range(width * WATER, width * (WATER + 1)))


def test_a_morph_ends_in_the_two_pictures(engine: Engine, scene: np.ndarray) -> None:
    a, b, present = Style(1), Style(2), np.unique(scene).tolist()
    ends = [morph(a, b, t, present).codes(engine.config) for t in (0, 0.5, 1)]
    first, half, last = engine.render(scene, np.stack(ends))
    assert (first == engine.render(scene, a.codes(engine.config))[0]).all()
    target = a.with_specs({c: b.spec(c) for c in present})
    assert (last == engine.render(scene, target.codes(engine.config))[0]).all()
    assert (half != first).any()
    assert (half != last).any()


def test_encode_sees_each_class_alone(engine: Engine, checkpoint: Checkpoint, scene: np.ndarray) -> None:
    photo = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    mu, logvar = engine.encode(photo, scene)
    assert mu.shape == logvar.shape == (96, 1, 1)
    assert mu.dtype == logvar.dtype == np.float32
    pixels = torch.from_numpy(photo).permute(2, 0, 1)[None].float() / 127.5 - 1
    assert checkpoint.encoder is not None
    expected, _ = checkpoint.encoder(*split_by_class(pixels, torch.from_numpy(scene).long()[None], 12))
    assert np.allclose(mu, expected[0].detach().numpy(), atol=1e-5)
    repainted = photo.copy()
    repainted[scene == WATER] = 255
    moved = (engine.encode(repainted, scene)[0] != mu).any(axis=(1, 2))
    assert moved.nonzero()[0].tolist() == list(range(8 * WATER, 8 * WATER + 8))


def test_a_mixture_is_made_of_its_references(engine: Engine, scene: np.ndarray) -> None:
    photos = np.random.default_rng(1).integers(0, 256, (2, 64, 64, 3), np.uint8)
    photos[1] //= 4
    looks = [style_from_encoding(engine.encode(p, scene)[0], np.unique(scene), engine.config, "p.jpg") for p in photos]
    mixed = mixture(looks[0], looks, {WATER: 1})
    codes = np.stack([style.codes(engine.config) for style in (looks[0], looks[1], mixed)])
    water = slice(8 * WATER, 8 * WATER + 8)
    assert (codes[2, water] == codes[1, water]).all()
    assert (np.delete(codes[2], water, axis=0) == np.delete(codes[0], water, axis=0)).all()
    first, _, blended = engine.render(scene, codes)
    assert (first != blended).any()


def test_a_style_that_went_through_json_gives_the_same_pixels(engine: Engine, scene: np.ndarray) -> None:
    mu, _ = engine.encode(engine.render(scene, Style(3).codes(engine.config))[0], scene)
    style = morph(style_from_encoding(mu, [0, 2, 6], engine.config, "a"), Style(0), 0.3, [0, 6])
    again = Style.from_json(style.to_json(), engine.config)
    codes = np.stack([style.codes(engine.config), again.codes(engine.config)])
    first, second = engine.render(scene, codes)
    assert (first == second).all()


# Instance edges


def test_regions_borders_stand_for_a_missing_instance_map(scene: np.ndarray, codes: np.ndarray) -> None:
    engine = Engine(edged(), "cpu")
    assert (engine.render(scene, codes[:1]) == engine.render(scene, codes[:1], scene.astype(np.int32))).all()
    one = engine.render(scene, codes[:1], np.ones((64, 64), np.int32))  # one instance: no edge anywhere
    assert (one != engine.render(scene, codes[:1])).any()


def test_instances_that_have_equal_edges_share_their_modulation(scene: np.ndarray, codes: np.ndarray) -> None:
    engine = Engine(edged(), "cpu")
    ids = scene.astype(np.int32)
    engine.render(scene, codes[:1], ids)
    engine.render(scene, codes[:1], ids + 1000)
    assert engine.cache.misses == 1
    plain = engine.generator.modulation(
        torch.from_numpy(scene).long()[None], instance_edges(torch.from_numpy(ids).long()[None])
    )
    with torch.inference_mode():
        expected = engine.generator(torch.from_numpy(codes[:1]), plain)
    assert float((engine.synthesize(scene, codes[:1], ids) - expected).abs().max()) < 1e-5


# What it refuses


@pytest.mark.parametrize(
    ("change", "code", "words"),
    [
        ({"labels": np.zeros((64, 32), np.uint8)}, "wrong_size", ["labels is 32×64", "64×64"]),
        ({"labels": np.full((64, 64), 200, np.uint8)}, "unknown_label", ["labels has 200", "0 to 11"]),
        ({"labels": np.full((64, 64), -1)}, "unknown_label", ["labels has -1", "0 to 11"]),
        ({"labels": np.zeros((64, 64), np.float32)}, "invalid", ["labels is torch.float32", "integers"]),
        ({"labels": np.zeros(64, np.uint8)}, "invalid", ["labels is torch.uint8 [64]", "[H, W]"]),
        ({"labels": np.zeros((3, 64, 64), np.uint8)}, "invalid", ["codes are 2 for 3 label maps"]),
        ({"codes": np.zeros((2, 64, 1, 1), np.float32)}, "invalid", ["[2, 64, 1, 1]", "[N, 96, 1, 1]"]),
        ({"codes": np.zeros((0, 96, 1, 1), np.float32)}, "invalid", ["[0, 96, 1, 1]", "[N, 96, 1, 1]"]),
        ({"codes": np.zeros((2, 96, 1, 1), np.int64)}, "invalid", ["torch.int64", "float32"]),
        ({"codes": np.full((2, 96, 1, 1), np.nan, np.float32)}, "invalid", ["codes has NaN", "finite"]),
        ({"instances": np.zeros((64, 64), np.int32)}, "invalid", ["instances were given", "none"]),
    ],
)
def test_arrays_that_do_not_fit(
    engine: Engine, scene: np.ndarray, codes: np.ndarray, change: dict[str, Any], code: str, words: list[str]
) -> None:
    given = {"labels": scene, "codes": codes[:2], **change}
    with pytest.raises(InputError) as caught:
        engine.synthesize(**given)
    assert caught.value.code == code
    for word in words:
        assert word in str(caught.value)


@pytest.mark.parametrize(
    ("instances", "words"),
    [(np.zeros((8, 8), np.int32), "instances is 8×8"), (np.zeros((2, 64, 64), np.int32), "2 maps for 1 label map")],
)
def test_instance_maps_that_do_not_fit(scene: np.ndarray, codes: np.ndarray, instances: np.ndarray, words: str) -> None:
    with pytest.raises(InputError, match=words):
        Engine(edged(), "cpu").synthesize(scene, codes[:1], instances)


def test_photos_that_do_not_fit(engine: Engine, scene: np.ndarray) -> None:
    with pytest.raises(InputError, match=r"photo is torch\.float32 .*uint8 \[H, W, 3\]"):
        engine.encode(np.zeros((64, 64, 3), np.float32), scene)
    with pytest.raises(InputError, match=r"photo is torch\.uint8 \[64, 64\]"):
        engine.encode(scene, scene)
    with pytest.raises(InputError, match="photo is 32×64 pixels; allowed is this model's 64×64"):
        engine.encode(np.zeros((64, 32, 3), np.uint8), scene)
    with pytest.raises(InputError, match="one label map for one photo"):
        engine.encode(np.zeros((64, 64, 3), np.uint8), np.stack([scene, scene]))


def test_without_an_encoder_photos_are_refused_and_pictures_are_not(
    tiny_without_encoder: Path, engine: Engine, scene: np.ndarray, codes: np.ndarray
) -> None:
    bare = Engine(load_checkpoint(tiny_without_encoder / "tiny"), "cpu")
    with pytest.raises(InputError, match="has no encoder") as caught:
        bare.encode(np.zeros((64, 64, 3), np.uint8), scene)
    assert caught.value.code == "no_encoder"
    assert bare.fingerprint == engine.fingerprint
    assert (bare.render(scene, codes[:1]) == engine.render(scene, codes[:1])).all()


def test_devices_and_precisions_that_are_not_here(checkpoint: Checkpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    assert pick_device("auto") == torch.device(devices()[0])
    assert devices()[-1] == "cpu"
    for name in ("cuda:99", "tpu", "", "CPU"):
        with pytest.raises(InputError, match=f"device '{name}' is not here; allowed is auto, .*cpu"):
            Engine(checkpoint, name)
    monkeypatch.setattr("model.devices.bfloat16_gain", lambda: 0.5)
    for precision in ("bfloat16", "float16", "float64"):
        with pytest.raises(InputError, match=f"precision '{precision}' is not for device cpu.*; allowed is float32"):
            Engine(checkpoint, "cpu", precision)


def test_bfloat16_on_a_cpu_is_near_float32(
    checkpoint: Checkpoint, engine: Engine, scene: np.ndarray, codes: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("model.devices.bfloat16_gain", lambda: 2.0)
    rough = Engine(checkpoint, "cpu", "bfloat16")
    error = (rough.synthesize(scene, codes) - engine.synthesize(scene, codes)).square().mean()
    assert 30 < float(10 * torch.log10(4 / error)) < 100


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize(("precision", "decibels"), [("float32", 90), ("float16", 45), ("bfloat16", 30)])
def test_a_gpu_gives_the_cpus_picture(
    checkpoint: Checkpoint, engine: Engine, scene: np.ndarray, codes: np.ndarray, precision: str, decibels: float
) -> None:
    gpu = Engine(checkpoint, "cuda", precision)
    error = (gpu.synthesize(scene, codes).cpu() - engine.synthesize(scene, codes)).square().mean()
    assert float(10 * torch.log10(4 / error)) > decibels
    assert (gpu.render(scene, codes) == gpu.render(scene, codes)).all()


def test_codes_that_are_not_shared_fill_the_latent_grid() -> None:
    config = replace(narrow_config(shared_codes=False), image_size=(128, 64))
    engine = Engine(random_checkpoint(config), "cpu")
    pictures = engine.render(np.zeros((128, 64), np.uint8), Style(1).codes(config)[None])
    assert pictures.shape == (1, 128, 64, 3)
