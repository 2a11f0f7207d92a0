"""``create_app(settings)``: the studio as an ASGI application that owns everything it needs."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import logging
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass

import anyio.to_thread
from fastapi import FastAPI

from model.errors import InputError
from server import docs, errors, live, openapi, routes, site
from server.batcher import Batcher
from server.metrics import Metrics
from server.middleware import BodyLimit, CountRequests, SecurityHeaders
from server.places import Places
from server.registry import Registry
from server.settings import Settings
from server.work import Reference, Scene, Studio, Work

log = logging.getLogger("groupdnet.server")
WRITERS = ("model.codes", "model.recipe")  # what answers are written with; imported late, since they need torch
LOOK_AGAIN = 2.0  # seconds between looks for a model where there is none


@dataclass
class Readiness:
    """What is still waited for; empty once the studio is ready."""

    waiting: str = "starting"


def create_app(settings: Settings) -> FastAPI:
    """The studio: its page, its API, its documentation. The model's thread runs from startup to shutdown."""
    metrics = Metrics()
    batcher = Batcher(settings.queue_size, metrics.engine)
    metrics.watch_queue(lambda: batcher.turns)
    fits = Places(settings.fits, "photos are being fitted already, as many as may; try again in a moment")
    painters = Places(
        settings.live_sockets,
        "painters are connected, as many as may; POST render does the same without a socket",
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
        await anyio.to_thread.run_sync(batcher.close, settings.shutdown_seconds)

    app = FastAPI(
        title=openapi.TITLE, description=openapi.ABOUT, version="1", docs_url=None, redoc_url=None, lifespan=lifespan
    )
    app.state.studio, app.state.readiness, app.state.metrics = studio, readiness, metrics
    app.state.live = painters
    errors.install(app)
    app.include_router(routes.router)
    app.include_router(live.router)
    app.include_router(docs.router)
    site.install(app, settings.site)
    # The last one added is the outermost.
    app.add_middleware(BodyLimit, limit=settings.upload_bytes)
    app.add_middleware(errors.CatchAll)
    app.add_middleware(SecurityHeaders)
    app.add_middleware(CountRequests, metrics=metrics)
    return app


async def _get_ready(studio: Studio, readiness: Readiness) -> None:
    try:
        await anyio.to_thread.run_sync(studio.registry.refresh)
        while studio.registry.default is None:
            readiness.waiting = f"there is no model in {studio.settings.checkpoints}"
            await asyncio.sleep(LOOK_AGAIN)
            await anyio.to_thread.run_sync(studio.registry.refresh)
        readiness.waiting = f"warming up {studio.registry.default}"
        if studio.settings.warm_up:
            await _warm_up(studio, studio.registry.default)
        readiness.waiting = ""
    except InputError as error:
        readiness.waiting = str(error)
        log.error("not ready: %s", error)
    except Exception:
        readiness.waiting = "the default model failed to render; the log says why"
        log.exception("warming up failed")


async def _warm_up(studio: Studio, id: str) -> None:
    """Render every starter scene that the model can read, and take a photo's look, so that the first request finds all
    in place: libraries and convolutions make themselves ready when they are first used."""
    from model.recipe.labels import read_labels
    from model.recipe.styles import Style

    model, started = studio.registry.find(id), time.perf_counter()
    async with studio.batcher.turn() as turn:
        work, reference = Work(studio, model, turn, started), None
        await work.load()
        for path in sorted((studio.settings.site / "static" / "starters").glob("*.png")):
            try:
                labels = await work.aside(read_labels, path, model.taxonomy, model.config.image_size)
            except InputError:  # painted for a model of other classes or another size
                continue
            (picture,) = await work.render(Scene(labels), [Style()])
            reference = Reference(path.name, picture, Scene(labels))
        if reference and model.encoder:
            await work.encode(reference)
        for name in WRITERS:
            await work.aside(importlib.import_module, name)
    log.info("%s is ready after %.1f s", id, time.perf_counter() - started)
