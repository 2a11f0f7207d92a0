"""The network computes what the reference computes, and keeps the paper's promises about classes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from archives import NAMES, manifest, parity_arrays, write_archive
from torch import Tensor

from model.checkpoint import Checkpoint, load_checkpoint
from model.checkpoint.manifest import released_manifest
from model.errors import InputError
from model.network import groupdnet, presets
from model.network.config import GroupDNetConfig, at_size
from model.network.discriminator import Discriminator
from model.network.encoder import AreaBias, Encoder, split_by_class
from model.network.layers import instance_edges, nearest, semantics
from model.network.presets import PRESETS, cityscapes, landscape

TOLERANCE = 5e-5


@pytest.fixture(scope="module", params=NAMES)
def small(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Checkpoint]:
    folder = write_archive(tmp_path_factory.mktemp("archive"), request.param)
    return request.param, load_checkpoint(folder)


@pytest.fixture(scope="module")
def deepfashion(tmp_path_factory: pytest.TempPathFactory) -> Checkpoint:
    return load_checkpoint(write_archive(tmp_path_factory.mktemp("archive")))


def batch(array: np.ndarray) -> Tensor:
    return torch.from_numpy(array)[None]


# Parity


def test_generator_gives_the_reference_pictures(small: tuple[str, Checkpoint]) -> None:
    name, checkpoint = small
    arrays = parity_arrays(name)
    edges = instance_edges(batch(arrays["instances"])) if "instances" in arrays else None
    with torch.no_grad():
        modulation = checkpoint.generator.modulation(batch(arrays["labels"]).long(), edges)
        image = checkpoint.generator(batch(arrays["latent"]), modulation)[0].numpy()
    assert image.shape == (3, *arrays["labels"].shape)
    for part, expected in (
        (image[:, ::4, ::4], "image_every_4th"),
        (image[:, :16, :16], "image_top_left"),
        (image[:, -16:, -16:], "image_bottom_right"),
    ):
        np.testing.assert_allclose(part, arrays[expected], rtol=0, atol=TOLERANCE, err_msg=expected)


def test_encoder_gives_the_reference_codes(small: tuple[str, Checkpoint]) -> None:
    name, checkpoint = small
    arrays = parity_arrays(name)
    assert checkpoint.encoder is not None
    with torch.no_grad():
        photo = batch(arrays["photo"]).float() / 127.5 - 1
        mu, logvar = checkpoint.encoder.encode(photo, batch(arrays["labels"]).long())
    np.testing.assert_allclose(mu[0].numpy(), arrays["mu"], rtol=0, atol=TOLERANCE)
    np.testing.assert_allclose(logvar[0].numpy(), arrays["logvar"], rtol=0, atol=TOLERANCE)


@pytest.mark.parametrize("preset", ["deepfashion", "cityscapes", "ade20k"])
def test_released_sizes_have_exactly_the_official_keys_and_shapes(preset: str) -> None:
    assert released_manifest(PRESETS[preset]()) == manifest("official")[preset]


# Classes stay apart


def test_a_code_reaches_only_its_own_class_until_the_groups_merge(deepfashion: Checkpoint) -> None:
    generator, config = deepfashion.generator, deepfashion.config
    merged = next(i for i, row in enumerate(config.blocks) if row.groups < config.classes)
    assert merged == 2
    labels = batch(parity_arrays("deepfashion_ngf16")["labels"]).long()
    codes = batch(parity_arrays("deepfashion_ngf16")["latent"])
    changed = codes.clone()
    changed[:, 8 * 3 : 8 * 4] += 1  # class 3's channels
    with torch.no_grad():
        modulation = generator.modulation(labels)
        x, y = generator.fc(codes), generator.fc(changed)
        for block in generator.blocks()[:merged]:
            modulation_here = {k: v for k, v in modulation.items() if k.startswith(block.row.name)}
            x, y = block(x, _at(modulation_here, x)), block(y, _at(modulation_here, y))
    moved = (x - y).abs().amax((0, 2, 3)).view(config.classes, -1).amax(1)  # [C]
    assert moved[3] > 0
    assert not moved[[c for c in range(config.classes) if c != 3]].any()


def _at(modulation: groupdnet.Modulation, x: Tensor) -> groupdnet.Modulation:
    """Modulation of the blocks' own resolution, sampled to that of x."""
    size = (x.shape[2], x.shape[3])
    return {
        name: tuple(torch.nn.functional.interpolate(t, size, mode="nearest") for t in pair)  # type: ignore[misc]
        for name, pair in modulation.items()
    }


def test_the_encoder_keeps_classes_apart(deepfashion: Checkpoint) -> None:
    encoder, config = deepfashion.encoder, deepfashion.config
    assert encoder is not None
    labels = torch.zeros(1, 256, 256, dtype=torch.long)
    labels[:, :, 128:] = 2
    photo = torch.rand(1, 3, 256, 256) * 2 - 1
    repainted = photo.clone()
    repainted[:, :, :, 128:] *= -0.5
    with torch.no_grad():
        (mu, _), (other, _) = encoder.encode(photo, labels), encoder.encode(repainted, labels)
    moved = (mu - other).abs().amax((0, 2, 3)).view(config.classes, 8).amax(1)
    assert moved[2] > 0
    assert not moved[[0, 1, 3, 4, 5, 6, 7]].any()  # absent classes too: they see nothing of the photo


def slow_split(photo: np.ndarray, labels: np.ndarray, classes: int) -> np.ndarray:
    """Class by class, as the paper says it: mask, crop to the mask's box, resize to full size by nearest neighbour."""
    _, height, width = photo.shape
    out = np.zeros((3 * classes, height, width), np.float32)
    for c in range(classes):
        ys, xs = np.nonzero(labels == c)
        if not len(ys):
            continue
        crop = (photo * (labels == c))[:, ys.min() : ys.max() + 1, xs.min() : xs.max() + 1]
        rows = np.arange(height) * crop.shape[1] // height
        columns = np.arange(width) * crop.shape[2] // width
        out[3 * c : 3 * c + 3] = crop[:, rows][:, :, columns]
    return out


def test_a_look_reads_alike_in_a_photo_of_twice_the_size() -> None:
    torch.manual_seed(0)
    small = replace(landscape(), encoder_width=24, encoder_side=64, image_size=(64, 64))
    encoder = Encoder(small).eval()
    labels = torch.zeros(1, 64, 64, dtype=torch.long)
    labels[:, 20:50, 10:40] = 3
    photo = torch.rand(1, 3, 64, 64) * 2 - 1
    large = [t.repeat_interleave(2, -1).repeat_interleave(2, -2) for t in (photo, labels)]
    with torch.no_grad():
        code, twice = encoder.encode(photo, labels)[0], encoder.encode(*large)[0]
    assert twice.shape == (1, 96, 2, 2)
    assert torch.allclose(twice, code.expand_as(twice), atol=1e-5)
    large[1][0, 64, 127] = 5  # one pixel of the large map, which no coarse map shows
    with torch.no_grad():
        assert not torch.allclose(encoder.encode(*large)[0][:, 40:48], twice[:, 40:48], atol=1e-5)


def test_split_by_class_is_mask_crop_resize() -> None:
    rng = np.random.default_rng(0)
    labels = np.zeros((3, 48, 64), np.int64)
    labels[0, 5:17, 9:50] = 3  # a box
    labels[0, 47, 63] = 1  # one pixel in the corner
    labels[1] = rng.integers(0, 6, (48, 64))  # everywhere
    labels[2] = 4  # one class alone
    photo = rng.uniform(-1, 1, (3, 3, 48, 64)).astype(np.float32)
    expected = np.stack([slow_split(p, x, 6) for p, x in zip(photo, labels)])
    actual, inside = split_by_class(torch.from_numpy(photo), torch.from_numpy(labels), 6)
    np.testing.assert_array_equal(actual.numpy(), expected)
    assert inside.sum((2, 3))[2].tolist() == [0, 0, 0, 0, 48 * 64, 0]
    assert inside[0, 1].all() and inside[0, 3].all()  # a box fills its crop
    assert not actual.view(3, 6, 3, 48, 64).masked_select(~inside[:, :, None]).any()


def test_without_norms_a_code_is_a_mean_over_its_class() -> None:
    """One division at the end gives what a division by the filled share in every layer would."""
    torch.manual_seed(0)
    config = replace(landscape(), encoder_width=24, encoder_side=None, image_size=(64, 64))
    encoder = Encoder(config).eval()
    for name, value in encoder.named_parameters():
        if name.endswith("bias"):
            torch.nn.init.normal_(value)
    photo, labels = torch.rand(2, 3, 64, 64) * 2 - 1, torch.randint(0, 11, (2, 64, 64))
    labels[:, 8:60] = 2
    with torch.no_grad():
        split, inside = split_by_class(photo, labels, 12)
        mu, logvar = encoder(split, inside)
        x, filled = split, inside.float()
        for i in range(1, 7):
            conv, share = encoder.get_submodule(f"layer{i}").children()
            sums = conv(x * filled.repeat_interleave(x.shape[1] // 12, 1))
            filled = torch.nn.functional.avg_pool2d(filled, 3, 2, 1)
            wide = filled.repeat_interleave(sums.shape[1] // 12, 1)
            assert isinstance(share, AreaBias)
            means = sums / wide.clamp_min(1e-9) + share.bias[:, None, None]
            x = torch.nn.functional.leaky_relu(means, 0.2) * (wide > 0)
        final = torch.nn.functional.avg_pool2d(filled, 3, 1, 1)
        x = x * filled.repeat_interleave(x.shape[1] // 12, 1)
        for fc, codes in ((encoder.fc_mu, mu), (encoder.fc_var, logvar)):
            assert fc.bias is not None
            sums = torch.nn.functional.conv2d(x, fc.weight, padding=1, groups=12).mean((2, 3))
            expected = sums / final.mean((2, 3)).clamp_min(1e-5).repeat_interleave(8, 1) + fc.bias
            present = slice(0, 88)  # class 11 is absent
            torch.testing.assert_close(codes[:, present, 0, 0], expected[:, present], atol=1e-4, rtol=1e-4)
    assert torch.isfinite(mu).all() and torch.isfinite(logvar).all()  # the absent class too


# Modulation


def test_modulation_of_a_batch_is_that_of_its_maps(deepfashion: Checkpoint) -> None:
    labels = torch.randint(0, 8, (2, 64, 64), generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        both = deepfashion.generator.modulation(labels)
        singles = [deepfashion.generator.modulation(labels[i : i + 1]) for i in range(2)]
    assert list(both) == [name for row in deepfashion.config.blocks for name, _ in row.norms()]
    for name, pair in both.items():
        for i, single in enumerate(singles):
            for k in range(2):
                torch.testing.assert_close(pair[k][i : i + 1], single[name][k], rtol=0, atol=1e-5)


def test_modulation_depends_on_the_5x5_labels_around_a_pixel_alone(deepfashion: Checkpoint) -> None:
    labels = torch.zeros(1, 64, 64, dtype=torch.long)
    dotted = labels.clone()
    dotted[0, 30, 40] = 5
    with torch.no_grad():
        plain, dot = (deepfashion.generator.modulation(x)["up_3.norm_0"][0] for x in (labels, dotted))
    ys, xs = torch.nonzero((plain - dot).abs().amax((0, 1)) > 1e-6, as_tuple=True)
    assert (ys.min(), ys.max(), xs.min(), xs.max()) == (28, 32, 38, 42)


def test_one_modulation_serves_a_batch_of_codes(deepfashion: Checkpoint) -> None:
    labels = torch.randint(0, 8, (1, 64, 64), generator=torch.Generator().manual_seed(2))
    codes = torch.randn(2, 64, 1, 1, generator=torch.Generator().manual_seed(3))
    with torch.no_grad():
        modulation = deepfashion.generator.modulation(labels)
        both = deepfashion.generator(codes, modulation)
        singles = torch.cat([deepfashion.generator(codes[i : i + 1], modulation) for i in range(2)])
    torch.testing.assert_close(both, singles, rtol=0, atol=1e-5)
    assert (both[0] - both[1]).abs().max() > 0.01


def test_nearest_takes_the_pixel_at_floor_of_i_times_scale() -> None:
    grid = torch.rand(2, 64, 128, generator=torch.Generator().manual_seed(4))
    for size in ((16, 32), (4, 8), (64, 128)):
        expected = torch.nn.functional.interpolate(grid[:, None], size, mode="nearest")[:, 0]
        assert torch.equal(nearest(grid, size), expected)


def test_semantics_are_one_hot_and_paired_with_edges() -> None:
    labels = torch.tensor([[[0, 2], [1, 1]]])
    edges = torch.tensor([[[1.0, 0.0], [0.0, 1.0]]])
    onehot = semantics(labels, 3)
    assert onehot[0].tolist() == [[[1, 0], [0, 0]], [[0, 0], [1, 1]], [[0, 1], [0, 0]]]
    paired = semantics(labels, 3, edges)
    assert torch.equal(paired[:, 0::2], onehot)
    assert torch.equal(paired[:, 1::2], edges[:, None].expand(-1, 3, -1, -1))


# Configuration


@pytest.mark.parametrize("preset", PRESETS)
def test_a_config_survives_json(preset: str) -> None:
    config = PRESETS[preset]()
    assert GroupDNetConfig.from_json(config.to_json()) == config


def test_a_config_of_other_fields_is_refused() -> None:
    wrongs: list[Any] = [{}, {"classes": 3}, landscape().to_json() | {"ngf": 64}, []]
    for wrong in wrongs:
        with pytest.raises(InputError, match="config") as refused:
            GroupDNetConfig.from_json(wrong)
        assert refused.value.code == "bad_checkpoint"


def test_image_size_is_a_multiple_of_64() -> None:
    assert at_size(landscape(), (128, 192)).latent_size == (2, 3)
    with pytest.raises(InputError, match=r"100×128.*multiple of 64"):
        at_size(landscape(), (100, 128))


def test_a_shared_code_is_one_number_over_the_grid() -> None:
    config = replace(landscape(), shared_codes=True)
    encoder = Encoder(config).eval()
    with torch.no_grad():
        mu, logvar = encoder.encode(torch.rand(1, 3, 128, 128), torch.randint(0, 12, (1, 128, 128)))
    for t in (mu, logvar):
        assert t.shape == (1, 8 * config.classes, 2, 2)
        assert torch.equal(t, t[:, :, :1, :1].expand_as(t))


def test_the_discriminator_returns_every_layer_of_both_scales() -> None:
    for config in (landscape(), cityscapes(70)):
        channels = config.classes + config.instance_edges
        discriminator = Discriminator(config)
        with torch.no_grad():
            scales = discriminator(torch.zeros(2, channels, 64, 64), torch.zeros(2, 3, 64, 64))
        assert [[x.shape[1] for x in layers] for layers in scales] == [[64, 128, 256, 512, 1]] * 2
        assert scales[0][0].shape[2] == 33 and scales[1][0].shape[2] == 17  # 4×4, stride 2, padding 2


@pytest.mark.slow
def test_a_released_size_runs_at_full_size(tmp_path: Path) -> None:
    """DeepFashion at ngf 160: 96 million weights through the .pth door, with spectral vectors that give σ its size."""
    state = random_released_state(manifest("official")["deepfashion"]["generator"])
    torch.save(state, tmp_path / "latest_net_G.pth")
    weight = state["up_3.conv_s.weight_orig"].flatten(1)
    del state
    checkpoint = load_checkpoint(tmp_path)
    (tmp_path / "latest_net_G.pth").unlink()
    assert replace(checkpoint.config, encoder_width=256) == presets.deepfashion(160)
    folded = checkpoint.generator.get_parameter("up_3.conv_s.weight").flatten(1)
    assert torch.linalg.matrix_norm(folded, 2) == pytest.approx(1, abs=0.02)
    torch.testing.assert_close(folded, weight / torch.linalg.matrix_norm(weight, 2), rtol=0.02, atol=0)
    labels = torch.randint(0, 8, (1, 8, 8), generator=torch.Generator().manual_seed(6)).repeat_interleave(32, 1)
    labels = labels.repeat_interleave(32, 2)
    codes = torch.randn(1, 64, 4, 4, generator=torch.Generator().manual_seed(7))
    with torch.no_grad():
        modulation = checkpoint.generator.modulation(labels)
        image = checkpoint.generator(codes, modulation)
        again = checkpoint.generator(codes, modulation)
    assert image.shape == (1, 3, 256, 256)
    assert torch.isfinite(image).all() and image.abs().max() <= 1 and image.std() > 0.01
    assert torch.equal(image, again)


def random_released_state(shapes: dict[str, list[int]]) -> dict[str, Tensor]:
    torch.manual_seed(0)
    state = {key: torch.ones(()).long() for key in shapes if key.endswith("num_batches_tracked")}
    for key, shape in shapes.items():
        if key.endswith("running_var"):
            state[key] = torch.ones(shape)
        elif key not in state:
            state[key] = torch.randn(shape) * (0.05 if len(shape) == 1 else 1 / np.sqrt(np.prod(shape[1:])))
    for key in [key for key in shapes if key.endswith("weight_orig")]:
        matrix, stem = state[key].flatten(1), key.removesuffix("orig")
        u = state[f"{stem}u"]
        for _ in range(12):
            v = torch.nn.functional.normalize(matrix.T @ u, dim=0)
            u = torch.nn.functional.normalize(matrix @ v, dim=0)
        state[f"{stem}u"], state[f"{stem}v"] = u, v
    return state
