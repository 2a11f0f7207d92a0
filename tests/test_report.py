"""The doctor: what a checkpoint is, and what it can do."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from small_checkpoints import fresh

from model.checkpoint import Checkpoint, describe, inspect, load_checkpoint, save_checkpoint
from model.network.encoder import Encoder
from model.network.groupdnet import Generator
from model.network.presets import PRESETS
from model.recipe.taxonomy import TAXONOMIES
from model.recipe.terms import Terms


def test_the_report_says_what_a_checkpoint_is_and_can(whole_archive: Path) -> None:
    report = inspect(whole_archive)
    facts = json.loads(json.dumps(report.to_json()))
    assert facts["ok"] is True
    assert (facts["preset"], facts["width"], facts["title"]) == ("deepfashion", 16, "DeepFashion")
    assert (facts["image_size"], facts["latent_size"], facts["code_shape"]) == ([256, 256], [4, 4], [8, 4, 4])
    assert facts["classes"][1] == {"index": 1, "name": "hair", "colour": "#ff0000", "display": "#7a4a34"}
    assert facts["unknown"] is None and not facts["instance_edges"] and not facts["shared_codes"]
    assert facts["parameters"] == {"generator": 2_586_355, "encoder": 12_835_712}
    able = {name for name, state in facts["applications"].items() if state["available"]}
    assert facts["encoder"] and able == facts["applications"].keys() - {"segment"}
    assert [row["groups"] for row in facts["blocks"]] == [8, 8, 4, 4, 2, 2, 1]
    assert facts["fingerprint"] == load_checkpoint(whole_archive).fingerprint
    assert facts["record"] is None
    for words in ("deepfashion, ngf 16", "8: background, hair", "256×256", "2,586,355", "head_0       256 → 256"):
        assert words in report.to_text()


def test_the_report_says_under_which_terms_the_weights_are(tmp_path: Path, whole_archive: Path) -> None:
    save_checkpoint(tmp_path, fresh(terms=Terms("CC BY 4.0", "stripes")))
    stated, released = inspect(tmp_path), inspect(whole_archive)
    assert (stated.to_json()["licence"], stated.to_json()["source"]) == ("CC BY 4.0", "stripes")
    assert "licence      CC BY 4.0\nsource       stripes\n" in stated.to_text()
    assert released.to_json()["licence"] is None and released.to_json()["source"] is None
    assert "licence      not stated\nsource       not stated\n" in released.to_text()


def test_without_an_encoder_the_report_says_what_does_not_work(archive: Path) -> None:
    report = inspect(archive)
    able = report.to_json()["applications"]
    assert [name for name in able if able[name]["available"]] == [
        "render",
        "resample",
        "mix",
        "manipulate",
        "morph",
        "fit",
    ]
    assert able["encode"]["reason"].startswith("this checkpoint has no encoder")
    assert report.to_json()["parameters"]["encoder"] is None
    assert "encode     no: this checkpoint has no encoder" in report.to_text()


@pytest.mark.parametrize("preset", PRESETS)
def test_the_report_knows_the_presets_and_the_released_sizes(preset: str) -> None:
    config = PRESETS[preset]()
    with torch.device("meta"):
        networks = Generator(config), Encoder(config)
    facts = describe(Checkpoint(config, TAXONOMIES[preset], *networks, fingerprint="0" * 64)).to_json()
    assert (facts["preset"], facts["width"]) == (
        preset,
        {"deepfashion": 160, "cityscapes": 280, "ade20k": 64, "landscape": None}[preset],
    )
    if preset == "deepfashion":
        assert facts["parameters"] == {"generator": 96_324_451, "encoder": 12_835_712}


def test_a_network_of_other_rows_is_described_by_its_rows(ours: Path) -> None:
    report = inspect(ours)
    assert report.to_json()["preset"] is None
    assert "none of the presets" in report.to_text()
    assert report.to_json()["shared_codes"] and report.to_json()["code_shape"] == [8, 1, 1]
