"""Codes of a photo without an encoder: fitted, line by line, so that whoever waits sees how far it is."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from server import images
from server.answers import write_pngs
from server.forms import Form
from server.places import Places
from server.schemas import FitRequest
from server.work import Work

LOOK_SECONDS = 0.5  # between two pictures on the way


async def rows(work: Work, form: Form[FitRequest], places: Places) -> AsyncGenerator[dict[str, Any]]:
    """``{"step", "steps", "share", "distance"}``, with a small picture now and then; last the style and its picture."""
    from model.engine.engine import to_uint8
    from model.recipe.recipe import write_png
    from model.recipe.styles import style_from_encoding

    asked = form.asked
    with places.take():
        reference = await work.reference(
            form.file("photo"), form.file("photo_labels"), asked.resize, instances=form.optional("instances")
        )
        shown = float("-inf")
        async with aclosing(work.fit(reference, asked.steps, asked.seed)) as steps:
            async for step in steps:
                row: dict[str, Any] = {"step": step.number, "steps": step.total}
                row |= {"share": round(step.share, 4), "distance": round(step.distance, 5)}
                if time.perf_counter() - shown > LOOK_SECONDS:
                    shown = time.perf_counter()
                    row["picture"] = images.data_url(await work.aside(write_png, to_uint8(step.picture)))
                yield row
        scene = reference.scene
        name = asked.name or reference.name
        style = style_from_encoding(step.codes, scene.classes, work.model.config, name, asked.seed)
        pictures = await work.render(scene, [style])
        (png,) = await work.aside(write_pngs, work, scene, [style], pictures, asked.recipe)
    yield {
        "model": work.model.id,
        "style": style.to_json(),
        "classes": scene.classes,
        "picture": images.data_url(png),
        "distance": round(step.distance, 5),
        "timings": work.timings(),
    }
