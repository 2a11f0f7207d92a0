"""Reading and writing checkpoints: folders of this project, and the files that the paper's authors released.

A folder of this project holds ``generator.safetensors`` and, where there is one, ``encoder.safetensors``,
``segmenter.safetensors`` and the training record ``record.json``. The headers of generator and encoder hold
configuration, taxonomy and title, and the segmenter's holds its own configuration, so that no file needs another one.
The generator's header may also state the terms of all weights.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from safetensors.torch import save
from torch import nn

from model.checkpoint.manifest import (
    Shapes,
    State,
    bad_checkpoint,
    bare_networks,
    check_config,
    check_file_size,
    our_manifest,
    refuse_misfit,
    released_manifest,
)
from model.checkpoint.released import fold_spectral_norm, infer_config, read_pth
from model.checkpoint.segmenter import load_segmenter, segmenter_bytes
from model.checkpoint.tensors import fill, load_tensors, read_metadata, stored
from model.errors import InputError
from model.network.config import GroupDNetConfig
from model.network.encoder import Encoder
from model.network.groupdnet import Generator
from model.perception.label_reader import LabelReader
from model.recipe.taxonomy import Taxonomy, taxonomy_for
from model.recipe.terms import Terms

FORMAT = "groupdnet-studio 1"  # name and version of the format, in every generator's and encoder's header
GENERATOR_FILE, ENCODER_FILE, SEGMENTER_FILE = "generator.safetensors", "encoder.safetensors", "segmenter.safetensors"
RECORD_FILE = "record.json"
RELEASED_GENERATOR = "latest_net_G.pth"
MAX_METADATA_BYTES = 2**20
MAX_RECORD_BYTES = 16 * 2**20


@dataclass
class Checkpoint:
    """Networks that are ready to run: float32, in eval mode, spectral norm folded into the weights.

    ``fingerprint`` is the SHA-256 of everything that decides a picture's pixels: the generator's tensors, with their
    names and shapes, and its configuration. Encoder and segmenter do not count, nor do the ``terms``: the licence of
    the weights and what they learned from. ``folder`` is where the checkpoint was loaded from. Raises InputError
    "bad_checkpoint" where taxonomy or segmenter have another number of classes.
    """

    config: GroupDNetConfig
    taxonomy: Taxonomy
    generator: Generator
    encoder: Encoder | None = None
    segmenter: LabelReader | None = None
    title: str = ""
    terms: Terms = field(default_factory=Terms)
    record: dict[str, Any] | None = None
    folder: Path | None = None
    format: str = "in memory"
    fingerprint: str = field(default="")

    def __post_init__(self) -> None:
        if len(self.taxonomy) != self.config.classes:
            raise bad_checkpoint(
                f"The taxonomy {self.taxonomy.name} has {len(self.taxonomy)} classes, "
                f"but the network has {self.config.classes}."
            )
        if self.segmenter is not None and self.segmenter.config.classes != self.config.classes:
            raise bad_checkpoint(
                f"{SEGMENTER_FILE} tells {self.segmenter.config.classes} classes apart, "
                f"but the network has {self.config.classes}."
            )
        self.title = self.title or self.taxonomy.name
        self.fingerprint = self.fingerprint or _fingerprint(self.config, self.generator)


def _fingerprint(config: GroupDNetConfig, generator: Generator) -> str:
    """The SHA-256, in hexadecimal, of configuration and weights, without what leaves the pixels alone."""
    pixels = {key: value for key, value in config.to_json().items() if not key.startswith(("encoder", "unused"))}
    digest = hashlib.sha256(json.dumps(pixels, sort_keys=True).encode())
    for key, tensor in sorted(generator.state_dict().items()):
        if tensor.is_floating_point():
            digest.update(f"{key} {list(tensor.shape)}\n".encode())
            digest.update(tensor.detach().cpu().float().contiguous().numpy().astype("<f4", copy=False).data)
    return digest.hexdigest()


def load_checkpoint(path: str | Path) -> Checkpoint:
    """The checkpoint in a folder or generator file of this project, or in a released folder or ``.pth`` file.

    Encoder and segmenter files beside the generator's are loaded too. Raises InputError "bad_checkpoint" with the first
    twenty faults in its details. Code inside a file is never run.
    """
    path = Path(path)
    if path.is_dir():
        found = [path / name for name in (GENERATOR_FILE, RELEASED_GENERATOR) if (path / name).is_file()]
        if not found:
            raise bad_checkpoint(
                f"The folder {path} holds no checkpoint; allowed is {GENERATOR_FILE} or {RELEASED_GENERATOR} in it."
            )
        path = found[0]
    if not path.is_file():
        raise bad_checkpoint(f"There is no checkpoint at {path}.")
    if path.suffix == ".safetensors":
        return _load_ours(path)
    if path.suffix == ".pth":
        return _load_released(path)
    raise bad_checkpoint(f"{path.name} is no checkpoint; allowed is a folder, a .safetensors file or a .pth file.")


@dataclass(frozen=True)
class _Header:
    """The metadata in the header of a generator's or encoder's file."""

    part: str  # "generator" or "encoder"
    config: GroupDNetConfig
    taxonomy: Taxonomy
    title: str
    terms: Terms = field(default_factory=Terms)  # in the generator's header alone

    def to_metadata(self) -> dict[str, str]:
        config, taxonomy = json.dumps(self.config.to_json()), json.dumps(self.taxonomy.to_json())
        stated = {key: text for key, text in asdict(self.terms).items() if text}
        return {
            "format": FORMAT,
            "part": self.part,
            "title": self.title,
            "config": config,
            "taxonomy": taxonomy,
        } | stated

    @classmethod
    def from_metadata(cls, metadata: dict[str, str] | None, part: str, name: str) -> _Header:
        """The header of the file called ``name``, which must hold ``part``; raises InputError "bad_checkpoint"."""
        metadata = metadata or {}
        if metadata.get("format") != FORMAT:
            raise bad_checkpoint(f"{name} has the format {metadata.get('format')!r}; allowed is {FORMAT!r}.")
        if metadata.get("part") != part:
            raise bad_checkpoint(f"{name} holds the part {metadata.get('part')!r}; allowed is {part!r}.")
        size = sum(map(len, metadata.values()))
        if size > MAX_METADATA_BYTES:
            raise bad_checkpoint(f"{name} has a header of {size:,} bytes; allowed is at most {MAX_METADATA_BYTES:,}.")
        try:
            config = GroupDNetConfig.from_json(json.loads(metadata["config"]))
            check_config(config)
            taxonomy = Taxonomy.from_json(json.loads(metadata["taxonomy"]))
            terms = Terms(metadata.get("licence", ""), metadata.get("source", ""))
        except (KeyError, ValueError, TypeError, RecursionError) as error:
            details = error.details if isinstance(error, InputError) else None
            message = str(error).removesuffix(".")
            wrong = InputError(f"{name}: {message}.", code="bad_checkpoint", field="checkpoint", details=details)
            raise wrong from error
        return cls(part, config, taxonomy, metadata.get("title", ""), terms)


def _load_ours(path: Path) -> Checkpoint:
    header = _Header.from_metadata(read_metadata(path), "generator", path.name)
    generator, encoder = bare_networks(header.config)
    load_tensors(generator, path, config=header.config.to_json())
    encoder_path = path.parent / ENCODER_FILE
    has_encoder = encoder_path.is_file()
    if has_encoder:
        encoder_header = _Header.from_metadata(read_metadata(encoder_path), "encoder", encoder_path.name)
        if encoder_header.config != header.config:
            raise bad_checkpoint(f"{encoder_path.name} and {path.name} come from checkpoints of different configs.")
        load_tensors(encoder, encoder_path, config=header.config.to_json())
    return Checkpoint(
        header.config,
        header.taxonomy,
        generator,
        encoder if has_encoder else None,
        _segmenter_beside(path),
        title=header.title,
        terms=header.terms,
        record=_read_record(path.parent / RECORD_FILE),
        folder=path.parent,
        format="safetensors",
    )


def _segmenter_beside(path: Path) -> LabelReader | None:
    beside = path.parent / SEGMENTER_FILE
    return load_segmenter(beside) if beside.is_file() else None


def _read_record(path: Path) -> dict[str, Any] | None:
    if not path.is_file():
        return None
    check_file_size(path.name, path.stat().st_size, MAX_RECORD_BYTES)
    try:
        record = json.loads(path.read_text(encoding="utf-8"), parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise bad_checkpoint(f"{path.name} is not JSON: {error}.") from error
    if not isinstance(record, dict):
        raise bad_checkpoint(f"{path.name} holds a {type(record).__name__}; allowed is an object.")
    return record


def _no_number(name: str) -> None:
    raise ValueError(f"{name} is no number in JSON")


def save_checkpoint(folder: str | Path, checkpoint: Checkpoint, half: bool = True) -> Checkpoint:
    """Write a checkpoint into ``folder``, and return it as it is loaded from there.

    With ``half``, weights are stored as float16 wherever they fit; biases and running statistics stay float32. Every
    file is written under another name and then renamed, so that no reader finds half of one.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    parts: list[tuple[str, str, nn.Module | None]] = [
        (ENCODER_FILE, "encoder", checkpoint.encoder),
        (GENERATOR_FILE, "generator", checkpoint.generator),
    ]
    files: dict[str, bytes | None] = {}
    record = checkpoint.record
    files[RECORD_FILE] = None if record is None else (json.dumps(record, indent=1, allow_nan=False) + "\n").encode()
    for file_name, part, network in parts:
        terms = checkpoint.terms if part == "generator" else Terms()
        header = _Header(part, checkpoint.config, checkpoint.taxonomy, checkpoint.title, terms)
        files[file_name] = None if network is None else save(stored(network, half), metadata=header.to_metadata())
    segmenter = checkpoint.segmenter
    files[SEGMENTER_FILE] = None if segmenter is None else segmenter_bytes(segmenter, half)
    _write_files(folder, files)
    return load_checkpoint(folder)


def _write_files(folder: Path, files: dict[str, bytes | None]) -> None:
    """Write all files under temporary names, then rename each; a file whose content is None is removed."""
    temporary: dict[str, str] = {}
    try:
        for name, content in files.items():
            if content is None:
                continue
            handle, temporary[name] = tempfile.mkstemp(prefix=f".{name}.", dir=folder)
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.chmod(temporary[name], 0o644)
        for name, content in files.items():
            if content is None:
                (folder / name).unlink(missing_ok=True)
            else:
                os.replace(temporary.pop(name), folder / name)
    finally:
        for left in temporary.values():
            os.unlink(left)


def _load_released(path: Path) -> Checkpoint:
    state = read_pth(path)
    encoder_path = path.with_name(path.name.replace("_net_G", "_net_E"))
    encoder_state = None
    if encoder_path != path and encoder_path.is_file():
        encoder_state = read_pth(encoder_path)
    config = infer_config(_shapes(state), _shapes(encoder_state or {}))
    manifests = released_manifest(config)
    generator, encoder = bare_networks(config)
    unused = tuple(f"{row.name}." for row in config.unused)
    refuse_misfit(path.name, _shapes(state), manifests["generator"], config=config.to_json())
    if unused:
        state = {key: tensor for key, tensor in state.items() if not key.startswith(unused)}
    fill(generator, fold_spectral_norm(state, our_manifest(generator)), path.name)
    if encoder_state is not None:
        refuse_misfit(encoder_path.name, _shapes(encoder_state), manifests["encoder"], config=config.to_json())
        fill(encoder, fold_spectral_norm(encoder_state, our_manifest(encoder)), encoder_path.name)
    taxonomy = taxonomy_for(config.classes)
    return Checkpoint(
        config,
        taxonomy,
        generator,
        encoder if encoder_state is not None else None,
        _segmenter_beside(path),
        title=TITLES.get(taxonomy.name, f"{config.classes} classes"),
        folder=path.parent,
        format="released .pth",
    )


# Titles of released checkpoints, by the name of the taxonomy.
TITLES = {"landscape": "Landscape", "deepfashion": "DeepFashion", "cityscapes": "Cityscapes", "ade20k": "ADE20K"}


def _shapes(state: State) -> Shapes:
    return {key: list(tensor.shape) for key, tensor in state.items()}


def convert(source: str | Path, folder: str | Path) -> Checkpoint:
    """Write a checkpoint of any kind as a folder of this project, in float32, so that it gives the same pixels."""
    return save_checkpoint(folder, load_checkpoint(source), half=False)
