"""The one kind of error that a user can cause, and the one form of its message."""

from __future__ import annotations

import json
from typing import Any, NoReturn

SHOWN = 60  # characters of a value in a message


class InputError(ValueError):
    """An error that the user can mend: the message names the thing that is wrong, its value and what is allowed.

    The message is one whole sentence with a full stop. ``code`` is stable for programs ("invalid", "unknown_label",
    "wrong_size", "too_large", "not_an_image", "no_encoder", "no_segmenter", "missing_class", "bad_checkpoint",
    "unknown_model", "busy"); ``field`` names the thing; ``details`` can be written as JSON.
    The command line prints the message and exits with 2; the server answers with all of it.
    """

    def __init__(
        self,
        message: str,
        *,
        code: str = "invalid",
        field: str | None = None,
        value: Any = None,
        allowed: Any = None,
        details: Any = None,
    ) -> None:
        super().__init__(message)
        self.code, self.field, self.value, self.allowed, self.details = code, field, value, allowed, details


def refuse(
    field: str,
    value: Any,
    what: str,
    allowed: str,
    *,
    code: str = "invalid",
    details: Any = None,
    cause: Exception | None = None,
) -> NoReturn:
    """Raises InputError with the message "{field} {what}; allowed is {allowed}."

    ``what`` is the rest of a clause that begins with the field's name: "is 12", "has 3 maps". It says the value where
    that helps; ``shown`` cuts it to a length that a message can bear. The error's ``value`` is kept as it is where it
    is short and JSON can write it, and is ``shown`` otherwise.
    """
    message = f"{field} {what}; allowed is {allowed}."
    kept = value if _is_short_json(value) else shown(value)
    raise InputError(message, code=code, field=field, value=kept, allowed=allowed, details=details) from cause


def shown(value: Any) -> str:
    """``value`` as JSON, cut to ``SHOWN`` characters."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 3]}…"


def _is_short_json(value: Any) -> bool:
    try:
        return len(json.dumps(value, allow_nan=False)) <= SHOWN
    except (TypeError, ValueError):  # NaN, infinity, or an object of another kind
        return False
