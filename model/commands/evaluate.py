"""``python -m model evaluate``: measures how good a checkpoint is, on held-out scenes and on painted label maps."""

from __future__ import annotations

import json
import time
from argparse import ArgumentParser, Namespace
from pathlib import Path

import torch

from model.checkpoint import Checkpoint, load_checkpoint
from model.engine import Engine
from model.errors import InputError
from model.evaluation.held_out import HeldOut, folder_scenes, painted_maps, world_scenes
from model.evaluation.report import build_report, to_text
from model.evaluation.scores import Facts
from model.evaluation.sheets import sheet
from model.evaluation.survey import PAINTED_PRIORS, SHOWN, Survey, measure

# The label maps that the studio's page starts with, where the repository is at hand; their classes are landscape's.
STARTERS = Path(__file__).parents[2] / "static" / "starters"


def add_arguments(command: ArgumentParser) -> None:
    command.add_argument("checkpoint", metavar="CHECKPOINT", help="folder or file of the model")
    command.add_argument("--scenes", type=int, default=500, help="number of held-out scenes (default: %(default)s)")
    command.add_argument(
        "--seed", type=int, default=999, help="seed of the held-out world and of brush strokes (default: %(default)s)"
    )
    command.add_argument(
        "--data", default="world", help="'world', a folder of rendered scenes, a prepared set, or a folder of photos"
    )
    command.add_argument(
        "--split", choices=("train", "val"), help="part of the photos that is used (default: val if there is one)"
    )
    command.add_argument("--groups", metavar="A,B", help="groups of a prepared set that are used (default: all)")
    command.add_argument("--taxonomy", help="name of the classes in a plain folder of pairs")
    command.add_argument("--skip-unpaired", action="store_true", help="leave out photos without a label map")
    command.add_argument(
        "--maps",
        metavar="FOLDER",
        type=Path,
        help="folder of label maps without photos (default: the studio's starters, for landscape classes)",
    )
    command.add_argument(
        "--painted",
        type=int,
        default=12,
        help="number of label maps without photos: those of --maps, then brush strokes (default: %(default)s)",
    )
    command.add_argument(
        "--diversity-scenes",
        type=int,
        default=10,
        help="number of scenes, from the first, for mCSD and mOCD (default: %(default)s)",
    )
    command.add_argument(
        "--fit", type=int, default=0, metavar="N", help="fit the looks of the first N scenes as if without an encoder"
    )
    command.add_argument("--out", metavar="FOLDER", type=Path, help="folder for evaluation.json and the sheets")
    command.add_argument("--json", metavar="FILE", type=Path, help="file for the report as JSON")
    command.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1 or mps (default: %(default)s)")


def main(args: Namespace) -> None:
    for name, least in (("scenes", 1), ("painted", 0), ("diversity_scenes", 0), ("fit", 0)):
        if getattr(args, name) < least:
            option = name.replace("_", "-")
            raise InputError(f"--{option} is {getattr(args, name)}; allowed is {least} or more.", field=name)
    for folder in filter(None, (args.out, args.json and args.json.parent)):
        folder.mkdir(parents=True, exist_ok=True)  # a folder that cannot be made is reported before the long work
    started, checkpoint = time.monotonic(), load_checkpoint(args.checkpoint)
    engine = Engine(checkpoint, args.device)
    held_out, drawn = _held_out(args, checkpoint), _drawn(args, checkpoint)
    survey, painted_survey = Survey(engine), Survey(engine, PAINTED_PRIORS)
    shown = measure(survey, held_out, SHOWN, args.diversity_scenes, args.fit)
    shown_painted = measure(painted_survey, drawn, drawn.count)
    scenes, painted = Facts(checkpoint, survey), Facts(checkpoint, painted_survey)
    report = build_report(scenes, held_out, painted, drawn) | {
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


def _held_out(args: Namespace, checkpoint: Checkpoint) -> HeldOut:
    """The scenes with photos that the options ask for."""
    if args.data == "world":
        return world_scenes(checkpoint, args.scenes, args.seed)
    groups = tuple(args.groups.split(",")) if args.groups else ()
    return folder_scenes(
        checkpoint, Path(args.data), args.scenes, args.taxonomy, args.skip_unpaired, args.split, groups
    )


def _drawn(args: Namespace, checkpoint: Checkpoint) -> HeldOut:
    """The label maps without photos that the options ask for."""
    starters = STARTERS if checkpoint.taxonomy.name == "landscape" and STARTERS.is_dir() else None
    return painted_maps(checkpoint, args.painted, args.maps or starters, args.seed)
