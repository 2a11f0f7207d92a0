"""``create_app(settings)``: the studio as an ASGI application. Two apps in one process share nothing."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass

from anyio.to_thread import run_sync
from fastapi import FastAPI

from model.errors import InputError
from model.recipe.labels import read_labels
from model.recipe.styles import Style
from server.api import (
    codes,
    encode,
    fit,
    live,
    manipulate,
    mix,
    models,
    morph,
    render,
    resample,
    route,
    segment,
)
from server.models.batcher import Batcher
from server.models.places import Places
from server.models.registry import Registry
from server.models.studio import Studio
from server.models.uploads import Reference, Scene
from server.models.work import Work
from server.settings import Settings
from server.site import docs, site
from server.web import errors
from server.web.metrics import Metrics
from server.web.middleware import BodyLimit, CountRequests, SecurityHeaders

log = logging.getLogger("groupdnet.server")
APPLICATIONS = (models, render, resample, mix, manipulate, morph, encode, fit, codes, segment)  # as /docs lists them
LOOK_AGAIN = 2.0  # seconds between two looks into a checkpoints folder without a model


@dataclass
class Readiness:
    """What the studio still waits for, in words; empty once it is ready."""

    waiting: str = "The studio is starting."


def create_app(settings: Settings) -> FastAPI:
    """The studio with its page, its API and its documentation; the model's thread runs from startup to shutdown."""
    metrics = Metrics()
    batcher = Batcher(settings.queue_size, metrics.engine)
    metrics.watch_queue(lambda: batcher.turns)
    fits = Places(settings.fits, "photos are being fitted already, and no more may; try again in a moment")
    painters = Places(
        settings.live_sockets,
        "painters are connected, and no more may; POST render does the same without a socket",
        field="live",
    )
    metrics.watch_sockets(lambda: painters.taken)
    studio, readiness = Studio(settings, Registry(settings), batcher, fits), Readiness()

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        batcher.start()
        getting_ready = asyncio.create_task(_get_ready(studio, readiness))
        yield
        getting_ready.cancel()
        await run_sync(batcher.close, settings.shutdown_seconds)

    app = FastAPI(
        title=route.TITLE, description=route.ABOUT, version="1", docs_url=None, redoc_url=None, lifespan=lifespan
    )
    app.state.studio, app.state.readiness, app.state.metrics = studio, readiness, metrics
    app.state.live = painters
    errors.install(app)
    for part in (*APPLICATIONS, live, docs):
        app.include_router(part.router)
    site.install(app, settings.site)
    # The last one added is the outermost.
    app.add_middleware(BodyLimit, limit=settings.upload_bytes)
    app.add_middleware(errors.CatchAll)
    app.add_middleware(SecurityHeaders)
    app.add_middleware(CountRequests, metrics=metrics)
    return app


async def _get_ready(studio: Studio, readiness: Readiness) -> None:
    """Wait for a model and warm it up; ``readiness`` says how far that is. After an error the server is never ready."""
    try:
        await run_sync(studio.registry.refresh)
        while studio.registry.default is None:
            readiness.waiting = f"There is no model in {studio.settings.checkpoints}."
            await asyncio.sleep(LOOK_AGAIN)
            await run_sync(studio.registry.refresh)
        readiness.waiting = f"Warming up {studio.registry.default}."
        if studio.settings.warm_up:
            await _warm_up(studio, studio.registry.default)
        readiness.waiting = ""
    except InputError as error:
        readiness.waiting = str(error)
        log.error("not ready: %s", error)
    except Exception:
        readiness.waiting = "The default model failed to render; the log says why."
        log.exception("warming up failed")


async def _warm_up(studio: Studio, id: str) -> None:
    """Render every starter scene that the model can read, and encode a picture.

    Libraries and convolutions prepare themselves at their first use; after this, the first request does not wait.
    """
    model, started = studio.registry.find(id), time.perf_counter()
    async with studio.batcher.turn() as turn:
        work, reference = Work(studio, model, turn, started), None
        await work.load()
        for path in sorted((studio.settings.site / "static" / "starters").glob("*.png")):
            try:
                labels = await run_sync(read_labels, path, model.taxonomy, model.config.image_size)
            except InputError:  # painted for a model of other classes or another size
                continue
            (picture,) = await work.render(Scene(labels), [Style()])
            reference = Reference(path.name, picture, Scene(labels))
        if reference and model.encoder:
            await work.encode(reference)
    log.info("%s is ready after %.1f s", id, time.perf_counter() - started)
