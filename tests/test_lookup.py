"""γ and β by table look-up equal those by convolution: values, and gradients."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from model.network import lookup
from model.network.config import GroupDNetConfig
from model.network.groupdnet import Generator
from model.network.presets import ade20k, cityscapes, deepfashion, landscape


def blobs(classes: int, size: tuple[int, int], count: int = 2) -> Tensor:
    torch.manual_seed(1)
    return F.interpolate(torch.rand(count, classes, 7, 9), size=size, mode="bicubic").argmax(1)


def largest_difference(config: GroupDNetConfig, labels: Tensor, edges: Tensor | None = None) -> float:
    torch.manual_seed(0)
    generator = Generator(config).eval()
    with torch.inference_mode():
        plain, looked_up = generator.modulation(labels, edges), lookup.modulation(generator, labels, edges)
    assert plain.keys() == looked_up.keys()
    return max((a - b).abs().max().item() for key in plain for a, b in zip(plain[key], looked_up[key]))


@pytest.mark.parametrize("config", [landscape(), deepfashion(16), ade20k(4)], ids=["ours", "deepfashion", "ade20k"])
def test_equals_the_convolutions(config: GroupDNetConfig) -> None:
    assert largest_difference(config, blobs(config.classes, (128, 128))) < 5e-6


def test_edges_count_as_part_of_the_neighbourhood() -> None:
    config = cityscapes(70)
    edges = (torch.rand(1, 1, 64, 128, generator=torch.Generator().manual_seed(2)) < 0.1).float()
    assert largest_difference(config, blobs(config.classes, (64, 128), count=1), edges) < 5e-6


@pytest.mark.parametrize("most", [lookup.MOST_DISTINCT, 2.0], ids=["by convolution", "by look-up"])
def test_noise_where_every_neighbourhood_is_distinct(most: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lookup, "MOST_DISTINCT", most)
    labels = torch.randint(0, 12, (1, 64, 64), generator=torch.Generator().manual_seed(3))
    assert largest_difference(landscape(), labels) < 5e-6


def test_one_class_alone_differs_only_at_the_border() -> None:
    labels = torch.full((1, 64, 64), 6)
    assert largest_difference(landscape(), labels) < 5e-6
    centres, _ = lookup.unique(lookup.window_keys(lookup.surround(labels.numpy(), 12), 12).five)
    assert len(centres) == 25  # 5 kinds of row × 5 kinds of column


def test_gradients_equal_those_of_the_convolutions() -> None:
    torch.manual_seed(0)
    generator = Generator(landscape()).double()
    labels = blobs(12, (64, 64))
    weights: dict[str, Tensor] = {}
    gradients = []
    for modulate in (generator.modulation, lambda maps: lookup.modulation(generator, maps)):
        generator.zero_grad()
        total = torch.zeros((), dtype=torch.float64)
        for name, parts in modulate(labels).items():
            for i, part in enumerate(parts):
                weight = weights.setdefault(f"{name}{i}", torch.randn_like(part))
                total = total + (part * weight).sum()
        total.backward()
        gradients.append({name: p.grad.clone() for name, p in generator.named_parameters() if p.grad is not None})
    assert gradients[0].keys() == gradients[1].keys()
    for name, gradient in gradients[0].items():
        assert torch.allclose(gradient, gradients[1][name], rtol=1e-9, atol=1e-9), name
