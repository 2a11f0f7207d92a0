"""``python -m model landscape``: shows the procedural training world, or renders it ahead of training."""

from __future__ import annotations

import argparse
from pathlib import Path

from model.data.landscape import Landscape, contact_sheet, render_set

SHEET_COUNT, SHEET_COLUMNS = 16, 4  # scenes of a contact sheet, and scenes in a row of it


def add_arguments(command: argparse.ArgumentParser) -> None:
    target = command.add_mutually_exclusive_group(required=True)
    target.add_argument("--sheet", metavar="OUT.png", type=Path, help="a contact sheet of label maps and pictures")
    target.add_argument("--render", metavar="FOLDER", type=Path, help="render scenes ahead, for training")
    command.add_argument("--count", type=_positive, default=SHEET_COUNT, help="number of scenes (default: %(default)s)")
    command.add_argument("--seed", type=int, default=0, help="seed of the world (default: %(default)s)")
    command.add_argument("--size", type=int, default=256, help="pixels a side of a scene (default: %(default)s)")
    command.add_argument(
        "--workers", type=_positive, default=1, help="processes that render with --render (default: %(default)s)"
    )


def main(args: argparse.Namespace) -> None:
    if args.render:
        render_set(args.render, args.count, args.size, args.seed, args.workers)
        return
    labels, pictures = Landscape(args.size, args.seed).scenes(0, args.count)
    contact_sheet(labels, pictures, min(SHEET_COLUMNS, args.count)).save(args.sheet)


def _positive(text: str) -> int:
    """An option's whole number, 1 or more."""
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{value} is too few; allowed is 1 or more")
    return value
