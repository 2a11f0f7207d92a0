"""The one kind of error that a user can cause."""

from __future__ import annotations

from typing import Any


class InputError(ValueError):
    """Something given to us is wrong; the message says what, which value it has and what is allowed.

    ``code`` is stable for programs ("invalid", "unknown_label", "wrong_size", "too_large", "not_an_image",
    "no_encoder", "no_segmenter", "missing_class", "bad_checkpoint", "unknown_model", "busy"); ``details`` is
    JSON-ready.
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
