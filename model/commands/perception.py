"""``python -m model perception``: the pretrained files that pictures are seen with, fetched or listed."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from model.perception.store import PRETRAINED, SETTING, TORCHVISION, folder, get, missing, torchvision_file


def add_arguments(command: ArgumentParser) -> None:
    actions = command.add_subparsers(metavar="ACTION", dest="action", required=True)
    action = actions.add_parser("get", help=f"fetch them by pip into the folder {folder()} ({SETTING} sets another)")
    action.add_argument("names", metavar="NAME", nargs="*", help=f"{', '.join(PRETRAINED)} (default: all)")
    actions.add_parser("list", help="which there are, and which of them are here")


def main(args: Namespace) -> None:
    if args.action == "get":
        get(args.names or None)
        return
    absent = missing()
    for row in PRETRAINED.values():
        state = "not here" if row in absent else "here"
        print(f"{row.name:20} {state:9} {row.bytes / 2**20:5.1f} MiB  {row.about}; {row.package.licence}")
    for network, name in TORCHVISION.items():
        print(
            f"{network:20} {'here' if torchvision_file(network) else 'not here':9} {name}, torchvision's own, taken too"
        )
    print(f"in {folder()}; {SETTING} sets another folder")
