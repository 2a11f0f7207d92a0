"""The fused norm: PyTorch's operations' numbers, on a GPU or in Triton's interpreter."""

from __future__ import annotations

import importlib
from collections.abc import Callable

import numpy as np
import pytest
import torch
from conftest import narrow_config, random_checkpoint
from torch import Tensor

from model.engine import Engine, synthesis

pytest.importorskip("triton")
DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")


@pytest.fixture
def norm(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Tensor]:
    if DEVICE.type == "cpu":
        monkeypatch.setenv("TRITON_INTERPRET", "1")
    return importlib.import_module("model.engine.fused").norm


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("channels", [3, 64, 130])
@pytest.mark.parametrize("upsampled", [False, True])
@pytest.mark.parametrize("looked_up", [False, True])
def test_each_part_of_a_norm(
    norm: Callable[..., Tensor], dtype: torch.dtype, channels: int, upsampled: bool, looked_up: bool
) -> None:
    torch.manual_seed(0)
    pixels, pictures = 45, 2
    count = pixels * pictures
    x = torch.randn(count, channels, device=DEVICE, dtype=dtype)
    scale, shift = torch.randn(2, count, channels, device=DEVICE, dtype=dtype)
    index, source = (torch.randint(count, (count,), dtype=torch.int32, device=DEVICE) for _ in range(2))
    gain = torch.randn(1, channels, device=DEVICE, dtype=dtype)
    noise = torch.randn(pixels, 1, device=DEVICE, dtype=dtype)
    rows = index.long() if looked_up else torch.arange(count, device=DEVICE)
    here = x[source.long()] if upsampled else x
    value = (here.double() + (noise.double() * gain.double()).repeat(pictures, 1)) * scale[rows].double()
    expected = torch.nn.functional.leaky_relu(value + shift[rows].double(), 0.2)
    ours = norm(
        x,
        (scale, shift),
        index if looked_up else None,
        0.2,
        out=torch.empty_like(x),
        source=source if upsampled else None,
        noise=noise,
        gain=gain,
    )
    assert torch.allclose(ours.double(), expected, rtol=1e-6 if dtype == torch.float32 else 1e-2, atol=1e-5)


def test_in_place_without_noise(norm: Callable[..., Tensor]) -> None:
    torch.manual_seed(0)
    x, scale, shift = torch.randn(3, 50, 70, device=DEVICE)
    expected = torch.addcmul(shift, x, scale)
    assert norm(x, (scale, shift), None, 1.0, out=x) is x
    assert torch.allclose(x, expected, atol=1e-6)


def test_a_picture(norm: Callable[..., Tensor], monkeypatch: pytest.MonkeyPatch, scene: np.ndarray) -> None:
    """Two pictures of two label maps, through every layer: upsampling, skips, noise."""
    ckpt = random_checkpoint(narrow_config(noise=True))
    codes = np.random.default_rng(0).standard_normal((2, 8 * 12, 1, 1)).astype(np.float32)
    maps = np.stack([scene, scene[::-1]])
    monkeypatch.setattr(Engine, "pictures_per_pass", 2)
    monkeypatch.setattr(synthesis, "fused_norm", lambda device: None)
    expected = Engine(ckpt, DEVICE.type).synthesize(maps, codes)
    monkeypatch.setattr(synthesis, "fused_norm", lambda device: norm)
    assert torch.allclose(Engine(ckpt, DEVICE.type).synthesize(maps, codes), expected, atol=1e-5)
