"""Damaged and hostile files: each is refused in one sentence, and nothing of it is run."""

from __future__ import annotations

import json
import os
import pickle
import shutil
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from small_checkpoints import fresh, refused, rewrite

from model.checkpoint import load_checkpoint, save_checkpoint
from model.checkpoint import manifest as sizes
from model.errors import InputError
from model.recipe.taxonomy import TAXONOMIES


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("kept", [0, 10, 0.3, 0.999])
def test_a_truncated_pth_is_refused(archive: Path, zipped: bool, kept: float) -> None:
    rewrite(archive, lambda state: None, _use_new_zipfile_serialization=zipped)
    path = archive / "latest_net_G.pth"
    content = path.read_bytes()
    path.write_bytes(content[: int(kept * len(content) if kept < 1 else kept)])
    assert "latest_net_G.pth cannot be read as a file of tensors" in str(refused(archive))


class Attack:
    """Unpickling this runs code: it would make a folder."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Callable[[str], None], tuple[str]]:
        return os.mkdir, (str(self.marker),)


@pytest.mark.parametrize("written", ["zip", "legacy", "pickle 2", "pickle 4"])
def test_a_pickle_that_would_run_code_is_refused_and_not_run(archive: Path, tmp_path: Path, written: str) -> None:
    path, marker = archive / "latest_net_G.pth", tmp_path / "marker"
    content = {"fc.weight": Attack(marker)}
    if written.startswith("pickle"):
        path.write_bytes(pickle.dumps(content, protocol=int(written[-1])))
    else:
        torch.save(content, path, _use_new_zipfile_serialization=written == "zip")
    message = str(refused(archive))
    assert not marker.exists()
    assert "\n" not in message and "nothing of it was run" in message
    if written != "pickle 4":  # its names are beyond the reader
        assert message.startswith(f"latest_net_G.pth is a pickle that asks to run {os.mkdir.__module__}.mkdir: refused")
    path.write_bytes(pickle.dumps(content))
    pickle.loads(path.read_bytes())
    assert marker.is_dir()  # the attack is a real one


@pytest.mark.parametrize("kept", [0, 5, 0.01, 0.5, 0.999])
def test_truncated_safetensors_are_refused(ours: Path, kept: float) -> None:
    path = ours / "generator.safetensors"
    content = path.read_bytes()
    path.write_bytes(content[: int(kept * len(content) if kept < 1 else kept)])
    assert "generator.safetensors cannot be read as safetensors" in str(refused(ours))


def change_metadata(path: Path, **changes: str) -> None:
    with safe_open(path, framework="pt") as file:
        metadata = file.metadata()
    save_file(load_file(path), path, metadata=metadata | changes)


def changed_config(**changes: Any) -> str:
    return json.dumps(fresh().config.to_json() | changes)


def changed_row(**changes: Any) -> str:
    config = fresh().config.to_json()
    return json.dumps(config | {"blocks": [config["blocks"][0] | changes, *config["blocks"][1:]]})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"format": "groupdnet-studio 99"}, "format 'groupdnet-studio 99'; allowed is 'groupdnet-studio 1'"),
        ({"part": "encoder"}, "holds the part 'encoder'; allowed is 'generator'"),
        ({"config": "{"}, "Expecting property name"),
        ({"config": "[" * 100_000}, "recursion"),
        ({"config": "3"}, "config is not one of ours"),
        ({"config": changed_config(ngf=3)}, "config is not one of ours.*ngf"),
        ({"config": changed_config(classes=10**9)}, "classes is 1000000000, allowed are 1 … 255"),
        ({"config": changed_config(classes="12")}, "classes is '12'"),
        ({"config": changed_config(classes=True)}, "classes is True"),
        ({"config": changed_config(noise=1)}, "noise is 1, allowed are true and false"),
        ({"config": changed_config(smooth=7)}, "smooth is 7, allowed are 0 … 6"),
        ({"config": changed_config(image_size=[100, 256])}, r"image_size is \[100, 256\], allowed are two multiples"),
        ({"config": changed_config(image_size=[64000, 64000])}, "≤ 2048"),
        ({"config": changed_config(encoder_side=100)}, "encoder_side is 100, allowed are null and multiples of 64"),
        ({"config": changed_config(encoder_side=64, shared_codes=False)}, "only where shared_codes is true"),
        ({"config": changed_config(blocks=[])}, "it has 0 blocks"),
        ({"config": changed_config(fc_groups=7)}, "fc_groups 7 does not divide"),
        ({"config": changed_row(hidden=10**12)}, "head_0.hidden is 1000000000000, allowed are 1 … 16384"),
        ({"config": changed_row(inputs=-4)}, "head_0.inputs is -4"),
        ({"config": changed_row(groups=0)}, "head_0.groups is 0"),
        ({"config": changed_row(groups=5)}, "head_0.groups 5 does not divide inputs 48"),
        ({"config": changed_row(outputs=24)}, "G_middle_0 takes 48 channels, but the block before it gives 24"),
        ({"config": changed_row(name="../up")}, "its blocks are called"),
        ({"config": changed_row(name="up_3")}, "all different"),
        ({"config": changed_row(hidden=48)}, "does not fit: head_0.norm_0.mlp_shared.0.weight has the shape"),
        ({"config": changed_config(noise=False)}, "head_0.noise_gain .* is unexpected"),
        ({"taxonomy": "{}"}, "taxonomy needs name"),
        ({"taxonomy": json.dumps(TAXONOMIES["deepfashion"].to_json())}, "has 8 classes, but the network has 12"),
        (
            {"licence": "free\nfor all"},
            r"licence has the character '\\n'; allowed is one line of characters that can be seen",
        ),
        ({"licence": "free \x1b[31m"}, "has the character '.x1b'"),
        ({"source": "\u202egpj"}, "source has the character '.u202e'"),
        ({"licence": "x" * 401}, "generator.safetensors: licence has 401 characters; allowed is at most 400"),
        ({"title": "x" * 2**21}, "header of 2,.* bytes; allowed is at most 1,048,576"),
    ],
)
def test_a_header_that_cannot_be_trusted_is_refused(ours: Path, changes: dict[str, str], message: str) -> None:
    change_metadata(ours / "generator.safetensors", **changes)
    with pytest.raises(InputError, match=message):
        raise refused(ours)


def test_safetensors_of_somebody_else_are_refused(ours: Path) -> None:
    save_file({"a": torch.zeros(3)}, ours / "generator.safetensors")
    assert str(refused(ours)) == "generator.safetensors has the format None; allowed is 'groupdnet-studio 1'."


def test_an_encoder_of_another_checkpoint_is_refused(ours: Path, tmp_path: Path) -> None:
    other = replace(fresh().config, shared_codes=False)
    save_checkpoint(tmp_path / "other", fresh(other))
    shutil.copy(tmp_path / "other" / "encoder.safetensors", ours)
    assert "come from checkpoints of different configs" in str(refused(ours))


@pytest.mark.parametrize(
    ("text", "message"),
    [("{", "is not JSON"), ('{"loss": NaN}', "NaN is no number"), ("[]", "a list; allowed is an object")],
)
def test_a_damaged_record_is_refused(ours: Path, text: str, message: str) -> None:
    (ours / "record.json").write_text(text)
    error = str(refused(ours))
    assert error.startswith("record.json ") and message in error


def test_a_record_with_a_number_that_is_none_is_not_written(ours: Path) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        save_checkpoint(ours, fresh(record={"loss": float("nan")}))
    assert load_checkpoint(ours).record is None


def test_files_that_are_too_large_are_refused(ours: Path, archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sizes, "MAX_FILE_BYTES", 1000)
    for folder, name in ((ours, "generator.safetensors"), (archive, "latest_net_G.pth")):
        size = (folder / name).stat().st_size
        assert str(refused(folder)) == f"{name} has {size:,} bytes; allowed is at most 1,000."


def test_a_pth_that_unpacks_to_more_than_it_seems_is_refused(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sizes, "MAX_FILE_BYTES", 10**6)
    with zipfile.ZipFile(archive / "latest_net_G.pth", "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("archive/data/0", bytes(2 * 10**6))
    assert "latest_net_G.pth unpacked has 2,000,000 bytes; allowed is at most 1,000,000." in str(refused(archive))


def test_paths_without_a_checkpoint_are_refused(tmp_path: Path) -> None:
    assert "allowed is generator.safetensors or latest_net_G.pth in it" in str(refused(tmp_path))
    assert f"There is no checkpoint at {tmp_path / 'nowhere'}" in str(refused(tmp_path / "nowhere"))
    (tmp_path / "notes.txt").write_text("hello")
    assert "notes.txt is no checkpoint; allowed is a folder" in str(refused(tmp_path / "notes.txt"))
