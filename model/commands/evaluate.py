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
from model.evaluation import survey
from model.evaluation.diversity import Protocol
from model.evaluation.eyes import open_eyes
from model.evaluation.held_out import HeldOut, folder_scenes, painted_maps, world_scenes
from model.evaluation.report import build_report, to_text
from model.evaluation.scores import Facts
from model.evaluation.sheets import save_sheet
from model.evaluation.survey import PAINTED_PRIORS, PHOTOS_SHOWN, SHOWN, Survey, measure

# The label maps that the studio's page starts with, where the repository is at hand; their classes are landscape's.
STARTERS = Path(__file__).parents[2] / "static" / "starters"
SCENES, PHOTOS = 10, 20  # scenes for mCSD and mOCD: of the world and other data, and of a prepared set
PAPER = Protocol()  # the paper's protocol, for prepared sets


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
        metavar="N",
        help=f"number of scenes, from the first, for mCSD and mOCD (default: {SCENES}, {PHOTOS} of a prepared set)",
    )
    command.add_argument(
        "--diversity-pictures",
        type=int,
        metavar="N",
        help="pictures of each class for mCSD and mOCD "
        f"(default: {survey.DIVERSITY[0]}, {PAPER.pictures} of a prepared set, as the paper has it)",
    )
    command.add_argument(
        "--diversity-pairs",
        type=int,
        metavar="M",
        help=f"random pairs of these pictures (default: {survey.DIVERSITY[1]})",
    )
    command.add_argument(
        "--fit", type=int, default=0, metavar="N", help="fit the looks of the first N scenes as if without an encoder"
    )
    command.add_argument("--out", metavar="FOLDER", type=Path, help="folder for evaluation.json and the sheets")
    command.add_argument("--json", metavar="FILE", type=Path, help="file for the report as JSON")
    command.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1 or mps (default: %(default)s)")


LEAST = {  # option → its least number
    "scenes": 1,
    "painted": 0,
    "diversity_scenes": 0,
    "diversity_pictures": 2,
    "diversity_pairs": 1,
    "fit": 0,
}


def main(args: Namespace) -> None:
    for name, least in LEAST.items():
        value = getattr(args, name)
        if value is not None and value < least:
            option = name.replace("_", "-")
            raise InputError(f"--{option} is {value}; allowed is {least} or more.", field=name)
    for folder in filter(None, (args.out, args.json and args.json.parent)):
        folder.mkdir(parents=True, exist_ok=True)  # a folder that cannot be made is reported before the long work
    started, checkpoint = time.monotonic(), load_checkpoint(args.checkpoint)
    engine = Engine(checkpoint, args.device)
    held_out, drawn = _held_out(args, checkpoint), _drawn(args, checkpoint)
    photos = held_out.prepared is not None
    of_scenes = Survey(engine, eyes=open_eyes(engine.device) if photos else None)
    of_painted = Survey(engine, PAINTED_PRIORS)
    protocol, diverse = _protocol(args, photos)
    shown = measure(of_scenes, held_out, PHOTOS_SHOWN if photos else SHOWN, diverse, args.fit, protocol)
    shown_painted = measure(of_painted, drawn, drawn.count)
    scenes, painted = Facts(checkpoint, of_scenes), Facts(checkpoint, of_painted)
    report = build_report(scenes, held_out, painted, drawn, protocol) | {
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
                save_sheet(columns, checkpoint.taxonomy, args.out / f"{name}.webp")
    print(to_text(report))


def _protocol(args: Namespace, photos: bool) -> tuple[tuple[int, int], int]:
    """The numbers of pictures and of pairs for mCSD and mOCD, and of scenes: those asked for, or the data's usual."""
    pictures, pairs = (PAPER.pictures, PAPER.pairs) if photos else survey.DIVERSITY
    scenes = PHOTOS if photos else SCENES
    asked = (args.diversity_pictures, args.diversity_pairs, args.diversity_scenes)
    pictures, pairs, scenes = (
        usual if value is None else value for value, usual in zip(asked, (pictures, pairs, scenes), strict=True)
    )
    return (pictures, pairs), scenes


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
