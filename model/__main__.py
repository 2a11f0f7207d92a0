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
    "render": "make a picture from a label map, or again from a picture's recipe",
    "fit": "find the style of a photo without an encoder",
    "inspect": "say what a checkpoint is, or what is wrong with it",
    "convert": "write a released checkpoint as safetensors",
    "landscape": "look at the procedural training world, or render it ahead",
    "perception": "get the pretrained networks that look at pictures",
    "prepare": "make a training set out of photos with label maps",
    "bench": "time a model on this machine, and compare with the least time that its arithmetic needs",
    "evaluate": "measure how good a checkpoint is, on scenes that training never saw",
    "train": "train a checkpoint",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return the process's exit status: what the command returns, or 0.

    An InputError or OSError is printed as one line on stderr, and the status is 2. argparse exits with 2 by itself.
    """
    argv = sys.argv[1:] if argv is None else list(argv)
    args = _parser(argv).parse_args(argv)
    keep_freed_memory()
    try:
        status = args.command(args) or 0
        sys.stdout.flush()
        return status
    except BrokenPipeError:  # the program that reads the output, such as `head`, has closed it
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (InputError, OSError) as error:
        print(f"error: {' '.join(str(error).split())}", file=sys.stderr)
        return 2


def _parser(argv: Sequence[str]) -> argparse.ArgumentParser:
    """The parser of every command; only the command that ``argv`` begins with is imported and gets its options.

    The other commands' libraries would take seconds to load.
    """
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
