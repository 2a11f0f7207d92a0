"""CUDA graphs: a pass of the network as one launch, where Python would be slower than the GPU.

A graph is for one number of pictures, and it reads the tables where they stood when it was captured: there is one for
each number and place. It is captured when the same pass comes twice in a row, and its picture is compared with the
usual path's. Where that differs, or anything fails, every pass goes the usual way from then on.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

log = logging.getLogger("groupdnet.engine")
KEPT = 4  # graphs, each with memory of its own for a pass; the least recently used goes first
CLOSE = 1e-4  # of pictures in [−1, 1]: by the graph and by the usual path


@dataclass
class Captured:
    """A graph, and the tensors that it reads and writes."""

    graph: torch.cuda.CUDAGraph
    inputs: list[Tensor]
    output: Tensor


class Graphs:
    """``work(inputs, tables)`` by graphs; tables are read in place, inputs are copied."""

    def __init__(self, work: Callable[[Sequence[Tensor], Sequence[Tensor]], Tensor]) -> None:
        self.work, self.failed = work, False
        self._kept: OrderedDict[Hashable, Captured] = OrderedDict()
        self._last: Hashable = None

    def __call__(self, inputs: Sequence[Tensor], tables: Sequence[Tensor]) -> Tensor:
        """What ``work`` gives. A tensor of its own, good after the next call too."""
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
            except Exception as error:  # the usual path is always there
                log.warning("CUDA graphs are left out: %s", error)
                self.failed = True
                self._kept.clear()
        while len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        return output

    def _capture(self, inputs: Sequence[Tensor], tables: Sequence[Tensor], expected: Tensor) -> Captured:
        own = [tensor.clone() for tensor in inputs]
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, capture_error_mode="thread_local"):
            output = self.work(own, tables)
        captured = Captured(graph, own, output)
        output.zero_()  # what is compared is what the replay wrote
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
