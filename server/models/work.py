"""One request's work with a model: everything that runs on the thread that owns the models."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import numpy as np
from anyio.to_thread import run_sync
from fastapi import Request

from model.network.cost import STEPS
from model.recipe.reading import Reading
from model.recipe.styles import Style, style_from_encoding
from server.models.batcher import Shared, Turn
from server.models.registry import Model
from server.models.studio import Studio, studio_of
from server.models.uploads import Reference, Scene

if TYPE_CHECKING:  # importing the engine imports torch
    from model.engine import Engine
    from model.engine.fitting import FitStep

FIT_SECONDS = 0.1  # seconds that a fit keeps the model before other requests get their turn; one step may take longer


class Work:
    """One request's turn with its model. Its methods wait in the line and never block the event loop."""

    def __init__(self, studio: Studio, model: Model, turn: Turn, started: float) -> None:
        """``started`` is the ``time.perf_counter()`` at which the request arrived."""
        self.settings, self.model = studio.settings, model
        self.limit = studio.settings.picture_pixels  # most pixels of an uploaded picture
        self._registry, self._turn, self._started = studio.registry, turn, started

    async def load(self) -> None:
        """Load the model into memory if it is not there."""
        await self._turn.run(self._engine)

    async def render(self, scene: Scene, styles: Sequence[Style]) -> list[np.ndarray]:
        """A picture uint8 [H, W, 3] of the scene for each style.

        They are made ``settings.batch_size`` at a time, so that other requests get their turn in between. A pass with
        room for more takes pictures of other requests for the same model along, whatever their label maps.
        """

        def codes_of(some: Sequence[Style]) -> np.ndarray:
            return np.stack([style.codes(self.model.config) for style in some])  # [N, 8C, h, w]

        def together(items: list[tuple[Scene, np.ndarray]]) -> list[np.ndarray]:
            return _render(self._engine(), items)

        def room() -> int:
            return min(self.settings.batch_size, self._engine().pictures_per_pass)

        key = ("render", self.model.id, self.model.signature)
        pictures: list[np.ndarray] = []
        for start in range(0, len(styles), self.settings.batch_size):
            codes = await run_sync(codes_of, styles[start : start + self.settings.batch_size])
            pictures.extend(await self._turn.share(Shared(key, together, room, (scene, codes), len(codes))))
        return pictures

    async def encode(self, reference: Reference, name: str | None = None) -> Style:
        """The reference's style: the code of each class that its label map has. ``name`` is written into the codes as
        their origin; left out, it is the name of the photo's file."""
        mu, _ = await self._turn.run(lambda: self._engine().encode(reference.photo, reference.scene.labels))
        return style_from_encoding(mu, reference.scene.classes, self.model.config, name or reference.name)

    async def read(self, photo: np.ndarray) -> Reading:
        """The label map that the model's segmenter reads from a photo, and how sure it is of it."""
        return await self._turn.run(lambda: self._engine().read(photo))

    async def fit(self, reference: Reference, steps: int | None, seed: int) -> AsyncGenerator[FitStep]:
        """Some of the steps of a fit, the last one among them.

        ``steps`` is how many the fit takes (None: the usual number), at most ``settings.fit_steps``. Each piece of work
        takes about ``FIT_SECONDS``, so that other requests get their turn in between.
        """
        scene, steps = reference.scene, min(steps or STEPS, self.settings.fit_steps)
        descent = await self._turn.run(
            lambda: self._engine().fit(reference.photo, scene.labels, scene.instances, steps=steps, seed=seed)
        )
        while True:
            step = await self._turn.run(_some_steps, descent)
            yield step
            if step.number == step.total:
                return

    def _engine(self) -> Engine:
        return self._registry.engine(self.model)

    def timings(self) -> dict[str, float]:
        """Milliseconds that the request waited in the line, that the model worked for it, and since it arrived."""
        seconds = {
            "queue_ms": self._turn.waited,
            "engine_ms": self._turn.worked,
            "total_ms": time.perf_counter() - self._started,
        }
        return {name: round(1000 * value, 2) for name, value in seconds.items()}


def _some_steps(descent: Iterator[FitStep]) -> FitStep:
    """The step that a fit reaches within ``FIT_SECONDS``, or its last one if that comes before."""
    until = time.perf_counter() + FIT_SECONDS
    while True:
        step = next(descent)
        if step.number == step.total or time.perf_counter() >= until:
            return step


def _render(engine: Engine, items: list[tuple[Scene, np.ndarray]]) -> list[np.ndarray]:
    """The pictures uint8 [n, H, W, 3] of each scene's codes [n, 8C, h, w], in as few passes as the engine needs."""
    if len(items) == 1:
        ((scene, codes),) = items
        return [engine.render(scene.labels, codes, scene.instances)]
    counts = [len(codes) for _, codes in items]
    labels = np.concatenate([_repeated(scene.labels, n) for (scene, _), n in zip(items, counts)])
    instances = None
    if any(scene.instances is not None for scene, _ in items):
        # Edges lie where ids differ; a scene without ids has them at the borders of its regions, where labels differ.
        ids = [scene.labels.astype(np.int32) if scene.instances is None else scene.instances for scene, _ in items]
        instances = np.concatenate([_repeated(each, n) for each, n in zip(ids, counts)])
    pictures = engine.render(labels, np.concatenate([codes for _, codes in items]), instances)
    return np.split(pictures, np.cumsum(counts)[:-1])


def _repeated(plane: np.ndarray, count: int) -> np.ndarray:
    """[H, W] → [count, H, W], without a copy."""
    return np.broadcast_to(plane, (count, *plane.shape))


@asynccontextmanager
async def work_on(request: Request, model: Model, started: float) -> AsyncIterator[Work]:
    """A turn with the model, given up as soon as the client is gone.

    The request's body must have been read: what the client sends from here on can only be that it disconnects.
    Raises InputError "busy" where the line is full, and ClientGone.
    """

    async def gone() -> None:
        while (await request.receive())["type"] != "http.disconnect":
            pass

    studio = studio_of(request)
    async with studio.batcher.turn(gone) as turn:
        yield Work(studio, model, turn, started)
