"""Every setting of the server: an environment variable, an option of ``python -m server``, and its help."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from model.errors import InputError

ROOT = Path(__file__).resolve().parent.parent  # the folder of the repository
PREFIX = "GROUPDNET_"

Positive = Annotated[int, Field(ge=1)]


class Settings(BaseSettings):
    """Serves GroupDNet Studio. An option wins over its environment variable, which wins over the default."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="forbid", frozen=True, protected_namespaces=())

    host: str = Field(
        "127.0.0.1", description="Address to listen on. Anything but loopback opens the studio to others."
    )
    port: int = Field(8000, ge=0, le=65535, description="Port to listen on; 0 takes any free one.")
    checkpoints: Path = Field(
        ROOT / "checkpoints", description="Folder whose subfolders are the models; a model's id is its folder's name."
    )
    site: Path = Field(ROOT, description="Folder that holds the page: templates/ and static/.")
    default_model: str = Field(
        "landscape", description="Model that the page opens with; where it is missing, the first available one."
    )
    device: str = Field(
        "auto", description="Where models run: auto (CUDA, then MPS, then CPU), or a torch device name."
    )
    precision: Literal["float32", "bfloat16", "float16"] = Field(
        "float32", description="Number format of the network: float32, bfloat16 or float16."
    )
    cache_bytes: Positive = Field(
        2**30, description="Bytes of modulation each loaded model may keep, by label map and by neighbourhood."
    )
    models_loaded: Positive = Field(2, description="Models kept in memory; the least recently used goes first.")
    upload_bytes: Positive = Field(16 * 2**20, description="Largest request body in bytes, all files together.")
    picture_pixels: Positive = Field(4096 * 4096, description="Most pixels of an uploaded picture or label map.")
    queue_size: Positive = Field(32, description="Requests that may wait for the model; one more is answered with 503.")
    batch_size: Positive = Field(8, description="Most pictures in one pass; a longer request lets others in between.")
    variants: Positive = Field(32, description="Most pictures that one resample request may ask for.")
    references: Positive = Field(16, description="Most references (photo and label map) of one mix request.")
    morph_steps: int = Field(120, ge=2, description="Most frames of one morph request.")
    live_sockets: Positive = Field(64, description="Most painters connected at a time; others are served by POST.")
    live_idle_seconds: Positive = Field(900, description="Seconds without a stroke after which a painter is let go.")
    fits: Positive = Field(2, description="Photos that may be fitted at the same time; one more is answered with 503.")
    fit_steps: Positive = Field(400, description="Most steps of one fit request.")
    warm_up: bool = Field(True, description="Render the starter scenes before /readyz answers 200.")
    shutdown_seconds: Positive = Field(5, description="Seconds that open requests get to finish when the server stops.")
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="Least severe message logged.")


def option(name: str) -> str:
    """Name of a setting on the command line, e.g. ``--queue-size``."""
    return "--" + name.replace("_", "-")


def settings_table() -> str:
    """All settings as a Markdown table, in the order of the class."""
    rows = ["| variable | option | default | meaning |", "|---|---|---|---|"]
    for name, field in Settings.model_fields.items():
        default = field.default
        if isinstance(default, Path):
            default = "this folder" if default == ROOT else default.relative_to(ROOT)
        rows.append(f"| `{PREFIX}{name.upper()}` | `{option(name)}` | `{default}` | {field.description} |")
    return "\n".join(rows)


def read_settings(argv: list[str] | None = None, **values: Any) -> Settings:
    """Settings from ``argv`` over the environment over the defaults.

    Raises InputError naming the first setting that is wrong, its value and what is allowed. ``--help`` exits.
    """
    try:
        return Settings(
            _cli_parse_args=argv or False,
            _cli_prog_name="python -m server",
            _cli_kebab_case=True,
            _cli_avoid_json=True,
            _cli_show_env_vars=True,
            _cli_implicit_flags="dual",
            **values,
        )
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        raise InputError(
            f"Setting {name} ({PREFIX}{name.upper()} or {option(name)}) is {first['input']!r}: {first['msg']}.",
            field=name,
            value=str(first["input"]),
        ) from None
