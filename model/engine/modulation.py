"""The engine's modulation of label maps, kept in tables by neighbourhood from one label map to the next.

Batch norm with running statistics is a fixed scale and shift, so a modulated norm is one too:

    BN(x)·(1 + γ) + β  =  x·scale[k] + shift[k],   where k is the row of the pixel's 5×5 neighbourhood (see lookup.py)

All label maps share one set of tables for each block, which grows. A new label map adds the rows of neighbourhoods that
no other one had, and a stroke on a label map changes row numbers only near the stroke. When memory runs short, the
least recently used label maps are forgotten, with the rows that only they used.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import repeat

import numpy as np
import torch
from torch import Tensor, nn

from model.engine.packed import GroupedProduct
from model.network.config import GroupDNetConfig
from model.network.groupdnet import Generator, Norm
from model.network.lookup import (
    MOST_DISTINCT,
    Keys,
    Neighbourhoods,
    neighbourhoods,
    row_sums,
    surround,
    symbol_count,
    symbol_rows,
    symbols_of,
    tap_weights,
    unique,
    window_keys,
)

BY_CONVOLUTION = 128 * 128  # pixels; for maps of noise at least this large, γ and β are computed by convolutions
KEY_BYTES = 120  # bytes of one entry in a dictionary from keys to row numbers
NEIGHBOURS = 8  # number of the most recent label maps that a new one is compared with
NEAR = 0.02  # a label map that differs in less than this share of the pixels ends the search for a similar one
MOST_REPAINTED = 0.25  # a label map that differs in more than this share of the pixels is not similar
TRIMMED = 0.75  # share of the limit to which the memory is reduced when it has passed the limit
Pair = tuple[Tensor, Tensor]  # scale and shift, each [rows, channels]


def fold(norm: Norm, gamma: Tensor, beta: Tensor) -> Pair:
    """Batch norm folded in: gamma, which already has the 1 of (1 + γ), and beta [..., channels] → scale and shift.

    They are those of pixels, or the weights that compute them.
    """
    bn = norm.param_free_norm
    assert bn.running_mean is not None and bn.running_var is not None
    scale = gamma * torch.rsqrt(bn.running_var + bn.eps)
    return scale, beta - bn.running_mean * scale


@dataclass(frozen=True)
class Alike:
    """The n norms of one width in a block, whose g groups each are computed together as n·g groups."""

    which: list[int]  # indices of the norms in the block
    taps: GroupedProduct  # weights [n·g, hidden/g, 9·2·ch/g] of scale and shift, tap by tap
    biases: Tensor  # [n·g, 1, 2, ch/g] of scale and shift


class Tables:
    """The weights that make rows of scale and shift for all norms of a block."""

    def __init__(self, norms: Sequence[Norm], edges: bool) -> None:
        """``edges``: whether the semantics have instance edges."""
        widths = [norm.param_free_norm.num_features for norm in norms]
        self.groups, self.hidden, self.parts = norms[0].mlp_gamma.groups, list[int](), list[Alike]()
        shared: list[nn.Conv2d] = []
        for width in sorted(set(widths)):
            which = [i for i, each in enumerate(widths) if each == width]
            taps, biases = zip(*(self._folded(norms[i]) for i in which))
            self.parts.append(Alike(which, GroupedProduct(torch.cat(taps)), torch.cat(biases)[:, None]))
            convs: list[nn.Conv2d] = [norms[i].mlp_shared[0] for i in which]  # type: ignore[misc]
            self.hidden.append(sum(conv.out_channels for conv in convs))
            shared += convs
        self.step = max(part.taps.step for part in self.parts)
        self.symbols = torch.cat([symbol_rows(conv, edges) for conv in shared], dim=1)  # [9·(S+1), Σ n·hidden]
        self.symbols[: len(self.symbols) // 9] += torch.cat([conv.bias for conv in shared])  # type: ignore[misc]

    def _folded(self, norm: Norm) -> tuple[Tensor, Tensor]:
        """mlp_gamma and mlp_beta with batch norm folded in: weights [g, hidden/g, 9·2·ch/g], biases [g, 2, ch/g]."""
        gamma, beta = norm.mlp_gamma, norm.mlp_beta
        by_channel = [tap_weights(c).unflatten(2, (9, -1)).permute(1, 2, 0, 3).flatten(2) for c in (gamma, beta)]
        weights = torch.stack(fold(norm, *by_channel), dim=2)  # [hidden/g, 9, 2, ch]
        biases = torch.stack(fold(norm, 1 + gamma.bias, beta.bias))  # type: ignore[operator,arg-type]  # [2, ch]
        taps = weights.unflatten(3, (self.groups, -1)).permute(3, 0, 1, 2, 4).flatten(2)
        return taps, biases.unflatten(1, (self.groups, -1)).transpose(0, 1)

    def rows(self, near: Neighbourhoods) -> list[Pair]:
        """Scale and shift of every 5×5 neighbourhood for each norm, each [U5, g, ch/g], row by row independent."""
        a = row_sums(self.symbols, near.symbols.index, self.step).relu_()  # [U3, Σ n·hidden]
        made: dict[int, Pair] = {}
        for part, hidden in zip(self.parts, a.split(self.hidden, dim=1)):
            made.update(zip(part.which, self._part_rows(part, hidden, near.members.index)))
        return [made[i] for i in range(len(made))]

    def _part_rows(self, part: Alike, a: Tensor, members: Tensor) -> list[Pair]:
        """``rows`` for the norms of one width: a [U3, n·hidden], members [U5, 9] → n pairs [U5, g, ch/g]."""
        sums = []
        for products in part.taps(a):  # [k, U3, 9·2·ch/g]
            first = torch.arange(len(products), device=a.device)[:, None, None] * (9 * len(a))
            index = (members + first).flatten(0, 1) if len(products) > 1 else members
            sums.append(row_sums(products.view(-1, products.shape[2] // 9), index))
        together = sums[0] if len(sums) == 1 else torch.cat(sums)
        total = together.view(part.taps.groups, len(members), 2, -1).add_(part.biases)
        return [tuple(norm.permute(2, 1, 0, 3).unbind()) for norm in total.split(self.groups)]


class Rows:
    """A block's rows of scale and shift for each norm, and the row number of each neighbourhood's key."""

    def __init__(self, widths: Sequence[int], like: Tensor) -> None:
        """No rows yet; ``widths`` are the norms' channels, ``like`` has the tables' number format and device."""
        self.pairs: list[Pair] = [(like.new_empty(0, ch), like.new_empty(0, ch)) for ch in widths]
        self.numbers: dict[int, int] = {}

    @property
    def nbytes(self) -> int:
        """Bytes of the rows, those reserved included, and of the keys."""
        return sum(scale.nbytes + shift.nbytes for scale, shift in self.pairs) + KEY_BYTES * len(self.numbers)

    def find(self, keys: Sequence[int]) -> np.ndarray:
        """The row numbers of ``keys``, int32 [n]; −1 where there is no row."""
        return np.fromiter(map(self.numbers.get, keys, repeat(-1)), np.int32, len(keys))

    def add(self, keys: Sequence[int], pairs: Sequence[Pair]) -> None:
        """Add rows for n keys that have none; ``pairs`` has for each norm scale and shift, [n, ch] or [n, g, ch/g]."""
        used, wanted, room = len(self.numbers), len(self.numbers) + len(keys), len(self.pairs[0][0])
        if wanted > room:
            room = wanted * 5 // 4
            self.pairs = [tuple(_grown(rows, room) for rows in pair) for pair in self.pairs]  # type: ignore[misc]
        for old, new in zip(self.pairs, pairs):
            for rows, values in zip(old, new):
                rows[used:wanted].view(values.shape).copy_(values)
        self.numbers.update(zip(keys, range(used, wanted)))

    def forget(self, kept: Tensor) -> Tensor:
        """Forget the rows where bool [rows] ``kept`` is false; returns the new number of each old row, int32 [rows]."""
        self.pairs = [(scale[: len(kept)][kept], shift[: len(kept)][kept]) for scale, shift in self.pairs]
        numbers = kept.cumsum(0, dtype=torch.int32) - 1
        stays, moved = kept.tolist(), numbers.tolist()
        self.numbers = {key: moved[row] for key, row in self.numbers.items() if stays[row]}
        return numbers


def _grown(tensor: Tensor, rows: int) -> Tensor:
    """The same with room for so many rows; the new ones hold no numbers yet."""
    grown = tensor.new_empty(rows, tensor.shape[1])
    grown[: len(tensor)] = tensor
    return grown


@dataclass(frozen=True)
class Box:
    """A rectangle in a label map: rows top … bottom − 1, columns left … right − 1."""

    top: int
    bottom: int
    left: int
    right: int

    @classmethod
    def around(cls, changed: np.ndarray) -> Box:
        """The smallest box around all that is true in a bool array [H, W]; an empty one where nothing is."""
        rows, columns = (np.flatnonzero(changed.any(axis)) for axis in (1, 0))
        if not rows.size:
            return cls(0, 0, 0, 0)
        return cls(int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1)

    @property
    def empty(self) -> bool:
        return self.top >= self.bottom or self.left >= self.right

    @property
    def slices(self) -> tuple[slice, slice]:
        return slice(self.top, self.bottom), slice(self.left, self.right)

    def at(self, step: int) -> Box:
        """The box in the map that has every step-th row and column of this one."""
        return Box(*(-(-edge // step) for edge in (self.top, self.bottom, self.left, self.right)))

    def grown(self, by: int) -> Box:
        """The box with so many more rows and columns at each side."""
        return Box(self.top - by, self.bottom + by, self.left - by, self.right + by)

    def within(self, size: Sequence[int]) -> Box:
        """The part of the box inside a map of ``size`` (height, width)."""
        height, width = size
        return Box(max(0, self.top), min(height, self.bottom), max(0, self.left), min(width, self.right))

    def cut(self, grid: np.ndarray, outside: int) -> np.ndarray:
        """The box's part of a map [H, W], with the value ``outside`` where the box reaches beyond the map."""
        inner = self.within(grid.shape)
        cut = np.full((self.bottom - self.top, self.right - self.left), outside, grid.dtype)
        rows, columns = (
            slice(inner.top - self.top, inner.bottom - self.top),
            slice(inner.left - self.left, inner.right - self.left),
        )
        cut[rows, columns] = grid[inner.slices]
        return cut


@dataclass
class BlockMap:
    """A label map at one block's resolution."""

    symbols: np.ndarray  # int16 [h, w]
    index: Tensor | None  # int32 [h·w], each pixel's row in the block's table; None: pixel i has row i of ``own``
    distinct: int = 0  # upper bound of the number of different rows in ``index``
    own: list[Pair] = field(default_factory=list)  # each norm's scale and shift by pixel, for maps of noise

    @property
    def nbytes(self) -> int:
        """Bytes of all arrays; an index that several label maps share counts for each of them."""
        own = sum(tensor.nbytes for pair in self.own for tensor in pair)
        return self.symbols.nbytes + own + (0 if self.index is None else self.index.nbytes)


@dataclass
class MapModulation:
    """A label map in the cache. Its row numbers are valid until the next ``trim`` of the cache."""

    symbols: np.ndarray  # int16 [H, W]
    blocks: list[BlockMap]

    @property
    def shareable(self) -> bool:
        """Whether one pass can have this label map and others: all its rows are in the blocks' tables."""
        return all(block.index is not None for block in self.blocks)

    @property
    def nbytes(self) -> int:
        """Bytes of all blocks; ``symbols`` is the last block's and needs none of its own."""
        return sum(block.nbytes for block in self.blocks)


class ModulationCache:
    """The modulation of recent label maps, by neighbourhood; ``trim`` keeps it below a number of bytes."""

    def __init__(self, generator: Generator, limit: int, dtype: torch.dtype = torch.float32) -> None:
        """``generator`` is float32 and is never changed. Rows are computed in float32 and kept as ``dtype``.

        ``limit`` is the most bytes that ``trim`` leaves.
        """
        self.generator, self.limit, self.hits, self.misses = generator, limit, 0, 0
        self.config: GroupDNetConfig = generator.config
        self.device, self.dtype = generator.conv_img.weight.device, dtype
        self.blocks = generator.blocks()
        self.norms = [[generator.norm(name) for name, _ in block.row.norms()] for block in self.blocks]
        self.tables = [Tables(norms, self.config.instance_edges) for norms in self.norms]
        self._kept: OrderedDict[bytes, MapModulation] = OrderedDict()
        self.clear()

    def __len__(self) -> int:
        return len(self._kept)

    @property
    def nbytes(self) -> int:
        """Bytes of all label maps and tables in the cache."""
        return self._map_bytes + sum(rows.nbytes for rows in self.rows)

    def clear(self) -> None:
        """Forget everything."""
        self._kept.clear()
        self._map_bytes = 0
        like = torch.empty(0, dtype=self.dtype, device=self.device)
        self.rows = [Rows([norm.param_free_norm.num_features for norm in norms], like) for norms in self.norms]

    def pairs(self, modulation: MapModulation, block: int) -> list[Pair]:
        """Scale and shift of each norm of the block with this index; the label map's ``index`` has the row numbers."""
        return modulation.blocks[block].own or self.rows[block].pairs

    @torch.inference_mode()
    def get(self, key: bytes, labels: Tensor, edges: Tensor | None) -> MapModulation:
        """The modulation of labels long [H, W] and edges [1, H, W] or None, both on the CPU; ``key`` names them."""
        if key in self._kept:
            self.hits += 1
        else:
            self.misses += 1
            self._kept[key] = self._make(labels, edges)
            self._map_bytes += self._kept[key].nbytes
        self._kept.move_to_end(key)
        return self._kept[key]

    def trim(self) -> None:
        """Where the limit is passed, forget the least recently used label maps, and the rows that only they used."""
        if self.nbytes <= self.limit:
            return
        while self._kept and self.nbytes > TRIMMED * self.limit:
            for _ in range(-(-len(self._kept) // 4)):
                self._map_bytes -= self._kept.popitem(last=False)[1].nbytes
            self._compact()

    def _compact(self) -> None:
        """Forget the rows that no label map uses, and number the others anew in all label maps."""
        for i, rows in enumerate(self.rows):
            users = [entry.blocks[i] for entry in self._kept.values() if entry.blocks[i].index is not None]
            numbers = rows.forget(self._seen(i, [block.index for block in users]))  # type: ignore[misc]
            for block in users:
                block.index = numbers[block.index]

    def _seen(self, i: int, indices: Sequence[Tensor]) -> Tensor:
        """For each row of the block with index i, whether any of ``indices`` has it: bool [rows]."""
        seen = torch.zeros(len(self.rows[i].numbers), dtype=torch.bool, device=self.device)
        for index in indices:
            seen |= torch.bincount(index, minlength=len(seen)) > 0
        return seen

    def _make(self, labels: Tensor, edges: Tensor | None) -> MapModulation:
        """The modulation of a label map that is not in the cache, from a similar one where there is one."""
        symbols = symbols_of(labels, None if edges is None else edges[0], self.config).to(torch.int16).numpy()
        base, painted = self._nearest(symbols)
        blocks = []
        for i, (height, _) in enumerate(self.config.layer_sizes((labels.shape[0], labels.shape[1]))):
            step = labels.shape[0] // height
            small = symbols[::step, ::step]  # resized by nearest neighbour
            before = base.blocks[i] if base else None
            made = self._repainted(i, before, small, painted.at(step)) if before and before.index is not None else None
            blocks.append(made or self._whole(i, small))
        return MapModulation(symbols, blocks)

    def _nearest(self, symbols: np.ndarray) -> tuple[MapModulation | None, Box]:
        """The most similar of the recent label maps, or None, and the box around the pixels in which it differs."""
        best, fewest, where = None, MOST_REPAINTED * symbols.size, np.zeros((0, 0), bool)
        for entry, _ in zip(reversed(self._kept.values()), range(NEIGHBOURS)):
            changed = entry.symbols != symbols
            count = int(np.count_nonzero(changed))
            if count < fewest:
                best, fewest, where = entry, count, changed
            if count < NEAR * symbols.size:
                break
        return best, Box.around(where)

    def _whole(self, i: int, symbols: np.ndarray) -> BlockMap:
        """A label map for the block with index i, every pixel looked up."""
        count = symbol_count(self.config)
        keys = window_keys(surround(symbols[None], count), count)
        centres, numbers = unique(keys.five)
        if self._is_noise(len(centres), symbols):
            return BlockMap(symbols, None, own=self._by_convolution(i, symbols))
        rows = self._rows_of(i, keys, centres)
        return BlockMap(symbols, rows[torch.from_numpy(numbers.ravel()).to(self.device)], len(centres))

    def _repainted(self, i: int, before: BlockMap, symbols: np.ndarray, painted: Box) -> BlockMap | None:
        """The label map of ``before`` with these symbols, which differ in the box ``painted`` only.

        Returns None where the result would be a map of noise.
        """
        assert before.index is not None
        if painted.empty:
            return replace(before, symbols=symbols)
        near = painted.grown(2).within(symbols.shape)
        count = symbol_count(self.config)
        keys = window_keys(near.grown(2).cut(symbols, count)[None], count)
        centres, numbers = unique(keys.five)
        index = before.index.clone()
        rows = self._rows_of(i, keys, centres)
        index.view(symbols.shape)[near.slices] = rows[torch.from_numpy(numbers[0]).to(self.device)]
        distinct = before.distinct + len(centres)
        if self._is_noise(distinct, symbols):
            distinct = int(self._seen(i, [index]).count_nonzero())
        return None if self._is_noise(distinct, symbols) else BlockMap(symbols, index, distinct)

    def _is_noise(self, distinct: int, symbols: np.ndarray) -> bool:
        """Whether a map has so many distinct neighbourhoods that convolutions are cheaper than a table."""
        return symbols.size >= BY_CONVOLUTION and distinct > MOST_DISTINCT * symbols.size

    def _rows_of(self, i: int, keys: Keys, centres: np.ndarray) -> Tensor:
        """The row numbers, int32 [n], of the pixels at flat positions ``centres``; missing rows are computed."""
        rows, wanted = self.rows[i], keys.five.ravel()[centres].tolist()
        found = rows.find(wanted)
        missing = np.flatnonzero(found < 0)
        if missing.size:
            near = neighbourhoods(keys, symbol_count(self.config), centres[missing], self.device)
            rows.add([wanted[m] for m in missing.tolist()], self.tables[i].rows(near))
            found[missing] = np.arange(len(rows.numbers) - missing.size, len(rows.numbers))
        return torch.from_numpy(found).to(self.device)

    def _by_convolution(self, i: int, symbols: np.ndarray) -> list[Pair]:
        """Each norm's scale and shift [h·w, ch] for the block with index i, by the plain convolutions."""
        classes, block = self.config.classes, self.blocks[i]
        maps = torch.from_numpy(symbols.astype(np.int64))[None].to(self.device)
        edges = (maps // classes).float() if self.config.instance_edges else None
        modulation = self.generator.block_modulation(block, maps % classes, edges)
        flat = [
            [t[0].flatten(1).T.contiguous() for t in modulation[name]] for name, _ in block.row.norms()
        ]  # [h·w, ch]
        folded = [fold(norm, 1 + gamma, beta) for norm, (gamma, beta) in zip(self.norms[i], flat)]
        return [(scale.to(self.dtype), shift.to(self.dtype)) for scale, shift in folded]
