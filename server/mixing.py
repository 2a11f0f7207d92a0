"""Looks from references, each a photo with its label map or a style that was encoded or fitted before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from model.errors import InputError
from server.forms import Form, Upload
from server.schemas import ManipulateRequest, MixRequest
from server.work import Reference, Scene, Work, at_most, checked_classes

if TYPE_CHECKING:
    from model.recipe.styles import Style


@dataclass(frozen=True)
class Source:
    """A reference: what an error calls it, the classes it has looks of, and its style or the photo to encode."""

    name: str
    classes: list[int]
    given: Style | Reference


async def mixture(work: Work, form: Form[MixRequest]) -> tuple[Scene, Style]:
    """The scene, and the style in which each chosen class looks as in its reference."""
    from model.recipe import styles

    asked, pairs = form.asked, _pairs(form)
    at_most("references", len(pairs) + len(asked.styles), work.settings.references)
    if pairs:
        work.require_encoder("mix")
    choice = _choice(work, asked.references, len(pairs) + len(asked.styles))
    scene, base = await work.scene(form), await work.style(asked.style)
    sources = await _sources(work, form, pairs)
    for index, number in choice.items():
        _require_class(work, index, number, sources[number])
    used = sorted(set(choice.values()))
    looks = [await _style(work, sources[number].given) for number in used]
    return scene, styles.mixture(base, looks, {index: used.index(number) for index, number in choice.items()})


async def repainted(work: Work, form: Form[ManipulateRequest]) -> tuple[Scene, Style]:
    """The edited scene, and the photo's style with the request's for the classes that the photo lacks."""
    asked = form.asked
    if asked.seed is not None and asked.style is not None:
        raise InputError("request has both seed and style; give one of them", field="request.seed", value=asked.seed)
    if asked.reference is not None and {"photo", "photo_labels"} & form.files.keys():
        raise InputError("send either a photo or request.reference, not both", field="request.reference")
    if asked.reference is None:
        work.require_encoder("manipulate")
    base = await work.style({"seed": asked.seed or 0} if asked.style is None else asked.style)
    scene = await work.scene(form)
    if asked.reference is not None:
        look = await work.style(asked.reference, "request.reference")
    else:
        photo = await work.reference(form.file("photo"), form.file("photo_labels"), asked.resize)
        look = await work.encode(photo)
    return scene, base.with_specs(look.specs)


async def _sources(work: Work, form: Form[MixRequest], pairs: Sequence[tuple[Upload, Upload]]) -> list[Source]:
    sources = []
    for i, (photo, labels) in enumerate(pairs):
        read = await work.reference(photo, labels, form.asked.resize, (f"photos.{i}", f"photo_labels.{i}"))
        sources.append(Source(read.name, read.scene.classes, read))
    for i, data in enumerate(form.asked.styles):
        style = await work.style(data, f"request.styles.{i}")
        sources.append(Source("a style", sorted(style.specs), style))
    return sources


async def _style(work: Work, given: Style | Reference) -> Style:
    return await work.encode(given) if isinstance(given, Reference) else given


def _pairs(form: Form[MixRequest]) -> list[tuple[Upload, Upload]]:
    photos, labels = form.files.get("photos", []), form.files.get("photo_labels", [])
    if len(photos) != len(labels) or not (photos or form.asked.styles):
        raise InputError(
            f"{len(photos)} photos and {len(labels)} photo_labels were sent; each reference is one of both, "
            "in the same order, or one of request.styles",
            field="photos",
            value=len(photos),
            allowed=max(1, len(labels)),
        )
    return list(zip(photos, labels))


def _choice(work: Work, references: dict[str, int], count: int) -> dict[int, int]:
    choice = {}
    for key, number in references.items():
        field = f"request.references.{key}"
        if not (key.isascii() and key.isdecimal()):
            raise InputError(f"{key!r} is not a class index", field=field, value=key, allowed="a class index")
        choice[checked_classes(work, [int(key)], field)[0]] = number
        if not 0 <= number < count:
            raise InputError(
                f"class {key} takes its look from reference {number}, but there are only {count} (0 … {count - 1})",
                field=field,
                value=number,
                allowed=list(range(count)),
            )
    return choice


def _require_class(work: Work, index: int, number: int, source: Source) -> None:
    if index in source.classes:
        return
    names = work.model.taxonomy.names
    raise InputError(
        f"reference {number} ({source.name}) has no {names[index]} (class {index}) to take a look from; "
        f"it has {', '.join(names[other] for other in source.classes) or 'none'}",
        code="missing_class",
        field=f"request.references.{index}",
        value=number,
        allowed=source.classes,
        details={"class": index, "name": names[index], "reference": number, "file": source.name},
    )
