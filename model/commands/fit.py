"""``python -m model fit``: finds the style of a photo by gradient descent, which needs no encoder."""

from __future__ import annotations

import json
from argparse import ArgumentParser, Namespace
from pathlib import Path

from model.checkpoint import load_checkpoint
from model.engine import Engine
from model.network.cost import STEPS
from model.progress import Progress
from model.recipe.images import read_instances, read_photo
from model.recipe.labels import label_stats, read_labels
from model.recipe.recipe import write_png
from model.recipe.styles import style_from_encoding


def add_arguments(command: ArgumentParser) -> None:
    command.add_argument("photo", metavar="PHOTO", type=Path, help="the photo, a PNG, JPEG or WebP file")
    command.add_argument("labels", metavar="LABELS.png", type=Path, help="the photo's label map")
    command.add_argument("--checkpoint", metavar="DIR", required=True, help="folder or file of the model")
    command.add_argument("--out", metavar="STYLE.json", required=True, type=Path, help="the style, for render --style")
    command.add_argument("--picture", metavar="OUT.png", type=Path, help="the photo's label map in the style found")
    command.add_argument("--steps", type=int, default=STEPS, help="steps of the descent (default: %(default)s)")
    command.add_argument(
        "--seed", type=int, default=0, help="seed for classes that the photo does not show (default: %(default)s)"
    )
    command.add_argument("--instances", metavar="FILE.png", type=Path, help="instance map, where the model takes one")
    command.add_argument("--resize", action="store_true", help="scale photo and labels to the model's size")
    command.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1 or mps (default: %(default)s)")


def main(args: Namespace) -> None:
    ckpt = load_checkpoint(args.checkpoint)
    size = ckpt.config.image_size
    photo = read_photo(args.photo, size, args.resize)
    labels = read_labels(args.labels, ckpt.taxonomy, size, args.resize)
    instances = None if args.instances is None else read_instances(args.instances, size, args.resize)
    engine = Engine(ckpt, args.device)
    descent = engine.fit(photo, labels, instances, steps=args.steps, seed=args.seed)
    with Progress(args.steps) as progress:
        for step in descent:
            progress.describe(f"distance {step.distance:.4f}")
            if step.number:
                progress.advance(1)
    style = style_from_encoding(step.codes, label_stats(labels), ckpt.config, args.photo.name, args.seed)
    args.out.write_text(json.dumps(style.to_json(), indent=1) + "\n", encoding="utf-8")
    if args.picture:
        args.picture.write_bytes(write_png(engine.render(labels, style.codes(ckpt.config), instances)[0]))
