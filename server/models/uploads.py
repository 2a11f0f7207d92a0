"""Reading what a request brings: label maps, photos and styles, each checked against the model it is for.

Every function here is pure: its result depends on the model, a limit of pixels and the bytes alone. Decoding takes
milliseconds, so handlers call these functions on a thread of their own and not in the event loop.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np

from model.errors import InputError
from model.recipe import images
from model.recipe.labels import read_labels
from model.recipe.styles import Style
from server.models.registry import Model
from server.web.errors import sentence
from server.web.forms import Form, Upload


@dataclass(frozen=True)
class Scene:
    """What is painted: class indices uint8 [H, W], and instance ids int32 [H, W] where they were sent."""

    labels: np.ndarray
    instances: np.ndarray | None = None

    @property
    def classes(self) -> list[int]:
        """The indices of the classes that the label map has, in rising order."""
        return [int(index) for index in np.unique(self.labels)]


@dataclass(frozen=True)
class Reference:
    """A photo uint8 [H, W, 3] with its label map, and the name of the photo's file."""

    name: str
    photo: np.ndarray
    scene: Scene


def read_style(model: Model, data: dict[str, Any], field: str = "style") -> Style:
    """A style from its JSON. ``field`` is its name in an error. Raises InputError for a spec that is none."""
    return Style.from_json(data, model.config, field)


def read_scene(
    model: Model, limit: int, labels: bytes, instances: bytes | None, resize: bool, field: str = "labels"
) -> Scene:
    """A label map and perhaps its instance map, each of the model's size.

    ``limit`` is the most pixels that a file may have, ``resize`` scales files of another size, ``field`` is the label
    map's name in an error. Raises InputError "not_an_image", "too_large", "wrong_size" or "unknown_label".
    """
    size, ids = model.config.image_size, None
    if instances is not None:
        ids = images.read_instances(instances, size, resize, max_pixels=limit)
    return Scene(read_labels(labels, model.taxonomy, size, resize, max_pixels=limit, field=field), ids)


def read_form_scene(model: Model, limit: int, form: Form[Any]) -> Scene:
    """The scene of a form whose files ``labels`` and ``instances`` are painted. Raises as ``read_scene`` does."""
    labels, instances = form.file("labels").content, form.optional("instances")
    return read_scene(model, limit, labels, instances.content if instances else None, form.asked.resize)


def read_photo(model: Model, limit: int, content: bytes, resize: bool, field: str = "photo") -> np.ndarray:
    """A photo uint8 [H, W, 3] of the model's size. Raises InputError "not_an_image", "too_large" or "wrong_size"."""
    return images.read_photo(content, model.config.image_size, resize, max_pixels=limit, field=field)


def read_reference(
    model: Model,
    limit: int,
    photo: Upload,
    labels: Upload,
    resize: bool,
    fields: tuple[str, str] = ("photo", "photo_labels"),
    instances: Upload | None = None,
) -> Reference:
    """A photo with its label map and perhaps its instance map; ``fields`` are the names of the two in an error.

    Raises as ``read_scene`` and ``read_photo`` do.
    """
    ids = instances.content if instances else None
    scene = read_scene(model, limit, labels.content, ids, resize, fields[1])
    return Reference(photo.name, read_photo(model, limit, photo.content, resize, fields[0]), scene)


def at_most(field: str, value: int, most: int) -> None:
    """Raises InputError where ``value`` is more than the settings allow."""
    if value > most:
        raise InputError(f"{field} is {value}; at most {most} are allowed.", field=field, value=value, allowed=most)


def require_encoder(model: Model, application: str) -> None:
    """Raises InputError "no_encoder" where the model cannot do ``application`` with a photo."""
    if not model.encoder:
        takes_styles = application in ("mix", "manipulate")
        instead = "Send the style that fit gives for it" if takes_styles else "Call fit, which does without one"
        _refuse(model, "no_encoder", f"cannot {application} a photo, because it has no encoder. {instead}.")


def require_segmenter(model: Model) -> None:
    """Raises InputError "no_segmenter" where the model cannot read a photo's label map."""
    state = model.report["applications"]["segment"]
    if not state["available"]:
        _refuse(model, "no_segmenter", f"cannot segment: {sentence(state['reason'])}")


def _refuse(model: Model, code: str, what: str) -> NoReturn:
    able = [name for name, state in model.report["applications"].items() if state["available"]]
    raise InputError(
        f"Model {model.id!r} {what} It can {', '.join(able)}.",
        code=code,
        field="model",
        value=model.id,
        allowed=able,
    )
