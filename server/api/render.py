"""``POST render``: a picture of a label map with a style, or the picture of a recipe again."""

from __future__ import annotations

from anyio.to_thread import run_sync
from fastapi import Request
from fastapi.responses import Response
from pydantic import Field

from model.errors import InputError
from model.recipe.recipe import Recipe, read_recipe
from model.recipe.styles import Style
from server.api.answers import PNG, one_picture
from server.api.route import LAKE, LANDSCAPE, ModelId, curl, described, json_field, multipart, new_router
from server.api.schemas import PictureRequest, PicturesAnswer, StyleJSON
from server.models.registry import Model
from server.models.uploads import Scene, read_form_scene, read_scene, read_style
from server.models.work import Work
from server.web.forms import Form

FILES = ("labels", "instances", "recipe")
router = new_router()


class RenderRequest(PictureRequest):
    """The style of the picture; a recipe brings its own."""

    style: StyleJSON = Field({"seed": 0})


EXAMPLE = {"style": {"seed": 7}}
RENDER = described(
    "A picture of a label map",
    "With a style, or again from a recipe: the second command gives the pixels of the first."
    + curl(
        f"curl -H 'Accept: image/png' {LAKE} {json_field(EXAMPLE)} {LANDSCAPE}/render -o lake.png",
        f"curl -H 'Accept: image/png' -F recipe=@lake.png {LANDSCAPE}/render -o again.png",
    ),
    multipart(RenderRequest, FILES, [], EXAMPLE),
    PicturesAnswer,
    PNG,
)


@router.post("/models/{id}/render", **RENDER)
async def render(request: Request, id: ModelId) -> Response:
    """The picture of the uploaded label map in the request's style, or of the uploaded recipe."""
    return await one_picture(request, id, RenderRequest, FILES, _recipe_or_parts)


async def _recipe_or_parts(work: Work, form: Form[RenderRequest]) -> tuple[Scene, Style]:
    """The scene and style of a recipe where one was sent, else of the form's parts."""
    model, upload = work.model, form.optional("recipe")
    if upload is None:
        scene = await run_sync(read_form_scene, model, work.limit, form)
        return scene, await run_sync(read_style, model, form.asked.style)
    extra = sorted(form.files.keys() - {"recipe"})
    if extra:
        raise InputError(f"A recipe brings its own label map; leave out {', '.join(extra)}.", field=extra[0])
    recipe = await run_sync(read_recipe, upload.content)
    _require_same_weights(model, recipe)
    scene = await run_sync(read_scene, model, work.limit, recipe.labels, recipe.instances, False)
    return scene, await run_sync(read_style, model, recipe.style)


def _require_same_weights(model: Model, recipe: Recipe) -> None:
    """Raises InputError for a recipe of other weights.

    The fingerprint decides: a folder may have another name elsewhere, and the same name other weights.
    """
    if recipe.fingerprint == model.fingerprint:
        return
    if recipe.model != model.id:
        raise InputError(
            f"This recipe is for the model {recipe.model!r}, not for {model.id!r}; "
            f"send it to models/{recipe.model}/render.",
            field="recipe.model",
            value=recipe.model,
            allowed=model.id,
        )
    raise InputError(
        f"This recipe was made with other weights of {model.id!r}: their fingerprint is {recipe.fingerprint[:12]}…, "
        f"here it is {model.fingerprint[:12]}….",
        field="recipe.fingerprint",
        value=recipe.fingerprint,
        allowed=model.fingerprint,
    )
