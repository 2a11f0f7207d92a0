"""What every application's route is made of: its router, its model, and its words for ``/docs``.

The commands in these words run as they stand, in the repository's folder against a server on its usual address; a test
runs them all.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Path

from server.web.errors import ErrorAnswer
from server.web.forms import Asked

TITLE = "GroupDNet Studio"
ABOUT = """Paint a label map and get a picture of it; change the look of one class and leave the rest as it is.

Requests are multipart: label maps and photos as files, all else in one JSON field called `request`. A **style** says
how each class's code is made; it travels with the request and comes back with the answer, so the server keeps nothing.
Every PNG carries its **recipe** (model, label map, style): send the file to `render` as `recipe` and the same pixels
come back.

Painters use the WebSocket `models/{id}/live`, which takes the rectangle that changed and answers with the newest
picture; the README describes its messages.

Label maps are PNGs: greyscale or palette whose values are the class indices, or colours of the model's classes. Photos
are PNG, JPEG or WebP. Ask for the picture itself with `Accept: image/png`. Every error has the same shape:
`{"error": {"code", "message", "field", "value", "allowed", "details"}}`.
"""

PREFIX = "/api/v1"
MODELS = f"http://127.0.0.1:8000{PREFIX}/models"  # as the commands in /docs call it
LANDSCAPE = f"{MODELS}/landscape"
LAKE = "-F labels=@static/starters/lake.png"

FILES = {
    "labels": "The label map, a PNG.",
    "instances": "Instance ids, a greyscale PNG of up to 16 bits; for models with instance edges.",
    "recipe": "A PNG made here, or its recipe as JSON; instead of labels and style.",
    "codes": "Codes as NumPy's .npz, an array for each class by its name.",
    "photo": "The photo: PNG, JPEG or WebP.",
    "photo_labels": "The photo's label map, a PNG.",
}
ERRORS = {
    400: "Not a multipart form.",
    404: "No such model.",
    406: "The Accept header fits nothing that this answers with.",
    409: "The model's checkpoint, or this server, cannot do this.",
    413: "The body or a picture is too large.",
    422: "Something in the request is wrong.",
    503: "Too many requests wait; try again after Retry-After seconds.",
}

ModelId = Annotated[str, Path(description="The model's folder.", examples=["landscape"])]


def new_router() -> APIRouter:
    """An application's own router; ``server.app`` includes it."""
    return APIRouter(prefix=PREFIX, tags=["models"])


def curl(*commands: str) -> str:
    """Shell commands as the block of Markdown that ends a route's description."""
    return "\n\n```bash\n" + "\n".join(commands) + "\n```\n"


def json_field(value: dict[str, Any]) -> str:
    """The option of curl that sends ``value`` as the JSON field ``request``."""
    return f"-F 'request={json.dumps(value)}'"


# The command that makes the photo which the other commands of a description send.
PHOTO = f"curl -H 'Accept: image/png' {LAKE} {json_field({'style': {'seed': 3}})} {LANDSCAPE}/render -o photo.png"


def multipart(
    asked: type[Asked],
    files: Collection[str],
    required: Sequence[str],
    example: dict[str, Any],
    repeated: Collection[str] = (),
) -> dict[str, Any]:
    """A multipart request body as OpenAPI has it: the ``files`` by name, and ``asked`` as the JSON field ``request``.

    ``required`` names the parts that may not be left out, ``repeated`` the files that may be sent more than once.
    """
    properties: dict[str, Any] = {}
    for name in files:
        one = {"type": "string", "format": "binary"}
        if name in repeated:
            about = "Repeated, in the same order."
            properties[name] = {"type": "array", "items": one, "minItems": 1, "description": about}
        else:
            properties[name] = one | {"description": FILES[name]}
    properties["request"] = asked.model_json_schema() | {"example": example}
    schema = {"type": "object", "properties": properties, "required": required, "additionalProperties": False}
    content = {"schema": schema, "encoding": {"request": {"contentType": "application/json"}}}
    return {"required": True, "content": {"multipart/form-data": content}}


def error_answers(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The errors among a route's ``responses``, by HTTP status."""
    return {status: {"model": ErrorAnswer, "description": ERRORS[status]} for status in statuses}


def described(
    summary: str, about: str, body: dict[str, Any], answer: type[Any], *media_types: str, needs: str = ""
) -> dict[str, Any]:
    """Keyword arguments for the decorator of a POST route.

    ``about`` is Markdown and ends with the block that ``curl`` makes; ``answer`` is the JSON answer, ``media_types``
    are the other kinds of answer, and ``needs`` names what the checkpoint must have.
    """
    success: dict[str, Any] = {"model": answer, "description": "What was made."}
    binary = {"schema": {"type": "string", "format": "binary"}}
    success["content"] = dict.fromkeys(media_types, binary)
    note = f" Needs a checkpoint with {needs}." if needs else ""
    return {
        "summary": summary,
        "description": about.replace("\n\n```", f"{note}\n\n```", 1),
        "openapi_extra": {"requestBody": body},
        "responses": {200: success, **error_answers(*ERRORS)},
        "response_model": None,
    }
