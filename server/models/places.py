"""A bound on how many long tasks, such as fits or open sockets, go on at the same time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from model.errors import InputError


class Places:
    """``capacity`` places. ``full`` is the end of the error where all are taken, after their number and a space;
    ``field`` is the error's field."""

    def __init__(self, capacity: int, full: str, field: str | None = None) -> None:
        self.capacity, self.taken = capacity, 0
        self._full, self._field = full, field

    @contextmanager
    def take(self) -> Iterator[None]:
        """Hold a place within the ``with`` block. Raises InputError "busy" where all are taken."""
        if self.taken >= self.capacity:
            raise InputError(
                f"{self.taken} {self._full}.",
                code="busy",
                field=self._field,
                value=self.taken,
                allowed=self.capacity,
            )
        self.taken += 1
        try:
            yield
        finally:
            self.taken -= 1
