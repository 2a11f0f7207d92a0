"""``GET models`` and ``GET models/{id}``: which models there are, and what one of them is and can do."""

from __future__ import annotations

from typing import Any

from anyio.to_thread import run_sync
from fastapi import Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, Field

from server.api.route import LANDSCAPE, MODELS, ModelId, curl, error_answers, new_router
from server.api.video import WITHOUT_PYAV, mp4_available
from server.models.studio import find_model, studio_of

router = new_router()


class ModelRow(BaseModel):
    """A model that can be used."""

    id: str
    title: str
    image_size: tuple[int, int]
    classes: int
    encoder: bool
    licence: str | None = Field(description="Terms of the weights; null where the checkpoint does not state them.")


class UnavailableRow(BaseModel):
    """A checkpoint that cannot be used, and why."""

    id: str
    reason: str


class ModelsAnswer(BaseModel):
    """What the checkpoints folder holds, and the model that the page opens with."""

    models: list[ModelRow]
    default: str | None
    unavailable: list[UnavailableRow]


ALL: dict[str, Any] = {
    "summary": "The models",
    "description": "Those that can be used, and the checkpoints that cannot with the reason." + curl(f"curl {MODELS}"),
    "responses": {200: {"model": ModelsAnswer}},
    "response_model": None,
}

ONE: dict[str, Any] = {
    "summary": "A model",
    "description": "The checkpoint doctor's report: classes with their colours, sizes, parameters, what it can do, and "
    "the licence of its weights, null where the checkpoint does not state one." + curl(f"curl {LANDSCAPE}"),
    "responses": {200: {"description": "The report."}, **error_answers(404, 409, 422)},
    "response_model": None,
}


@router.get("/models", **ALL)
async def models(request: Request) -> Response:
    """The models of the checkpoints folder as it is now."""
    return JSONResponse(await run_sync(studio_of(request).registry.listing))


@router.get("/models/{id}", **ONE)
async def model(request: Request, id: ModelId) -> Response:
    """The doctor's report of one model, with the device and precision it runs at and whether MP4 can be written."""
    found, settings = await find_model(request, id), studio_of(request).settings

    def facts() -> dict[str, Any]:
        from model.devices import pick_device

        mp4 = {"available": True} if mp4_available() else {"available": False, "reason": WITHOUT_PYAV}
        device = str(pick_device(settings.device))
        return {"id": found.id, "device": device, "precision": settings.precision, "mp4": mp4}

    return JSONResponse(found.report | await run_sync(facts))
