"""Weights laid out once: the same numbers as PyTorch's usual operations, whatever else is in the same product."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from conftest import narrow_config, random_checkpoint
from torch import nn

from model.engine import Engine, packed
from model.engine.packed import NARROW, Convolution, GroupedProduct


@pytest.fixture(params=[True, False], ids=["packed", "usual"])
def path(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The test runs with what this machine can pack packed, and with nothing packed."""
    if not request.param:
        monkeypatch.setattr(packed, "can_pack", lambda weight: False)


@pytest.mark.usefixtures("path")
@pytest.mark.parametrize("groups", [1, 4])
def test_a_convolution_and_its_sum(groups: int) -> None:
    torch.manual_seed(0)
    conv, x = nn.Conv2d(8, 12, 3, padding=1, groups=groups), torch.randn(2, 6, 10, 8)
    with torch.inference_mode():
        expected = conv(x.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
        ours, y = Convolution(conv, 6, 10), torch.randn(2, 6, 10, 12)
        assert torch.allclose(ours(x), expected, atol=1e-6)
        total = y + expected
        ours.add_to(y, x)
    assert torch.allclose(y, total, atol=1e-6)


@pytest.mark.usefixtures("path")
@pytest.mark.parametrize("k", [3, NARROW, 151])
def test_each_row_of_a_product_is_its_own(k: int) -> None:
    """Bit by bit: a table's row is the same whichever others were missing with it."""
    torch.manual_seed(0)
    weights, a = torch.randn(3, k, 18), torch.randn(640, 3 * k)
    with torch.inference_mode():
        product = GroupedProduct(weights)
        whole = torch.cat(list(product(a)))
        expected = torch.einsum("rgk,gkn->grn", a.view(640, 3, k).double(), weights.double())
        assert torch.allclose(whole.double(), expected, atol=1e-4)
        for rows in range(product.step, 320, product.step):
            assert torch.equal(torch.cat(list(product(a[:rows]))), whole[:, :rows])


def test_without_packed_weights_the_picture_is_the_same(monkeypatch: pytest.MonkeyPatch, scene: np.ndarray) -> None:
    ckpt = random_checkpoint(narrow_config())
    codes = np.random.default_rng(0).standard_normal((2, 8 * 12, 1, 1)).astype(np.float32)
    with_them = Engine(ckpt, "cpu").synthesize(scene, codes)
    monkeypatch.setattr(packed, "can_pack", lambda weight: False)
    assert float((Engine(ckpt, "cpu").synthesize(scene, codes) - with_them).abs().max()) < 1e-5
