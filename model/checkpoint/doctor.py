"""Reports on checkpoints: what one is and which applications it can do, or what is wrong with it."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from model.checkpoint.checkpoint import Checkpoint, load_checkpoint
from model.checkpoint.manifest import bare_networks
from model.errors import InputError
from model.network.config import GroupDNetConfig
from model.network.cost import pictures_worth
from model.network.presets import ade20k, cityscapes, deepfashion, landscape
from model.recipe.taxonomy import Taxonomy, taxonomy_for
from model.recipe.terms import NOT_STATED, Terms

APPLICATIONS = ("render", "resample", "mix", "manipulate", "morph", "encode", "fit", "segment")
NO_ENCODER = "this checkpoint has no encoder, and encoding turns a photo into codes with one; fit does it without"
FITTED_FIRST = "this checkpoint has no encoder: a photo's style is fitted first"
NO_SEGMENTER = "this checkpoint has no segmenter, and segmentation reads a photo's label map with one"


@dataclass(frozen=True)
class Report:
    """All that is known of a checkpoint.

    Where it cannot be loaded, ``ok`` is False, ``problems`` has the first twenty of ``problem_count`` reasons, and
    fields that could not be read are None.
    """

    ok: bool
    title: str
    problems: list[str] = field(default_factory=list)
    problem_count: int = 0
    format: str | None = None
    config: GroupDNetConfig | None = None
    taxonomy: Taxonomy | None = None
    encoder: bool = False
    segmenter: bool = False
    terms: Terms = field(default_factory=Terms)
    fingerprint: str | None = None
    record: dict[str, Any] | None = None

    def to_json(self) -> dict[str, Any]:
        """The report as the API gives it, with the applications and the sizes of the networks."""
        facts: dict[str, Any] = {"ok": self.ok, "title": self.title, "format": self.format}
        facts |= {"problems": self.problems, "problem_count": self.problem_count}
        if self.config and self.taxonomy:
            facts |= _config_facts(self.config, self.encoder) | {
                "classes": self.taxonomy.to_json()["classes"],
                "taxonomy": self.taxonomy.name,
                "unknown": self.taxonomy.unknown,
            }
        if self.ok and self.config:
            facts |= {"encoder": self.encoder, "applications": self._applications(self.config)}
            facts |= {"licence": self.terms.licence or None, "source": self.terms.source or None}
            facts |= {"fingerprint": self.fingerprint, "record": self.record}
        return facts

    def to_text(self) -> str:
        """The report as lines for a terminal."""
        lines = [self.title, "=" * len(self.title)]
        if self.config and self.taxonomy:
            lines += _config_lines(self.config, self.taxonomy, self.encoder)
        if not self.ok:
            lines += [f"broken       {self.problem_count} problem{'s' if self.problem_count != 1 else ''}"]
            lines += [f"  - {problem}" for problem in self.problems]
            if self.problem_count > len(self.problems):
                lines += [f"  … and {self.problem_count - len(self.problems)} more"]
            return "\n".join(lines)
        lines += [f"licence      {self.terms.licence or NOT_STATED}", f"source       {self.terms.source or NOT_STATED}"]
        lines += [f"format       {self.format}", f"fingerprint  {self.fingerprint}", "applications"]
        for name, state in self._applications(self.config).items() if self.config else ():
            lines += [f"  {name:<11}{_answer(state)}"]
        return "\n".join(lines)

    def _applications(self, config: GroupDNetConfig) -> dict[str, dict[str, Any]]:
        """For each application whether it is available, and the reason where it is not, or a note."""
        able: dict[str, dict[str, Any]] = {name: {"available": True} for name in APPLICATIONS}
        able["fit"]["note"] = f"takes about as long as {pictures_worth(config)} pictures"
        if not self.encoder:
            able["encode"] = {"available": False, "reason": NO_ENCODER}
            able["mix"]["note"] = able["manipulate"]["note"] = FITTED_FIRST
        if not self.segmenter:
            able["segment"] = {"available": False, "reason": NO_SEGMENTER}
        return able


def describe(checkpoint: Checkpoint) -> Report:
    """The report of a checkpoint that could be loaded."""
    return Report(
        ok=True,
        title=checkpoint.title,
        format=checkpoint.format,
        config=checkpoint.config,
        taxonomy=checkpoint.taxonomy,
        encoder=checkpoint.encoder is not None,
        segmenter=checkpoint.segmenter is not None,
        terms=checkpoint.terms,
        fingerprint=checkpoint.fingerprint,
        record=checkpoint.record,
    )


def inspect(path: str | Path) -> Report:
    """The report of the checkpoint at ``path``; a broken file gives a report too, and no error."""
    try:
        return describe(load_checkpoint(path))
    except InputError as error:
        details = error.details or {}
        problems = details.get("problems", [str(error)])
        config = GroupDNetConfig.from_json(details["config"]) if "config" in details else None
        taxonomy = taxonomy_for(config.classes) if config else None
        count = details.get("count", len(problems))
        return Report(False, Path(path).name, problems, count, config=config, taxonomy=taxonomy)


def _answer(state: dict[str, Any]) -> str:
    if not state["available"]:
        return f"no: {state['reason']}"
    return f"yes: {state['note']}" if "note" in state else "yes"


def preset_of(config: GroupDNetConfig) -> tuple[str, int | None] | None:
    """(name, ngf or None) of the preset that ``config`` is at any image size, or None where it is of no preset."""
    head, last = config.blocks[0].outputs, config.blocks[-1].outputs
    sized = (
        ("deepfashion", head // 16, deepfashion),
        ("cityscapes", head // 16, cityscapes),
        ("ade20k", last // 2, ade20k),
    )
    presets: list[tuple[str, int | None, GroupDNetConfig]]
    presets = [(name, ngf, build(ngf)) for name, ngf, build in sized if ngf]
    presets += [("landscape", None, landscape())]
    for name, ngf, preset in presets:
        if config == replace(preset, image_size=config.image_size, encoder_width=config.encoder_width):
            return name, ngf
    return None


def _config_facts(config: GroupDNetConfig, encoder: bool) -> dict[str, Any]:
    preset = preset_of(config)
    generator, bare_encoder = bare_networks(config)
    count = {
        name: sum(parameter.numel() for parameter in network.parameters())
        for name, network in (("generator", generator), ("encoder", bare_encoder))
    }
    return {
        "preset": preset[0] if preset else None,
        "width": preset[1] if preset else None,
        "image_size": list(config.image_size),
        "latent_size": list(config.latent_size),
        "code_shape": list(config.code_shape),
        "shared_codes": config.shared_codes,
        "instance_edges": config.instance_edges,
        "parameters": count if encoder else count | {"encoder": None},
        "blocks": [asdict(row) for row in config.blocks],
    }


def _config_lines(config: GroupDNetConfig, taxonomy: Taxonomy, encoder: bool) -> list[str]:
    facts = _config_facts(config, encoder)
    preset = facts["preset"] or "none of the presets"
    width = f", ngf {facts['width']}" if facts["width"] else ""
    height, across = config.image_size
    names = ", ".join(taxonomy.names[:12]) + (", …" if len(taxonomy.names) > 12 else "")
    encoder_count = facts["parameters"]["encoder"]
    lines = [
        f"preset       {preset}{width}",
        f"classes      {config.classes}: {names}",
        f"picture      {height}×{across}, codes {'×'.join(map(str, config.code_shape))} a class"
        + (", with instance edges" if config.instance_edges else ""),
        f"parameters   generator {facts['parameters']['generator']:,}, "
        + (f"encoder {encoder_count:,}" if encoder_count else "no encoder"),
        "block         in → out    groups  hidden  shared  gamma",
    ]
    for row in config.blocks:
        lines += [
            f"  {row.name:<11}{row.inputs:>5} → {row.outputs:<6}{row.groups:>5}{row.hidden:>9}"
            f"{row.shared_groups:>8}{row.gamma_groups:>7}"
        ]
    return lines + [f"  {row.name:<11}in the released file, never run" for row in config.unused]
