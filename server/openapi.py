"""What ``/docs`` says of each route. Its commands run as they stand, in the repository's folder; a test runs them."""

from __future__ import annotations

import json
from typing import Any

from server.schemas import (
    AnimationAnswer,
    CodesAnswer,
    CodesRequest,
    EncodeAnswer,
    EncodeRequest,
    FitAnswer,
    FitRequest,
    ManipulateRequest,
    MixRequest,
    ModelsAnswer,
    MorphRequest,
    PicturesAnswer,
    RenderRequest,
    ResampleRequest,
    SegmentAnswer,
    SegmentRequest,
)
from server.streams import LINES
from server.web.errors import ErrorAnswer
from server.web.forms import Asked

TITLE = "GroupDNet Studio"
ABOUT = """Paint a label map, get a picture; give one class another look and leave the rest.

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

BASE = "http://127.0.0.1:8000/api/v1/models/landscape"
LAKE = "-F labels=@static/starters/lake.png"

FILES = {
    "labels": "The label map, a PNG.",
    "instances": "Instance ids, a greyscale PNG of up to 16 bits; for models with instance edges.",
    "recipe": "A PNG made here, or its recipe as JSON; instead of labels and style.",
    "codes": "Codes as NumPy's .npz, an array for each class by its name.",
    "photo": "The photo: PNG, JPEG or WebP.",
    "photo_labels": "The photo's label map, a PNG.",
}


def _curl(*commands: str) -> str:
    return "\n\n```bash\n" + "\n".join(commands) + "\n```\n"


def _body(asked: type[Asked], files: list[str], required: list[str], example: dict[str, Any]) -> dict[str, Any]:
    """A multipart request body: files by name and the JSON field ``request``."""
    properties: dict[str, Any] = {
        name: {"type": "string", "format": "binary", "description": FILES[name]} for name in files
    }
    properties["request"] = asked.model_json_schema() | {"example": example}
    schema = {"type": "object", "properties": properties, "required": required, "additionalProperties": False}
    content = {"schema": schema, "encoding": {"request": {"contentType": "application/json"}}}
    return {"required": True, "content": {"multipart/form-data": content}}


def _several(body: dict[str, Any], *names: str) -> dict[str, Any]:
    """The same body, in which those files may be sent more than once."""
    properties = body["content"]["multipart/form-data"]["schema"]["properties"]
    for name in names:
        one = {"type": "string", "format": "binary"}
        properties[name] = {"type": "array", "items": one, "minItems": 1, "description": "Repeated, in the same order."}
    return body


def _errors(*codes: int) -> dict[int | str, dict[str, Any]]:
    words = {
        400: "Not a multipart form.",
        404: "No such model.",
        406: "The Accept header fits nothing that this answers with.",
        409: "The model's checkpoint, or this server, cannot do this.",
        413: "The body or a picture is too large.",
        422: "Something in the request is wrong.",
        503: "Too many requests wait; try again after Retry-After seconds.",
    }
    return {code: {"model": ErrorAnswer, "description": words[code]} for code in codes}


def _route(
    summary: str, about: str, body: dict[str, Any], answer: type[Any], *media_types: str, needs: str = ""
) -> dict[str, Any]:
    """Keyword arguments of the decorator of a POST route."""
    success: dict[str, Any] = {"model": answer, "description": "What was made."}
    binary = {"schema": {"type": "string", "format": "binary"}}
    success["content"] = dict.fromkeys(media_types, binary)
    codes = (400, 404, 406, 409, 413, 422, 503)
    note = f" Needs a checkpoint with {needs}." if needs else ""
    return {
        "summary": summary,
        "description": about.replace("\n\n```", f"{note}\n\n```", 1),
        "openapi_extra": {"requestBody": body},
        "responses": {200: success, **_errors(*codes)},
        "response_model": None,
    }


def _request(value: dict[str, Any]) -> str:
    return f"-F 'request={json.dumps(value)}'"


MODELS: dict[str, Any] = {
    "summary": "The models",
    "description": "Those that can be used, and the checkpoints that cannot with the reason."
    + _curl("curl http://127.0.0.1:8000/api/v1/models"),
    "responses": {200: {"model": ModelsAnswer}},
    "response_model": None,
}

MODEL: dict[str, Any] = {
    "summary": "A model",
    "description": "The checkpoint doctor's report: classes with their colours, sizes, parameters, and what it can do."
    + _curl(f"curl {BASE}"),
    "responses": {200: {"description": "The report."}, **_errors(404, 409, 422)},
    "response_model": None,
}

_SEVEN = {"style": {"seed": 7}}
RENDER = _route(
    "A picture of a label map",
    "With a style, or again from a recipe: the second command gives the pixels of the first."
    + _curl(
        f"curl -H 'Accept: image/png' {LAKE} {_request(_SEVEN)} {BASE}/render -o lake.png",
        f"curl -H 'Accept: image/png' -F recipe=@lake.png {BASE}/render -o again.png",
    ),
    _body(RenderRequest, ["labels", "instances", "recipe"], [], _SEVEN),
    PicturesAnswer,
    "image/png",
)

_WATER = {"style": {"seed": 7}, "classes": [6], "n": 3, "seed": 1}
RESAMPLE = _route(
    "New looks for some classes",
    "n pictures that differ in these classes alone, each with its style and with how much it changed inside and "
    "outside of them. With `Accept: application/x-ndjson` each comes as soon as it is drawn, as a line "
    '`{"picture": …}`.' + _curl(f"curl {LAKE} {_request(_WATER)} {BASE}/resample"),
    _body(ResampleRequest, ["labels", "instances"], ["labels", "request"], _WATER),
    PicturesAnswer,
    "image/png",
    LINES,
)

_PHOTO = f"curl -H 'Accept: image/png' {LAKE} {_request({'style': {'seed': 3}})} {BASE}/render -o photo.png"
_MIX = {"references": {"6": 0}, "style": {"seed": 7}}
_STYLES = {"styles": [{"6": {"code": "ADwAAAAAALwAAAAAADgAAA==", "from": "photo.png"}}]}
MIX = _route(
    "Looks taken from photos, class by class",
    "`references` says which class takes its look from which reference; the others keep the style's. References are "
    "photos with their label maps, which takes a checkpoint with an encoder, or styles that encode or fit gave, which "
    "takes none."
    + _curl(
        _PHOTO,
        f"curl -H 'Accept: image/png' {LAKE} -F photos=@photo.png -F photo_labels=@static/starters/lake.png "
        f"{_request(_MIX)} {BASE}/mix -o mixed.png",
        f"curl -H 'Accept: image/png' {LAKE} {_request(_MIX | _STYLES)} {BASE}/mix -o mixed.png",
    ),
    _several(
        _body(MixRequest, ["labels", "instances"], ["labels", "request"], _MIX),
        "photos",
        "photo_labels",
    ),
    PicturesAnswer,
    "image/png",
)

_SEED = {"seed": 7}
MANIPULATE = _route(
    "A photo with other labels",
    "The photo's looks on an edited label map; classes that the photo lacks get theirs from the seed. Without an "
    "encoder, `reference` is the photo's style, as fit gives it, in place of the photo and its labels."
    + _curl(
        _PHOTO,
        "curl -H 'Accept: image/png' -F photo=@photo.png -F photo_labels=@static/starters/lake.png "
        f"-F labels=@static/starters/coast.png {_request(_SEED)} {BASE}/manipulate -o edited.png",
    ),
    _body(ManipulateRequest, ["photo", "photo_labels", "labels", "instances"], ["labels"], _SEED),
    PicturesAnswer,
    "image/png",
)

_MORPH = {"from": {"seed": 7}, "to": {"seed": 8}, "classes": [0, 6], "steps": 12, "seconds": 1.5, "format": "webp"}
_KEYS = {"styles": [{"seed": 7}, {"seed": 8}, {"seed": 9}], "steps": 8, "format": "gif"}
MORPH = _route(
    "An animation through two or more styles",
    "Animated WebP or GIF, MP4 where the server has PyAV, or a ZIP of PNGs; as JSON with a data URL where `Accept: "
    'application/json` asks for it, and with `Accept: application/x-ndjson` as lines `{"frame": 4, "frames": 24}` '
    "while it is drawn, that JSON the last of them."
    + _curl(
        f"curl {LAKE} {_request(_MORPH)} {BASE}/morph -o morph.webp",
        f"curl {LAKE} {_request(_KEYS)} {BASE}/morph -o three.gif",
    ),
    _body(MorphRequest, ["labels", "instances"], ["labels", "request"], _MORPH),
    AnimationAnswer,
    "image/webp",
    "image/gif",
    "video/mp4",
    "application/zip",
    LINES,
)

_NAME = {"name": "photo.png"}
ENCODE = _route(
    "The style of a photo",
    "The code of each class that its label map has, for use in any style."
    + _curl(_PHOTO, f"curl -F photo=@photo.png {LAKE} {_request(_NAME)} {BASE}/encode"),
    _body(EncodeRequest, ["photo", "labels"], ["photo", "labels"], _NAME),
    EncodeAnswer,
    needs="an encoder",
)

SEGMENT = _route(
    "The label map of a photo",
    "What the model's segmenter takes each pixel for, and how much of the picture each class has: a palette PNG to "
    "paint on, or to send with the photo as its labels."
    + _curl(
        _PHOTO,
        f"curl -F photo=@photo.png {BASE}/segment",
        f"curl -H 'Accept: image/png' -F photo=@photo.png {BASE}/segment -o labels.png",
    ),
    _body(SegmentRequest, ["photo"], ["photo"], {"resize": True}),
    SegmentAnswer,
    "image/png",
    needs="a segmenter",
)

_FIT = {"steps": 20, "name": "photo.png"}
FIT = _route(
    "The style of a photo, without an encoder",
    "The code of each class, found by gradient descent through the generator: any checkpoint can do it, and it takes "
    "seconds where encode takes milliseconds. Lines of JSON as it goes, "
    '`{"step": 48, "steps": 80, "share": 0.15, "distance": 0.034}` (share: of the work), some with a small '
    '`picture`; the last one is the result, or `{"error": …}`. Closing the connection ends '
    "the work. With `Accept: application/json`, the result alone."
    + _curl(
        _PHOTO,
        f"curl -N -F photo=@photo.png -F photo_labels=@static/starters/lake.png {_request(_FIT)} {BASE}/fit",
    ),
    _body(FitRequest, ["photo", "photo_labels", "instances"], ["photo", "photo_labels"], _FIT),
    FitAnswer,
    LINES,
)

_WATER_LOOK = {"style": {"seed": 7}, "classes": [6]}
CODES = _route(
    "A style as numbers, and back",
    "The code of each class as a float16 array, in a file of NumPy's (.npz) where `Accept: application/octet-stream` "
    "asks for it, else as JSON; such a file sent as `codes` comes back as a style, which any label map can be "
    "rendered with."
    + _curl(
        f"curl -H 'Accept: application/octet-stream' -F 'request={json.dumps(_WATER_LOOK)}' {BASE}/codes -o water.npz",
        f"curl -F codes=@water.npz {BASE}/codes",
    ),
    _body(CodesRequest, ["codes"], [], _WATER_LOOK),
    CodesAnswer,
    "application/octet-stream",
)
