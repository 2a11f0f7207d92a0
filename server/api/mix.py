"""``POST mix``: each class takes its look from one of several references.

A reference is a photo with its label map, or a style that was encoded or fitted before.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from anyio.to_thread import run_sync
from fastapi import Request
from fastapi.responses import Response
from pydantic import Field

from model.errors import InputError, refuse
from model.recipe.styles import Style, check_classes, mixture
from server.api.answers import PNG, one_picture
from server.api.route import LAKE, LANDSCAPE, PHOTO, ModelId, curl, described, json_field, multipart, new_router
from server.api.schemas import PictureRequest, PicturesAnswer, StyleJSON
from server.models.registry import Model
from server.models.uploads import (
    Reference,
    Scene,
    at_most,
    read_form_scene,
    read_reference,
    read_style,
    require_encoder,
)
from server.models.work import Work
from server.web.forms import Form, Upload

PHOTOS = ("photos", "photo_labels")  # files of the same name, the n-th photo with the n-th label map
FILES = ("labels", "instances", *PHOTOS)
router = new_router()


class MixRequest(PictureRequest):
    """Which class takes its look from which reference, and the style of all other classes."""

    references: dict[str, int] = Field(
        min_length=1,
        description="Class index → number of the reference, from 0, whose look it takes: photos first, then styles.",
        examples=[{"6": 0}],
    )
    styles: list[StyleJSON] = Field([], description="References without a photo: what encode or fit gave for one.")
    style: StyleJSON = Field({"seed": 0})


EXAMPLE = {"references": {"6": 0}, "style": {"seed": 7}}
BY_STYLE = EXAMPLE | {"styles": [{"6": {"code": "ADwAAAAAALwAAAAAADgAAA==", "from": "photo.png"}}]}
MIX = described(
    "Looks taken from photos, class by class",
    "`references` says which class takes its look from which reference; the others keep the style's. References are "
    "photos with their label maps, which takes a checkpoint with an encoder, or styles that encode or fit gave, which "
    "takes none."
    + curl(
        PHOTO,
        f"curl -H 'Accept: image/png' {LAKE} -F photos=@photo.png -F photo_labels=@static/starters/lake.png "
        f"{json_field(EXAMPLE)} {LANDSCAPE}/mix -o mixed.png",
        f"curl -H 'Accept: image/png' {LAKE} {json_field(BY_STYLE)} {LANDSCAPE}/mix -o mixed.png",
    ),
    multipart(MixRequest, FILES, ["labels", "request"], EXAMPLE, repeated=PHOTOS),
    PicturesAnswer,
    PNG,
)


@router.post("/models/{id}/mix", **MIX)
async def mix(request: Request, id: ModelId) -> Response:
    """The picture of the label map in which each chosen class looks as in its reference."""
    return await one_picture(request, id, MixRequest, FILES, _mixture)


@dataclass(frozen=True)
class Source:
    """A reference: its name in errors, the classes that it has looks for, and its style or the photo to encode."""

    name: str
    classes: list[int]
    given: Style | Reference


async def _mixture(work: Work, form: Form[MixRequest]) -> tuple[Scene, Style]:
    """The scene, and the style in which each chosen class looks as in its reference."""
    asked, pairs, model = form.asked, _pairs(form), work.model
    at_most("references", len(pairs) + len(asked.styles), work.settings.references)
    if pairs:
        require_encoder(model, "mix")
    choice = _choice(model, asked.references, len(pairs) + len(asked.styles))
    scene = await run_sync(read_form_scene, model, work.limit, form)
    base = await run_sync(read_style, model, asked.style)
    sources = await _sources(work, form, pairs)
    for index, number in choice.items():
        _require_class(model, index, number, sources[number])
    used = sorted(set(choice.values()))
    looks = [await _style(work, sources[number].given) for number in used]
    return scene, mixture(base, looks, {index: used.index(number) for index, number in choice.items()})


async def _sources(work: Work, form: Form[MixRequest], pairs: Sequence[tuple[Upload, Upload]]) -> list[Source]:
    """The references in the order of their numbers: photos, then styles."""
    sources, resize = [], form.asked.resize
    for i, (photo, labels) in enumerate(pairs):
        fields = (f"photos.{i}", f"photo_labels.{i}")
        read = await run_sync(read_reference, work.model, work.limit, photo, labels, resize, fields)
        sources.append(Source(read.name, read.scene.classes, read))
    for i, data in enumerate(form.asked.styles):
        style = await run_sync(read_style, work.model, data, f"request.styles.{i}")
        sources.append(Source("a style", sorted(style.specs), style))
    return sources


async def _style(work: Work, given: Style | Reference) -> Style:
    """The style of a reference: a photo is encoded first."""
    return await work.encode(given) if isinstance(given, Reference) else given


def _pairs(form: Form[MixRequest]) -> list[tuple[Upload, Upload]]:
    """Each photo with its label map. Raises InputError where their numbers differ, or where there is no reference."""
    photos, labels = form.files.get("photos", []), form.files.get("photo_labels", [])
    if len(photos) != len(labels) or not (photos or form.asked.styles):
        raise InputError(
            f"{len(photos)} photos and {len(labels)} photo_labels were sent; a reference is one of each, "
            "in the same order, or one of request.styles.",
            field="photos",
            value=len(photos),
            allowed=max(1, len(labels)),
        )
    return list(zip(photos, labels))


def _choice(model: Model, references: dict[str, int], count: int) -> dict[int, int]:
    """The reference's number by class index. Raises InputError for a class or a reference that there is not."""
    choice = {}
    for key, number in references.items():
        field = f"request.references.{key}"
        if not (key.isascii() and key.isdecimal()):
            refuse(field, key, f"has the key {key!r}", "a class index")
        choice[check_classes([int(key)], model.config, field)[0]] = number
        if not 0 <= number < count:
            raise InputError(
                f"Class {key} takes its look from reference {number}, but there are only {count} (0 … {count - 1}).",
                field=field,
                value=number,
                allowed=list(range(count)),
            )
    return choice


def _require_class(model: Model, index: int, number: int, source: Source) -> None:
    """Raises InputError "missing_class" where the reference has no such class."""
    if index in source.classes:
        return
    names = model.taxonomy.names
    raise InputError(
        f"Reference {number} ({source.name}) has no {names[index]} (class {index}) to take a look from; "
        f"it has {', '.join(names[other] for other in source.classes) or 'none'}.",
        code="missing_class",
        field=f"request.references.{index}",
        value=number,
        allowed=source.classes,
        details={"class": index, "name": names[index], "reference": number, "file": source.name},
    )
