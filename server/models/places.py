"""How much of something that takes long may go on at once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from model.errors import InputError


class Places:
    """A bounded number of places; ``full`` says in words that all are taken."""

    def __init__(self, capacity: int, full: str, field: str | None = None) -> None:
        self.capacity, self.taken = capacity, 0
        self._full, self._field = full, field

    @contextmanager
    def take(self) -> Iterator[None]:
        """A place. Raises InputError "busy" when there is none."""
        if self.taken >= self.capacity:
            raise InputError(
                f"{self.taken} {self._full}",
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
