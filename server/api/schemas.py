"""What requests and answers of several applications share.

A style is declared as any JSON object here: ``model.recipe.styles`` checks it, since only the model knows its classes.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, Field

from server.web.forms import Asked

Seed = Annotated[int, Field(ge=0, le=2**53 - 1)]
StyleJSON = Annotated[
    dict[str, Any],
    Field(
        description="The style's seed and, by class index, how to make that class's code; a class left out takes the "
        """style's seed: {"seed": 7, "6": {"seed": 9}}. A code is {"seed": n}, {"code": "<base64 float16>", "from": """
        """"beach.jpg"} or {"blend": [code, code], "t": 0.4}.""",
        examples=[{"seed": 7, "6": {"seed": 9}}],
    ),
]
Resize = Annotated[bool, Field(description="Scale label maps (nearest) and photos to the model's size.")]
KeepRecipe = Annotated[bool, Field(description="Write the recipe into each PNG, so that it can be made again.")]
Origin = Annotated[str, Field(max_length=200, description="Written into the codes as their origin, e.g. beach.jpg.")]


class PictureRequest(Asked):
    """What every request for pictures may say."""

    resize: Resize = False
    recipe: KeepRecipe = True


class Timings(BaseModel):
    """Milliseconds that the request waited in the line, that the model worked for it, and from start to end."""

    queue_ms: float
    engine_ms: float
    total_ms: float


class Change(BaseModel):
    """How much a resampled picture differs from the one with the given style, absolutely, in levels of 0…255."""

    inside: float = Field(description="Mean over the pixels of the chosen classes.")
    outside: float = Field(description="Mean over all other pixels.")
    share_inside: float = Field(ge=0, le=1, description="Part of the whole change that lies inside.")


class Picture(BaseModel):
    """One picture, the style it was made with and, where classes were resampled, how much it changed."""

    image: str = Field(description="PNG as a data URL.")
    style: dict[str, Any]
    change: Change | None = None


class PicturesAnswer(BaseModel):
    """The pictures of one label map."""

    model: str
    pictures: list[Picture]
    labels: str = Field(description="What was rendered: a palette PNG as a data URL.")
    timings: Timings
