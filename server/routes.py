"""``/api/v1``: the models, and the six things that can be done with one."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import anyio.to_thread
import numpy as np
from fastapi import APIRouter, Path, Request
from fastapi.responses import JSONResponse, Response

from model.errors import InputError
from server import images, openapi
from server.answers import choose_type
from server.forms import Form, Upload, read_form
from server.images import MEDIA_TYPES
from server.schemas import (
    EncodeRequest,
    ManipulateRequest,
    MixRequest,
    MorphRequest,
    RenderRequest,
    ResampleRequest,
)
from server.work import Reference, Scene, Work, find_model, studio_of, work_on

if TYPE_CHECKING:
    from model.recipe import Recipe
    from model.styles import Style

JSON, PNG = "application/json", "image/png"

ModelId = Annotated[str, Path(description="The model's folder.", examples=["landscape"])]

router = APIRouter(prefix="/api/v1", tags=["models"])


@router.get("/models", **openapi.MODELS)
async def models(request: Request) -> Response:
    return JSONResponse(await anyio.to_thread.run_sync(studio_of(request).registry.listing))


@router.get("/models/{id}", **openapi.MODEL)
async def model(request: Request, id: ModelId) -> Response:
    found, settings = await find_model(request, id), studio_of(request).settings

    def facts() -> dict[str, Any]:
        from model.engine import pick_device

        return {"id": found.id, "device": str(pick_device(settings.device)), "precision": settings.precision}

    return JSONResponse(found.report | await anyio.to_thread.run_sync(facts))


@router.post("/models/{id}/render", **openapi.RENDER)
async def render(request: Request, id: ModelId) -> Response:
    started, kind = time.perf_counter(), choose_type(request, [JSON, PNG])
    found = await find_model(request, id)
    form = await read_form(request, RenderRequest, {"labels", "instances", "recipe"})
    async with work_on(request, found, started) as work:
        scene, style = await _recipe_or_parts(work, form)
        pictures = await work.render(scene, [style])
        return await _pictures_answer(work, kind, scene, [style], pictures, form.asked.recipe)


@router.post("/models/{id}/resample", **openapi.RESAMPLE)
async def resample(request: Request, id: ModelId) -> Response:
    started, kind = time.perf_counter(), choose_type(request, [JSON, PNG])
    found = await find_model(request, id)
    form = await read_form(request, ResampleRequest, {"labels", "instances"})
    asked = form.asked
    _at_most("request.n", asked.n, studio_of(request).settings.variants)
    if kind == PNG and asked.n > 1:
        raise InputError(
            f"{asked.n} pictures do not fit into one PNG; ask for {JSON}, or for n = 1",
            code="not_acceptable",
            field="Accept",
            value=PNG,
            allowed=[JSON],
        )
    async with work_on(request, found, started) as work:
        scene, base = await work.scene(form), await work.style(asked.style)
        classes = _classes(work, asked.classes)
        styles = base.variants(classes, asked.seed, asked.n)
        before, *pictures = await work.render(scene, [base, *styles])
        inside = np.isin(scene.labels, classes)
        changes = await work.aside(lambda: [images.change(before, picture, inside) for picture in pictures])
        return await _pictures_answer(work, kind, scene, styles, pictures, asked.recipe, changes)


@router.post("/models/{id}/mix", **openapi.MIX)
async def mix(request: Request, id: ModelId) -> Response:
    from model.styles import mixture

    started, kind = time.perf_counter(), choose_type(request, [JSON, PNG])
    found = await find_model(request, id)
    form = await read_form(request, MixRequest, {"labels", "instances", "photos", "photo_labels"})
    pairs = _pairs(form, studio_of(request).settings.references)
    async with work_on(request, found, started) as work:
        work.require_encoder("mix")
        choice = _choice(work, form.asked.references, len(pairs))
        scene, base = await work.scene(form), await work.style(form.asked.style)
        references = [
            await work.reference(photo, labels, form.asked.resize, (f"photos.{i}", f"photo_labels.{i}"))
            for i, (photo, labels) in enumerate(pairs)
        ]
        for index, number in choice.items():
            _require_class(work, index, number, references[number])
        used = sorted(set(choice.values()))
        encoded = [await work.encode(references[number]) for number in used]
        style = mixture(base, encoded, {index: used.index(number) for index, number in choice.items()})
        pictures = await work.render(scene, [style])
        return await _pictures_answer(work, kind, scene, [style], pictures, form.asked.recipe)


@router.post("/models/{id}/manipulate", **openapi.MANIPULATE)
async def manipulate(request: Request, id: ModelId) -> Response:
    started, kind = time.perf_counter(), choose_type(request, [JSON, PNG])
    found = await find_model(request, id)
    form = await read_form(request, ManipulateRequest, {"labels", "instances", "photo", "photo_labels"})
    asked = form.asked
    if asked.seed is not None and asked.style is not None:
        raise InputError("request has both seed and style; give one of them", field="request.seed", value=asked.seed)
    async with work_on(request, found, started) as work:
        work.require_encoder("manipulate")
        base = await work.style({"seed": asked.seed or 0} if asked.style is None else asked.style)
        scene = await work.scene(form)
        reference = await work.reference(form.file("photo"), form.file("photo_labels"), asked.resize)
        style = base.with_specs((await work.encode(reference)).specs)
        pictures = await work.render(scene, [style])
        return await _pictures_answer(work, kind, scene, [style], pictures, asked.recipe)


@router.post("/models/{id}/morph", **openapi.MORPH)
async def morph(request: Request, id: ModelId) -> Response:
    started = time.perf_counter()
    found = await find_model(request, id)
    form = await read_form(request, MorphRequest, {"labels", "instances"})
    asked = form.asked
    kind = choose_type(request, [MEDIA_TYPES[asked.format], JSON])
    _at_most("request.steps", asked.steps, studio_of(request).settings.morph_steps)
    async with work_on(request, found, started) as work:
        scene = await work.scene(form)
        styles = await _steps(work, asked, scene)
        frames = await work.render(scene, styles)
        content = await work.aside(_animation, work, asked, scene, styles, frames)
        if kind != JSON:
            return Response(content, media_type=kind, headers=_timing_header(work))
        url, count = images.data_url(content, asked.format), len(_there_and_back(styles, asked.boomerang))
        answer = {"model": found.id, "animation": url, "frames": count, "timings": work.timings()}
        return JSONResponse(answer, headers=_timing_header(work))


@router.post("/models/{id}/encode", **openapi.ENCODE)
async def encode(request: Request, id: ModelId) -> Response:
    started = time.perf_counter()
    choose_type(request, [JSON])
    found = await find_model(request, id)
    form = await read_form(request, EncodeRequest, {"photo", "labels"})
    async with work_on(request, found, started) as work:
        work.require_encoder("encode")
        reference = await work.reference(
            form.file("photo"), form.file("labels"), form.asked.resize, ("photo", "labels")
        )
        style = await work.encode(reference, form.asked.name)
        answer = {"model": found.id, "style": style.to_json(), "classes": reference.scene.classes}
        return JSONResponse(answer | {"timings": work.timings()}, headers=_timing_header(work))


async def _recipe_or_parts(work: Work, form: Form[RenderRequest]) -> tuple[Scene, Style]:
    upload = form.optional("recipe")
    if upload is None:
        return await work.scene(form), await work.style(form.asked.style)
    extra = sorted(form.files.keys() - {"recipe"})
    if extra:
        raise InputError(f"a recipe brings its own label map; leave out {', '.join(extra)}", field=extra[0])
    from model.recipe import read_recipe

    recipe = await work.aside(read_recipe, upload.content)
    _require_same_weights(work, recipe)
    return await work.stored_scene(recipe.labels, recipe.instances), await work.style(recipe.style)


def _require_same_weights(work: Work, recipe: Recipe) -> None:
    """The fingerprint decides: a folder may have another name elsewhere, and the same name other weights."""
    model = work.model
    if recipe.fingerprint == model.fingerprint:
        return
    if recipe.model != model.id:
        raise InputError(
            f"this recipe is for the model {recipe.model!r}, not for {model.id!r}; "
            f"send it to models/{recipe.model}/render",
            field="recipe.model",
            value=recipe.model,
            allowed=model.id,
        )
    raise InputError(
        f"this recipe was made with other weights of {model.id!r}: their fingerprint is {recipe.fingerprint[:12]}…, "
        f"here it is {model.fingerprint[:12]}…",
        field="recipe.fingerprint",
        value=recipe.fingerprint,
        allowed=model.fingerprint,
    )


def _pairs(form: Form[MixRequest], most: int) -> list[tuple[Upload, Upload]]:
    photos, labels = form.files.get("photos", []), form.files.get("photo_labels", [])
    if not photos or len(photos) != len(labels):
        raise InputError(
            f"{len(photos)} photos and {len(labels)} photo_labels were sent; each reference is one of both, "
            "in the same order",
            field="photos",
            value=len(photos),
            allowed=max(1, len(labels)),
        )
    _at_most("photos", len(photos), most)
    return list(zip(photos, labels))


def _choice(work: Work, references: dict[str, int], count: int) -> dict[int, int]:
    choice = {}
    for key, number in references.items():
        field = f"request.references.{key}"
        if not (key.isascii() and key.isdecimal()):
            raise InputError(f"{key!r} is not a class index", field=field, value=key, allowed="a class index")
        choice[_classes(work, [int(key)], field)[0]] = number
        if not 0 <= number < count:
            raise InputError(
                f"class {key} takes its look from reference {number}, but there are only {count} (0 … {count - 1})",
                field=field,
                value=number,
                allowed=list(range(count)),
            )
    return choice


def _require_class(work: Work, index: int, number: int, reference: Reference) -> None:
    present = reference.scene.classes
    if index in present:
        return
    names = work.model.taxonomy.names
    raise InputError(
        f"reference {number} ({reference.name}) has no {names[index]} (class {index}) to take a look from; "
        f"it has {', '.join(names[other] for other in present)}",
        code="missing_class",
        field=f"request.references.{index}",
        value=number,
        allowed=present,
        details={"class": index, "name": names[index], "reference": number, "file": reference.name},
    )


def _classes(work: Work, classes: Sequence[int], field: str = "request.classes") -> list[int]:
    from model.styles import check_classes

    return check_classes(list(classes), work.model.config, field)


def _at_most(field: str, value: int, most: int) -> None:
    if value > most:
        raise InputError(f"{field} is {value}; at most {most} are allowed", field=field, value=value, allowed=most)


async def _steps(work: Work, asked: MorphRequest, scene: Scene) -> list[Style]:
    """The styles of a morph's frames, from the first to the last."""
    from model.styles import morph

    start = (await work.style(asked.start)).spelled_out(scene.classes)
    end = (await work.style(asked.to)).spelled_out(scene.classes)
    classes = scene.classes if asked.classes is None else _classes(work, asked.classes)
    return [morph(start, end, step / (asked.steps - 1), classes) for step in range(asked.steps)]


def _there_and_back(frames: Sequence[Any], boomerang: bool) -> list[Any]:
    return [*frames, *frames[-2:0:-1]] if boomerang else list(frames)


def _animation(
    work: Work, asked: MorphRequest, scene: Scene, styles: Sequence[Style], frames: Sequence[np.ndarray]
) -> bytes:
    if asked.format == "zip":
        pngs = _pngs(work, scene, styles, frames, asked.recipe)
        return images.pack(_there_and_back(pngs, asked.boomerang))
    shown = _there_and_back(frames, asked.boomerang)
    return images.animate(shown, asked.format, asked.seconds * len(shown) / len(frames))


def _pngs(
    work: Work, scene: Scene, styles: Sequence[Style], pictures: Sequence[np.ndarray], with_recipe: bool
) -> list[bytes]:
    from model.labels import write_labels
    from model.recipe import Recipe, write_instances, write_png

    if not with_recipe:
        return [write_png(picture) for picture in pictures]
    labels = write_labels(scene.labels, work.model.taxonomy)
    instances = None if scene.instances is None else write_instances(scene.instances)
    return [
        write_png(
            picture,
            Recipe(
                work.model.id, work.model.fingerprint, labels, style.spelled_out(scene.classes).to_json(), instances
            ),
        )
        for style, picture in zip(styles, pictures)
    ]


async def _pictures_answer(
    work: Work,
    kind: str,
    scene: Scene,
    styles: Sequence[Style],
    pictures: Sequence[np.ndarray],
    with_recipe: bool,
    changes: Sequence[dict[str, float]] | None = None,
) -> Response:
    """The first picture itself, or JSON with all of them, their styles and the label map."""
    from model.labels import write_labels

    pngs = await work.aside(_pngs, work, scene, styles, pictures, with_recipe)
    if kind == PNG:
        return Response(pngs[0], media_type=PNG, headers=_timing_header(work))
    rows: list[dict[str, Any]] = [
        {"image": images.data_url(content), "style": style.spelled_out(scene.classes).to_json()}
        for content, style in zip(pngs, styles)
    ]
    for row, change in zip(rows, changes or []):
        row["change"] = change
    labels = images.data_url(write_labels(scene.labels, work.model.taxonomy))
    answer = {"model": work.model.id, "pictures": rows, "labels": labels, "timings": work.timings()}
    return JSONResponse(answer, headers=_timing_header(work))


def _timing_header(work: Work) -> dict[str, str]:
    timings = {name.removesuffix("_ms"): value for name, value in work.timings().items()}
    return {"Server-Timing": ", ".join(f"{name};dur={value}" for name, value in timings.items())}
