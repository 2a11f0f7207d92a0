"""``POST manipulate``: a photo's looks on other labels."""

from __future__ import annotations

from anyio.to_thread import run_sync
from fastapi import Request
from fastapi.responses import Response
from pydantic import Field

from model.errors import InputError
from model.recipe.styles import Style
from server.api.answers import PNG, one_picture
from server.api.route import LANDSCAPE, PHOTO, ModelId, curl, described, json_field, multipart, new_router
from server.api.schemas import PictureRequest, PicturesAnswer, Seed, StyleJSON
from server.models.uploads import Scene, read_form_scene, read_reference, read_style, require_encoder
from server.models.work import Work
from server.web.forms import Form

FILES = ("photo", "photo_labels", "labels", "instances")
router = new_router()


class ManipulateRequest(PictureRequest):
    """Where the looks come from that the photo does not have, and the photo's style where it is known already."""

    seed: Seed | None = Field(None, description="Seed of the classes that the photo lacks.")
    style: StyleJSON | None = Field(
        None, description="Instead of a seed: a style for the classes that the photo lacks."
    )
    reference: StyleJSON | None = Field(
        None, description="Instead of photo and photo_labels: the photo's style, as encode or fit gives it."
    )


EXAMPLE = {"seed": 7}
MANIPULATE = described(
    "A photo with other labels",
    "The photo's looks on an edited label map; classes that the photo lacks get theirs from the seed. Without an "
    "encoder, `reference` is the photo's style, as fit gives it, in place of the photo and its labels."
    + curl(
        PHOTO,
        "curl -H 'Accept: image/png' -F photo=@photo.png -F photo_labels=@static/starters/lake.png "
        f"-F labels=@static/starters/coast.png {json_field(EXAMPLE)} {LANDSCAPE}/manipulate -o edited.png",
    ),
    multipart(ManipulateRequest, FILES, ["labels"], EXAMPLE),
    PicturesAnswer,
    PNG,
)


@router.post("/models/{id}/manipulate", **MANIPULATE)
async def manipulate(request: Request, id: ModelId) -> Response:
    """The picture of the edited label map in the photo's looks."""
    return await one_picture(request, id, ManipulateRequest, FILES, _repainted)


async def _repainted(work: Work, form: Form[ManipulateRequest]) -> tuple[Scene, Style]:
    """The edited scene, and the photo's style with the request's for the classes that the photo lacks."""
    asked, model = form.asked, work.model
    if asked.seed is not None and asked.style is not None:
        raise InputError("request has both seed and style; give one of them.", field="request.seed", value=asked.seed)
    if asked.reference is not None and {"photo", "photo_labels"} & form.files.keys():
        raise InputError("Send either a photo or request.reference, not both.", field="request.reference")
    if asked.reference is None:
        require_encoder(model, "manipulate")
    base = await run_sync(read_style, model, {"seed": asked.seed or 0} if asked.style is None else asked.style)
    scene = await run_sync(read_form_scene, model, work.limit, form)
    if asked.reference is not None:
        look = await run_sync(read_style, model, asked.reference, "request.reference")
    else:
        photo, labels = form.file("photo"), form.file("photo_labels")
        look = await work.encode(await run_sync(read_reference, model, work.limit, photo, labels, asked.resize))
    return scene, base.with_specs(look.specs)
