"""How many threads compute on a CPU, and how an idle one waits for work.

PyTorch's OpenMP threads meet at the end of every parallel region, some hundred times a picture. By default an idle one
spins for about ten milliseconds before it sleeps. While every thread has a core that is the fastest way; but as soon as
another program takes one core, the threads that wait burn theirs and the one that is waited for does not come to run: a
picture takes 10 to 50 times as long. With ``SPINS`` rounds, some 30 to 100 microseconds, a thread bridges the gap
between two regions of one picture and sleeps through anything longer.

OpenMP reads its settings when PyTorch is loaded, so the package sets them at its own import. What the environment says
already (GOMP_SPINCOUNT, OMP_WAIT_POLICY, OMP_NUM_THREADS) stays. Imports no PyTorch.
"""

from __future__ import annotations

import math
import os
import sys
from pathlib import Path

SPINS = 2000  # rounds that an idle thread of GNU's OpenMP looks for work before it sleeps
QUOTA = Path("/sys/fs/cgroup/cpu.max")  # a Linux container's share of the processor: "microseconds period", or "max …"


def choose() -> None:
    """Sets the environment for a PyTorch that is not loaded yet; does nothing once it is."""
    if "torch" in sys.modules:
        return
    if not {"GOMP_SPINCOUNT", "OMP_WAIT_POLICY"} & os.environ.keys():
        os.environ["GOMP_SPINCOUNT"] = str(SPINS)
    if usable_cores() < visible_cores():  # OpenMP sees the cores but not the quota
        os.environ.setdefault("OMP_NUM_THREADS", str(usable_cores()))


def describe() -> str:
    """The choice in words, for a log."""
    if policy := os.environ.get("OMP_WAIT_POLICY"):
        waiting = f"OMP_WAIT_POLICY={policy}"
    else:
        waiting = f"GOMP_SPINCOUNT={os.environ.get('GOMP_SPINCOUNT', 'unset')}"
    threads = os.environ.get("OMP_NUM_THREADS", str(usable_cores()))
    return f"threads on a CPU: {threads}; idle ones wait by {waiting}"


def visible_cores() -> int:
    """Cores that the operating system lets this process run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def usable_cores(quota: Path = QUOTA) -> int:
    """Visible cores, or as many as a container's ``quota`` pays for, rounded up, if that is fewer."""
    try:
        share, period = quota.read_text().split()
        paid = math.ceil(int(share) / int(period))
    except (OSError, ValueError):  # no quota: another system, or the word "max" in the file
        return visible_cores()
    return max(1, min(paid, visible_cores()))
