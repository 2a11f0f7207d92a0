"""What a discriminator is shown, and how often the frozen network that it looks through is asked."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from model.perception.efficientnet import EfficientNetFeatures
from model.training.diff_augment import Augmentation
from model.training.frozen import FrozenNetworks
from model.training.losses import Features
from model.training.projected import TAPS, ProjectedDiscriminator
from model.training.sampler import Rendered, Scene


@dataclass(frozen=True)
class Shown:
    """Pictures as a discriminator is shown them: augmented where the plan asks for it."""

    condition: Tensor  # [K, C (+1 edge), H, W] label maps, moved as the pictures are
    pictures: Tensor  # [K, 3, H, W]
    seen: dict[str, Tensor]  # EfficientNet's features of the pictures; empty where nobody reads them

    def detached(self) -> Shown:
        """The same, with no way back for gradients."""
        return Shown(self.condition, self.pictures.detach(), {name: tap.detach() for name, tap in self.seen.items()})

    def and_then(self, other: Shown) -> Shown:
        """These pictures, then the others."""
        seen = {name: torch.cat([tap, other.seen[name]]) for name, tap in self.seen.items()}
        return Shown(torch.cat([self.condition, other.condition]), torch.cat([self.pictures, other.pictures]), seen)


class Showing:
    """Shows pictures to the discriminator. The frozen network looks once at every picture of a step: its features serve
    the generator's loss, the discriminator's, and the perceptual loss where that compares the same network's."""

    def __init__(self, kinds: tuple[str, ...], frozen: FrozenNetworks, dtype: torch.dtype) -> None:
        """``kinds`` of augmentation; ``dtype`` is that of autocast."""
        self.kinds, self.backbone, self.dtype = kinds, frozen.backbone, dtype
        self.compared = frozen.features if isinstance(frozen.features, EfficientNetFeatures) else None
        self.taps = {*TAPS, *(self.compared.LAYERS if self.compared else ())} if self.backbone else set()

    @property
    def shares_features(self) -> bool:
        """Whether what the discriminator is shown was looked at for the perceptual loss as well."""
        return self.backbone is not None and self.compared is not None

    def __call__(self, scene: Scene, rendered: Rendered, random: torch.Generator) -> tuple[Shown, Shown]:
        """(the pictures made, the photos). A photo and what was made of its label map are augmented alike."""
        photos, made, places = scene.batch.photos, rendered.pictures, rendered.codes.places
        condition = scene.condition
        if self.kinds:
            size = (photos.shape[2], photos.shape[3])
            augmentation = Augmentation.draw(self.kinds, len(photos), size, random)
            condition, photos = augmentation.moved(condition), augmentation.pictures(photos)
            made = augmentation.of(places).pictures(made)
        with torch.no_grad():
            seen = self._look(photos)
        condition = condition.to(self.dtype, memory_format=torch.channels_last)
        return Shown(condition[places], made, self._look(made)), Shown(condition, photos, seen)

    def _look(self, pictures: Tensor) -> dict[str, Tensor]:
        return self.backbone(pictures, self.taps) if self.backbone is not None else {}


def judge(discriminator: nn.Module, shown: Shown) -> Features:
    """What a discriminator says to pictures: for each of its scales every layer's output, the prediction last."""
    seen = (shown.seen,) if isinstance(discriminator, ProjectedDiscriminator) else ()
    predictions: Features = discriminator(shown.condition, shown.pictures, *seen)
    return predictions
