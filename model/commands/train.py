"""``python -m model train``: trains a checkpoint, or goes on with a run that was stopped."""

from __future__ import annotations

import functools
import json
import math
import os
import time
from argparse import ArgumentParser, Namespace
from dataclasses import replace
from pathlib import Path

import torch
import torch.distributed as dist

from model.checkpoint import load_checkpoint
from model.checkpoint.checkpoint import SEGMENTER_FILE
from model.checkpoint.segmenter import load_segmenter
from model.data.landscape import render_set
from model.data.prepared import PreparedPhotos, is_prepared, open_prepared
from model.data.sources import LiveWorld, PhotoFolder, RenderedWorld, Source
from model.devices import autocast, pick_device, training_precision
from model.evaluation.segmenting import held_out_accuracy
from model.training.lessons import lesson_of
from model.training.plan import Plan, load_plan
from model.training.run import Run
from model.training.segmenter import train_segmenter


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("run", type=Path, help="folder of the run; an existing run is resumed")
    parser.add_argument(
        "--plan", help="name of a built-in plan, or a .json file (default: the run's own, else landscape)"
    )
    parser.add_argument(
        "--from",
        dest="start",
        metavar="CHECKPOINT",
        type=Path,
        help="begin with this checkpoint's weights, and train its network (default: new weights, the plan's preset)",
    )
    parser.add_argument(
        "--data", default="world", help="'world', a folder of rendered scenes, a prepared set, or a folder of photos"
    )
    parser.add_argument(
        "--scenes", type=int, default=0, help="with --data world: number of scenes to render ahead (default: none)"
    )
    parser.add_argument(
        "--taxonomy",
        help="name of the classes in a plain folder of pairs: landscape, deepfashion, cityscapes or ade20k",
    )
    parser.add_argument(
        "--groups",
        metavar="A,B",
        help="groups of a prepared set to train on (default: the plan's, else all)",
    )
    parser.add_argument(
        "--skip-unpaired",
        action="store_true",
        help="leave out photos without a label map, and label maps without a photo",
    )
    parser.add_argument(
        "--segmenter-only",
        type=int,
        default=0,
        metavar="IMAGES",
        help="train only the segmenter, on this number of pictures; one that the run has is trained further",
    )
    parser.add_argument("--vgg", type=Path, help="VGG-19 weights in torchvision's layout, for the perceptual loss")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1 or mps (default: %(default)s)")
    parser.add_argument(
        "--precision",
        default="auto",
        choices=("auto", "float32", "bfloat16"),
        help="number format of most operations; auto takes bfloat16 where it is faster (default: %(default)s)",
    )
    parser.add_argument(
        "--minutes",
        type=float,
        default=0,
        help="minutes after which the run stops, to be resumed by the same command (default: no limit)",
    )
    parser.add_argument(
        "--sheet-every", type=int, default=500, help="steps between two sample sheets (default: %(default)s)"
    )


def _source(args: Namespace, plan: Plan, device: torch.device) -> Source:
    path = Path(args.data)
    if args.data == "world" and args.scenes == 0:
        return LiveWorld(device, plan.seed)
    if args.data == "world":
        path, largest = args.run / "scenes", max(phase.size[0] for phase in plan.phases)
        render_set(path, args.scenes, largest, plan.seed, workers=os.cpu_count() or 1)
    if (path / "scenes.json").exists():
        return RenderedWorld(path, device, plan.seed)
    if is_prepared(path):
        groups = tuple(args.groups.split(",")) if args.groups else plan.groups
        return PreparedPhotos(path, device, plan.seed, groups=groups, crop=plan.crop, rare=plan.rare)
    return PhotoFolder(path, args.taxonomy, device, plan.seed, args.skip_unpaired, keep=args.run / "decoded")


def _train_segmenter_alone(args: Namespace, plan: Plan, device: torch.device) -> None:
    """The run's segmenter, or further the one that it has; nothing else is trained.

    A photo segmenter sees whole photos, and all of them unless --groups says otherwise: people show it any photo.
    """
    dtype, size = training_precision(args.precision, device), plan.segmenter_phase.size
    if plan.segmenter != "small":
        plan = replace(plan, groups=(), crop=1.0)
    source, path = _source(args, plan, device), args.run / SEGMENTER_FILE
    precision = functools.partial(autocast, device, dtype)
    train_segmenter(path, lesson_of(plan, source), plan.segmenter_batch, args.segmenter_only, precision)
    if is_prepared(Path(args.data)):
        print(held_out_accuracy(load_segmenter(path), open_prepared(Path(args.data)), size))


def _plan(args: Namespace) -> Plan:
    """The run's own plan, once it has one: a run is resumed as it was begun, unless a plan is named again."""
    path = args.run / "plan.json"
    plan = load_plan(args.plan or (str(path) if path.exists() else "landscape"))
    args.run.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(plan.to_json(), indent=2))
    return plan


def main(args: Namespace) -> None:
    distributed = int(os.environ.get("WORLD_SIZE", "1")) > 1
    stop_at = time.time() + args.minutes * 60 if args.minutes else math.inf
    plan, device = _plan(args), pick_device(args.device)
    if device.type == "cuda":
        torch.cuda.set_device(device)
    if distributed:
        dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
    try:
        if args.segmenter_only:
            _train_segmenter_alone(args, plan, device)
            return
        start = load_checkpoint(args.start) if args.start else None
        run = Run.begin(args.run, plan, _source(args, plan, device), args.precision, start, args.vgg)
        run.fit(stop_at, args.sheet_every)
    finally:
        if distributed:
            dist.destroy_process_group()
