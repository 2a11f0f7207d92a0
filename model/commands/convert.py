"""``python -m model convert``: writes a released checkpoint as safetensors."""

from __future__ import annotations

import argparse
from pathlib import Path

from model.checkpoint import convert, describe


def add_arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument("source", metavar="SOURCE", help="a released folder or .pth file")
    command.add_argument("folder", metavar="FOLDER", type=Path, help="folder to write, such as checkpoints/ade20k")


def main(args: argparse.Namespace) -> None:
    print(describe(convert(args.source, args.folder)).to_text())
