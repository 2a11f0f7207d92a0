"""What every application does: take a turn, read uploads, run the model. Nothing here blocks the loop."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import anyio.to_thread
import numpy as np
from fastapi import Request

from model.errors import InputError
from server.batcher import Batcher, Shared, Turn
from server.forms import Form, Upload
from server.places import Places
from server.registry import Model, Registry
from server.settings import Settings

if TYPE_CHECKING:
    from model.engine import Engine
    from model.engine.fitting import FitStep
    from model.recipe.styles import Style

T = TypeVar("T")
FIT_SECONDS = 0.1  # that a fit keeps the model before others get in between; a step may take longer


@dataclass(frozen=True)
class Studio:
    """What an app is made of."""

    settings: Settings
    registry: Registry
    batcher: Batcher
    fits: Places


@dataclass(frozen=True)
class Scene:
    """What is painted: class indices uint8 [H, W], and instance ids int32 [H, W] where they were sent."""

    labels: np.ndarray
    instances: np.ndarray | None = None

    @property
    def classes(self) -> list[int]:
        """The classes present, in order."""
        return [int(index) for index in np.unique(self.labels)]


class Work:
    """One request's way through the studio."""

    def __init__(self, studio: Studio, model: Model, turn: Turn, started: float) -> None:
        self.settings, self.model = studio.settings, model
        self._registry, self._turn, self._started = studio.registry, turn, started

    async def aside(self, function: Callable[..., T], *args: Any) -> T:
        """``function(*args)`` on a thread of its own: for decoding and encoding files."""
        return await anyio.to_thread.run_sync(function, *args)

    async def style(self, data: dict[str, Any], field: str = "style") -> Style:
        """A style from its JSON; ``field`` is what an error calls it."""
        from model.recipe.styles import Style

        return await self.aside(Style.from_json, data, self.model.config, field)

    async def scene(self, form: Form[Any]) -> Scene:
        """The label map and, where there is one, the instance map of a form."""
        labels, instances = form.file("labels"), form.optional("instances")
        return await self.aside(self._read_scene, labels.content, instances and instances.content, form.asked.resize)

    def _read_scene(self, labels: bytes, instances: bytes | None, resize: bool, field: str = "labels") -> Scene:
        from model.recipe.images import read_instances

        ids = None
        if instances is not None:
            size, limit = self.model.config.image_size, self.settings.picture_pixels
            ids = read_instances(instances, size, resize, max_pixels=limit)
        return Scene(self._read_labels(labels, resize, field), ids)

    def _read_labels(self, content: bytes, resize: bool, field: str = "labels") -> np.ndarray:
        from model.recipe.labels import read_labels

        size, limit = self.model.config.image_size, self.settings.picture_pixels
        return read_labels(content, self.model.taxonomy, size, resize, max_pixels=limit, field=field)

    async def stored_scene(self, labels: bytes, instances: bytes | None) -> Scene:
        """The scene of a recipe."""
        return await self.aside(self._read_scene, labels, instances, False)

    async def reference(
        self,
        photo: Upload,
        labels: Upload,
        resize: bool,
        fields: tuple[str, str] = ("photo", "photo_labels"),
        instances: Upload | None = None,
    ) -> Reference:
        """A photo with its label map and perhaps its instance map, read."""

        def read() -> Reference:
            ids = None if instances is None else instances.content
            scene = self._read_scene(labels.content, ids, resize, fields[1])
            return Reference(photo.name, self._read_photo(photo.content, resize, fields[0]), scene)

        return await self.aside(read)

    async def photo(self, upload: Upload, resize: bool) -> np.ndarray:
        """A photo alone, uint8 [H, W, 3]."""
        return await self.aside(self._read_photo, upload.content, resize)

    def _read_photo(self, content: bytes, resize: bool, field: str = "photo") -> np.ndarray:
        from model.recipe.images import read_photo

        size, limit = self.model.config.image_size, self.settings.picture_pixels
        return read_photo(content, size, resize, max_pixels=limit, field=field)

    async def load(self) -> None:
        """Have the model in memory."""
        await self._turn.run(self._engine)

    def require_encoder(self, application: str) -> None:
        """Raises InputError "no_encoder" where this model cannot do the application with a photo."""
        if not self.model.encoder:
            styles = application in ("mix", "manipulate")
            instead = "send the style that fit gives for it" if styles else "fit does the same without one"
            self._refuse("no_encoder", f"cannot {application} a photo: it has no encoder; {instead}")

    def require_segmenter(self) -> None:
        """Raises InputError "no_segmenter" when this model has none."""
        state = self.model.report["applications"]["segment"]
        if not state["available"]:
            self._refuse("no_segmenter", f"cannot segment: {state['reason']}")

    def _refuse(self, code: str, what: str) -> NoReturn:
        able = [name for name, state in self.model.report["applications"].items() if state["available"]]
        raise InputError(
            f"model {self.model.id!r} {what}; it can {', '.join(able)}",
            code=code,
            field="model",
            value=self.model.id,
            allowed=able,
        )

    async def render(self, scene: Scene, styles: Sequence[Style]) -> list[np.ndarray]:
        """A picture uint8 [H, W, 3] for each style, a few in each pass so that others get their turn.

        Where the engine has room for more in a pass, other requests' pictures are made in it too, whatever their maps.
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
            codes = await self.aside(codes_of, styles[start : start + self.settings.batch_size])
            pictures.extend(await self._turn.share(Shared(key, together, room, (scene, codes), len(codes))))
        return pictures

    async def encode(self, reference: Reference, name: str | None = None) -> Style:
        """The reference's style: the codes of the classes that its label map has."""
        from model.recipe.styles import style_from_encoding

        mu, _ = await self._turn.run(lambda: self._engine().encode(reference.photo, reference.scene.labels))
        return style_from_encoding(mu, reference.scene.classes, self.model.config, name or reference.name)

    async def segment(self, photo: np.ndarray) -> np.ndarray:
        """The label map uint8 [H, W] that the model's segmenter reads from a photo."""
        return await self._turn.run(lambda: self._engine().segment(photo))

    async def fit(self, reference: Reference, steps: int | None, seed: int) -> AsyncGenerator[FitStep]:
        """Some of the steps of a fit, the last one among them; a few in each piece of work, so that others get their
        turn."""
        from model.network.cost import STEPS

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
        """Milliseconds: in the line, in the model, and in all."""
        seconds = {
            "queue_ms": self._turn.waited,
            "engine_ms": self._turn.worked,
            "total_ms": time.perf_counter() - self._started,
        }
        return {name: round(1000 * value, 2) for name, value in seconds.items()}


def _some_steps(descent: Iterator[FitStep]) -> FitStep:
    """The step that a fit has come to after ``FIT_SECONDS``, or its last."""
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
        # Without ids the borders of the regions stand for them: labels are such ids.
        ids = [scene.labels.astype(np.int32) if scene.instances is None else scene.instances for scene, _ in items]
        instances = np.concatenate([_repeated(each, n) for each, n in zip(ids, counts)])
    pictures = engine.render(labels, np.concatenate([codes for _, codes in items]), instances)
    return np.split(pictures, np.cumsum(counts)[:-1])


def _repeated(plane: np.ndarray, count: int) -> np.ndarray:
    return np.broadcast_to(plane, (count, *plane.shape))


@dataclass(frozen=True)
class Reference:
    """A photo uint8 [H, W, 3] with its label map, and the name of its file."""

    name: str
    photo: np.ndarray
    scene: Scene


def studio_of(request: Request) -> Studio:
    """The studio of the app that answers ``request``."""
    studio = request.app.state.studio
    assert isinstance(studio, Studio)
    return studio


async def find_model(request: Request, id: str) -> Model:
    """The model in the path. Raises InputError "unknown_model" or "bad_checkpoint"."""
    return await anyio.to_thread.run_sync(studio_of(request).registry.find, id)


def checked_classes(work: Work, classes: Sequence[int], field: str = "request.classes") -> list[int]:
    """Class indices of a request, each one that the model has. Raises InputError."""
    from model.recipe.styles import check_classes

    return check_classes(list(classes), work.model.config, field)


def at_most(field: str, value: int, most: int) -> None:
    """Raises InputError for more than the settings allow."""
    if value > most:
        raise InputError(f"{field} is {value}; at most {most} are allowed", field=field, value=value, allowed=most)


@asynccontextmanager
async def work_on(request: Request, model: Model, started: float) -> AsyncIterator[Work]:
    """A turn with the model, given up as soon as the client is gone; the request's body has been read."""

    async def gone() -> None:
        while (await request.receive())["type"] != "http.disconnect":
            pass

    studio = studio_of(request)
    async with studio.batcher.turn(gone) as turn:
        yield Work(studio, model, turn, started)
