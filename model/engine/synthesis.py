"""The engine's synthesis: the generator's pictures from codes and tables, in little more time than its convolutions.

Activations are always rows of pixels [N·h·w, channels] (channels-last). A norm is then one walk over the rows: look up
scale and shift of the pixel's neighbourhood, multiply, add, apply LeakyReLU. The nearest-neighbour upsampling before a
block is part of the walk, as the choice of the pixel that is read; a bilinear one comes before it. On a CPU the walk
goes in strips that stay in the cores' caches; on CUDA it is one kernel, where that works.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable, Iterator, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from model.engine.graphs import Graphs
from model.engine.modulation import MapModulation, ModulationCache, Pair
from model.engine.packed import Convolution
from model.network.groupdnet import Generator, ResidualBlock, noise_map
from model.network.layers import SLOPE

log = logging.getLogger("groupdnet.engine")
CLOSE = 1e-5  # most difference of the kernel's numbers from those of PyTorch's operations
STRIP = 2**17  # numbers for each thread, 512 KB in float32, in one of the four arrays of a strip
FusedNorm = Callable[..., Tensor]  # the type of fused.norm


class Layer:
    """A residual block of a generator at one size; the scale and shift of its norms come with each call."""

    def __init__(
        self, block: ResidualBlock, height: int, width: int, upsampled: str | None, fused: FusedNorm | None
    ) -> None:
        """``height`` and ``width`` are the block's; ``upsampled`` is how its input is doubled, None for the first.

        ``fused`` is the kernel for norms, or None where there is none.
        """
        self.fused, self.norms, self.smooth = fused, len(block.row.norms()), upsampled == "bilinear"
        self.height, self.width, self.pixels = height, width, height * width
        self.conv_0, self.conv_1 = (Convolution(conv, height, width) for conv in (block.conv_0, block.conv_1))
        self.conv_s = Convolution(block.conv_s, height, width) if block.row.learned_skip else None
        device, dtype = block.conv_0.weight.device, block.conv_0.weight.dtype
        self.source: Tensor | None = None
        if upsampled == "nearest":
            rows, columns = (torch.arange(n, device=device) // 2 for n in (height, width))
            self.source = (rows[:, None] * (width // 2) + columns).flatten().int()
        self.gain = self.noise = None
        if block.noise_gain is not None:
            self.gain = block.noise_gain[None]  # [1, middle]
            self.noise = torch.from_numpy(noise_map(height, width, block.layer)).to(device, dtype).view(-1, 1)

    def __call__(self, x: Tensor, index: Tensor | None, pairs: Sequence[Pair]) -> Tensor:
        """x [N·h·w, inputs] → [N·h·w, outputs]; where the block upsamples, x has a quarter of the pixels.

        index: int32 [N·h·w], each output pixel's row in ``pairs``; None where pixel i has row i. pairs: scale and shift
        of norm_0, norm_1 and, where there is a learned skip, norm_s.
        """
        if self.smooth:
            x = self._doubled(x)
        count = len(x) // (self.pixels // 4 if self.source is not None else self.pixels)
        h, skip = self._before(x, index, pairs, count)
        h = self.conv_0(self._image(h)).flatten(0, 2)
        self._between(h, index, pairs[1], count)
        y = skip if self.conv_s is None else self.conv_s(self._image(skip)).flatten(0, 2)
        self.conv_1.add_to(self._image(y), self._image(h))
        return y

    def _doubled(self, x: Tensor) -> Tensor:
        """x [N·h/2·w/2, inputs] → [N·h·w, inputs], interpolated bilinearly."""
        image = x.view(-1, self.height // 2, self.width // 2, x.shape[1]).permute(0, 3, 1, 2)
        return F.interpolate(image, scale_factor=2, mode="bilinear").permute(0, 2, 3, 1).reshape(-1, x.shape[1])

    def _before(self, x: Tensor, index: Tensor | None, pairs: Sequence[Pair], count: int) -> tuple[Tensor, Tensor]:
        """The inputs of conv_0 and of the skip path, each [N·h·w, inputs], for ``count`` pictures."""
        source = self._of_each(self.source, count, self.pixels // 4)
        h = x.new_empty(count * self.pixels, x.shape[1])
        skip = torch.empty_like(h)
        if self.fused is not None:
            self.fused(x, pairs[0], index, SLOPE, out=h, source=source)
            if self.conv_s is not None:
                return h, self.fused(x, pairs[2], index, 1.0, out=skip, source=source)
            return h, x if source is None else x.index_select(0, source)
        for strip in _strips(h):
            here = x[strip] if source is None else x.index_select(0, source[strip])
            modulate(here, strip, index, pairs[0], SLOPE, out=h[strip])
            if self.conv_s is None:
                skip[strip] = here
            else:
                modulate(here, strip, index, pairs[2], 1.0, out=skip[strip])
        return h, skip

    def _between(self, h: Tensor, index: Tensor | None, pair: Pair, count: int) -> None:
        """Apply noise and norm_1 to conv_0's output h [N·h·w, middle] in place, for ``count`` pictures."""
        if self.fused is not None:
            self.fused(h, pair, index, SLOPE, out=h, noise=self.noise, gain=self.gain)
            return
        noise = self.noise if self.noise is None or count == 1 else self.noise.repeat(count, 1)
        for strip in _strips(h):
            here = h[strip]
            if noise is not None and self.gain is not None:
                here.addmm_(noise[strip], self.gain)
            modulate(here, strip, index, pair, SLOPE, out=here)

    def _image(self, x: Tensor) -> Tensor:
        return x.view(-1, self.height, self.width, x.shape[1])

    @staticmethod
    def _of_each(index: Tensor | None, count: int, span: int) -> Tensor | None:
        """An index into one picture's pixels, repeated as an index into those of ``count`` pictures in a row."""
        if index is None or count == 1:
            return index
        first = torch.arange(count, device=index.device, dtype=index.dtype) * span
        return (first[:, None] + index).flatten()


def modulate(x: Tensor, strip: slice, index: Tensor | None, pair: Pair, slope: float, out: Tensor) -> None:
    """out = LeakyReLU(x · scale + shift), each [n, ch], for the n pixels of ``strip``; ``out`` may be ``x``.

    index: int32, the row of each pixel of the whole picture in ``pair``; None where pixel i has row i.
    """
    if index is None:
        scale, shift = pair[0][strip], pair[1][strip]
    else:
        scale, shift = (rows.index_select(0, index[strip]) for rows in pair)
    torch.addcmul(shift, x, scale, out=out)
    if slope != 1:
        F.leaky_relu_(out, slope)


def _strips(x: Tensor) -> Iterator[slice]:
    """Slices that divide x's rows into parts that stay in the cores' caches; on a GPU one slice of all rows."""
    step = len(x) if x.device.type != "cpu" else max(1, STRIP * torch.get_num_threads() // x.shape[1])
    return (slice(start, start + step) for start in range(0, len(x), step))


@functools.cache
def fused_norm(device: torch.device) -> FusedNorm | None:
    """The kernel for norms on this device, or None where its results differ from PyTorch's or it fails to run.

    The log then says why.
    """
    if device.type != "cuda":
        return None
    try:
        from model.engine.fused import norm

        random = torch.Generator(device).manual_seed(0)
        x, scale, shift = torch.randn(3, 99, 70, generator=random, device=device)
        index = torch.arange(98, -1, -1, dtype=torch.int32, device=device)
        expected, got = torch.empty_like(x), torch.empty_like(x)
        modulate(x, slice(None), index, (scale, shift), SLOPE, out=expected)
        with torch.cuda.device(device):
            norm(x, (scale, shift), index, SLOPE, out=got)
        difference = float((got - expected).abs().max())
        if not difference <= CLOSE:
            raise RuntimeError(f"it differs by {difference:.1e}; allowed is {CLOSE:.0e}")
    except Exception as error:  # any fault: PyTorch's operations do the same work
        log.warning("the fused norm is left out: %s", error)
        return None
    return norm


class Synthesis:
    """Pictures from codes, as ``generator(codes, modulation)`` gives them up to rounding."""

    def __init__(self, generator: Generator, cache: ModulationCache) -> None:
        """Generator and cache are on one device; the generator's weights are copied into other memory layouts."""
        self.generator, self.cache = generator, cache
        sizes = generator.config.layer_sizes()
        fused = fused_norm(cache.device)
        self.layers = [
            Layer(block, *size, generator.upsampling(i), fused)
            for i, (block, size) in enumerate(zip(generator.blocks(), sizes))
        ]
        self.conv_img = Convolution(generator.conv_img, *sizes[-1])
        self.graphs = Graphs(self._picture) if cache.device.type == "cuda" else None

    @torch.inference_mode()
    def __call__(self, codes: Tensor, maps: Sequence[MapModulation]) -> Tensor:
        """codes [N, 8C, h, w] → pictures [N, 3, H, W] in [−1, 1].

        ``maps`` has one label map for all pictures, or one for each; where it has several, all are shareable.
        """
        indices = [self._index(i, maps, len(codes)) for i in range(len(self.layers))]
        tables = [rows for i in range(len(self.layers)) for pair in self.cache.pairs(maps[0], i) for rows in pair]
        work = self.graphs if self.graphs and maps[0].shareable else self._picture
        with torch.cuda.device_of(codes):  # graphs and Triton take the current device
            return work([codes, *indices], tables)  # type: ignore[list-item]

    def _picture(self, inputs: Sequence[Tensor | None], tables: Sequence[Tensor]) -> Tensor:
        """The pictures; ``inputs`` are the codes and each layer's index, ``tables`` scale and shift of each norm."""
        codes, *indices = inputs
        assert codes is not None
        x = self.generator.fc(codes).permute(0, 2, 3, 1).flatten(0, 2).contiguous()  # [N·h·w, fc]
        rows = iter(tables)
        for layer, index in zip(self.layers, indices):
            x = layer(x, index, [(next(rows), next(rows)) for _ in range(layer.norms)])
        x = F.leaky_relu_(x, SLOPE).view(len(codes), self.layers[-1].height, self.layers[-1].width, -1)
        return self.conv_img(x).permute(0, 3, 1, 2).contiguous().tanh_()

    @staticmethod
    def _index(i: int, maps: Sequence[MapModulation], count: int) -> Tensor | None:
        """The index of layer i for ``count`` pictures of these label maps; None for maps with tables of their own."""
        rows = [entry.blocks[i].index for entry in maps]
        if rows[0] is None:
            return None
        return rows[0] if count == 1 else torch.cat(rows * (count // len(rows)))  # type: ignore[arg-type]
