"""The models in the checkpoints folder: which there are, what each can do, and which ones are in memory."""

from __future__ import annotations

import shlex
import threading
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from model.errors import InputError
from model.network.config import GroupDNetConfig
from model.recipe.taxonomy import Taxonomy
from server.settings import Settings
from server.web.errors import sentence

if TYPE_CHECKING:  # importing the engine imports torch, which takes a second; the server listens before that
    from model.engine import Engine

Signature = tuple[tuple[str, int, int], ...]  # name, bytes and time of each file; a change means another checkpoint


@dataclass(frozen=True)
class Model:
    """A checkpoint that can be used; ``report`` is the doctor's, as JSON."""

    id: str
    path: Path
    signature: Signature
    title: str
    config: GroupDNetConfig
    taxonomy: Taxonomy
    encoder: bool
    fingerprint: str
    report: dict[str, Any]

    def row(self) -> dict[str, Any]:
        """Its line in the list of models."""
        return {
            "id": self.id,
            "title": self.title,
            "image_size": list(self.config.image_size),
            "classes": self.config.classes,
            "encoder": self.encoder,
            "licence": self.report["licence"],
        }


@dataclass(frozen=True)
class Unavailable:
    """A checkpoint that cannot be used, why, and the doctor's report where it came so far."""

    id: str
    path: Path
    signature: Signature
    reason: str
    report: dict[str, Any] | None = None


class Registry:
    """The models by id. Every folder of ``settings.checkpoints`` with safetensors is one, its id the folder's name.

    ``refresh``, ``find`` and ``listing`` may be called from any thread, ``engine`` only from the one that owns the
    models.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._rows: dict[str, Model | Unavailable] = {}
        self._engines: OrderedDict[tuple[str, Signature], Engine] = OrderedDict()

    def refresh(self) -> None:
        """Look at the folder again; only checkpoints whose files changed are read."""
        with self._lock:
            rows: dict[str, Model | Unavailable] = {}
            for path in _candidates(self._settings.checkpoints):
                key, signature = path.stem if path.is_file() else path.name, _signature(path)
                known = self._rows.get(key)
                rows[key] = known if known and known.signature == signature else _read(key, path, signature)
            self._rows = rows

    @property
    def models(self) -> list[Model]:
        """The models that could be used at the last ``refresh``, sorted by id."""
        return [row for row in self._rows.values() if isinstance(row, Model)]

    @property
    def default(self) -> str | None:
        """The id of the model that the page opens with: the setting's, else the first one; None where there is none."""
        ids = [model.id for model in self.models]
        wanted = self._settings.default_model
        return wanted if wanted in ids else next(iter(ids), None)

    def listing(self) -> dict[str, Any]:
        """The answer to ``GET models``, from the folder as it is now."""
        self.refresh()
        unavailable = [row for row in self._rows.values() if isinstance(row, Unavailable)]
        return {
            "models": [model.row() for model in self.models],
            "default": self.default,
            "unavailable": [{"id": row.id, "reason": row.reason} for row in unavailable],
        }

    def find(self, id: str) -> Model:
        """The model called ``id``. Raises InputError "unknown_model", or "bad_checkpoint" with the doctor's report."""
        if id not in self._rows:
            self.refresh()
        row = self._rows.get(id)
        if isinstance(row, Model):
            return row
        if row is None:
            allowed = [model.id for model in self.models]
            listed = ", ".join(allowed) or "none"
            raise InputError(
                f"There is no model {id!r}; there are: {listed}.",
                code="unknown_model",
                field="model",
                value=id,
                allowed=allowed,
            )
        raise InputError(
            sentence(f"Model {id!r} cannot be used: {row.reason}"),
            code="bad_checkpoint",
            field="model",
            value=id,
            details=row.report,
        )

    def engine(self, model: Model) -> Engine:
        """The model in memory, loaded if it is not there yet; only for the thread that owns the models.

        The least recently used model goes where ``settings.models_loaded`` are in memory. Raises InputError where the
        checkpoint cannot be loaded.
        """
        key = (model.id, model.signature)
        if key not in self._engines:
            from model.checkpoint import load_checkpoint
            from model.engine import Engine

            while len(self._engines) >= self._settings.models_loaded:
                self._engines.popitem(last=False)
            self._engines[key] = Engine(
                load_checkpoint(model.path),
                device=self._settings.device,
                precision=self._settings.precision,
                cache_bytes=self._settings.cache_bytes,
            )
        self._engines.move_to_end(key)
        return self._engines[key]


def _candidates(folder: Path) -> list[Path]:
    """Folders with safetensors or .pth files, and .pth files that lie beside the folders."""
    try:
        paths = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    except OSError:
        return []
    return [path for path in paths if path.suffix == ".pth" or any(_weights(path))]


def _weights(path: Path) -> list[Path]:
    """The files of weights in a folder."""
    return [file for kind in ("*.safetensors", "*.pth") for file in path.glob(kind)] if path.is_dir() else []


def _signature(path: Path) -> Signature:
    """The names, sizes and times of a folder's files, or of a file."""
    rows = []
    for file in sorted(path.iterdir()) if path.is_dir() else [path]:
        try:
            stat = file.stat()
        except OSError:  # removed in this moment, or a link to nowhere
            continue
        rows.append((file.name, stat.st_size, stat.st_mtime_ns))
    return tuple(rows)


def _read(id: str, path: Path, signature: Signature) -> Model | Unavailable:
    """What the doctor says of a checkpoint."""
    if not any(path.glob("*.safetensors")):
        # A .pth is a pickle: the server never opens one, weights-only or not.
        shown = _shown(path)
        reason = f"convert it first with `python -m model convert {shown} {_shown(path.with_name(id))}`."
        return Unavailable(id, path, signature, reason)
    from model.checkpoint import inspect

    try:
        report = inspect(path)
    except (InputError, OSError) as error:
        return Unavailable(id, path, signature, sentence(error))
    if not report.ok or report.config is None or report.taxonomy is None or report.fingerprint is None:
        reason = _diagnosis(report.problems, report.problem_count)
        return Unavailable(id, path, signature, reason, report.to_json())
    return Model(
        id,
        path,
        signature,
        report.title,
        report.config,
        report.taxonomy,
        report.encoder,
        report.fingerprint,
        report.to_json(),
    )


def _shown(path: Path) -> str:
    """A path as one would type it in a shell in the current folder."""
    path, here = path.absolute(), Path.cwd()
    return shlex.quote(str(path.relative_to(here) if path.is_relative_to(here) else path))


def _diagnosis(problems: list[str], count: int) -> str:
    """The first of ``count`` problems, and how many more there are."""
    more = f" (and {count - 1} more)" if count > 1 else ""
    first = problems[0].removesuffix(".") if problems else "the checkpoint cannot be read"
    return sentence(first + more)
