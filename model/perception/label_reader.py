"""What every segmenter offers: the label map in a picture, and how sure it is of it."""

from __future__ import annotations

from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn


class LabelReader(nn.Module):
    """Picture [N, 3, H, W] in [−1, 1] of a ``read_size`` → class scores [N, C, h, w], perhaps at a lower resolution."""

    config: Any  # its configuration; ``config.classes`` is the number of classes
    predict: nn.Conv2d  # the last layer

    def read_size(self, height: int, width: int) -> tuple[int, int]:
        """The size (height, width) at which a picture of that size is read."""
        raise NotImplementedError

    def sized(self, picture: Tensor) -> Tensor:
        """The picture at its ``read_size``."""
        raise NotImplementedError

    def features(self, picture: Tensor) -> list[Tensor]:
        """Four stages of features [N, D, h, w] of a sized picture, the finest first; the losses compare them."""
        raise NotImplementedError

    def scores(self, stages: list[Tensor]) -> Tensor:
        """Class scores [N, C, h, w] from the ``features`` of a picture."""
        raise NotImplementedError

    def forward(self, picture: Tensor) -> Tensor:
        return self.scores(self.features(picture))

    def scores_at(self, picture: Tensor) -> Tensor:
        """Picture [N, 3, H, W] in [−1, 1] of any size → class scores [N, C, H, W]."""
        return F.interpolate(self(self.sized(picture)), picture.shape[2:], mode="bilinear")

    def segment(self, picture: Tensor) -> Tensor:
        """Picture [N, 3, H, W] in [−1, 1] of any size → class indices long [N, H, W]."""
        return self.scores_at(picture).argmax(1)

    def read(self, picture: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Picture [N, 3, H, W] in [−1, 1] of any size → class indices long [N, H, W] and how likely each is of 0 … 1,
        then the next likely class's indices and how likely those are."""
        likely = self.scores_at(picture).float().softmax(1)
        confidence, labels = likely.max(1)
        next_likely, second = likely.scatter(1, labels[:, None], -1).max(1)
        return labels, confidence, second, next_likely.clamp_min(0)
