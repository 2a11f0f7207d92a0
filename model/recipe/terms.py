"""Under which terms a model's weights are, and what it learned from. Each is one line of text."""

from __future__ import annotations

from dataclasses import dataclass

from model.errors import refuse

MOST = 400  # characters of a line
NOT_STATED = "not stated"


@dataclass(frozen=True)
class Terms:
    """``licence`` of the weights and ``source`` of the training pictures; "" is not stated.

    Raises InputError for a text that is longer than ``MOST`` characters, or that has a character which cannot be seen
    on one line: line breaks, control characters and marks that turn the direction of writing.
    """

    licence: str = ""
    source: str = ""

    def __post_init__(self) -> None:
        for field, text in (("licence", self.licence), ("source", self.source)):
            if len(text) > MOST:
                refuse(field, len(text), f"has {len(text):,} characters", f"at most {MOST}")
            hidden = next((character for character in text if not character.isprintable()), None)
            if hidden is not None:
                refuse(field, hidden, f"has the character {hidden!r}", "one line of characters that can be seen")

    def and_those_of(self, start: Terms | None) -> Terms:
        """The terms of weights that began as ``start``'s and learned on: both hold; where one says nothing, nothing is
        said of the whole. Raises InputError where both together are too long for a line."""
        if start is None:
            return self
        return Terms(_both(start.licence, self.licence), _both(start.source, self.source))


def _both(first: str, then: str) -> str:
    if not first or not then or first == then:
        return first and then
    return f"{first}; {then}"
