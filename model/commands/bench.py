"""``python -m model bench``: times a model on this machine and prints the table."""

from __future__ import annotations

import argparse
import functools
import json
import multiprocessing
from concurrent.futures import ProcessPoolExecutor

from model.checkpoint import load_checkpoint
from model.engine.engine import CACHE_BYTES
from model.errors import InputError
from model.evaluation.bench import BATCH, Bench, Result, random_checkpoint, table
from model.memory import keep_freed_memory
from model.network.presets import PRESETS


def add_arguments(command: argparse.ArgumentParser) -> None:
    source = command.add_mutually_exclusive_group()
    source.add_argument("--preset", choices=PRESETS, help="one preset with random weights (default: every preset)")
    source.add_argument("--checkpoint", metavar="DIR", help="a trained model instead")
    command.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1 or mps (default: %(default)s)")
    command.add_argument(
        "--precision", default="float32", help="number format of the engine; the plain network runs in float32"
    )
    command.add_argument(
        "--seconds", type=float, default=20, help="seconds of measuring for each model (default: %(default)s)"
    )
    command.add_argument("--batch", type=int, default=BATCH, help="pictures in a batch (default: %(default)s)")
    command.add_argument(
        "--float64", action="store_true", help="compare both networks with a float64 run too, which is slow"
    )
    command.add_argument(
        "--cache-bytes",
        type=int,
        default=CACHE_BYTES,
        help="bytes of modulation that the engine may keep (default: %(default)s)",
    )
    command.add_argument("--json", action="store_true", help="print JSON in place of the table")


def main(args: argparse.Namespace) -> None:
    for field in ("seconds", "batch"):
        if getattr(args, field) <= 0:
            raise InputError(f"--{field} is {getattr(args, field)}; allowed is more than 0.", field=field)
    if args.preset or args.checkpoint:
        results = [_measured(args, args.preset)]
    else:  # each model in a process of its own, so that the memory of one is not counted for the next
        fresh = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(1, fresh, keep_freed_memory, max_tasks_per_child=1) as pool:
            results = list(pool.map(functools.partial(_measured, args), PRESETS))
    print(json.dumps([row.to_json() for row in results], indent=1) if args.json else table(results))
    for row in results:
        row.require_fidelity(args.precision)


def _measured(args: argparse.Namespace, preset: str | None) -> Result:
    """The result for a preset with random weights, or with None for the checkpoint that was asked for."""
    ckpt = random_checkpoint(preset, PRESETS[preset]()) if preset else load_checkpoint(args.checkpoint)
    bench = Bench(ckpt, args.device, args.precision, args.cache_bytes, args.batch)
    return bench.run(args.seconds, args.float64)
