"""``POST segment``: the label map of a photo, by the checkpoint's segmenter."""

from __future__ import annotations

import time
from collections.abc import Sequence

from anyio.to_thread import run_sync
from fastapi import Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, Field

from model.recipe.labels import label_stats, write_labels
from model.recipe.reading import Reading
from server.api.answers import JSON, PNG, choose_type, timing_header
from server.api.images import data_url
from server.api.route import LANDSCAPE, PHOTO, ModelId, curl, described, multipart, new_router
from server.api.schemas import Resize, Timings
from server.models.studio import find_model
from server.models.uploads import read_photo, require_segmenter
from server.models.work import work_on
from server.web.forms import Asked, read_form

FILES = ("photo",)
router = new_router()


class SegmentRequest(Asked):
    """Whether the photo may be scaled."""

    resize: Resize = False


class Region(BaseModel):
    """One class of a label map."""

    index: int
    name: str
    share: float = Field(gt=0, le=1, description="Part of the picture's pixels.")
    confidence: float = Field(ge=0, le=1, description="How likely the class is, a mean over its pixels.")
    second: int = Field(description="Index of the class that is the next likely one there.")


class SegmentAnswer(BaseModel):
    """The label map that was found; how much of the picture each class has, and how sure the segmenter is of it."""

    model: str
    labels: str = Field(description="The label map, a palette PNG as a data URL.")
    classes: list[Region] = Field(description="The classes present, the largest first.")
    timings: Timings


SEGMENT = described(
    "The label map of a photo",
    "What the model's segmenter takes each pixel for, and how much of the picture each class has: a palette PNG to "
    "paint on, or to send with the photo as its labels. A class whose confidence is low may be its second guess."
    + curl(
        PHOTO,
        f"curl -F photo=@photo.png {LANDSCAPE}/segment",
        f"curl -H 'Accept: image/png' -F photo=@photo.png {LANDSCAPE}/segment -o labels.png",
    ),
    multipart(SegmentRequest, FILES, ["photo"], {"resize": True}),
    SegmentAnswer,
    PNG,
    needs="a segmenter",
)


@router.post("/models/{id}/segment", **SEGMENT)
async def segment(request: Request, id: ModelId) -> Response:
    """The label map as a palette PNG, or as JSON with each class's share of the picture."""
    started, kind = time.perf_counter(), choose_type(request, [JSON, PNG])
    found = await find_model(request, id)
    form = await read_form(request, SegmentRequest, FILES)
    async with work_on(request, found, started) as work:
        require_segmenter(found)
        content = form.file("photo").content
        reading = await work.read(await run_sync(read_photo, found, work.limit, content, form.asked.resize))
        png = await run_sync(write_labels, reading.labels, found.taxonomy)
        if kind == PNG:
            return Response(png, media_type=PNG, headers=timing_header(work))
        regions = [region.model_dump() for region in _regions(reading, found.taxonomy.names)]
        answer = {"model": found.id, "labels": data_url(png), "classes": regions, "timings": work.timings()}
        return JSONResponse(answer, headers=timing_header(work))


def _regions(reading: Reading, names: Sequence[str]) -> list[Region]:
    """The classes of a label map, their shares of it and how sure they are, the largest first."""
    guesses, counts = reading.guesses(), label_stats(reading.labels)
    return [
        Region(
            index=index,
            name=names[index],
            share=counts[index] / reading.labels.size,
            confidence=min(guesses[index].confidence, 1.0),
            second=guesses[index].second,
        )
        for index in sorted(counts, key=lambda index: -counts[index])
    ]
