"""``POST morph``: an animation through two or more key styles."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Sequence
from typing import Any, Literal

import numpy as np
from anyio.to_thread import run_sync
from fastapi import Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, Field

from model.errors import InputError
from model.recipe.styles import Style, check_classes, way
from server.api import images
from server.api.answers import JSON, choose_type, timing_header, write_pngs
from server.api.images import MEDIA_TYPES
from server.api.route import LAKE, LANDSCAPE, ModelId, curl, described, json_field, multipart, new_router
from server.api.schemas import PictureRequest, StyleJSON, Timings
from server.api.streams import LINES, stream_lines
from server.api.video import require_mp4, write_mp4
from server.models.registry import Model
from server.models.studio import find_model, studio_of
from server.models.uploads import Scene, at_most, read_form_scene, read_style
from server.models.work import Work, work_on
from server.web.forms import Form, read_form

AT_ONCE = 4  # frames in one pass while somebody watches the count
FILES = ("labels", "instances")
router = new_router()


class MorphRequest(PictureRequest):
    """The key styles, which classes go from one to the next, and what kind of file shows it."""

    start: StyleJSON | None = Field(None, alias="from")
    to: StyleJSON | None = None
    styles: list[StyleJSON] | None = Field(
        None, min_length=2, max_length=16, description="Instead of from and to: key styles in a row, evenly spaced."
    )
    classes: list[int] | None = Field(None, description="Classes that change; the others keep their first look.")
    steps: int = Field(24, ge=2, description="How many different frames.")
    seconds: float = Field(2.0, gt=0, le=60, description="How long one pass takes.")
    format: Literal["webp", "gif", "mp4", "zip"] = Field(
        "webp", description="Animated WebP or GIF, MP4 where the server has PyAV, or a ZIP of PNGs."
    )
    boomerang: bool = Field(False, description="Go there and back again.")


class AnimationAnswer(BaseModel):
    """An animation as a file, and how many frames it shows."""

    model: str
    animation: str = Field(description="The file as a data URL.")
    frames: int
    timings: Timings


EXAMPLE = {"from": {"seed": 7}, "to": {"seed": 8}, "classes": [0, 6], "steps": 12, "seconds": 1.5, "format": "webp"}
KEYS = {"styles": [{"seed": 7}, {"seed": 8}, {"seed": 9}], "steps": 8, "format": "gif"}
MORPH = described(
    "An animation through two or more styles",
    "Animated WebP or GIF, MP4 where the server has PyAV, or a ZIP of PNGs; as JSON with a data URL where `Accept: "
    'application/json` asks for it, and with `Accept: application/x-ndjson` as lines `{"frame": 4, "frames": 24}` '
    "while it is drawn, that JSON the last of them."
    + curl(
        f"curl {LAKE} {json_field(EXAMPLE)} {LANDSCAPE}/morph -o morph.webp",
        f"curl {LAKE} {json_field(KEYS)} {LANDSCAPE}/morph -o three.gif",
    ),
    multipart(MorphRequest, FILES, ["labels", "request"], EXAMPLE),
    AnimationAnswer,
    *(MEDIA_TYPES[format] for format in ("webp", "gif", "mp4", "zip")),
    LINES,
)


@router.post("/models/{id}/morph", **MORPH)
async def morph(request: Request, id: ModelId) -> Response:
    """The animation as a file, as JSON, or as JSON after lines that count its frames."""
    started = time.perf_counter()
    found = await find_model(request, id)
    form = await read_form(request, MorphRequest, FILES)
    asked = form.asked
    kind = choose_type(request, [MEDIA_TYPES[asked.format], JSON, LINES])
    at_most("request.steps", asked.steps, studio_of(request).settings.morph_steps)
    if asked.format == "mp4":
        require_mp4()
    if kind == LINES:
        return await stream_lines(request, found, started, lambda work: _rows(work, form))
    async with work_on(request, found, started) as work:
        scene, styles = await _way(work, form)
        frames = await work.render(scene, styles)
        content = await run_sync(_write, found, asked, scene, styles, frames)
        if kind != JSON:
            return Response(content, media_type=kind, headers=timing_header(work))
        return JSONResponse(_answer(work, asked, content), headers=timing_header(work))


async def _rows(work: Work, form: Form[MorphRequest]) -> AsyncGenerator[dict[str, Any]]:
    """``{"frame": 8, "frames": 24}`` as they are drawn, then the file as the JSON answer has it."""
    scene, styles = await _way(work, form)
    frames: list[np.ndarray] = []
    for start in range(0, len(styles), AT_ONCE):
        frames += await work.render(scene, styles[start : start + AT_ONCE])
        yield {"frame": len(frames), "frames": len(styles)}
    content = await run_sync(_write, work.model, form.asked, scene, styles, frames)
    yield _answer(work, form.asked, content)


def _answer(work: Work, asked: MorphRequest, content: bytes) -> dict[str, Any]:
    """The JSON answer for an animation's file."""
    url, shown = images.data_url(content, asked.format), len(_there_and_back(range(asked.steps), asked.boomerang))
    return {"model": work.model.id, "animation": url, "frames": shown, "timings": work.timings()}


async def _way(work: Work, form: Form[MorphRequest]) -> tuple[Scene, list[Style]]:
    """The scene, and the style of each frame from the first to the last."""
    asked, model = form.asked, work.model
    scene = await run_sync(read_form_scene, model, work.limit, form)
    keys = [(await run_sync(read_style, model, key)).spelled_out(scene.classes) for key in _keys(asked)]
    classes = scene.classes
    if asked.classes is not None:
        classes = check_classes(asked.classes, model.config, "request.classes")
    return scene, [way(keys, step / (asked.steps - 1), classes) for step in range(asked.steps)]


def _keys(asked: MorphRequest) -> list[dict[str, Any]]:
    """The key styles: ``styles``, or ``from`` and ``to``. Raises InputError where neither or both were sent."""
    if asked.styles is None:
        for field, style in (("from", asked.start), ("to", asked.to)):
            if style is None:
                message = f"request.{field} is missing; send from and to, or two or more key styles as styles."
                raise InputError(message, field=f"request.{field}", allowed="a style")
        return [style for style in (asked.start, asked.to) if style is not None]
    if asked.start is not None or asked.to is not None:
        raise InputError("request has styles and also from or to; give one of them.", field="request.styles")
    return asked.styles


def _there_and_back(frames: Sequence[Any], boomerang: bool) -> list[Any]:
    """The frames as they are shown: a boomerang goes back through all but the two ends, which it shows once."""
    return [*frames, *frames[-2:0:-1]] if boomerang else list(frames)


def _write(
    model: Model, asked: MorphRequest, scene: Scene, styles: Sequence[Style], frames: Sequence[np.ndarray]
) -> bytes:
    """The file of an animation, in the format that was asked for."""
    if asked.format == "zip":
        pngs = write_pngs(model, scene, styles, frames, asked.recipe)
        return images.pack(_there_and_back(pngs, asked.boomerang))
    shown = _there_and_back(frames, asked.boomerang)
    seconds = asked.seconds * len(shown) / len(frames)
    return write_mp4(shown, seconds) if asked.format == "mp4" else images.animate(shown, asked.format, seconds)
