"""CUDA graphs: a pass of the network as one launch, since Python would launch its kernels slower than a GPU runs them.

A graph serves one number of pictures, and it reads the tables at the addresses that they had when it was captured, so
there is one for each number of pictures and each set of addresses. It is captured when the same pass comes twice in a
row, and its picture is compared with the usual path's. Where they differ, or where anything fails, every later pass
goes the usual way.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

log = logging.getLogger("groupdnet.engine")
KEPT = 4  # most graphs, each of which holds a pass's memory; the least recently used goes first
CLOSE = 1e-4  # most difference of a graph's picture, in [−1, 1], from the usual path's


@dataclass
class Captured:
    """A graph, with the tensors that it reads and writes."""

    graph: torch.cuda.CUDAGraph
    inputs: list[Tensor]  # copied into before each replay
    output: Tensor  # written by each replay


class Graphs:
    """Calls ``work(inputs, tables)`` through CUDA graphs; inputs are copied, tables are read where they are."""

    def __init__(self, work: Callable[[Sequence[Tensor], Sequence[Tensor]], Tensor]) -> None:
        self.work, self.failed = work, False
        self._kept: OrderedDict[Hashable, Captured] = OrderedDict()
        self._last: Hashable = None

    def __call__(self, inputs: Sequence[Tensor], tables: Sequence[Tensor]) -> Tensor:
        """The result of ``work``, as a tensor that the next call does not overwrite."""
        if self.failed:
            return self.work(inputs, tables)
        key = (*(tensor.shape for tensor in inputs), *((table.data_ptr(), table.shape) for table in tables))
        if key in self._kept:
            self._kept.move_to_end(key)
            return self._replay(self._kept[key], inputs)
        output, again, self._last = self.work(inputs, tables), key == self._last, key
        if again:
            try:
                self._kept[key] = self._capture(inputs, tables, output)
            except Exception as error:  # any fault: the usual path does the same work
                log.warning("CUDA graphs are left out: %s", error)
                self.failed = True
                self._kept.clear()
        while len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        return output

    def _capture(self, inputs: Sequence[Tensor], tables: Sequence[Tensor], expected: Tensor) -> Captured:
        """A graph of ``work``; raises RuntimeError where its picture is not close to ``expected``."""
        own = [tensor.clone() for tensor in inputs]
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, capture_error_mode="thread_local"):
            output = self.work(own, tables)
        captured = Captured(graph, own, output)
        output.zero_()  # so that the numbers compared are those that the replay writes
        difference = float((self._replay(captured, inputs) - expected).abs().max())
        if not difference <= CLOSE:
            raise RuntimeError(f"a graph's picture differs by {difference:.1e}; allowed is {CLOSE:.0e}")
        return captured

    @staticmethod
    def _replay(captured: Captured, inputs: Sequence[Tensor]) -> Tensor:
        for own, tensor in zip(captured.inputs, inputs):
            own.copy_(tensor)
        captured.graph.replay()
        return captured.output.clone()
