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
from functools import cached_property
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from model.groupdnet import Generator, Modulation, Norm, nearest

SMALLEST = 32 * 32  # pixels; below, nearly every neighbourhood is distinct and the convolutions are cheaper
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


class _GatherSum(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, table: Tensor, gather: Gather) -> Tensor:
        ctx.gather = gather
        return F.embedding_bag(gather.index, table, mode="sum")

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        users, starts = ctx.gather.transposed
        return F.embedding_bag(users, gradient.contiguous(), starts, mode="sum"), None


@dataclass(frozen=True)
class Neighbourhoods:
    """Distinct neighbourhoods of label maps at one resolution; a symbol is a class, plus C where there is an edge."""

    symbols: Gather  # 3×3 ← 9·(S + 1) rows, symbols at taps; the symbol after the last one stands for outside
    inside: Tensor  # [U3, 1] 0.0 where the 3×3's centre is outside the image
    members: Gather  # 5×5 ← 9·U3 rows, 3×3 neighbourhoods at taps
    pixels: Gather  # pixel ← U5 rows
    shape: torch.Size  # N, H, W


def _random_words(count: int, seed: int, device: torch.device) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(-(2**62), 2**62, (count,), generator=generator).to(device)


def _hash_windows(words: Tensor, seed: int) -> Tensor:
    """64-bit hash of the 3×3 window at every inner position: int64 [N, H+2, W+2] → [N, H, W]."""
    height, width = words.shape[1] - 2, words.shape[2] - 2
    taps = _random_words(9, seed, words.device) | 1
    total = torch.zeros_like(words[:, :height, :width])
    for tap in range(9):
        i, j = divmod(tap, 3)
        total += words[:, i : i + height, j : j + width] * taps[tap]
    return total


def _number(keys: Tensor) -> tuple[Tensor, Tensor]:
    """Distinct keys → (flat position of one example of each, the number of each position's key)."""
    distinct, number = torch.unique(keys.flatten(), return_inverse=True)
    example = torch.empty(len(distinct), dtype=torch.long, device=keys.device)
    example[number] = torch.arange(number.numel(), device=keys.device)
    return example, number.view(keys.shape)


def _windows(values: Tensor, positions: Tensor) -> Tensor:
    """[N, H+2, W+2] and flat positions in [N, H, W] → [len(positions), 9], the 3×3 window around each."""
    return values.unfold(1, 3, 1).unfold(2, 3, 1).flatten(3).flatten(0, 2)[positions]


def neighbourhoods(symbols: Tensor, count: int) -> Neighbourhoods:
    """symbols: long [N, H, W] below ``count``, at the layer's own resolution."""
    padded = F.pad(symbols, (2, 2, 2, 2), value=count)  # [N, H+4, W+4]
    keys3 = _hash_windows(_random_words(count + 1, 1, symbols.device)[padded], seed=2)  # [N, H+2, W+2]
    keys3[:, 0] = keys3[:, -1] = keys3[:, :, 0] = keys3[:, :, -1] = 0  # outside: one neighbourhood, whatever it touches
    example3, index3 = _number(keys3)
    keys5 = _hash_windows(_random_words(len(example3), 3, symbols.device)[index3], seed=4)  # [N, H, W]
    example5, index5 = _number(keys5)
    inside = (keys3.flatten()[example3] != 0).float()[:, None]
    taps = torch.arange(9, device=symbols.device)
    return Neighbourhoods(
        symbols=Gather(_windows(padded, example3) + taps * (count + 1), 9 * (count + 1)),
        inside=inside,
        members=Gather(_windows(index3, example5) * 9 + taps, 9 * len(example3)),
        pixels=Gather(index5.flatten()[:, None], len(example5)),
        shape=symbols.shape,
    )


def _symbol_rows(conv: nn.Conv2d, edges: bool) -> Tensor:
    """mlp_shared's weight as a table: what each symbol at each tap adds → [9·(S+1), hidden], S symbols then outside."""
    per_group, hidden = conv.in_channels // conv.groups, conv.out_channels
    weight = conv.weight.flatten(2).permute(2, 1, 0)  # [9, channels of a group, hidden]
    rows = weight.new_zeros(9, conv.in_channels, hidden)
    span = hidden // conv.groups
    for g in range(conv.groups):
        out = slice(g * span, (g + 1) * span)
        rows[:, g * per_group : (g + 1) * per_group, out] = weight[:, :, out]
    if edges:  # channels are onehot_0, edge, onehot_1, edge, …: the edge bit adds every edge channel
        rows = torch.cat([rows[:, 0::2], rows[:, 0::2] + rows[:, 1::2].sum(1, keepdim=True)], dim=1)
    return F.pad(rows, (0, 0, 0, 1)).flatten(0, 1)


def _tap_products(a: Tensor, conv: nn.Conv2d) -> Tensor:
    """Each neighbourhood's hidden vector [U3, hidden] through each tap of a grouped 3×3 conv → [U3, 9, channels]."""
    groups = conv.groups
    weight = conv.weight.view(groups, conv.out_channels // groups, conv.in_channels // groups, 9)
    parts = a.view(len(a), groups, -1).transpose(0, 1)  # [g, U3, hidden/g]
    products = parts @ weight.permute(0, 2, 3, 1).flatten(2)  # [g, U3, 9·ch/g]
    return products.view(groups, len(a), 9, -1).permute(1, 2, 0, 3).flatten(2)


def tables(near: Neighbourhoods, norm: Norm, edges: bool) -> tuple[Tensor, Tensor]:
    """γ and β of every distinct 5×5 neighbourhood, each [U5, channels]."""
    shared: nn.Conv2d = norm.mlp_shared[0]  # type: ignore[assignment]
    hidden = near.symbols(_symbol_rows(shared, edges)) + shared.bias  # type: ignore[operator]
    a = F.relu(hidden) * near.inside.to(hidden.dtype)  # [U3, hidden]
    products = [_tap_products(a, conv) for conv in (norm.mlp_gamma, norm.mlp_beta)]
    bias = torch.cat([norm.mlp_gamma.bias, norm.mlp_beta.bias])  # type: ignore[list-item]
    gamma, beta = (near.members(torch.cat(products, dim=2).flatten(0, 1)) + bias).chunk(2, dim=1)
    return gamma, beta


def modulation(generator: Generator, labels: Tensor, edges: Tensor | None = None) -> Modulation:
    """Equal to ``generator.modulation(labels, edges)`` up to rounding; large layers' γ and β are channels-last."""
    classes = generator.config.classes
    result: Modulation = {}
    for block, size in zip(generator.blocks(), generator.layer_sizes((labels.shape[1], labels.shape[2]))):
        symbols = nearest(labels, size)
        small_edges = None if edges is None else nearest(edges[:, 0], size)
        near = None
        if size[0] * size[1] >= SMALLEST:
            edge_bits = 0 if small_edges is None else classes * small_edges.long()
            near = neighbourhoods(symbols + edge_bits, classes * (1 if edges is None else 2))
        if near is None or near.members.index.shape[0] > MOST_DISTINCT * symbols.numel():
            result.update(generator.block_modulation(block, symbols, small_edges))
            continue
        for name, _ in block.row.norms():
            gamma, beta = (
                near.pixels(table.contiguous()).view(*near.shape, -1).permute(0, 3, 1, 2)  # [N, ch, H, W]
                for table in tables(near, generator.norm(name), edges is not None)
            )
            result[name] = gamma, beta
    return result
