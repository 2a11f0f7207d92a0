"""``POST resample``: new looks for some classes, all pictures at once or each as soon as it is drawn."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Sequence
from typing import Any

import numpy as np
from anyio.to_thread import run_sync
from fastapi import Request
from fastapi.responses import Response
from pydantic import Field

from model.errors import InputError
from model.recipe.change import measure_change
from model.recipe.styles import Style, check_classes
from server.api.answers import JSON, PNG, choose_type, picture_rows, pictures_answer, write_pngs
from server.api.route import LAKE, LANDSCAPE, ModelId, curl, described, json_field, multipart, new_router
from server.api.schemas import PictureRequest, PicturesAnswer, Seed, StyleJSON
from server.api.streams import LINES, stream_lines
from server.models.studio import find_model, studio_of
from server.models.uploads import Scene, at_most, read_form_scene, read_style
from server.models.work import Work, work_on
from server.web.forms import Form, read_form

AT_ONCE = 2  # pictures in one pass while somebody watches them come
FILES = ("labels", "instances")
router = new_router()


class ResampleRequest(PictureRequest):
    """The style to start from, the classes that change, and how many pictures are wanted."""

    style: StyleJSON = Field({"seed": 0})
    classes: list[int] = Field(min_length=1, description="Classes that get new looks.", examples=[[6]])
    n: int = Field(6, ge=1, description="How many pictures.")
    seed: Seed = Field(0, description="The same seed gives the same pictures again.")


EXAMPLE = {"style": {"seed": 7}, "classes": [6], "n": 3, "seed": 1}
RESAMPLE = described(
    "New looks for some classes",
    "n pictures that differ in these classes alone, each with its style and with how much it changed inside and "
    "outside of them. With `Accept: application/x-ndjson` each comes as soon as it is drawn, as a line "
    '`{"picture": …}`.' + curl(f"curl {LAKE} {json_field(EXAMPLE)} {LANDSCAPE}/resample"),
    multipart(ResampleRequest, FILES, ["labels", "request"], EXAMPLE),
    PicturesAnswer,
    PNG,
    LINES,
)


@router.post("/models/{id}/resample", **RESAMPLE)
async def resample(request: Request, id: ModelId) -> Response:
    """``n`` pictures of the label map in which the chosen classes have new looks."""
    started, kind = time.perf_counter(), choose_type(request, [JSON, PNG, LINES])
    found = await find_model(request, id)
    form = await read_form(request, ResampleRequest, FILES)
    asked = form.asked
    at_most("request.n", asked.n, studio_of(request).settings.variants)
    if kind == PNG and asked.n > 1:
        raise InputError(
            f"{asked.n} pictures do not fit into one PNG; ask for {JSON}, or for n = 1.",
            code="not_acceptable",
            field="Accept",
            value=PNG,
            allowed=[JSON],
        )
    if kind == LINES:
        return await stream_lines(request, found, started, lambda work: _rows(work, form))
    async with work_on(request, found, started) as work:
        scene, base, styles, inside = await _variants(work, form)
        before, *pictures = await work.render(scene, [base, *styles])
        changes = await run_sync(_changes, before, pictures, inside)
        return await pictures_answer(work, kind, scene, styles, pictures, asked.recipe, changes)


async def _rows(work: Work, form: Form[ResampleRequest]) -> AsyncGenerator[dict[str, Any]]:
    """A row of JSON for each variant, and one with the timings at the end."""
    scene, base, styles, inside = await _variants(work, form)
    before: np.ndarray | None = None
    for start in range(0, len(styles), AT_ONCE):
        some = styles[start : start + AT_ONCE]
        drawn = await work.render(scene, some if before is not None else [base, *some])
        if before is None:
            before, *drawn = drawn
        changes = await run_sync(_changes, before, drawn, inside)
        pngs = await run_sync(write_pngs, work.model, scene, some, drawn, form.asked.recipe)
        for row in picture_rows(scene, some, pngs, changes):
            yield {"picture": row}
    yield {"model": work.model.id, "timings": work.timings()}


async def _variants(work: Work, form: Form[ResampleRequest]) -> tuple[Scene, Style, list[Style], np.ndarray]:
    """The scene, the style to start from, the style of each variant, and bool [H, W] where pictures may differ."""
    asked, model = form.asked, work.model
    scene = await run_sync(read_form_scene, model, work.limit, form)
    base = await run_sync(read_style, model, asked.style)
    classes = check_classes(asked.classes, model.config, "request.classes")
    return scene, base, base.variants(classes, asked.seed, asked.n), np.isin(scene.labels, classes)


def _changes(before: np.ndarray, after: Sequence[np.ndarray], inside: np.ndarray) -> list[dict[str, float]]:
    """How much each picture of ``after`` differs from ``before``, inside and outside of the chosen classes."""
    return [measure_change(before, picture, inside)._asdict() for picture in after]
