"""A norm of the synthesis as one CUDA kernel, in Triton, which reads and writes each number once.

It is imported only on CUDA, where Triton comes with PyTorch. ``TRITON_INTERPRET=1`` runs it on a CPU, for tests.
"""

from __future__ import annotations

import triton
import triton.language as tl
from torch import Tensor

PIXELS, CHANNELS = 16, 64  # pixels and channels that one program of the kernel computes


@triton.jit  # type: ignore[untyped-decorator]
def _norm(  # type: ignore[no-untyped-def]
    out,
    x,
    source,
    index,
    scale,
    shift,
    noise,
    gain,
    count,
    channels,
    span,
    slope,
    UPSAMPLED: tl.constexpr,
    LOOKED_UP: tl.constexpr,
    NOISY: tl.constexpr,
    PIXELS: tl.constexpr,
    CHANNELS: tl.constexpr,
):
    pixel = tl.program_id(0).to(tl.int64) * PIXELS + tl.arange(0, PIXELS)
    channel = tl.program_id(1) * CHANNELS + tl.arange(0, CHANNELS)
    there = pixel < count
    inside = there[:, None] & (channel < channels)[None, :]
    read, row = pixel, pixel
    if UPSAMPLED:
        read = tl.load(source + pixel, mask=there, other=0).to(tl.int64)
    if LOOKED_UP:
        row = tl.load(index + pixel, mask=there, other=0).to(tl.int64)
    value = tl.load(x + read[:, None] * channels + channel[None, :], mask=inside, other=0.0).to(tl.float32)
    if NOISY:
        amount = tl.load(noise + pixel % span, mask=there, other=0.0).to(tl.float32)
        value += amount[:, None] * tl.load(gain + channel, mask=channel < channels, other=0.0).to(tl.float32)[None, :]
    place = row[:, None] * channels + channel[None, :]
    value *= tl.load(scale + place, mask=inside, other=0.0).to(tl.float32)
    value += tl.load(shift + place, mask=inside, other=0.0).to(tl.float32)
    value = tl.where(value < 0, value * slope, value)
    tl.store(out + pixel[:, None] * channels + channel[None, :], value.to(out.dtype.element_ty), mask=inside)


def norm(
    x: Tensor,
    pair: tuple[Tensor, Tensor],
    index: Tensor | None,
    slope: float,
    out: Tensor,
    source: Tensor | None = None,
    noise: Tensor | None = None,
    gain: Tensor | None = None,
) -> Tensor:
    """out [n, ch] = LeakyReLU((x[source] + noise · gain) · scale[index] + shift[index]), and returns it.

    ``out`` may be ``x`` itself. x: [rows, ch]; pair: scale and shift, each [rows, ch]; index and source: int32 [n], or
    None where pixel i reads row i; slope: of the LeakyReLU, 1 for none; noise: [m, 1], repeated for every m pixels;
    gain: [1, ch]. All are contiguous and on one CUDA device.
    """
    count, channels = out.shape
    span = 1 if noise is None else len(noise)
    unused = out  # stands for pointers that the kernel does not read
    _norm[(triton.cdiv(count, PIXELS), triton.cdiv(channels, CHANNELS))](
        out,
        x,
        unused if source is None else source,
        unused if index is None else index,
        *pair,
        unused if noise is None else noise,
        unused if gain is None else gain,
        count,
        channels,
        span,
        slope,
        UPSAMPLED=source is not None,
        LOOKED_UP=index is not None,
        NOISY=noise is not None,
        PIXELS=PIXELS,
        CHANNELS=CHANNELS,
    )
    return out
