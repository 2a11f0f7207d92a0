"""``/api/v1``: the models, and the things that can be done with one."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated, Any

import anyio.to_thread
from fastapi import APIRouter, Path, Request
from fastapi.responses import JSONResponse, Response

from model.errors import InputError
from server import fitting, mixing, morphing, openapi, resampling
from server.answers import JSON, PNG, choose_type, pictures_answer, timing_header
from server.forms import Form, read_form
from server.images import MEDIA_TYPES, data_url
from server.schemas import (
    CodesRequest,
    EncodeRequest,
    FitRequest,
    ManipulateRequest,
    MixRequest,
    MorphRequest,
    RenderRequest,
    ResampleRequest,
    SegmentRequest,
)
from server.streams import LINES, stream_lines
from server.video import WITHOUT_PYAV, mp4_available, require_mp4
from server.work import Scene, Work, at_most, find_model, studio_of, work_on

if TYPE_CHECKING:
    from model.recipe.recipe import Recipe
    from model.recipe.styles import Style

ModelId = Annotated[str, Path(description="The model's folder.", examples=["landscape"])]

NPZ = "application/octet-stream"

router = APIRouter(prefix="/api/v1", tags=["models"])


@router.get("/models", **openapi.MODELS)
async def models(request: Request) -> Response:
    return JSONResponse(await anyio.to_thread.run_sync(studio_of(request).registry.listing))


@router.get("/models/{id}", **openapi.MODEL)
async def model(request: Request, id: ModelId) -> Response:
    found, settings = await find_model(request, id), studio_of(request).settings

    def facts() -> dict[str, Any]:
        from model.devices import pick_device

        mp4 = {"available": True} if mp4_available() else {"available": False, "reason": WITHOUT_PYAV}
        device = str(pick_device(settings.device))
        return {"id": found.id, "device": device, "precision": settings.precision, "mp4": mp4}

    return JSONResponse(found.report | await anyio.to_thread.run_sync(facts))


@router.post("/models/{id}/render", **openapi.RENDER)
async def render(request: Request, id: ModelId) -> Response:
    started, kind = time.perf_counter(), choose_type(request, [JSON, PNG])
    found = await find_model(request, id)
    form = await read_form(request, RenderRequest, {"labels", "instances", "recipe"})
    async with work_on(request, found, started) as work:
        scene, style = await _recipe_or_parts(work, form)
        pictures = await work.render(scene, [style])
        return await pictures_answer(work, kind, scene, [style], pictures, form.asked.recipe)


@router.post("/models/{id}/resample", **openapi.RESAMPLE)
async def resample(request: Request, id: ModelId) -> Response:
    started, kind = time.perf_counter(), choose_type(request, [JSON, PNG, LINES])
    found = await find_model(request, id)
    form = await read_form(request, ResampleRequest, {"labels", "instances"})
    asked = form.asked
    at_most("request.n", asked.n, studio_of(request).settings.variants)
    if kind == PNG and asked.n > 1:
        raise InputError(
            f"{asked.n} pictures do not fit into one PNG; ask for {JSON}, or for n = 1",
            code="not_acceptable",
            field="Accept",
            value=PNG,
            allowed=[JSON],
        )
    if kind == LINES:
        return await stream_lines(request, found, started, lambda work: resampling.rows(work, form))
    async with work_on(request, found, started) as work:
        scene, styles, pictures, changes = await resampling.pictures(work, form)
        return await pictures_answer(work, kind, scene, styles, pictures, asked.recipe, changes)


@router.post("/models/{id}/mix", **openapi.MIX)
async def mix(request: Request, id: ModelId) -> Response:
    started, kind = time.perf_counter(), choose_type(request, [JSON, PNG])
    found = await find_model(request, id)
    form = await read_form(request, MixRequest, {"labels", "instances", "photos", "photo_labels"})
    async with work_on(request, found, started) as work:
        scene, style = await mixing.mixture(work, form)
        pictures = await work.render(scene, [style])
        return await pictures_answer(work, kind, scene, [style], pictures, form.asked.recipe)


@router.post("/models/{id}/manipulate", **openapi.MANIPULATE)
async def manipulate(request: Request, id: ModelId) -> Response:
    started, kind = time.perf_counter(), choose_type(request, [JSON, PNG])
    found = await find_model(request, id)
    form = await read_form(request, ManipulateRequest, {"labels", "instances", "photo", "photo_labels"})
    async with work_on(request, found, started) as work:
        scene, style = await mixing.repainted(work, form)
        pictures = await work.render(scene, [style])
        return await pictures_answer(work, kind, scene, [style], pictures, form.asked.recipe)


@router.post("/models/{id}/morph", **openapi.MORPH)
async def morph(request: Request, id: ModelId) -> Response:
    started = time.perf_counter()
    found = await find_model(request, id)
    form = await read_form(request, MorphRequest, {"labels", "instances"})
    asked = form.asked
    kind = choose_type(request, [MEDIA_TYPES[asked.format], JSON, LINES])
    at_most("request.steps", asked.steps, studio_of(request).settings.morph_steps)
    if asked.format == "mp4":
        require_mp4()
    if kind == LINES:
        return await stream_lines(request, found, started, lambda work: morphing.rows(work, form))
    async with work_on(request, found, started) as work:
        content, frames = await morphing.animation(work, form)
        if kind != JSON:
            return Response(content, media_type=kind, headers=timing_header(work))
        answer = morphing.answer(work, asked, content, frames)
        return JSONResponse(answer, headers=timing_header(work))


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
        return JSONResponse(answer | {"timings": work.timings()}, headers=timing_header(work))


@router.post("/models/{id}/fit", **openapi.FIT)
async def fit(request: Request, id: ModelId) -> Response:
    started, kind = time.perf_counter(), choose_type(request, [LINES, JSON])
    found, studio = await find_model(request, id), studio_of(request)
    form = await read_form(request, FitRequest, {"photo", "photo_labels", "instances"})
    at_most("request.steps", form.asked.steps or 0, studio.settings.fit_steps)
    if kind == LINES:
        return await stream_lines(request, found, started, lambda work: fitting.rows(work, form, studio.fits))
    async with work_on(request, found, started) as work:
        answer = [row async for row in fitting.rows(work, form, studio.fits)][-1]
        return JSONResponse(answer, headers=timing_header(work))


@router.post("/models/{id}/codes", **openapi.CODES)
async def codes(request: Request, id: ModelId) -> Response:
    from model.recipe.codes import read_codes, write_codes
    from model.recipe.styles import Style, check_classes

    kind = choose_type(request, [JSON, NPZ])
    found = await find_model(request, id)
    form = await read_form(request, CodesRequest, {"codes"})
    asked, file = form.asked, form.optional("codes")
    if (file is None) == (asked.style is None):
        raise InputError("send either a file codes or request.style", field="codes", allowed="one of the two")

    def answer() -> Response:
        config, taxonomy = found.config, found.taxonomy
        if file is not None:
            style = read_codes(file.content, config, taxonomy, asked.name or file.name)
            known = sorted(style.specs)
        else:
            style, known = Style.from_json(asked.style, config), list(range(len(taxonomy)))
        wanted = known if asked.classes is None else check_classes(asked.classes, config, "request.classes")
        classes = [index for index in known if index in wanted]
        content = write_codes(style, classes, config, taxonomy)
        if kind == NPZ:
            return Response(content, media_type=NPZ)
        spelled = read_codes(content, config, taxonomy, asked.name or (file.name if file else None))
        return JSONResponse({"model": found.id, "style": spelled.to_json(), "classes": classes})

    return await anyio.to_thread.run_sync(answer)


@router.post("/models/{id}/segment", **openapi.SEGMENT)
async def segment(request: Request, id: ModelId) -> Response:
    from model.recipe.labels import label_stats, write_labels

    started, kind = time.perf_counter(), choose_type(request, [JSON, PNG])
    found = await find_model(request, id)
    form = await read_form(request, SegmentRequest, {"photo"})
    async with work_on(request, found, started) as work:
        work.require_segmenter()
        labels = await work.segment(await work.photo(form.file("photo"), form.asked.resize))
        content = await work.aside(write_labels, labels, found.taxonomy)
        if kind == PNG:
            return Response(content, media_type=PNG, headers=timing_header(work))
        names, counts = found.taxonomy.names, label_stats(labels)
        classes = [
            {"index": index, "name": names[index], "share": counts[index] / labels.size}
            for index in sorted(counts, key=lambda index: -counts[index])
        ]
        answer = {"model": found.id, "labels": data_url(content), "classes": classes, "timings": work.timings()}
        return JSONResponse(answer, headers=timing_header(work))


async def _recipe_or_parts(work: Work, form: Form[RenderRequest]) -> tuple[Scene, Style]:
    upload = form.optional("recipe")
    if upload is None:
        return await work.scene(form), await work.style(form.asked.style)
    extra = sorted(form.files.keys() - {"recipe"})
    if extra:
        raise InputError(f"a recipe brings its own label map; leave out {', '.join(extra)}", field=extra[0])
    from model.recipe.recipe import read_recipe

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
