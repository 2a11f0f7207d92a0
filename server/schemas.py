"""What requests and answers look like; ``model.recipe.styles`` checks styles, as it knows a model's classes."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

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


class Asked(BaseModel):
    """A request's JSON field: no conversions, no unknown names."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class RenderRequest(Asked):
    style: StyleJSON = {"seed": 0}
    resize: Resize = False
    recipe: KeepRecipe = True


class ResampleRequest(Asked):
    style: StyleJSON = {"seed": 0}
    classes: list[int] = Field(min_length=1, description="Classes that get new looks.", examples=[[6]])
    n: int = Field(6, ge=1, description="How many pictures.")
    seed: Seed = Field(0, description="The same seed gives the same pictures again.")
    resize: Resize = False
    recipe: KeepRecipe = True


class MixRequest(Asked):
    references: dict[str, int] = Field(
        min_length=1,
        description="Class index → number of the reference, from 0, whose look it takes: photos first, then styles.",
        examples=[{"6": 0}],
    )
    styles: list[StyleJSON] = Field([], description="References without a photo: what encode or fit gave for one.")
    style: StyleJSON = {"seed": 0}
    resize: Resize = False
    recipe: KeepRecipe = True


class ManipulateRequest(Asked):
    seed: Seed | None = Field(None, description="Seed of the classes that the photo lacks.")
    style: StyleJSON | None = Field(
        None, description="Instead of a seed: a style for the classes that the photo lacks."
    )
    reference: StyleJSON | None = Field(
        None, description="Instead of photo and photo_labels: the photo's style, as encode or fit gives it."
    )
    resize: Resize = False
    recipe: KeepRecipe = True


class MorphRequest(Asked):
    start: StyleJSON | None = Field(None, alias="from")
    to: StyleJSON | None = None
    styles: list[StyleJSON] | None = Field(
        None, min_length=2, max_length=16, description="Instead of from and to: key styles in a row, evenly spaced."
    )
    classes: list[int] | None = Field(None, description="Classes that change; the others keep their first look.")
    steps: int = Field(24, ge=2, description="How many different frames.")
    seconds: float = Field(2.0, gt=0, le=60, description="How long one pass takes.")
    format: Literal["webp", "gif", "mp4", "zip"] = Field(
        "webp", description="Animated WebP or GIF, MP4 where the server has PyAV, or a ZIP of PNGs."
    )
    boomerang: bool = Field(False, description="Go there and back again.")
    resize: Resize = False
    recipe: KeepRecipe = True


class EncodeRequest(Asked):
    name: str = Field("", max_length=200, description="Written into the codes as their origin, e.g. beach.jpg.")
    resize: Resize = False


class FitRequest(Asked):
    steps: int | None = Field(None, ge=1, description="How many; left out, as many as usually suffice.")
    seed: Seed = Field(0, description="Of the classes that the photo lacks, and of where the search begins.")
    name: str = Field("", max_length=200, description="Written into the codes as their origin, e.g. beach.jpg.")
    resize: Resize = False
    recipe: KeepRecipe = True


class CodesRequest(Asked):
    style: StyleJSON | None = Field(None, description="The style; left out where codes are sent.")
    classes: list[int] | None = Field(
        None, min_length=1, description="Classes whose codes are wanted; all where it is left out."
    )
    name: str = Field("", max_length=200, description="Where codes are sent: written into them as their origin.")


class LiveRequest(Asked):
    """The header of a painter's message on the live socket; the pixels follow it."""

    seq: int = Field(ge=1, le=2**53 - 1, description="Number of this message, higher than the one before.")
    base: int | None = Field(None, description="The message whose map the pixels change; null where they are a map.")
    rect: list[int] | None = Field(
        None, min_length=4, max_length=4, description="x, y, width and height of what changed; null for the whole map."
    )
    deflate: bool = Field(False, description="The pixels are deflated (zlib).")
    style: StyleJSON = {"seed": 0}
    exact: bool = Field(False, description="The picture itself, a PNG with its recipe, and not a JPEG of it.")


class SegmentRequest(Asked):
    resize: Resize = False


class Timings(BaseModel):
    queue_ms: float
    engine_ms: float
    total_ms: float


class Change(BaseModel):
    """How much a resampled picture differs from the one with the given style, absolutely, in levels of 0…255."""

    inside: float = Field(description="Mean over the pixels of the chosen classes.")
    outside: float = Field(description="Mean over all other pixels.")
    share_inside: float = Field(ge=0, le=1, description="Part of the whole change that lies inside.")


class Picture(BaseModel):
    image: str = Field(description="PNG as a data URL.")
    style: dict[str, Any]
    change: Change | None = None


class PicturesAnswer(BaseModel):
    model: str
    pictures: list[Picture]
    labels: str = Field(description="What was rendered: a palette PNG as a data URL.")
    timings: Timings


class AnimationAnswer(BaseModel):
    model: str
    animation: str = Field(description="The file as a data URL.")
    frames: int
    timings: Timings


class EncodeAnswer(BaseModel):
    model: str
    style: dict[str, Any]
    classes: list[int]
    timings: Timings


class FitAnswer(BaseModel):
    """The last line of a fit, or all of it where JSON is asked for."""

    model: str
    style: dict[str, Any]
    classes: list[int]
    picture: str = Field(description="What the style gives on the photo's labels: PNG as a data URL.")
    distance: float = Field(description="Of that picture from the photo, as the fit measures it.")
    timings: Timings


class CodesAnswer(BaseModel):
    model: str
    style: dict[str, Any] = Field(description="Each class with its code.")
    classes: list[int]


class Region(BaseModel):
    """One class of a label map."""

    index: int
    name: str
    share: float = Field(gt=0, le=1, description="Part of the picture's pixels.")


class SegmentAnswer(BaseModel):
    model: str
    labels: str = Field(description="The label map, a palette PNG as a data URL.")
    classes: list[Region] = Field(description="The classes present, the largest first.")
    timings: Timings


class ModelRow(BaseModel):
    id: str
    title: str
    image_size: tuple[int, int]
    classes: int
    encoder: bool


class UnavailableRow(BaseModel):
    id: str
    reason: str


class ModelsAnswer(BaseModel):
    models: list[ModelRow]
    default: str | None
    unavailable: list[UnavailableRow]


class ErrorBody(BaseModel):
    code: str
    message: str
    field: str | None
    value: Any
    allowed: Any
    details: Any


class ErrorAnswer(BaseModel):
    error: ErrorBody
