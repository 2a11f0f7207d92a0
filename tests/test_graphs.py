"""CUDA graphs: the usual path's picture, also when tables and codes change; without CUDA the usual path."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import numpy as np
import pytest
import torch
from conftest import narrow_config, random_checkpoint
from torch import Tensor

from model.engine import Engine
from model.engine.graphs import KEPT, Graphs


def double(inputs: Sequence[Tensor], tables: Sequence[Tensor]) -> Tensor:
    return 2 * inputs[0] + tables[0]


@pytest.mark.skipif(torch.cuda.is_available(), reason="where capturing cannot work")
def test_what_cannot_be_captured_goes_the_usual_way_and_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    graphs, table = Graphs(double), torch.ones(3)
    with caplog.at_level(logging.WARNING, "groupdnet.engine"):
        for i in range(4):
            assert torch.equal(graphs([torch.full((3,), float(i))], [table]), torch.full((3,), 2.0 * i + 1))
    assert [record.message.split(":")[0] for record in caplog.records] == ["CUDA graphs are left out"]


needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")


@needs_cuda
def test_a_graph_reads_its_inputs_and_tables_anew() -> None:
    graphs, table = Graphs(double), torch.ones(3, device="cuda")
    for i in range(6):
        table.fill_(i)
        x = torch.full((3,), float(i), device="cuda")
        assert torch.equal(graphs([x], [table]), 3 * x)
    assert len(graphs._kept) == 1 and not graphs.failed
    for _ in range(2 * KEPT):
        other = torch.ones(3, device="cuda")
        for _ in range(3):
            assert torch.equal(graphs([x], [other]), 2 * x + 1)
    assert len(graphs._kept) <= KEPT


@needs_cuda
def test_pictures_by_graphs_are_those_of_a_fresh_engine(scene: np.ndarray) -> None:
    ckpt = random_checkpoint(narrow_config(noise=True))
    codes = np.random.default_rng(0).standard_normal((4, 8 * 12, 1, 1)).astype(np.float32)
    engine, stroke = Engine(ckpt, "cuda"), scene.copy()
    for i in range(8):
        stroke[8 * i : 8 * i + 3] = i
        for labels in (scene, scene, scene, stroke, stroke):
            pictures = engine.synthesize(labels, codes[i % 4][None])
            expected = Engine(ckpt, "cuda").synthesize(labels, codes[i % 4][None])
            assert float((pictures - expected).abs().max()) < 1e-4
    assert engine.synthesis.graphs is not None and not engine.synthesis.graphs.failed
