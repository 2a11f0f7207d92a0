"""``POST segment``: the label map of a photo, by the checkpoint's segmenter."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from anyio.to_thread import run_sync
from fastapi import Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, Field

from model.recipe.labels import label_stats, write_labels
from model.recipe.reading import LEAST, Area, Reading
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


class ReadClass(BaseModel):
    """One class of a label map."""

    index: int
    name: str
    share: float = Field(gt=0, le=1, description="Part of the picture's pixels.")
    confidence: float = Field(ge=0, le=1, description="How likely the class is, a mean over its pixels.")
    second: int = Field(description="Index of the class that is the next likely one there.")


class SecondGuess(BaseModel):
    """What else a region may be."""

    index: int
    name: str
    probability: float = Field(
        ge=0, le=1, description="How likely that is, a mean over the region; 0 where a third class is likelier."
    )


class Region(BaseModel):
    """A connected area of one class, whose pixels touch by their sides. Pixels count from the upper left."""

    index: int
    name: str
    at: tuple[int, int] = Field(description="x, y of one of its pixels: filling the label map from there gives all.")
    box: tuple[int, int, int, int] = Field(description="x, y, width and height of the rectangle around it.")
    share: float = Field(gt=0, le=1, description="Part of the picture's pixels.")
    confidence: float = Field(ge=0, le=1, description="How likely its class is, a mean over its pixels.")
    second: SecondGuess


EXAMPLE = {
    "index": 2,
    "name": "mountain",
    "at": [31, 90],
    "box": [12, 90, 120, 46],
    "share": 0.052,
    "confidence": 0.48,
    "second": {"index": 8, "name": "sand", "probability": 0.31},
}


class SegmentAnswer(BaseModel):
    """The label map that was found; how much of the picture each class has, and how sure the segmenter is of it."""

    model: str
    labels: str = Field(description="The label map, a palette PNG as a data URL.")
    classes: list[ReadClass] = Field(description="The classes present, the largest first.")
    regions: list[Region] = Field(
        description=f"Connected areas of one class that have {LEAST:.1%} of the picture or more, the largest first. "
        "One whose confidence is low, below 0.6 say, may be its second guess.",
        examples=[[EXAMPLE]],
    )
    timings: Timings


SEGMENT = described(
    "The label map of a photo",
    "What the model's segmenter takes each pixel for, and how much of the picture each class has: a palette PNG to "
    "paint on, or to send with the photo as its labels. For each class, and for each connected region of one, the "
    "answer says how sure the segmenter is of it and what else it may be."
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
        classes, regions = await run_sync(_told, reading, found.taxonomy.names)
        answer = {"model": found.id, "labels": data_url(png), "classes": classes, "regions": regions}
        return JSONResponse(answer | {"timings": work.timings()}, headers=timing_header(work))


def _told(reading: Reading, names: Sequence[str]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The classes and the regions of a label map, as the answer has them."""
    classes = [row.model_dump() for row in _classes(reading, names)]
    return classes, [_region(region, reading.labels.size, names).model_dump() for region in reading.areas()]


def _region(region: Area, pixels: int, names: Sequence[str]) -> Region:
    """A region of a picture that has so many pixels."""
    guess = region.guess
    return Region(
        index=region.index,
        name=names[region.index],
        at=region.at,
        box=region.box,
        share=region.pixels / pixels,
        confidence=min(guess.confidence, 1.0),
        second=SecondGuess(index=guess.second, name=names[guess.second], probability=min(guess.likely, 1.0)),
    )


def _classes(reading: Reading, names: Sequence[str]) -> list[ReadClass]:
    """The classes of a label map, their shares of it and how sure they are, the largest first."""
    guesses, counts = reading.guesses(), label_stats(reading.labels)
    return [
        ReadClass(
            index=index,
            name=names[index],
            share=counts[index] / reading.labels.size,
            confidence=min(guesses[index].confidence, 1.0),
            second=guesses[index].second,
        )
        for index in sorted(counts, key=lambda index: -counts[index])
    ]
