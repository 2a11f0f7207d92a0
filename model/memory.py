"""Settings of the C library's memory allocation that make rendering on a CPU faster."""

from __future__ import annotations

import ctypes

M_TRIM_THRESHOLD, M_MMAP_MAX, M_ARENA_MAX = -1, -4, -8  # numbers of mallopt's options, from glibc's malloc.h
KEPT = 2**30  # freed bytes that the process keeps before any are returned to the system


def keep_freed_memory() -> None:
    """Make glibc keep freed memory for the next picture. With another C library this does nothing.

    By default glibc returns each large array to the system and takes it again page by page, which costs a third of a
    picture's time. The setting holds for the whole process, and a program calls this once, at its start: threads that
    have allocated memory before keep pools of their own.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return
    mallopt(M_MMAP_MAX, 0)
    mallopt(M_TRIM_THRESHOLD, KEPT)
    mallopt(M_ARENA_MAX, 1)
