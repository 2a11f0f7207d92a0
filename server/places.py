"""How much of something that takes long may go on at once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from model.errors import InputError


class Places:
    """How many fits may run at once: each keeps the model busy for seconds, though others get in between."""

    def __init__(self, capacity: int) -> None:
        self.capacity, self.taken = capacity, 0

    @contextmanager
    def take(self) -> Iterator[None]:
        """A place. Raises InputError "busy" when there is none."""
        if self.taken >= self.capacity:
            raise InputError(
                f"{self.taken} photos are being fitted already, as many as may; try again in a moment",
                code="busy",
                value=self.taken,
                allowed=self.capacity,
            )
        self.taken += 1
        try:
            yield
        finally:
            self.taken -= 1
