"""What an answer is made of: the kind that the client asked for, and the files in it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from fastapi import Request
from fastapi.responses import JSONResponse, Response

from model.errors import InputError
from server import images
from server.work import Scene, Work

if TYPE_CHECKING:
    from model.recipe.styles import Style

JSON, PNG = "application/json", "image/png"


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


def write_pngs(
    work: Work, scene: Scene, styles: Sequence[Style], pictures: Sequence[np.ndarray], with_recipe: bool
) -> list[bytes]:
    """The files of some pictures of one scene, each with its recipe unless it is not wanted."""
    from model.recipe.labels import write_labels
    from model.recipe.recipe import Recipe, write_instances, write_png

    if not with_recipe:
        return [write_png(picture) for picture in pictures]
    labels = write_labels(scene.labels, work.model.taxonomy)
    instances = None if scene.instances is None else write_instances(scene.instances)
    return [
        write_png(
            picture,
            Recipe(
                work.model.id, work.model.fingerprint, labels, style.spelled_out(scene.classes).to_json(), instances
            ),
        )
        for style, picture in zip(styles, pictures)
    ]


def picture_rows(
    scene: Scene, styles: Sequence[Style], pngs: Sequence[bytes], changes: Sequence[dict[str, float]] | None = None
) -> list[dict[str, Any]]:
    """What JSON says of each picture: the file, the style, and how much it changed where that was measured."""
    rows: list[dict[str, Any]] = [
        {"image": images.data_url(content), "style": style.spelled_out(scene.classes).to_json()}
        for content, style in zip(pngs, styles)
    ]
    for row, change in zip(rows, changes or []):
        row["change"] = change
    return rows


async def pictures_answer(
    work: Work,
    kind: str,
    scene: Scene,
    styles: Sequence[Style],
    pictures: Sequence[np.ndarray],
    with_recipe: bool,
    changes: Sequence[dict[str, float]] | None = None,
) -> Response:
    """The first picture itself, or JSON with all of them, their styles and the label map."""
    from model.recipe.labels import write_labels

    pngs = await work.aside(write_pngs, work, scene, styles, pictures, with_recipe)
    if kind == PNG:
        return Response(pngs[0], media_type=PNG, headers=timing_header(work))
    rows = picture_rows(scene, styles, pngs, changes)
    labels = images.data_url(write_labels(scene.labels, work.model.taxonomy))
    answer = {"model": work.model.id, "pictures": rows, "labels": labels, "timings": work.timings()}
    return JSONResponse(answer, headers=timing_header(work))


def timing_header(work: Work) -> dict[str, str]:
    """``Server-Timing``: how long the request waited, the model worked, and all of it took."""
    timings = {name.removesuffix("_ms"): value for name, value in work.timings().items()}
    return {"Server-Timing": ", ".join(f"{name};dur={value}" for name, value in timings.items())}
