"""The modulation by table look-up: equal to ``Generator.modulation`` up to rounding, differentiable, and far cheaper.

    a    = relu(conv3x3(semantics))        depends on 3×3 labels
    γ, β = conv3x3(a), conv3x3(a)          depends on 3×3 of a, so on 5×5 labels

A label map has few distinct neighbourhoods, so each is computed once. The first convolution is a sum of nine rows of a
weight table. The second is nine matrix products, one for each tap; a 5×5 neighbourhood sums nine rows of them. A
pixel's γ and β are the row of its neighbourhood. Outside the image ``a`` is 0, which differs from the convolution of
semantics that are 0 there, so these positions count as a 3×3 neighbourhood of their own, whose row is zero.

A symbol is a pixel's class index, plus the number of classes C where the pixel is an instance edge.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from model.network.config import GroupDNetConfig
from model.network.groupdnet import Generator, Modulation, Norm
from model.network.layers import nearest

SMALLEST = 32 * 32  # pixels; in smaller maps nearly every neighbourhood is distinct, and convolutions are cheaper
FEW_KEYS = 2**14  # fewer keys than this are sorted faster by NumPy than by PyTorch
CENTRE = 4  # index of the middle one of nine taps
FAR_BELOW = -1e9  # added to the sum of nine taps, gives a number far below 0 whatever the others are
MOST_DISTINCT = 0.45  # share of distinct neighbourhoods, by pixel, above which convolutions are cheaper: a map of noise


class Gather:
    """Sums of table rows: ``gather(table)[i] = Σ_k table[index[i, k]]``.

    The gradient is the transposed sum. The transposed index is made once and used for every table, which is ten times
    faster on a CPU than the scatter-add of autograd.
    """

    def __init__(self, index: Tensor, count: int) -> None:
        """index: long [R, k] below ``count``, the table's number of rows."""
        self.index, self.count = index, count

    @cached_property
    def transposed(self) -> tuple[Tensor, Tensor]:
        """(for each table row in turn, the indices of the sums that use it; the start of each row's part of these)."""
        flat = self.index.flatten()
        starts = torch.zeros(self.count, dtype=torch.long, device=flat.device)
        starts[1:] = torch.bincount(flat, minlength=self.count).cumsum(0)[:-1]
        return flat.argsort() // self.index.shape[1], starts

    def __call__(self, table: Tensor) -> Tensor:
        """table [count, channels] → sums [R, channels]."""
        sums: Tensor = _GatherSum.apply(table, self)  # type: ignore[no-untyped-call]
        return sums


def row_sums(table: Tensor, index: Tensor, multiple: int = 1) -> Tensor:
    """Σ_k table[index[i, k]] for an index long [R, k], then rows of zeros up to a ``multiple``: [R or more, channels].

    It calls the operation under ``F.embedding_bag``, whose checks take as long as the work where there are few sums.
    """
    rows, taps = index.shape
    starts = torch.arange(0, (rows + -rows % multiple) * taps, taps, device=index.device)
    if rows % multiple:
        starts.clamp_(max=rows * taps)  # the added rows sum no table row and are 0
    return torch.embedding_bag(table, index.flatten(), starts, False, 0)[0]


class _GatherSum(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, table: Tensor, gather: Gather) -> Tensor:
        ctx.gather = gather
        return row_sums(table, gather.index)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        users, starts = ctx.gather.transposed
        return F.embedding_bag(users, gradient.contiguous(), starts, mode="sum"), None


@lru_cache
def _random_words(count: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(-(2**62), 2**62, count) | 1


def _hash_windows(words: np.ndarray, seed: int) -> np.ndarray:
    """64-bit hash of the 3×3 window at every inner position: int64 [N, H+2, W+2] → [N, H, W]."""
    height, width = words.shape[1] - 2, words.shape[2] - 2
    taps = _random_words(6, seed)
    rows = words[:, :height] * taps[0]
    for i in (1, 2):
        rows += words[:, i : i + height] * taps[i]
    columns: np.ndarray = rows[:, :, :width] * taps[3]
    for j in (1, 2):
        columns += rows[:, :, j : j + width] * taps[3 + j]
    return columns


@dataclass(frozen=True)
class Keys:
    """64-bit hashes of the neighbourhoods of a label map or of a part of it, equal for equal neighbourhoods in any map.

    They are NumPy arrays: after a stroke there are few of them, and a call of NumPy's costs less than one of PyTorch's.
    """

    symbols: np.ndarray  # [N, H+4, W+4] the symbols themselves, two pixels wider at each side
    three: np.ndarray  # int64 [N, H+2, W+2] hash of the 3×3 symbols around; 0 where the centre is outside the image
    five: np.ndarray  # int64 [N, H, W] hash of the 5×5 symbols around

    def windows(self, grid: np.ndarray, centres: np.ndarray) -> np.ndarray:
        """Flat positions [n] in ``grid`` without its border → flat positions [n, 9] in it, the 3×3 around each."""
        height, width = grid.shape[1] - 2, grid.shape[2] - 2
        row = centres // width  # counted through the rows of all images
        corner = centres + 2 * row
        if len(grid) > 1:
            corner += row // height * (2 * (width + 2))
        around: np.ndarray = corner[:, None] + (np.arange(3)[:, None] * (width + 2) + np.arange(3)).ravel()
        return around


def surround(symbols: np.ndarray, count: int) -> np.ndarray:
    """symbols [N, H, W] → [N, H+4, W+4], with two pixels at each side that have the symbol ``count``, for outside."""
    return np.pad(symbols, ((0, 0), (2, 2), (2, 2)), constant_values=count)


def window_keys(surrounded: np.ndarray, count: int) -> Keys:
    """The keys of all pixels but the outermost two at each side; ``count`` is the symbol for outside the image."""
    three = _hash_windows(_random_words(count + 1, 1)[surrounded], seed=2)
    three *= surrounded[:, 1:-1, 1:-1] != count  # all positions outside are one neighbourhood
    return Keys(surrounded, three, _hash_windows(three ^ (three >> 31), seed=3))


def unique(keys: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The distinct ones of int64 ``keys``: (flat position of one example of each, by rising key; the index of each
    key among them, in the shape of ``keys``)."""
    flat = keys.ravel()
    # PyTorch sorts on all cores, which is worth its call only where there are many keys.
    order = flat.argsort() if len(flat) < FEW_KEYS else torch.from_numpy(flat).argsort().numpy()
    ordered = flat[order]
    first = np.ones(len(flat), bool)
    np.not_equal(ordered[1:], ordered[:-1], out=first[1:])
    numbers = np.empty(len(flat), np.int64)
    numbers[order] = first.cumsum() - 1
    return order[first], numbers.reshape(keys.shape)


@dataclass(frozen=True)
class Neighbourhoods:
    """U5 distinct 5×5 neighbourhoods and the U3 distinct 3×3 neighbourhoods in them, as indices into tables."""

    symbols: Gather  # sums for each 3×3 nine rows of a table [9·(S + 1)]: tap by tap its S symbols, then outside
    members: Gather  # sums for each 5×5 nine rows of a table [9·U3]: 3×3 by 3×3 its nine taps


def neighbourhoods(keys: Keys, count: int, centres: np.ndarray, device: torch.device) -> Neighbourhoods:
    """The neighbourhoods of the pixels at flat positions ``centres`` in ``keys.five``; ``count`` is that of symbols."""
    around = keys.windows(keys.three, centres)  # [U5, 9]
    kinds = keys.three.ravel()[around]
    example, index = unique(kinds)
    symbols = keys.symbols.ravel()[keys.windows(keys.symbols, around.ravel()[example])]  # [U3, 9]
    taps = np.arange(9)
    return Neighbourhoods(
        symbols=Gather(torch.from_numpy(symbols + taps * (count + 1)).to(device), 9 * (count + 1)),
        members=Gather(torch.from_numpy(index * 9 + taps).to(device), 9 * len(example)),
    )


def symbol_rows(conv: nn.Conv2d, edges: bool) -> Tensor:
    """mlp_shared's weight as a table [9·(S+1), hidden]: what each symbol adds at each tap, S symbols and then outside.

    A 3×3 neighbourhood whose centre is outside sums to a number far below 0, which the ReLU turns into 0.
    """
    per_group, hidden = conv.in_channels // conv.groups, conv.out_channels
    weight = conv.weight.flatten(2).permute(2, 1, 0)  # [9, input channels of one group, hidden]
    rows = weight.new_zeros(9, conv.in_channels, hidden)
    span = hidden // conv.groups
    for g in range(conv.groups):
        out = slice(g * span, (g + 1) * span)
        rows[:, g * per_group : (g + 1) * per_group, out] = weight[:, :, out]
    if edges:  # channels are onehot_0, edge, onehot_1, edge, …: a symbol with an edge adds every edge channel
        rows = torch.cat([rows[:, 0::2], rows[:, 0::2] + rows[:, 1::2].sum(1, keepdim=True)], dim=1)
    rows = F.pad(rows, (0, 0, 0, 1))
    rows[CENTRE, -1] = FAR_BELOW
    return rows.flatten(0, 1)


def tap_weights(conv: nn.Conv2d) -> Tensor:
    """A grouped 3×3 convolution's weight as one matrix for each group, [g, in/g, 9·out/g], its columns tap by tap."""
    weight = conv.weight.view(conv.groups, conv.out_channels // conv.groups, conv.in_channels // conv.groups, 9)
    return weight.permute(0, 2, 3, 1).flatten(2)


def _tap_products(a: Tensor, conv: nn.Conv2d) -> Tensor:
    """Hidden vectors [U3, hidden] of 3×3 neighbourhoods through each tap of a grouped convolution → [U3, 9, ch]."""
    parts = a.view(len(a), conv.groups, -1).transpose(0, 1)  # [g, U3, hidden/g]
    products = parts @ tap_weights(conv)  # [g, U3, 9·ch/g]
    return products.view(conv.groups, len(a), 9, -1).permute(1, 2, 0, 3).flatten(2)


def tables(near: Neighbourhoods, norm: Norm, edges: bool) -> tuple[Tensor, Tensor]:
    """γ and β of every distinct 5×5 neighbourhood, each [U5, channels]."""
    shared: nn.Conv2d = norm.mlp_shared[0]  # type: ignore[assignment]
    hidden = near.symbols(symbol_rows(shared, edges)) + shared.bias  # type: ignore[operator]
    a = F.relu(hidden)  # [U3, hidden]
    products = [_tap_products(a, conv) for conv in (norm.mlp_gamma, norm.mlp_beta)]
    bias = torch.cat([norm.mlp_gamma.bias, norm.mlp_beta.bias])  # type: ignore[list-item]
    gamma, beta = (near.members(torch.cat(products, dim=2).flatten(0, 1)) + bias).chunk(2, dim=1)
    return gamma, beta


def modulation(generator: Generator, labels: Tensor, edges: Tensor | None = None) -> Modulation:
    """γ and β of every norm, as ``generator.modulation(labels, edges)`` gives them up to rounding.

    labels: long [N, H, W]; edges: [N, 1, H, W] or None. The results of large layers are channels-last in memory.
    """
    count = symbol_count(generator.config)
    result: Modulation = {}
    for block, size in zip(generator.blocks(), generator.config.layer_sizes((labels.shape[1], labels.shape[2]))):
        small = nearest(labels, size)
        small_edges = None if edges is None else nearest(edges[:, 0], size)
        by_convolution = small.shape[1] * small.shape[2] < SMALLEST
        if not by_convolution:
            symbols = symbols_of(small, small_edges, generator.config).cpu().numpy()
            keys = window_keys(surround(symbols, count), count)
            centres, numbers = unique(keys.five)
            by_convolution = len(centres) > MOST_DISTINCT * numbers.size
        if by_convolution:
            result.update(generator.block_modulation(block, small, small_edges))
            continue
        near = neighbourhoods(keys, count, centres, labels.device)
        pixels = Gather(torch.from_numpy(numbers.reshape(-1, 1)).to(labels.device), len(centres))
        for name, _ in block.row.norms():
            gamma, beta = (
                pixels(_as_computed(table).contiguous()).view(*small.shape, -1).permute(0, 3, 1, 2)  # [N, ch, H, W]
                for table in tables(near, generator.norm(name), edges is not None)
            )
            result[name] = gamma, beta
    return result


def _as_computed(table: Tensor) -> Tensor:
    """The table in autocast's number format: its rows, one for each pixel, are most of a step's memory traffic."""
    kind = table.device.type
    return table.to(torch.get_autocast_dtype(kind)) if torch.is_autocast_enabled(kind) else table


def symbol_count(config: GroupDNetConfig) -> int:
    """The number of symbols that a pixel can have; this number itself is the symbol for outside the image."""
    return config.classes * (2 if config.instance_edges else 1)


def symbols_of(labels: Tensor, edges: Tensor | None, config: GroupDNetConfig) -> Tensor:
    """The symbols of labels long [N, H, W] and edges of the same shape, or None: long [N, H, W]."""
    return labels if edges is None else labels + config.classes * edges.long()
