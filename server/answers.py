"""What an answer is made of: the kind that the client asked for, and the files in it."""

from __future__ import annotations

from fastapi import Request

from model.errors import InputError


def choose_type(request: Request, offered: list[str]) -> str:
    """The offered media type that the Accept header likes best, the first of equals.

    Raises InputError "not_acceptable" when it likes none.
    """
    accept = request.headers.get("accept", "*/*")
    ranges = [_parse(part) for part in accept.split(",") if part.strip()] or [("*/*", 1.0)]
    likes = [_quality(kind, ranges) for kind in offered]
    best = max(likes)
    if best <= 0:
        raise InputError(
            f"Accept is {accept!r}; this answer comes as {' or '.join(offered)}",
            code="not_acceptable",
            field="Accept",
            value=accept,
            allowed=offered,
        )
    return offered[likes.index(best)]


def _parse(part: str) -> tuple[str, float]:
    kind, *parameters = (piece.strip().lower() for piece in part.split(";"))
    quality = next((value[2:] for value in parameters if value.startswith("q=")), "1")
    try:
        return kind, float(quality)
    except ValueError:
        return kind, 0.0


def _quality(kind: str, ranges: list[tuple[str, float]]) -> float:
    """Of the ranges that hold ``kind`` the most exact one counts."""
    for pattern in (kind, kind.split("/")[0] + "/*", "*/*"):
        for name, quality in ranges:
            if name == pattern:
                return quality
    return 0.0
