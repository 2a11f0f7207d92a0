"""``python -m model evaluate``: how good a checkpoint is, on scenes that training never saw and on painted maps."""

from __future__ import annotations

import json
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch

from model.checkpoint import load_checkpoint
from model.engine import Engine
from model.errors import InputError
from model.held_out import HeldOut, folder_scenes, painted_maps, world_scenes
from model.measuring import Shown, Survey
from model.progress import Progress
from model.scores import Facts, Goal, Score, class_table, painted_table, scene_table
from model.sheets import sheet

SHOWN, PRIORS_SHOWN = 6, 3  # columns of the sheet, and sampled looks in each
PAINTED_PRIORS = 8
DIVERSITY = 20, 19  # pictures of each class, and pairs of them (the paper has 100 and 19)


def add_arguments(command: ArgumentParser) -> None:
    command.add_argument("checkpoint", metavar="CHECKPOINT", help="folder or file of the model")
    command.add_argument("--scenes", type=int, default=500, help="held-out scenes (default: %(default)s)")
    command.add_argument("--seed", type=int, default=999, help="of the held-out world (default: %(default)s)")
    command.add_argument("--data", default="world", help="'world', a folder of rendered scenes, or a folder of photos")
    command.add_argument("--taxonomy", help="classes of a plain folder of pairs")
    command.add_argument("--skip-unpaired", action="store_true", help="leave out photos without a label map")
    command.add_argument(
        "--maps", metavar="FOLDER", type=Path, help="label maps without photos (default: the studio's starters)"
    )
    command.add_argument(
        "--painted", type=int, default=12, help="of those, and of brush strokes (default: %(default)s)"
    )
    command.add_argument(
        "--diversity-scenes", type=int, default=10, help="scenes of mCSD and mOCD, the first (default: %(default)s)"
    )
    command.add_argument(
        "--fit", type=int, default=0, metavar="N", help="fit the looks of the first N scenes too, as without an encoder"
    )
    command.add_argument("--out", metavar="FOLDER", type=Path, help="where evaluation.json and the sheets go")
    command.add_argument("--json", metavar="FILE", type=Path, help="the same as JSON")
    command.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1 or mps (default: %(default)s)")


def main(args: Namespace) -> None:
    for name, least in (("scenes", 1), ("painted", 0), ("diversity_scenes", 0), ("fit", 0)):
        if getattr(args, name) < least:
            option = name.replace("_", "-")
            raise InputError(f"--{option} is {getattr(args, name)}; allowed is {least} or more.", field=name)
    for folder in filter(None, (args.out, args.json and args.json.parent)):
        folder.mkdir(parents=True, exist_ok=True)  # an hour later it would be too late to say that this cannot be
    started, checkpoint = time.monotonic(), load_checkpoint(args.checkpoint)
    engine = Engine(checkpoint, args.device)
    if args.data == "world":
        held_out = world_scenes(checkpoint, args.scenes, args.seed)
    else:
        held_out = folder_scenes(checkpoint, Path(args.data), args.scenes, args.taxonomy, args.skip_unpaired)
    drawn = painted_maps(checkpoint, args.painted, args.maps, args.seed)
    survey, painted_survey = Survey(engine), Survey(engine, PAINTED_PRIORS)
    shown = _measure(survey, held_out, SHOWN, args.diversity_scenes, args.fit)
    shown_painted = _measure(painted_survey, drawn, drawn.count)
    scenes, painted = Facts(checkpoint, survey), Facts(checkpoint, painted_survey)
    report = _report(scenes, held_out, painted, drawn) | {
        "device": str(engine.device),
        "torch": torch.__version__,
        "minutes": round((time.monotonic() - started) / 60, 1),
    }
    text = json.dumps(report, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    if args.json:
        args.json.write_text(text, encoding="utf-8")
    if args.out:
        (args.out / "evaluation.json").write_text(text, encoding="utf-8")
        for name, columns in (("sheet", shown), ("painted", shown_painted)):
            if columns:
                sheet(columns, checkpoint.taxonomy).save(args.out / f"{name}.webp", quality=90, method=6)
    print(to_text(report))


def _measure(survey: Survey, held_out: HeldOut, shown: int, diversity: int = 0, fit: int = 0) -> list[Shown]:
    """Measures every sample; the first ``shown`` of more than one class give pictures for a sheet."""
    columns: list[Shown] = []
    with Progress(held_out.count) as progress:
        progress.describe(held_out.source)
        for i, sample in enumerate(held_out.samples):
            column = survey.add(
                sample, DIVERSITY if i < diversity else None, PRIORS_SHOWN if len(columns) < shown else 0, i < fit
            )
            columns += [column] if column else []
            progress.advance(1)
    return columns


def _report(scenes: Facts, held_out: HeldOut, painted: Facts, drawn: HeldOut) -> dict[str, Any]:
    checkpoint = scenes.checkpoint
    report: dict[str, Any] = {
        "title": checkpoint.title,
        "fingerprint": checkpoint.fingerprint,
        "images": (checkpoint.record or {}).get("images"),
        "diversity": {"scenes": len(scenes.diversity), "n": DIVERSITY[0], "m": DIVERSITY[1]},
        "scenes": _section(held_out, 1, scene_table(scenes), class_table(scenes, scenes)),
    }
    if drawn.count:
        numbers = painted_table(painted, scenes)
        report["painted"] = _section(drawn, PAINTED_PRIORS, numbers, class_table(painted, scenes))
    return report


def _section(held_out: HeldOut, priors: int, numbers: list[Score], classes: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "source": held_out.source,
        "count": held_out.count,
        "priors": priors,
        "numbers": [score.to_json() for score in numbers],
        "classes": classes,
    }


COLUMNS = {  # of the table of classes: key, heading, format
    "pictures": ("pictures", "{}"),
    "variety": ("prior variety ÷ data", "{:.2f}"),
    "low": ("from", "{:.2f}"),
    "high": ("to", "{:.2f}"),
    "inside": ("change inside, of 255", "{:.1f}"),
    "outside": ("outside", "{:.2f}"),
    "locality": ("outside ÷ inside", "{:.3f}"),
    "look": ("encoded look, ΔE", "{:.1f}"),
}


def to_text(report: dict[str, Any]) -> str:
    """Markdown: for each kind of label map a table of numbers and one of classes."""
    lines = [f"{report['title']}, {report['fingerprint'][:12]}"]
    for section in (report[key] for key in ("scenes", "painted") if key in report):
        each = f", {section['priors']} sampled looks each" if section["priors"] > 1 else ""
        lines += ["", f"{section['count']} label maps: {section['source']}{each}", ""]
        lines += _markdown([["", "value", "95 %", "goal", ""], *map(_number, section["numbers"])])
        rows = [
            [row["name"], *(_cell(row.get(key), form) for key, (_, form) in COLUMNS.items())]
            for row in section["classes"]
        ]
        lines += ["", *_markdown([["class", *(heading for heading, _ in COLUMNS.values())], *rows])]
    return "\n".join(lines)


def _number(score: dict[str, Any]) -> list[str]:
    goal = str(Goal(**score["goal"])) if score["goal"] else ""
    if score["value"] is None:
        return [score["name"], "not measurable", score["reason"], goal, ""]
    form = "{:.3f}" if abs(score["value"]) < 0.1 else "{:.2f}" if abs(score["value"]) < 10 else "{:.1f}"
    interval = " … ".join(form.format(end) for end in score["interval"] or ())
    met = {True: "met", False: "**missed**", None: ""}[score["met"]]
    return [score["name"], form.format(score["value"]), interval, goal, met]


def _cell(value: float | None, form: str) -> str:
    return "–" if value is None else form.format(value)


def _markdown(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """The first row is the heading; columns are padded, so that a terminal shows them as well."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for i, row in enumerate(rows):
        yield "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths)) + " |"
        if i == 0:
            yield "|" + "|".join("-" * (width + 2) for width in widths) + "|"
