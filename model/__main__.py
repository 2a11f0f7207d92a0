"""The command line: ``python -m model COMMAND``, where COMMAND is one of

    render · fit · inspect · convert · landscape · bench · evaluate · prepare · train

What is heavy is imported by the command that needs it.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from model.errors import InputError
from model.memory import keep_freed_memory

if TYPE_CHECKING:
    import numpy as np

    from model.checkpoint import Checkpoint
    from model.styles import Style

SHEET_COUNT, SHEET_COLUMNS = 16, 4


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command. An InputError is one line on stderr and 2; argparse leaves with 2 for unknown options."""
    argv = sys.argv[1:] if argv is None else list(argv)
    args = _parser(argv).parse_args(argv)
    keep_freed_memory()
    try:
        status = args.command(args) or 0
        sys.stdout.flush()
        return status
    except BrokenPipeError:  # whoever read our output, `| head` say, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (InputError, OSError) as error:
        print(f"error: {' '.join(str(error).split())}", file=sys.stderr)
        return 2


def _parser(argv: Sequence[str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m model", description="GroupDNet: pictures from label maps.")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    command = commands.add_parser("render", help="a picture from a label map, or again from a picture's recipe")
    _render_arguments(command)
    command.set_defaults(command=_render)

    command = commands.add_parser("fit", help="the style of a photo, without an encoder")
    if argv[:1] == ["fit"]:
        from model import fit

        fit.add_arguments(command)
        command.set_defaults(command=fit.main)

    command = commands.add_parser("inspect", help="what a checkpoint is, or what is wrong with it")
    command.add_argument("path", metavar="PATH", help="a folder, .safetensors or .pth file")
    command.add_argument("--json", action="store_true", help="the same as JSON")
    command.set_defaults(command=_inspect)

    command = commands.add_parser("convert", help="write a released checkpoint as safetensors")
    command.add_argument("source", metavar="SOURCE", help="a released folder or .pth file")
    command.add_argument("folder", metavar="FOLDER", type=Path, help="where to, e.g. checkpoints/ade20k")
    command.set_defaults(command=_convert)

    command = commands.add_parser("landscape", help="look at the procedural training world, or render it ahead")
    _landscape_arguments(command)
    command.set_defaults(command=_landscape)

    command = commands.add_parser("bench", help="time a model on this machine, against its floor")
    if argv[:1] == ["bench"]:
        from model import bench

        bench.add_arguments(command)
        command.set_defaults(command=bench.main)

    command = commands.add_parser("evaluate", help="how good a checkpoint is, on scenes that training never saw")
    if argv[:1] == ["evaluate"]:
        from model import evaluate

        evaluate.add_arguments(command)
        command.set_defaults(command=evaluate.main)

    command = commands.add_parser("prepare", help="make a training set out of photos with label maps")
    if argv[:1] == ["prepare"]:
        from model.commands import prepare

        prepare.add_arguments(command)
        command.set_defaults(command=prepare.main)

    command = commands.add_parser("train", help="train a checkpoint")
    if argv[:1] == ["train"]:
        from model import train

        train.add_arguments(command)
        command.set_defaults(command=train.main)
    return parser


def _render_arguments(command: argparse.ArgumentParser) -> None:
    source = command.add_mutually_exclusive_group(required=True)
    source.add_argument("labels", metavar="LABELS.png", nargs="?", type=Path, help="label map")
    source.add_argument("--recipe", metavar="PICTURE.png", type=Path, help="a picture made here, or its recipe's JSON")
    command.add_argument("--checkpoint", metavar="DIR", required=True, help="folder or file of the model")
    command.add_argument("--out", metavar="OUT.png", required=True, type=Path, help="the picture")
    command.add_argument("--seed", type=int, help="the style's own seed: of all classes that --style leaves out")
    command.add_argument(
        "--style", metavar="STYLE.json", type=Path, help="each class's look (default: all from --seed)"
    )
    command.add_argument("--instances", metavar="FILE.png", type=Path, help="instance map, where the model takes one")
    command.add_argument("--resize", action="store_true", help="scale the label map to the model's size")
    command.add_argument("--no-recipe", action="store_true", help="leave the recipe out of the PNG")
    command.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1 or mps (default: %(default)s)")
    command.add_argument("--precision", default="float32", help="float32; on CUDA also bfloat16 and float16")


def _landscape_arguments(command: argparse.ArgumentParser) -> None:
    target = command.add_mutually_exclusive_group(required=True)
    target.add_argument("--sheet", metavar="OUT.png", type=Path, help="a contact sheet of label maps and pictures")
    target.add_argument("--render", metavar="FOLDER", type=Path, help="render scenes ahead, for training")
    command.add_argument("--count", type=_positive, default=SHEET_COUNT, help="scenes (default: %(default)s)")
    command.add_argument("--seed", type=int, default=0, help="of the world (default: %(default)s)")
    command.add_argument("--size", type=int, default=256, help="pixels a side (default: %(default)s)")
    command.add_argument("--workers", type=_positive, default=1, help="processes of --render (default: %(default)s)")


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{value} is too few; allowed is 1 or more")
    return value


def _render(args: argparse.Namespace) -> None:
    from model.checkpoint import load_checkpoint
    from model.engine import Engine
    from model.labels import label_stats, write_labels
    from model.recipe import Recipe, write_instances, write_png

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
    from model.images import read_instances
    from model.labels import read_labels
    from model.styles import Style

    size = ckpt.config.image_size
    labels = read_labels(args.labels, ckpt.taxonomy, size, args.resize)
    instances = None if args.instances is None else read_instances(args.instances, size, args.resize)
    data = _read_json(args.style, "style") if args.style else {}
    if args.seed is not None and isinstance(data, dict):
        data = {**data, "seed": args.seed}
    return labels, instances, Style.from_json(data, ckpt.config)


def _from_recipe(args: argparse.Namespace, ckpt: Checkpoint) -> tuple[np.ndarray, np.ndarray | None, Style]:
    from model.images import read_instances
    from model.labels import read_labels
    from model.recipe import read_recipe
    from model.styles import Style

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
        raise InputError(f"{field}: {path} is not JSON: {error}.", field=field, value=str(path)) from error


def _inspect(args: argparse.Namespace) -> int:
    from model.checkpoint import inspect

    report = inspect(args.path)
    print(json.dumps(report.to_json(), indent=1, ensure_ascii=False) if args.json else report.to_text())
    return 0 if report.ok else 2


def _convert(args: argparse.Namespace) -> None:
    from model.checkpoint import convert, describe

    print(describe(convert(args.source, args.folder)).to_text())


def _landscape(args: argparse.Namespace) -> None:
    from model.landscape import Landscape, contact_sheet, render_set

    if args.render:
        render_set(args.render, args.count, args.size, args.seed, args.workers)
        return
    labels, pictures = Landscape(args.size, args.seed).scenes(0, args.count)
    contact_sheet(labels, pictures, min(SHEET_COLUMNS, args.count)).save(args.sheet)


if __name__ == "__main__":
    raise SystemExit(main())
