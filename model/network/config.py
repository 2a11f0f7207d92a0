"""The configuration that a GroupDNet is built from, and the constants that every part of the project shares.

Imports no PyTorch, so that a program which only reads labels, styles or configurations starts at once.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

from model.errors import InputError

CODE_CHANNELS = 8
LATENT_STRIDE = 64  # image size ÷ latent size


@dataclass(frozen=True)
class Block:
    """One row: a residual block, its widths, its groups, and the three modulation convs of each of its norms."""

    name: str
    inputs: int
    outputs: int
    groups: int
    hidden: int  # width between mlp_shared and mlp_gamma / mlp_beta
    shared_groups: int
    gamma_groups: int

    @property
    def middle(self) -> int:
        return min(self.inputs, self.outputs)

    @property
    def learned_skip(self) -> bool:
        return self.inputs != self.outputs

    def norms(self) -> tuple[tuple[str, int], ...]:
        """(name, channels) of each norm."""
        norms = ((f"{self.name}.norm_0", self.inputs), (f"{self.name}.norm_1", self.middle))
        return (*norms, (f"{self.name}.norm_s", self.inputs)) if self.learned_skip else norms


@dataclass(frozen=True)
class GroupDNetConfig:
    """Everything that a GroupDNet is built from. ``unused`` rows stand in a released file but are never run."""

    classes: int
    image_size: tuple[int, int]  # H, W
    fc_groups: int
    blocks: tuple[Block, ...]
    encoder_width: int  # of layer1, all classes together
    unused: tuple[Block, ...] = ()
    instance_edges: bool = False
    shared_codes: bool = False  # one 8-number code a class, tiled over the grid
    encoder_norm: bool = True  # instance norm in the encoder, and spectral norm in training; else means by area
    encoder_side: int | None = None  # with shared codes: the encoder sees larger photos as coarsely as this
    noise: bool = False  # fixed noise maps with a learned gain per channel: not in the paper
    smooth: int = 0  # so many first upsamplings are bilinear, else wide skies show the code's cells; the paper's: none

    @property
    def latent_size(self) -> tuple[int, int]:
        return self.image_size[0] // LATENT_STRIDE, self.image_size[1] // LATENT_STRIDE

    @property
    def code_shape(self) -> tuple[int, int, int]:
        """Shape of one class's code as it is stored: 8×h×w, or 8×1×1 where the grid shares it."""
        return (CODE_CHANNELS, 1, 1) if self.shared_codes else (CODE_CHANNELS, *self.latent_size)

    @property
    def semantic_channels(self) -> int:
        return self.classes * (2 if self.instance_edges else 1)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> GroupDNetConfig:
        """Raises InputError on fields that are missing or unknown."""
        try:
            rows = {key: tuple(Block(**row) for row in data.get(key, ())) for key in ("blocks", "unused")}
            return cls(**{**data, **rows, "image_size": tuple(data["image_size"])})
        except (KeyError, TypeError, AttributeError) as error:
            raise InputError(f"The checkpoint's config is not one of ours: {error}.", code="bad_checkpoint") from error


def at_size(config: GroupDNetConfig, image_size: tuple[int, int]) -> GroupDNetConfig:
    """The same network for pictures of another size (a multiple of 64): nothing in it depends on the size."""
    if any(n % LATENT_STRIDE or n <= 0 for n in image_size):
        height, width = image_size
        raise InputError(
            f"Image size {height}×{width} is not a multiple of {LATENT_STRIDE} in both directions.",
            field="image_size",
            value=list(image_size),
            allowed=f"multiples of {LATENT_STRIDE}",
        )
    return replace(config, image_size=image_size)
