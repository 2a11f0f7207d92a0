"""Every random stream of training in one place: what is drawn from where, so that no two draws are the same by accident
and a run that is resumed sees what it would have seen.

Weights come from torch's own generator, seeded with the plan's seed. Batches come from their source, which is a
function of a batch's number alone; those of training's own steps begin at 0, and all others have numbers that no
training reaches. Codes and augmentation come from a generator that is seeded for every step.
"""

from __future__ import annotations

from enum import IntEnum

import torch


class FirstBatch(IntEnum):
    """The number of the first batch that is asked of the source for a purpose; the next ones follow it."""

    TRAINING = 0
    SHEET = 2**40  # sample sheets, always this one
    SEGMENTER = 2**41  # training of the segmenter
    COLOURS = 2**42  # how classes' colours are spread, and how a fresh encoder's codes are
    RECOUNT = 2**43  # statistics of the averaged generator's batch norms
    WEIGHING = 2**44  # how often the segmenter sees each class


SEEDS_A_PLAN = 1_000_003  # steps apart that two plans with neighbouring seeds are
SHEET_SEED = 0  # prior codes of the sample sheets
PROJECTION_SEED = 1  # the projected discriminator's fixed random convolutions
RARE_COLOURS_SEED = 0  # stand-ins for the colours of a class that the data hardly shows


def seed_weights(plan_seed: int) -> None:
    """Seeds torch's own generator, from which new weights are drawn: every process begins with the same ones."""
    torch.manual_seed(plan_seed)


def of_step(plan_seed: int, number: int, device: torch.device) -> torch.Generator:
    """The generator of the codes and augmentation of one process's step; ``number`` counts all processes' steps."""
    return torch.Generator(device).manual_seed(plan_seed * SEEDS_A_PLAN + number)


def of_recount(number: int, device: torch.device) -> torch.Generator:
    """The generator of the codes of a batch over which the batch norms are counted anew."""
    return torch.Generator(device).manual_seed(number)


def fixed(seed: int, device: torch.device | str = "cpu") -> torch.Generator:
    """A generator that gives the same numbers in every run, for one of the seeds above."""
    return torch.Generator(device).manual_seed(seed)
