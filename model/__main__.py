"""The command line: ``python -m model COMMAND``, one file of ``model/commands/`` for each command."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Sequence

from model.errors import InputError
from model.memory import keep_freed_memory

COMMANDS = {
    "render": "a picture from a label map, or again from a picture's recipe",
    "fit": "the style of a photo, without an encoder",
    "inspect": "what a checkpoint is, or what is wrong with it",
    "convert": "write a released checkpoint as safetensors",
    "landscape": "look at the procedural training world, or render it ahead",
    "bench": "time a model on this machine, against its floor",
    "evaluate": "how good a checkpoint is, on scenes that training never saw",
    "perception": "get the pretrained networks that look at pictures",
    "prepare": "make a training set out of photos with label maps",
    "train": "train a checkpoint",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command. An InputError is one line on stderr and 2; argparse leaves with 2 for unknown options."""
    argv = sys.argv[1:] if argv is None else list(argv)
    args = _parser(argv).parse_args(argv)
    keep_freed_memory()
    try:
        status = args.command(args) or 0
        sys.stdout.flush()
        return status
    except BrokenPipeError:  # the reader of our output, such as `| head`, has closed it
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (InputError, OSError) as error:
        print(f"error: {' '.join(str(error).split())}", file=sys.stderr)
        return 2


def _parser(argv: Sequence[str]) -> argparse.ArgumentParser:
    """Only the command that is asked for is imported: the others' libraries take seconds to load."""
    parser = argparse.ArgumentParser("python -m model", description="GroupDNet: pictures from label maps.")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for name, text in COMMANDS.items():
        command = commands.add_parser(name, help=text)
        if argv[:1] == [name]:
            module = importlib.import_module(f"model.commands.{name}")
            module.add_arguments(command)
            command.set_defaults(command=module.main)
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
