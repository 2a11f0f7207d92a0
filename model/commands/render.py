"""``python -m model render``: makes a picture from a label map, or again from a picture's recipe."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

from model.checkpoint import Checkpoint, load_checkpoint
from model.engine import Engine
from model.errors import InputError
from model.recipe.images import read_instances
from model.recipe.labels import label_stats, read_labels, write_labels
from model.recipe.recipe import Recipe, read_recipe, write_instances, write_png
from model.recipe.styles import Style


def add_arguments(command: argparse.ArgumentParser) -> None:
    source = command.add_mutually_exclusive_group(required=True)
    source.add_argument("labels", metavar="LABELS.png", nargs="?", type=Path, help="the label map")
    source.add_argument(
        "--recipe", metavar="PICTURE.png", type=Path, help="a picture of this program or the studio, or its recipe"
    )
    command.add_argument("--checkpoint", metavar="DIR", required=True, help="folder or file of the model")
    command.add_argument("--out", metavar="OUT.png", required=True, type=Path, help="file for the picture")
    command.add_argument("--seed", type=int, help="seed for the classes that --style leaves out (default: 0)")
    command.add_argument(
        "--style", metavar="STYLE.json", type=Path, help="look of each class (default: all classes from --seed)"
    )
    command.add_argument("--instances", metavar="FILE.png", type=Path, help="instance map, where the model takes one")
    command.add_argument("--resize", action="store_true", help="scale the label map to the model's size")
    command.add_argument("--no-recipe", action="store_true", help="leave the recipe out of the PNG")
    command.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1 or mps (default: %(default)s)")
    command.add_argument(
        "--precision", default="float32", help="float32, or bfloat16 or float16 on CUDA (default: %(default)s)"
    )


def main(args: argparse.Namespace) -> None:
    ckpt = load_checkpoint(args.checkpoint)
    labels, instances, style = _from_recipe(args, ckpt) if args.recipe else _from_files(args, ckpt)
    style = style.spelled_out(label_stats(labels))
    engine = Engine(ckpt, args.device, args.precision)
    picture = engine.render(labels, style.codes(ckpt.config), instances)[0]
    name = ckpt.folder.resolve().name if ckpt.folder else ckpt.title
    drawn = write_labels(labels, ckpt.taxonomy)
    ids = None if instances is None else write_instances(instances)
    recipe = None if args.no_recipe else Recipe(name, ckpt.fingerprint, drawn, style.to_json(), ids)
    args.out.write_bytes(write_png(picture, recipe))


def _from_files(args: argparse.Namespace, ckpt: Checkpoint) -> tuple[np.ndarray, np.ndarray | None, Style]:
    """Label map, instance map or None, and style, from the options' files."""
    size = ckpt.config.image_size
    labels = read_labels(args.labels, ckpt.taxonomy, size, args.resize)
    instances = None if args.instances is None else read_instances(args.instances, size, args.resize)
    data = _read_json(args.style, "style") if args.style else {}
    if args.seed is not None and isinstance(data, dict):
        data = {**data, "seed": args.seed}
    return labels, instances, Style.from_json(data, ckpt.config)


def _from_recipe(args: argparse.Namespace, ckpt: Checkpoint) -> tuple[np.ndarray, np.ndarray | None, Style]:
    """Label map, instance map or None, and style, from a recipe; a note says so where its model is another one."""
    given = [option for option in ("seed", "style", "instances") if getattr(args, option) is not None]
    if given:
        raise InputError(f"--{given[0]} is part of the recipe already; allowed with --recipe is none.", field=given[0])
    recipe = read_recipe(args.recipe.read_bytes())
    if recipe.fingerprint != ckpt.fingerprint:
        print(
            f"note: the recipe was made with the model {recipe.model} ({recipe.fingerprint[:12]}), this is "
            f"{ckpt.title} ({ckpt.fingerprint[:12]}): the pixels will differ",
            file=sys.stderr,
        )
    labels = read_labels(recipe.labels, ckpt.taxonomy, ckpt.config.image_size, field="recipe.labels")
    instances = None
    if recipe.instances is not None:
        instances = read_instances(recipe.instances, ckpt.config.image_size, field="recipe.instances")
    return labels, instances, Style.from_json(recipe.style, ckpt.config)


def _read_json(path: Path, field: str) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise InputError(f"{field} in {path} is not JSON: {error}.", field=field, value=str(path)) from error
