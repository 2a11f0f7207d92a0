"""Animations through two or more key styles."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from model.errors import InputError
from server import images
from server.answers import write_pngs
from server.forms import Form
from server.schemas import MorphRequest
from server.video import write_mp4
from server.work import Scene, Work, checked_classes

if TYPE_CHECKING:
    from model.recipe.styles import Style

AT_ONCE = 4  # frames in one pass while somebody watches the count


async def animation(work: Work, form: Form[MorphRequest]) -> tuple[bytes, int]:
    """The file, and how many frames it shows."""
    scene, styles = await _asked(work, form)
    frames = await work.render(scene, styles)
    return await work.aside(_write, work, form.asked, scene, styles, frames), _shown(form.asked)


async def rows(work: Work, form: Form[MorphRequest]) -> AsyncGenerator[dict[str, Any]]:
    """``{"frame": 8, "frames": 24}`` as they are drawn, then the file as the JSON answer has it."""
    scene, styles = await _asked(work, form)
    frames: list[np.ndarray] = []
    for start in range(0, len(styles), AT_ONCE):
        frames += await work.render(scene, styles[start : start + AT_ONCE])
        yield {"frame": len(frames), "frames": len(styles)}
    content = await work.aside(_write, work, form.asked, scene, styles, frames)
    yield answer(work, form.asked, content, _shown(form.asked))


def answer(work: Work, asked: MorphRequest, content: bytes, frames: int) -> dict[str, Any]:
    """What JSON says of an animation."""
    url = images.data_url(content, asked.format)
    return {"model": work.model.id, "animation": url, "frames": frames, "timings": work.timings()}


async def _asked(work: Work, form: Form[MorphRequest]) -> tuple[Scene, list[Style]]:
    """The scene, and the style of each frame from the first to the last."""
    from model.recipe.styles import way

    asked, scene = form.asked, await work.scene(form)
    keys = [(await work.style(key)).spelled_out(scene.classes) for key in _keys(asked)]
    classes = scene.classes if asked.classes is None else checked_classes(work, asked.classes)
    return scene, [way(keys, step / (asked.steps - 1), classes) for step in range(asked.steps)]


def _keys(asked: MorphRequest) -> list[dict[str, Any]]:
    """The key styles: ``styles``, or ``from`` and ``to``."""
    if asked.styles is None:
        for field, style in (("from", asked.start), ("to", asked.to)):
            if style is None:
                message = f"request.{field} is missing; send from and to, or two or more key styles as styles"
                raise InputError(message, field=f"request.{field}", allowed="a style")
        return [style for style in (asked.start, asked.to) if style is not None]
    if asked.start is not None or asked.to is not None:
        raise InputError("request has styles and also from or to; give one of them", field="request.styles")
    return asked.styles


def _shown(asked: MorphRequest) -> int:
    return len(_there_and_back(range(asked.steps), asked.boomerang))


def _there_and_back(frames: Sequence[Any], boomerang: bool) -> list[Any]:
    return [*frames, *frames[-2:0:-1]] if boomerang else list(frames)


def _write(
    work: Work, asked: MorphRequest, scene: Scene, styles: Sequence[Style], frames: Sequence[np.ndarray]
) -> bytes:
    if asked.format == "zip":
        pngs = write_pngs(work, scene, styles, frames, asked.recipe)
        return images.pack(_there_and_back(pngs, asked.boomerang))
    shown = _there_and_back(frames, asked.boomerang)
    seconds = asked.seconds * len(shown) / len(frames)
    return write_mp4(shown, seconds) if asked.format == "mp4" else images.animate(shown, asked.format, seconds)
