"""``POST encode``: the style of a photo, by the checkpoint's encoder."""

from __future__ import annotations

import time
from typing import Any

from anyio.to_thread import run_sync
from fastapi import Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel

from server.api.answers import JSON, choose_type, timing_header
from server.api.route import LAKE, LANDSCAPE, PHOTO, ModelId, curl, described, json_field, multipart, new_router
from server.api.schemas import Origin, Resize, Timings
from server.models.studio import find_model
from server.models.uploads import read_reference, require_encoder
from server.models.work import work_on
from server.web.forms import Asked, read_form

FILES = ("photo", "labels")
router = new_router()


class EncodeRequest(Asked):
    """What the photo is called, and whether it may be scaled."""

    name: Origin = ""
    resize: Resize = False


class EncodeAnswer(BaseModel):
    """The photo's style: a code for each class that its label map has."""

    model: str
    style: dict[str, Any]
    classes: list[int]
    timings: Timings


EXAMPLE = {"name": "photo.png"}
ENCODE = described(
    "The style of a photo",
    "The code of each class that its label map has, for use in any style."
    + curl(PHOTO, f"curl -F photo=@photo.png {LAKE} {json_field(EXAMPLE)} {LANDSCAPE}/encode"),
    multipart(EncodeRequest, FILES, ["photo", "labels"], EXAMPLE),
    EncodeAnswer,
    needs="an encoder",
)


@router.post("/models/{id}/encode", **ENCODE)
async def encode(request: Request, id: ModelId) -> Response:
    """The codes that the encoder finds in the photo, one for each class of its label map."""
    started = time.perf_counter()
    choose_type(request, [JSON])
    found = await find_model(request, id)
    form = await read_form(request, EncodeRequest, FILES)
    async with work_on(request, found, started) as work:
        require_encoder(found, "encode")
        photo, labels = form.file("photo"), form.file("labels")
        reference = await run_sync(read_reference, found, work.limit, photo, labels, form.asked.resize, FILES)
        style = await work.encode(reference, form.asked.name)
        answer = {"model": found.id, "style": style.to_json(), "classes": reference.scene.classes}
        return JSONResponse(answer | {"timings": work.timings()}, headers=timing_header(work))
