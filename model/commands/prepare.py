"""``python -m model prepare SOURCE OUT --recipe outdoor``: a training set out of photos with label maps."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections import Counter
from pathlib import Path

from model.data.data_recipe import load_recipe
from model.data.prepare import SPLITS, prepare


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("source", metavar="SOURCE", type=Path, help="folder of the photos and their label maps")
    parser.add_argument("out", metavar="OUT", type=Path, help="folder to make")
    parser.add_argument("--recipe", required=True, help="outdoor, fashion, street, or a .json file")
    parser.add_argument(
        "--skip-unpaired", action="store_true", help="leave out photos without a label map, and maps alone"
    )


def main(args: Namespace) -> None:
    record = prepare(args.source, args.out, load_recipe(args.recipe), skip_unpaired=args.skip_unpaired)
    counts = record["counts"]
    print(f"{'class':<16}" + "".join(f"{split + ' photos':>14}{'of pixels':>11}" for split in SPLITS))
    for name in counts["train"]["classes"]:
        rows = [counts[split]["classes"][name] for split in SPLITS]
        print(f"{name:<16}" + "".join(f"{row['photos']:>14,}{row['share']:>11.2%}" for row in rows))
    print(f"{'all':<16}" + "".join(f"{counts[split]['photos']:>14,}{'':>11}" for split in SPLITS))
    for reason, count in Counter(map(_kind, record["left_out"].values())).most_common():
        print(f"left out: {count:,}: {reason}")
    print(f"look at {args.out / 'sheet.png'}; what was left out and why is in {args.out / 'prepared.json'}")


def _kind(reason: str) -> str:
    """A reason without the numbers and names of one photo."""
    if "nearly the same" in reason:
        return "nearly the same photo as one that is held out"
    return "too much of it has no class" if "has no class" in reason else reason
