"""How a process that renders on a CPU keeps its memory."""

from __future__ import annotations

import ctypes

M_TRIM_THRESHOLD, M_MMAP_MAX, M_ARENA_MAX = -1, -4, -8  # from glibc's malloc.h
KEPT = 2**30  # bytes that stay with the process once freed


def keep_freed_memory() -> None:
    """Have glibc keep what is freed for the next picture; elsewhere nothing.

    It would give each large array back to the system and take it again, a page at a time, which costs a third of a
    picture's time. For the whole process, so for a program to call at its start: threads that allocated before keep
    pools of their own.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return
    mallopt(M_MMAP_MAX, 0)
    mallopt(M_TRIM_THRESHOLD, KEPT)
    mallopt(M_ARENA_MAX, 1)
