"""A tiny model that every test can have: the landscape's classes and layout, 64×64 pixels, narrow, random weights."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, settings

os.environ.setdefault("OMP_NUM_THREADS", "1")  # the tests share their cores; a busy core makes two threads wait

import torch
from archives import write_archive
from small_checkpoints import fresh
from starlette.testclient import TestClient
from studio import open_studio
from torch import nn

from model.checkpoint import Checkpoint, save_checkpoint
from model.network.config import Block, GroupDNetConfig
from model.network.encoder import Encoder
from model.network.groupdnet import Generator
from model.perception.segmenter import Segmenter, SegmenterConfig
from model.perception.store import SETTING
from model.recipe.taxonomy import TAXONOMIES
from model.recipe.terms import Terms

# Time says little on a machine that does other things too.
settings.register_profile("patient", deadline=None, max_examples=50, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")

# How much a layer amplifies, by the first of these that is part of its name.
GAINS = {
    "mlp_shared": 1.1,
    "mlp_": 0.35,  # γ varies around 0 and no pixel saturates
    "fc_mu": 12.0,  # codes from photos are as far apart as samples of the prior
    "layer": 1.4,
    "": 1.1,
}


def narrow_config(**changes: object) -> GroupDNetConfig:
    """The landscape preset's shape with 24 channels and less."""
    names = ("head_0", "G_middle_0", "G_middle_1", "up_0", "up_1", "up_2", "up_3")
    widths = (24, 24, 24, 24, 16, 16, 8, 8)
    groups = (12, 12, 6, 4, 4, 2, 1)
    rows = tuple(Block(n, i, o, g, 12, g, g) for n, i, o, g in zip(names, widths, widths[1:], groups))
    settings = {"shared_codes": True, "encoder_norm": False, "noise": True, "smooth": 3, **changes}
    return GroupDNetConfig(12, (64, 64), 12, rows, encoder_width=24, **settings)  # type: ignore[arg-type]


def random_checkpoint(config: GroupDNetConfig, seed: int = 0, taxonomy: str = "landscape") -> Checkpoint:
    """Seeded random weights whose pictures depend on codes and labels alike."""
    random = torch.Generator().manual_seed(seed)
    generator, encoder = Generator(config), Encoder(config)
    for network in (generator, encoder):
        for name, parameter in network.named_parameters():
            gain = next(gain for part, gain in GAINS.items() if part in name)
            spread = gain * parameter[0].numel() ** -0.5 if parameter.ndim > 1 else 0.1
            nn.init.normal_(parameter, std=spread, generator=random)
    segmenter = random_segmenter(SegmenterConfig(config.classes, (32, 32), (8, 12, 16), (2,)), seed)
    networks = generator.eval(), encoder.eval(), segmenter
    return Checkpoint(config, TAXONOMIES[taxonomy], *networks, title="Tiny", terms=Terms("CC0, made for tests"))


def random_segmenter(config: SegmenterConfig, seed: int = 0) -> Segmenter:
    """Seeded random weights that tell bright from dark."""
    random = torch.Generator().manual_seed(seed)
    segmenter = Segmenter(config)
    for parameter in segmenter.parameters():
        if parameter.ndim > 1:
            nn.init.normal_(parameter, std=1.4 * parameter[0].numel() ** -0.5, generator=random)
    return segmenter.eval()


@pytest.fixture(scope="session")
def tiny_config() -> GroupDNetConfig:
    return narrow_config()


@pytest.fixture(scope="session")
def tiny_checkpoint(tmp_path_factory: pytest.TempPathFactory, tiny_config: GroupDNetConfig) -> Path:
    """A checkpoints folder that holds ``tiny/``: generator, encoder and segmenter."""
    folder = tmp_path_factory.mktemp("checkpoints")
    save_checkpoint(folder / "tiny", random_checkpoint(tiny_config))
    return folder


@pytest.fixture(scope="session")
def tiny_without_encoder(tmp_path_factory: pytest.TempPathFactory, tiny_config: GroupDNetConfig) -> Path:
    """A checkpoints folder that holds ``tiny/``, the same generator alone."""
    folder = tmp_path_factory.mktemp("without_encoder")
    checkpoint = random_checkpoint(tiny_config)
    checkpoint.encoder = checkpoint.segmenter = None
    save_checkpoint(folder / "tiny", checkpoint)
    return folder


@pytest.fixture(scope="module")
def client(tiny_checkpoint: Path) -> Iterator[TestClient]:
    """A studio with the tiny model."""
    with open_studio(tiny_checkpoint) as client:
        yield client


@pytest.fixture(scope="module")
def no_encoder(tiny_without_encoder: Path) -> Iterator[TestClient]:
    """A studio whose tiny model is a generator alone."""
    with open_studio(tiny_without_encoder) as client:
        yield client


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """A released generator alone; an encoder's file takes long to write."""
    return write_archive(tmp_path / "archive", encoder=False)


@pytest.fixture
def whole_archive(tmp_path: Path) -> Path:
    return write_archive(tmp_path / "archive")


@pytest.fixture
def ours(tmp_path: Path) -> Path:
    folder = tmp_path / "ours"
    save_checkpoint(folder, fresh(title="Tiny"))
    return folder


@pytest.fixture(scope="session")
def scene() -> np.ndarray:
    """A label map 64×64: sky over mountain over grass, with a lake and a house."""
    labels = np.zeros((64, 64), np.uint8)
    labels[20:32] = 2
    labels[32:] = 4
    labels[40:56, 8:40] = 6
    labels[34:44, 46:58] = 11
    return labels


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache folder, and torch's own beside it."""
    monkeypatch.setenv(SETTING, str(tmp_path / "cache"))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    return tmp_path / "cache"
