"""``python -m model inspect``: says what a checkpoint is, or what is wrong with it."""

from __future__ import annotations

import argparse
import json

from model.checkpoint import inspect


def add_arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument("path", metavar="PATH", help="a folder, .safetensors or .pth file")
    command.add_argument("--json", action="store_true", help="print JSON in place of text")


def main(args: argparse.Namespace) -> int:
    """Print the report, and return 0 for a whole checkpoint, 2 for a broken one."""
    report = inspect(args.path)
    print(json.dumps(report.to_json(), indent=1, ensure_ascii=False) if args.json else report.to_text())
    return 0 if report.ok else 2
