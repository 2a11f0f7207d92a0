"""New looks for some classes: all pictures at once, or each as soon as it is drawn."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from server import images
from server.answers import picture_rows, write_pngs
from server.forms import Form
from server.schemas import ResampleRequest
from server.work import Scene, Work, checked_classes

if TYPE_CHECKING:
    from model.recipe.styles import Style

AT_ONCE = 2  # pictures in one pass while somebody watches them come


async def pictures(
    work: Work, form: Form[ResampleRequest]
) -> tuple[Scene, list[Style], list[np.ndarray], list[dict[str, float]]]:
    """The scene, and of each variant its style, its picture and how much it changed."""
    scene, base, styles, inside = await _asked(work, form)
    before, *variants = await work.render(scene, [base, *styles])
    return scene, styles, variants, await work.aside(_changes, before, variants, inside)


async def rows(work: Work, form: Form[ResampleRequest]) -> AsyncGenerator[dict[str, Any]]:
    """A row of JSON for each variant, and one with the timings at the end."""
    scene, base, styles, inside = await _asked(work, form)
    before: np.ndarray | None = None
    for start in range(0, len(styles), AT_ONCE):
        some = styles[start : start + AT_ONCE]
        drawn = await work.render(scene, some if before is not None else [base, *some])
        if before is None:
            before, *drawn = drawn
        changes = await work.aside(_changes, before, drawn, inside)
        pngs = await work.aside(write_pngs, work, scene, some, drawn, form.asked.recipe)
        for row in picture_rows(scene, some, pngs, changes):
            yield {"picture": row}
    yield {"model": work.model.id, "timings": work.timings()}


async def _asked(work: Work, form: Form[ResampleRequest]) -> tuple[Scene, Style, list[Style], np.ndarray]:
    asked = form.asked
    scene, base = await work.scene(form), await work.style(asked.style)
    classes = checked_classes(work, asked.classes)
    return scene, base, base.variants(classes, asked.seed, asked.n), np.isin(scene.labels, classes)


def _changes(before: np.ndarray, after: Sequence[np.ndarray], inside: np.ndarray) -> list[dict[str, float]]:
    return [images.change(before, picture, inside) for picture in after]
