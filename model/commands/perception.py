"""``python -m model perception``: the pretrained files that pictures are seen with, fetched or listed."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from pathlib import Path

from model.errors import InputError
from model.perception.store import PRETRAINED, SETTING, TORCHVISION, folder, get, path_of, torchvision_file


def add_arguments(command: ArgumentParser) -> None:
    actions = command.add_subparsers(metavar="ACTION", dest="action", required=True)
    action = actions.add_parser("get", help=f"fetch them by pip into {folder()} ({SETTING} sets another folder)")
    action.add_argument("names", metavar="NAME", nargs="*", help=f"{', '.join(PRETRAINED)} (default: all)")
    actions.add_parser("list", help="which there are, and which of them are here")


def main(args: Namespace) -> None:
    if args.action == "get":
        get(args.names or None)
        return
    for row in PRETRAINED.values():
        size, about = f"{row.bytes / 2**20:.2f} MiB", f"{row.about}; {row.package.licence}"
        print(f"{row.name:20} {_state(path_of, row.name):9} {size:>10}  {about}")
    for network, name in TORCHVISION.items():
        print(f"{network:20} {_state(torchvision_file, network):9} {'':10}  torchvision's {name}, taken where it lies")
    print(f"in {folder()}; {SETTING} sets another folder")


def _state(find: Callable[[str], Path | None], name: str) -> str:
    try:
        return "here" if find(name) else "not here"
    except InputError as error:
        return "damaged" if error.code == "bad_checkpoint" else "not here"
