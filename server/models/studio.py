"""What an application object shares between its requests, and how a request finds it."""

from __future__ import annotations

from dataclasses import dataclass

from anyio.to_thread import run_sync
from fastapi import Request

from server.models.batcher import Batcher
from server.models.places import Places
from server.models.registry import Model, Registry
from server.settings import Settings


@dataclass(frozen=True)
class Studio:
    """The settings, the models, the line in front of them, and the places for fits: one of each for an app."""

    settings: Settings
    registry: Registry
    batcher: Batcher
    fits: Places


def studio_of(request: Request) -> Studio:
    """The studio of the app that answers ``request``."""
    studio = request.app.state.studio
    assert isinstance(studio, Studio)
    return studio


async def find_model(request: Request, id: str) -> Model:
    """The model called ``id``. Raises InputError "unknown_model" or "bad_checkpoint"."""
    return await run_sync(studio_of(request).registry.find, id)
