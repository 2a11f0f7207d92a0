"""The configuration that a GroupDNet is built from, and the constants that every part of the project shares.

Imports no PyTorch, so that a program which only reads labels, styles or configurations starts at once.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

from model.errors import InputError, refuse

CODE_CHANNELS = 8  # channels of one class's code
LATENT_STRIDE = 64  # height of a picture ÷ height of its latent grid; the widths have the same ratio


@dataclass(frozen=True)
class Block:
    """One residual block of the generator: its widths in channels, and the groups of its convolutions.

    ``hidden``, ``shared_groups`` and ``gamma_groups`` describe the three modulation convolutions of each of its norms.
    """

    name: str
    inputs: int  # channels that the block takes
    outputs: int  # channels that the block gives
    groups: int  # groups of conv_0, conv_1 and conv_s
    hidden: int  # channels between mlp_shared and the pair mlp_gamma, mlp_beta
    shared_groups: int  # groups of mlp_shared
    gamma_groups: int  # groups of mlp_gamma and of mlp_beta

    @property
    def middle(self) -> int:
        """Channels between conv_0 and conv_1."""
        return min(self.inputs, self.outputs)

    @property
    def learned_skip(self) -> bool:
        """Whether the skip path has a convolution, conv_s, and a norm, norm_s."""
        return self.inputs != self.outputs

    def norms(self) -> tuple[tuple[str, int], ...]:
        """(name, channels) of each norm, in the order norm_0, norm_1, norm_s."""
        norms = ((f"{self.name}.norm_0", self.inputs), (f"{self.name}.norm_1", self.middle))
        return (*norms, (f"{self.name}.norm_s", self.inputs)) if self.learned_skip else norms


@dataclass(frozen=True)
class GroupDNetConfig:
    """Everything that a GroupDNet is built from.

    The fields from ``shared_codes`` on are not in the paper: their defaults give the paper's networks.
    """

    classes: int
    image_size: tuple[int, int]  # H, W in pixels, multiples of LATENT_STRIDE
    fc_groups: int  # groups of the first convolution, fc
    blocks: tuple[Block, ...]
    encoder_width: int  # output channels of the encoder's layer1, all classes together
    unused: tuple[Block, ...] = ()  # blocks that stand in a released file and are never run
    instance_edges: bool = False  # whether the semantics have an instance edge channel
    shared_codes: bool = False  # each class has one code of 8 numbers, the same at every place of the latent grid
    encoder_norm: bool = True  # instance norm, and spectral norm in training; if false, means over a class's area
    encoder_side: int | None = None  # pixels; with shared codes, larger photos are averaged down to it for the encoder
    noise: bool = False  # add fixed noise maps, with a learned gain for each channel
    smooth: int = 0  # number of upsamplings, from the first, that are bilinear: else wide skies show the latent grid

    @property
    def latent_size(self) -> tuple[int, int]:
        """(h, w) of the latent grid."""
        return self.image_size[0] // LATENT_STRIDE, self.image_size[1] // LATENT_STRIDE

    def layer_sizes(self, size: tuple[int, int] | None = None) -> list[tuple[int, int]]:
        """(height, width) at which each block runs for a picture of ``size``, by default the configuration's own.

        The size doubles from block to block, and the last block runs at full size.
        """
        height, width = size or self.image_size
        last = len(self.blocks) - 1
        return [(height >> (last - i), width >> (last - i)) for i in range(last + 1)]

    @property
    def code_shape(self) -> tuple[int, int, int]:
        """Shape of one class's code as it is stored: 8×h×w, or 8×1×1 where the grid shares it."""
        return (CODE_CHANNELS, 1, 1) if self.shared_codes else (CODE_CHANNELS, *self.latent_size)

    @property
    def semantic_channels(self) -> int:
        """Channels of the semantics: one for each class, or two where each one-hot channel is followed by the edges."""
        return self.classes * (2 if self.instance_edges else 1)

    def to_json(self) -> dict[str, Any]:
        """The fields by name; ``from_json`` reads them back."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> GroupDNetConfig:
        """The configuration with these fields; raises InputError "bad_checkpoint" where some are missing or unknown."""
        try:
            rows = {key: tuple(Block(**row) for row in data.get(key, ())) for key in ("blocks", "unused")}
            return cls(**{**data, **rows, "image_size": tuple(data["image_size"])})
        except (KeyError, TypeError, AttributeError) as error:
            raise InputError(f"The checkpoint's config is not one of ours: {error}.", code="bad_checkpoint") from error


def at_size(config: GroupDNetConfig, image_size: tuple[int, int]) -> GroupDNetConfig:
    """The same network for pictures of another size (H, W): no weight depends on it.

    Raises InputError unless both are positive multiples of LATENT_STRIDE.
    """
    height, width = image_size
    if any(n % LATENT_STRIDE or n <= 0 for n in image_size):
        allowed = f"a positive multiple of {LATENT_STRIDE} in both directions"
        refuse("image_size", [height, width], f"is {height}×{width}", allowed)
    return replace(config, image_size=image_size)
