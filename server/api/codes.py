"""``POST codes``: a style as a file of numbers, and such a file as a style. The model itself is not run."""

from __future__ import annotations

from typing import Any

from anyio.to_thread import run_sync
from fastapi import Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, Field

from model.errors import InputError
from model.recipe.codes import read_codes, write_codes
from model.recipe.styles import Style, check_classes
from server.api.answers import JSON, choose_type
from server.api.route import LANDSCAPE, ModelId, curl, described, json_field, multipart, new_router
from server.api.schemas import StyleJSON
from server.models.registry import Model
from server.models.studio import find_model
from server.web.forms import Asked, Form, read_form

NPZ = "application/octet-stream"
FILES = ("codes",)
router = new_router()


class CodesRequest(Asked):
    """The style whose codes are wanted, or what a file of codes is called; and which classes."""

    style: StyleJSON | None = Field(None, description="The style; left out where codes are sent.")
    classes: list[int] | None = Field(
        None, min_length=1, description="Classes whose codes are wanted; all where it is left out."
    )
    name: str = Field("", max_length=200, description="For a file of codes: written into them as their origin.")


class CodesAnswer(BaseModel):
    """A style that names the code of each class."""

    model: str
    style: dict[str, Any] = Field(description="Each class with its code.")
    classes: list[int]


EXAMPLE = {"style": {"seed": 7}, "classes": [6]}
CODES = described(
    "A style as numbers, and back",
    "The code of each class as a float16 array, in a file of NumPy's (.npz) where `Accept: application/octet-stream` "
    "asks for it, else as JSON; such a file sent as `codes` comes back as a style, which any label map can be "
    "rendered with."
    + curl(
        f"curl -H 'Accept: application/octet-stream' {json_field(EXAMPLE)} {LANDSCAPE}/codes -o water.npz",
        f"curl -F codes=@water.npz {LANDSCAPE}/codes",
    ),
    multipart(CodesRequest, FILES, [], EXAMPLE),
    CodesAnswer,
    NPZ,
)


@router.post("/models/{id}/codes", **CODES)
async def codes(request: Request, id: ModelId) -> Response:
    """The codes of a style, or of a file of codes, as ``.npz`` or JSON."""
    kind = choose_type(request, [JSON, NPZ])
    found = await find_model(request, id)
    form = await read_form(request, CodesRequest, FILES)
    return await run_sync(_answer, found, form, kind)


def _answer(model: Model, form: Form[CodesRequest], kind: str) -> Response:
    config, taxonomy, asked = model.config, model.taxonomy, form.asked
    style, known, origin = _style(model, form)
    wanted = known if asked.classes is None else check_classes(asked.classes, config, "request.classes")
    classes = [index for index in known if index in wanted]
    content = write_codes(style, classes, config, taxonomy)
    if kind == NPZ:
        return Response(content, media_type=NPZ)
    spelled = read_codes(content, config, taxonomy, origin)
    return JSONResponse({"model": model.id, "style": spelled.to_json(), "classes": classes})


def _style(model: Model, form: Form[CodesRequest]) -> tuple[Style, list[int], str | None]:
    """The style that was sent in one of its two forms, the classes it has codes for, and where they come from."""
    asked, file = form.asked, form.optional("codes")
    if (file is None) == (asked.style is None):
        raise InputError("Send either a file codes or request.style.", field="codes", allowed="one of the two")
    if file is None:
        return Style.from_json(asked.style, model.config), list(range(len(model.taxonomy))), asked.name or None
    origin = asked.name or file.name
    style = read_codes(file.content, model.config, model.taxonomy, origin)
    return style, sorted(style.specs), origin
