"""The answers of applications: the media type that the client asked for, and pictures in it."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import Any, TypeVar

import numpy as np
from anyio.to_thread import run_sync
from fastapi import Request
from fastapi.responses import JSONResponse, Response

from model.errors import InputError
from model.recipe.labels import write_labels
from model.recipe.recipe import Recipe, write_instances, write_png
from model.recipe.styles import Style
from server.api import images
from server.api.schemas import PictureRequest
from server.models.registry import Model
from server.models.studio import find_model
from server.models.uploads import Scene
from server.models.work import Work, work_on
from server.web.forms import Form, read_form

JSON, PNG = "application/json", "image/png"
P = TypeVar("P", bound=PictureRequest)


def choose_type(request: Request, offered: list[str]) -> str:
    """The media type of ``offered`` that the Accept header prefers, the first among equals.

    Raises InputError "not_acceptable" where the header takes none of them.
    """
    accept = request.headers.get("accept", "*/*")
    ranges = [_parse(part) for part in accept.split(",") if part.strip()] or [("*/*", 1.0)]
    likes = [_quality(kind, ranges) for kind in offered]
    best = max(likes)
    if best <= 0:
        raise InputError(
            f"Accept is {accept!r}; this answer comes as {' or '.join(offered)}.",
            code="not_acceptable",
            field="Accept",
            value=accept,
            allowed=offered,
        )
    return offered[likes.index(best)]


def _parse(part: str) -> tuple[str, float]:
    """A media range and its quality from 0 to 1: ``image/*;q=0.5`` → ("image/*", 0.5)."""
    kind, *parameters = (piece.strip().lower() for piece in part.split(";"))
    quality = next((value[2:] for value in parameters if value.startswith("q=")), "1")
    try:
        return kind, float(quality)
    except ValueError:
        return kind, 0.0


def _quality(kind: str, ranges: list[tuple[str, float]]) -> float:
    """The quality of ``kind``, by the most exact of the ranges that hold it; 0 where none does."""
    for pattern in (kind, kind.split("/")[0] + "/*", "*/*"):
        for name, quality in ranges:
            if name == pattern:
                return quality
    return 0.0


def write_pngs(
    model: Model, scene: Scene, styles: Sequence[Style], pictures: Sequence[np.ndarray], with_recipe: bool
) -> list[bytes]:
    """PNG files of some pictures uint8 [H, W, 3] of one scene, each in its own style, with or without its recipe."""
    if not with_recipe:
        return [write_png(picture) for picture in pictures]
    labels = write_labels(scene.labels, model.taxonomy)
    instances = None if scene.instances is None else write_instances(scene.instances)
    return [
        write_png(
            picture,
            Recipe(model.id, model.fingerprint, labels, style.spelled_out(scene.classes).to_json(), instances),
        )
        for style, picture in zip(styles, pictures)
    ]


def picture_rows(
    scene: Scene, styles: Sequence[Style], pngs: Sequence[bytes], changes: Sequence[dict[str, float]] | None = None
) -> list[dict[str, Any]]:
    """A row of the JSON answer for each picture: the file, its style and, where given, how much it changed."""
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
    """The first picture itself where ``kind`` is PNG, else JSON with all of them, their styles and the label map."""
    pngs = await run_sync(write_pngs, work.model, scene, styles, pictures, with_recipe)
    if kind == PNG:
        return Response(pngs[0], media_type=PNG, headers=timing_header(work))
    rows = picture_rows(scene, styles, pngs, changes)
    labels = images.data_url(write_labels(scene.labels, work.model.taxonomy))
    answer = {"model": work.model.id, "pictures": rows, "labels": labels, "timings": work.timings()}
    return JSONResponse(answer, headers=timing_header(work))


def timing_header(work: Work) -> dict[str, str]:
    """The header ``Server-Timing``: milliseconds in the line, in the model, and in all."""
    timings = {name.removesuffix("_ms"): value for name, value in work.timings().items()}
    return {"Server-Timing": ", ".join(f"{name};dur={value}" for name, value in timings.items())}


async def one_picture(
    request: Request,
    id: str,
    asked: type[P],
    files: Collection[str],
    read: Callable[[Work, Form[P]], Awaitable[tuple[Scene, Style]]],
) -> Response:
    """The whole way of an application that makes one picture.

    ``asked`` and ``files`` are what its form holds; ``read`` makes a scene and a style of it. Raises InputError as
    ``choose_type``, ``find_model``, ``read_form`` and ``read`` do.
    """
    started, kind = time.perf_counter(), choose_type(request, [JSON, PNG])
    found = await find_model(request, id)
    form = await read_form(request, asked, files)
    async with work_on(request, found, started) as work:
        scene, style = await read(work, form)
        pictures = await work.render(scene, [style])
        return await pictures_answer(work, kind, scene, [style], pictures, form.asked.recipe)
