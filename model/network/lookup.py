"""The modulation by table look-up: the same numbers as ``Generator.modulation``, differentiable, with far less work.

    a    = relu(conv3x3(semantics))        depends on 3×3 labels
    γ, β = conv3x3(a), conv3x3(a)          depends on 3×3 of a, so on 5×5 labels

A label map has few distinct neighbourhoods, so each is computed once: the first convolution is nine rows of a weight
table summed, the second is nine matrix products (one a tap) of which a 5×5 neighbourhood sums nine rows. A pixel's γ
and β are the row of its neighbourhood. Outside the image ``a`` is 0, which is not the convolution of 'no class' there:
those positions have a neighbourhood of their own, whose row is zero.
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

SMALLEST = 32 * 32  # pixels; below, nearly every neighbourhood is distinct and the convolutions are cheaper
FEW_KEYS = 2**14  # below, NumPy's sort is the faster one
CENTRE = 4  # of nine taps
FAR_BELOW = -1e9  # any sum of a 3×3's other taps
MOST_DISTINCT = 0.45  # of the pixels; above, likewise: a map of noise


class Gather:
    """Sums of table rows: ``gather(table)[i] = Σ_k table[index[i, k]]``.

    Its gradient is the transposed sum, with the transposed index made once and shared by every table: ten times faster
    on a CPU than the scatter-add that autograd would do.
    """

    def __init__(self, index: Tensor, count: int) -> None:
        """index: long [R, k] below ``count``, the table's number of rows."""
        self.index, self.count = index, count

    @cached_property
    def transposed(self) -> tuple[Tensor, Tensor]:
        """(which sums use each table row, one row after the other; where each row's list starts)."""
        flat = self.index.flatten()
        starts = torch.zeros(self.count, dtype=torch.long, device=flat.device)
        starts[1:] = torch.bincount(flat, minlength=self.count).cumsum(0)[:-1]
        return flat.argsort() // self.index.shape[1], starts

    def __call__(self, table: Tensor) -> Tensor:
        """[count, channels] → [R, channels]."""
        return _GatherSum.apply(table, self)


def row_sums(table: Tensor, index: Tensor, multiple: int = 1) -> Tensor:
    """Σ_k table[index[i, k]] for an index long [R, k], then rows of zeros up to a ``multiple``: [R or more, channels].

    The operation under ``F.embedding_bag``, which takes as long again to look at its arguments where sums are few.
    """
    rows, taps = index.shape
    starts = torch.arange(0, (rows + -rows % multiple) * taps, taps, device=index.device)
    if rows % multiple:
        starts.clamp_(max=rows * taps)  # sums of nothing
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
    columns = rows[:, :, :width] * taps[3]
    for j in (1, 2):
        columns += rows[:, :, j : j + width] * taps[3 + j]
    return columns


@dataclass(frozen=True)
class Keys:
    """64-bit numbers that tell neighbourhoods apart, the same in whichever map they occur.

    They and all that is made of them are NumPy's: a stroke has few, and there an operation costs what its call costs.
    """

    symbols: np.ndarray  # [N, H+4, W+4], the label map's or those of a part of it
    three: np.ndarray  # [N, H+2, W+2], of 3×3 symbols; 0 where the centre is outside the image
    five: np.ndarray  # [N, H, W], of 5×5 symbols

    def windows(self, grid: np.ndarray, centres: np.ndarray) -> np.ndarray:
        """Flat positions [n] in ``grid`` without its border → flat positions [n, 9] in it, the 3×3 around each."""
        height, width = grid.shape[1] - 2, grid.shape[2] - 2
        row = centres // width  # of all images' rows
        corner = centres + 2 * row
        if len(grid) > 1:
            corner += row // height * (2 * (width + 2))
        return corner[:, None] + (np.arange(3)[:, None] * (width + 2) + np.arange(3)).ravel()


def surround(symbols: np.ndarray, count: int) -> np.ndarray:
    """Two pixels of 'outside', the symbol ``count``, around symbols [N, H, W] → [N, H+4, W+4]."""
    return np.pad(symbols, ((0, 0), (2, 2), (2, 2)), constant_values=count)


def window_keys(surrounded: np.ndarray, count: int) -> Keys:
    """The keys of every pixel but the outermost two on each side; ``count`` is the symbol for outside."""
    three = _hash_windows(_random_words(count + 1, 1)[surrounded], seed=2)
    three *= surrounded[:, 1:-1, 1:-1] != count  # outside: one neighbourhood, whatever it touches
    return Keys(surrounded, three, _hash_windows(three ^ (three >> 31), seed=3))


def number(keys: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Distinct keys → (flat position of one example of each, in the keys' order; the number of each key's kind)."""
    flat = keys.ravel()
    # NumPy sorts few numbers several times faster than PyTorch, which sorts many on all cores.
    order = flat.argsort() if len(flat) < FEW_KEYS else torch.from_numpy(flat).argsort().numpy()
    ordered = flat[order]
    first = np.ones(len(flat), bool)
    np.not_equal(ordered[1:], ordered[:-1], out=first[1:])
    numbers = np.empty(len(flat), np.int64)
    numbers[order] = first.cumsum() - 1
    return order[first], numbers.reshape(keys.shape)


@dataclass(frozen=True)
class Neighbourhoods:
    """Distinct 5×5 neighbourhoods, and the 3×3 ones in them; a symbol is a class, plus C where there is an edge."""

    symbols: Gather  # 3×3 ← 9·(S + 1) rows, symbols at taps; the symbol after the last one stands for outside
    members: Gather  # 5×5 ← 9·U3 rows, 3×3 neighbourhoods at taps


def neighbourhoods(keys: Keys, count: int, centres: np.ndarray, device: torch.device) -> Neighbourhoods:
    """Those around the pixels at the flat positions ``centres`` in ``keys.five``; symbols are below ``count``."""
    around = keys.windows(keys.three, centres)  # [U5, 9]
    kinds = keys.three.ravel()[around]
    example, index = number(kinds)
    symbols = keys.symbols.ravel()[keys.windows(keys.symbols, around.ravel()[example])]  # [U3, 9]
    taps = np.arange(9)
    return Neighbourhoods(
        symbols=Gather(torch.from_numpy(symbols + taps * (count + 1)).to(device), 9 * (count + 1)),
        members=Gather(torch.from_numpy(index * 9 + taps).to(device), 9 * len(example)),
    )


def symbol_rows(conv: nn.Conv2d, edges: bool) -> Tensor:
    """mlp_shared's weight as a table: what each symbol at each tap adds → [9·(S+1), hidden], S symbols then outside.

    A 3×3 whose centre is outside has a sum far below 0, which the ReLU makes 0.
    """
    per_group, hidden = conv.in_channels // conv.groups, conv.out_channels
    weight = conv.weight.flatten(2).permute(2, 1, 0)  # [9, channels of a group, hidden]
    rows = weight.new_zeros(9, conv.in_channels, hidden)
    span = hidden // conv.groups
    for g in range(conv.groups):
        out = slice(g * span, (g + 1) * span)
        rows[:, g * per_group : (g + 1) * per_group, out] = weight[:, :, out]
    if edges:  # channels are onehot_0, edge, onehot_1, edge, …: the edge bit adds every edge channel
        rows = torch.cat([rows[:, 0::2], rows[:, 0::2] + rows[:, 1::2].sum(1, keepdim=True)], dim=1)
    rows = F.pad(rows, (0, 0, 0, 1))
    rows[CENTRE, -1] = FAR_BELOW
    return rows.flatten(0, 1)


def tap_weights(conv: nn.Conv2d) -> Tensor:
    """A grouped 3×3 convolution's weight as a matrix for each group: [g, in/g, 9·out/g], tap by tap."""
    weight = conv.weight.view(conv.groups, conv.out_channels // conv.groups, conv.in_channels // conv.groups, 9)
    return weight.permute(0, 2, 3, 1).flatten(2)


def _tap_products(a: Tensor, conv: nn.Conv2d) -> Tensor:
    """Each neighbourhood's hidden vector [U3, hidden] through each tap of a grouped 3×3 conv → [U3, 9, channels]."""
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
    """Equal to ``generator.modulation(labels, edges)`` up to rounding; large layers' γ and β are channels-last."""
    count = symbol_count(generator.config)
    result: Modulation = {}
    for block, size in zip(generator.blocks(), generator.layer_sizes((labels.shape[1], labels.shape[2]))):
        small = nearest(labels, size)
        small_edges = None if edges is None else nearest(edges[:, 0], size)
        by_convolution = small.shape[1] * small.shape[2] < SMALLEST
        if not by_convolution:
            symbols = symbols_of(small, small_edges, generator.config).cpu().numpy()
            keys = window_keys(surround(symbols, count), count)
            centres, numbers = number(keys.five)
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
    """In autocast's precision: what is spread over the pixels is most of a step's memory traffic."""
    kind = table.device.type
    return table.to(torch.get_autocast_dtype(kind)) if torch.is_autocast_enabled(kind) else table


def symbol_count(config: GroupDNetConfig) -> int:
    """How many symbols a pixel can have; the next number stands for outside the image."""
    return config.classes * (2 if config.instance_edges else 1)


def symbols_of(labels: Tensor, edges: Tensor | None, config: GroupDNetConfig) -> Tensor:
    """Class, plus C where there is an edge: long, the shape of ``labels`` and of ``edges``."""
    return labels if edges is None else labels + config.classes * edges.long()
