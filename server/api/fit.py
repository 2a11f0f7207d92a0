"""``POST fit``: the style of a photo without an encoder, by gradient descent through the generator.

A fit takes seconds, so its answer comes line by line: whoever waits sees how far it is.
"""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from anyio.to_thread import run_sync
from fastapi import Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, Field

from model.recipe.recipe import write_png
from model.recipe.styles import Style, style_from_encoding
from server.api import images
from server.api.answers import JSON, choose_type, timing_header, write_pngs
from server.api.route import LANDSCAPE, PHOTO, ModelId, curl, described, json_field, multipart, new_router
from server.api.schemas import Origin, PictureRequest, Seed, Timings
from server.api.streams import LINES, stream_lines
from server.models.places import Places
from server.models.studio import find_model, studio_of
from server.models.uploads import Reference, at_most, read_reference
from server.models.work import Work, work_on
from server.web.forms import Form, read_form

LOOK_SECONDS = 0.5  # seconds between two pictures while the fit goes on
FILES = ("photo", "photo_labels", "instances")
router = new_router()


class FitRequest(PictureRequest):
    """How long to search, where to begin, and what the photo is called."""

    steps: int | None = Field(None, ge=1, description="Steps of the search; left out, as many as usually suffice.")
    seed: Seed = Field(0, description="Seed of the classes that the photo lacks, and of the search's start.")
    name: Origin = ""


class FitAnswer(BaseModel):
    """The last line of a fit, or all of it where JSON is asked for."""

    model: str
    style: dict[str, Any]
    classes: list[int]
    picture: str = Field(description="What the style gives on the photo's labels: PNG as a data URL.")
    distance: float = Field(description="Distance of that picture from the photo, as the fit measures it.")
    timings: Timings


EXAMPLE = {"steps": 20, "name": "photo.png"}
FIT = described(
    "The style of a photo, without an encoder",
    "The code of each class, found by gradient descent through the generator: any checkpoint can do it, and it takes "
    "seconds where encode takes milliseconds. Lines of JSON as it goes, "
    '`{"step": 48, "steps": 80, "share": 0.15, "distance": 0.034}` (share: the part of the work that is done), some '
    'with a small `picture`; the last one is the result, or `{"error": …}`. Closing the connection ends '
    "the work. With `Accept: application/json`, the result alone."
    + curl(
        PHOTO,
        f"curl -N -F photo=@photo.png -F photo_labels=@static/starters/lake.png {json_field(EXAMPLE)} {LANDSCAPE}/fit",
    ),
    multipart(FitRequest, FILES, ["photo", "photo_labels"], EXAMPLE),
    FitAnswer,
    LINES,
)


@router.post("/models/{id}/fit", **FIT)
async def fit(request: Request, id: ModelId) -> Response:
    """The fitted codes: lines that count the steps and end with the result, or the result alone."""
    started, kind = time.perf_counter(), choose_type(request, [LINES, JSON])
    found, studio = await find_model(request, id), studio_of(request)
    form = await read_form(request, FitRequest, FILES)
    at_most("request.steps", form.asked.steps or 0, studio.settings.fit_steps)
    if kind == LINES:
        return await stream_lines(request, found, started, lambda work: _rows(work, form, studio.fits))
    async with work_on(request, found, started) as work:
        answer = [row async for row in _rows(work, form, studio.fits)][-1]
        return JSONResponse(answer, headers=timing_header(work))


async def _rows(work: Work, form: Form[FitRequest], places: Places) -> AsyncGenerator[dict[str, Any]]:
    """``{"step", "steps", "share", "distance"}``, with a small picture now and then; last the style and its picture."""
    from model.engine.engine import to_uint8

    asked, model = form.asked, work.model
    with places.take():
        reference = await run_sync(_reference, work, form)
        shown = float("-inf")
        async with aclosing(work.fit(reference, asked.steps, asked.seed)) as steps:
            async for step in steps:
                row: dict[str, Any] = {"step": step.number, "steps": step.total}
                row |= {"share": round(step.share, 4), "distance": round(step.distance, 5)}
                if time.perf_counter() - shown > LOOK_SECONDS:
                    shown = time.perf_counter()
                    row["picture"] = images.data_url(await run_sync(write_png, to_uint8(step.picture)))
                yield row
        name = asked.name or reference.name
        style = style_from_encoding(step.codes, reference.scene.classes, model.config, name, asked.seed)
        result = await _result(work, reference, style, asked.recipe)
    yield result | {"distance": round(step.distance, 5)}


def _reference(work: Work, form: Form[FitRequest]) -> Reference:
    photo, labels, instances = form.file("photo"), form.file("photo_labels"), form.optional("instances")
    return read_reference(work.model, work.limit, photo, labels, form.asked.resize, instances=instances)


async def _result(work: Work, reference: Reference, style: Style, with_recipe: bool) -> dict[str, Any]:
    """The style that was found and its picture on the photo's labels, as the last line has them."""
    scene = reference.scene
    pictures = await work.render(scene, [style])
    (png,) = await run_sync(write_pngs, work.model, scene, [style], pictures, with_recipe)
    return {
        "model": work.model.id,
        "style": style.to_json(),
        "classes": scene.classes,
        "picture": images.data_url(png),
        "timings": work.timings(),
    }
