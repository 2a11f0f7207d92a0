"""Pretrained networks: read from their files, and what they compute."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from model.errors import InputError
from model.perception import store
from model.perception.convnets import ConvNet, from_arrays, from_torchvision, load_convnet
from model.perception.efficientnet import (
    NORM_EPS,
    STAGES,
    STEM,
    TAPS,
    EfficientNetFeatures,
    EfficientNetLite0,
    load_efficientnet,
    scene_features,
)
from model.perception.features import perceptual_distance, perceptual_features, picture_distance
from model.perception.lpips import VARIANTS, Lpips, load_lpips
from model.perception.segmenter import Segmenter, SegmenterConfig

FIXTURES = Path(__file__).with_name("fixtures")


def here(name: str) -> Path:
    """A pretrained file; the test is skipped where it is not on this machine, and fails where it is damaged."""
    try:
        return store.path_of(name)
    except InputError as error:
        if error.code == "bad_checkpoint":
            raise
        pytest.skip(str(error))


def published_lite0(random: torch.Generator) -> dict[str, Tensor]:
    """Random weights under the names of EfficientNet-Lite0's file."""
    state: dict[str, Tensor] = {}

    def layer(conv: str, norm: str, *shape: int) -> None:
        state[f"{conv}.weight"] = torch.randn(shape, generator=random) * (2 / np.prod(shape[1:])) ** 0.5
        for part in ("weight", "running_var"):
            state[f"{norm}.{part}"] = torch.rand(shape[0], generator=random) + 0.5
        for part in ("bias", "running_mean"):
            state[f"{norm}.{part}"] = torch.randn(shape[0], generator=random) * 0.1
        state[f"{norm}.num_batches_tracked"] = torch.tensor(1)

    layer("_conv_stem", "_bn0", STEM, 3, 3, 3)
    number, inputs = 0, STEM
    for repeats, kernel, _, expansion, outputs in STAGES:
        for _ in range(repeats):
            name, width = f"_blocks.{number}", inputs * expansion
            if expansion > 1:
                layer(f"{name}._expand_conv", f"{name}._bn0", width, inputs, 1, 1)
            layer(f"{name}._depthwise_conv", f"{name}._bn1", width, 1, kernel, kernel)
            layer(f"{name}._project_conv", f"{name}._bn2", outputs, width, 1, 1)
            number, inputs = number + 1, outputs
    layer("_conv_head", "_bn1", 1280, 320, 1, 1)
    state |= {"_fc.weight": torch.zeros(1000, 1280), "_fc.bias": torch.zeros(1000)}
    return state


def look(state: dict[str, Tensor], picture: Tensor) -> dict[str, Tensor]:
    """The published network step by step, its batch norms apart: every block's expansion and output."""

    def norm(x: Tensor, name: str) -> Tensor:
        mean, variance, gain, bias = (
            state[f"{name}.{part}"] for part in ("running_mean", "running_var", "weight", "bias")
        )
        return F.batch_norm(x, mean, variance, gain, bias, False, 0, NORM_EPS)

    def conv(x: Tensor, name: str, stride: int = 1) -> Tensor:
        weight = state[f"{name}.weight"]
        kernel = weight.shape[2]
        (top, bottom), (left, right) = (
            (total // 2, total - total // 2) for total in (max(kernel - (n % stride or stride), 0) for n in x.shape[2:])
        )
        x = F.pad(x, (left, right, top, bottom))
        return F.conv2d(x, weight, stride=stride, groups=x.shape[1] if weight.shape[1] == 1 else 1)

    x = F.relu6(norm(conv(((picture + 1) * 127.5 - 127) / 128, "_conv_stem", 2), "_bn0"))
    found, number = {}, 0
    for repeats, _, first_stride, expansion, _ in STAGES:
        for repeat in range(repeats):
            name, y, stride = f"_blocks.{number}", x, first_stride if repeat == 0 else 1
            if expansion > 1:
                y = F.relu6(norm(conv(y, f"{name}._expand_conv"), f"{name}._bn0"))
            found[f"e{number}"] = y
            y = F.relu6(norm(conv(y, f"{name}._depthwise_conv", stride), f"{name}._bn1"))
            y = norm(conv(y, f"{name}._project_conv"), f"{name}._bn2")
            x = x + y if stride == 1 and x.shape[1] == y.shape[1] else y
            found[f"l{number}"], number = x, number + 1
    return found


def pictures(count: int, height: int, width: int) -> Tensor:
    return torch.rand(count, 3, height, width, generator=torch.Generator().manual_seed(1)) * 2 - 1


@pytest.mark.parametrize("size", [(64, 64), (51, 78)])
def test_the_published_network_and_ours_see_the_same(tmp_path: Path, size: tuple[int, int]) -> None:
    state = published_lite0(torch.Generator().manual_seed(0))
    torch.save(state, tmp_path / "lite0.pth")
    picture = pictures(2, *size)
    found, expected = load_efficientnet(tmp_path / "lite0.pth")(picture, TAPS), look(state, picture)
    for name, (channels, stride) in TAPS.items():
        assert found[name].shape == (2, channels, -(-size[0] // stride), -(-size[1] // stride))
        torch.testing.assert_close(found[name], expected[name], rtol=1e-3, atol=1e-4 * float(expected[name].std()))


def test_only_what_is_asked_for_is_computed() -> None:
    network = EfficientNetLite0()
    reached: list[int] = []
    for number, block in enumerate(network.blocks):
        block.register_forward_hook(lambda *_, number=number: reached.append(number))
    assert list(network(pictures(1, 32, 32), ["e3", "l2"])) == ["l2", "e3"]
    assert reached == [0, 1, 2]


@pytest.mark.parametrize("change", ["missing", "shape", "extra"])
def test_another_network_is_not_taken_for_lite0(tmp_path: Path, change: str) -> None:
    state = published_lite0(torch.Generator().manual_seed(0))
    if change == "missing":
        del state["_blocks.3._bn1.running_var"]
    if change == "shape":
        state["_blocks.3._bn1.running_var"] = torch.ones(7)
    if change == "extra":
        state["_blocks.16._bn1.running_var"] = torch.ones(7)
    torch.save(state, tmp_path / "other.pth")
    with pytest.raises(InputError, match=r"other\.pth is not EfficientNet-Lite0: .*_blocks\.(3|16)\._bn1\.running_var"):
        load_efficientnet(tmp_path / "other.pth")


@pytest.mark.parametrize("content", [b"", b"text", pickle.dumps([1, 2])])
def test_a_file_without_tensors_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "bad.pth").write_bytes(content)
    with pytest.raises(InputError, match=r"bad\.pth (could not be read as a weight file|holds no tensors)"):
        from_torchvision("alexnet", tmp_path / "bad.pth")


@pytest.mark.parametrize("name", ["alexnet", "vgg16"])
def test_torchvision_files_and_pickles_of_arrays_give_one_network(tmp_path: Path, name: str) -> None:
    torch.manual_seed(0)
    network = ConvNet(name)
    torch.save({**network.state_dict(), "classifier.1.weight": torch.zeros(3)}, tmp_path / "theirs.pth")
    convs = [layer for layer in network.features if isinstance(layer, torch.nn.Conv2d)]
    arrays = {
        f"Conv_{i}": {"kernel": conv.weight.detach().permute(2, 3, 1, 0).numpy(), "bias": conv.bias.detach().numpy()}
        for i, conv in enumerate(convs)
        if conv.bias is not None
    }
    (tmp_path / "theirs.ckpt").write_bytes(pickle.dumps({{"alexnet": "AlexNet_0", "vgg16": "VGG16_0"}[name]: arrays}))
    picture = pictures(1, 64, 64)
    expected = network(picture, (0, 3))
    for read in (from_torchvision(name, tmp_path / "theirs.pth"), from_arrays(name, tmp_path / "theirs.ckpt")):
        assert all(torch.equal(a, b) for a, b in zip(read(picture, (0, 3)), expected, strict=True))
    with pytest.raises(InputError, match=r"theirs\.pth is not a VGG-19 in torchvision's layout: features\."):
        from_torchvision("vgg19", tmp_path / "theirs.pth")


def test_vgg19_comes_from_torchvision_alone(cache: Path) -> None:
    with pytest.raises(InputError, match=r"put torchvision's vgg19-dcbb9e9d\.pth into"):
        load_convnet("vgg19")


# What they say


@pytest.mark.parametrize("variant", VARIANTS)
def test_lpips_gives_the_published_distances(variant: str) -> None:
    """Two pairs of pictures, and their distances by the authors' own code."""
    here(f"lpips-{variant}")
    pairs = np.load(FIXTURES / "lpips.npz")
    first, second = (torch.from_numpy(pairs[name]).float() / 127.5 - 1 for name in ("first", "second"))
    lpips = load_lpips(variant)
    assert np.abs(lpips(first, second).numpy() - pairs[variant]).max() < 1e-4
    assert float(lpips(first, first).abs().max()) == 0
    assert torch.equal(lpips.distance(lpips.features(first), lpips.features(second)), lpips(first, second))


@pytest.mark.parametrize("variant", VARIANTS)
def test_both_packages_hold_the_same_linear_layers(variant: str) -> None:
    here(f"lpips-{variant}")
    linear = store.read_torch(here(f"lpips-{variant}-linear"))
    for number in range(len(VARIANTS[variant][1])):
        ours = getattr(load_lpips(variant), f"linear{number}")
        assert torch.equal(ours, linear[f"lin{number}.model.1.weight"].flatten())


def test_lpips_over_another_network_is_refused() -> None:
    with pytest.raises(InputError, match="There is no LPIPS over 'squeeze'; there is one over alex, vgg16"):
        load_lpips("squeeze")


def test_lpips_weighs_channels_of_unit_length() -> None:
    """Equation 1, written out for one layer of two pictures."""
    torch.manual_seed(0)
    linear = [torch.rand(width) for width in VARIANTS["alex"][2]]
    lpips = Lpips("alex", ConvNet("alexnet"), [linear[0], *[torch.zeros_like(weight) for weight in linear[1:]]])
    mean, deviation = torch.tensor([[-0.030, -0.088, -0.188], [0.458, 0.448, 0.450]])[:, :, None, None]
    first, second = pictures(2, 64, 64).split(1)
    x, y = (lpips.network((picture - mean) / deviation, (0,))[0][0] for picture in (first, second))
    difference = (x / x.norm(dim=0) - y / y.norm(dim=0)).square() * linear[0][:, None, None]
    torch.testing.assert_close(lpips(first, second)[0], difference.sum(0).mean())


def test_lite0_tells_a_blurred_scene_from_another_one() -> None:
    """Of the two pairs, the first is a scene blurred, the second is another scene."""
    here("efficientnet-lite0")
    pairs = np.load(FIXTURES / "lpips.npz")
    features = EfficientNetFeatures()
    first, second = (features(torch.from_numpy(pairs[name]).float() / 127.5 - 1) for name in ("first", "second"))
    for a, b in zip(first, second, strict=True):
        blurred, other = (a - b).square().mean((1, 2, 3))
        assert blurred < 0.6 * other


def test_features_let_gradients_through_to_the_picture_alone() -> None:
    features = EfficientNetFeatures(EfficientNetLite0().eval().requires_grad_(False))
    picture = pictures(1, 40, 33).requires_grad_()
    stages = features(features.sized(picture))
    for stage, name, weight in zip(stages, features.LAYERS, features.weights, strict=True):
        channels, stride = TAPS[name]
        assert stage.shape == (1, channels, -(-40 // stride), -(-33 // stride)) and weight > 0
        torch.testing.assert_close(stage.norm(dim=1).max(), torch.tensor(channels**0.5 / 2))
    torch.stack([stage.sum() for stage in stages]).sum().backward()
    assert picture.grad is not None and float(picture.grad.abs().sum()) > 0
    assert all(parameter.grad is None for parameter in features.parameters())


def test_pictures_are_compared_by_a_network_that_is_named(cache: Path) -> None:
    segmenter = Segmenter(SegmenterConfig(3, (32, 32), (4, 4, 4, 4))).eval()
    backbone = EfficientNetLite0().eval()
    features = [perceptual_features("segmenter", segmenter), perceptual_features("efficientnet", backbone=backbone)]
    for network in features:
        stages = network(network.sized(pictures(2, 64, 64)))
        assert len(stages) == len(network.weights) == 4 and all(stage.shape[0] == 2 for stage in stages)
    distance = picture_distance("segmenter", segmenter)
    first, second = (distance.features(picture) for picture in pictures(4, 64, 64).split(2))
    assert torch.equal(distance.distance(first, second), perceptual_distance(first, second))
    assert distance.distance(first, first).tolist() == [0, 0]
    for name in ("vgg16", "vgg19", "efficientnet"):
        with pytest.raises(InputError, match=r"is not t?here"):
            perceptual_features(name)
        with pytest.raises(InputError, match=r"is not t?here"):
            picture_distance(name)
    with pytest.raises(InputError, match="There is no segmenter"):
        picture_distance("segmenter")
    with pytest.raises(InputError, match="by 'squeeze'; allowed is efficientnet, vgg16, vgg19, segmenter"):
        perceptual_features("squeeze")
    with pytest.raises(InputError, match="by 'squeeze'; allowed is lpips-alex, lpips-vgg16, efficientnet"):
        picture_distance("squeeze")


def test_lpips_is_one_of_the_distances() -> None:
    here("lpips-alex")
    distance = picture_distance("lpips-alex")
    first, second = (distance.features(picture) for picture in pictures(4, 64, 64).split(2))
    expected = load_lpips("alex")(*pictures(4, 64, 64).split(2))
    assert torch.equal(distance.distance(first, second), expected)


def test_scenes_are_told_by_block_tens_mean() -> None:
    network = EfficientNetLite0().eval()
    found = scene_features(network, pictures(2, 64, 48))
    assert found.shape == (2, 112)
    torch.testing.assert_close(found, network(pictures(2, 64, 48), ["l10"])["l10"].mean((2, 3)))
