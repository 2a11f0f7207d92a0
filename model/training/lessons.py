"""What is particular to teaching one kind of segmenter: where it begins, what it is shown, and how fast it learns."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from model.data.sources import Batch, Source
from model.errors import InputError
from model.perception.efficientnet import load_efficientnet
from model.perception.label_reader import LabelReader
from model.perception.photo_segmenter import STRIDE, PhotoSegmenter, PhotoSegmenterConfig
from model.perception.segmenter import Segmenter, SegmenterConfig
from model.training.augmentation import UNKNOWN, augmented, with_backdrops
from model.training.plan import Plan
from model.training.streams import FirstBatch

RATE = 2e-3
DILATIONS = (2, 4)
SMALL_EVERY = 3  # batches are shown at half size now and then: cheaper steps, and small pictures are read as well
BACKBONE_RATE = 2e-4  # what ImageNet taught is changed little
FROZEN_BLOCKS = 5  # first blocks that stay as ImageNet made them, which saves a third of a step's time
FRAME = 3 / 4  # side of the cut-out that is learnt from, relative to the side that photos are read at
WEIGHING_BATCHES = 32  # batches over which the classes are counted
SMALLEST_SHARE = 1e-4  # classes that are rarer, or absent, count as if they had this share of the pixels
BALANCE = 0.25  # a pixel counts by its class's share to the power of −this; 0: all pixels alike, 1: all classes alike


class Lesson:
    """How one kind of segmenter is taught on pictures of one source."""

    kind: type[LabelReader]
    warm_share: float  # share of the steps over which the learning rates rise

    def __init__(self, source: Source, size: tuple[int, int]) -> None:
        """``size`` (H, W) is that of the pictures it will read."""
        self.source, self.picture_size, self.classes = source, size, len(source.taxonomy)

    def fresh(self) -> LabelReader:
        """The segmenter that it begins with."""
        raise NotImplementedError

    def parts(self, segmenter: LabelReader) -> list[tuple[Sequence[nn.Parameter], float]]:
        """What is learnt: (parameters, their learning rate); everything else is frozen."""
        raise NotImplementedError

    def size(self, step: int, segmenter: LabelReader) -> tuple[int, int]:
        """The size (H, W) of the batch that the source is asked for at a step."""
        raise NotImplementedError

    def shown(self, batch: Batch, step: int) -> tuple[Tensor, Tensor]:
        """Photos [N, 3, h, w], and labels long [N, h, w] in which ``UNKNOWN`` counts for nothing."""
        raise NotImplementedError

    def class_weights(self) -> Tensor | None:
        """How much a pixel of each class counts, [C]; None: all alike."""
        return None

    def known_labels(self, batch: Batch) -> Tensor:
        """Labels long [N, H, W] of a batch, ``UNKNOWN`` where nobody knows."""
        return batch.labels if batch.known is None else torch.where(batch.known, batch.labels, UNKNOWN)


class SmallLesson(Lesson):
    """The small segmenter learns from pictures as they are: it was made for a world that is rendered."""

    kind, warm_share = Segmenter, 0.3

    def fresh(self) -> LabelReader:
        return Segmenter(SegmenterConfig(self.classes, self.picture_size, dilations=DILATIONS))

    def parts(self, segmenter: LabelReader) -> list[tuple[Sequence[nn.Parameter], float]]:
        return [(list(segmenter.requires_grad_().parameters()), RATE)]

    def size(self, step: int, segmenter: LabelReader) -> tuple[int, int]:
        height, width = segmenter.config.size
        smallest = 2 * segmenter.config.stride
        small = step % SMALL_EVERY == 0 and height % smallest == width % smallest == 0
        return (height // 2, width // 2) if small else (height, width)

    def shown(self, batch: Batch, step: int) -> tuple[Tensor, Tensor]:
        return batch.photos, self.known_labels(batch)


class PhotoLesson(Lesson):
    """The photo segmenter begins with what ImageNet taught its backbone and learns from cut-outs of varied photos."""

    kind, warm_share = PhotoSegmenter, 0.05

    def __init__(self, source: Source, size: tuple[int, int], backdrops: float = 0.0) -> None:
        """``backdrops`` is the share of photos whose class "background" is shown as a plain wall.

        Raises InputError where the data has no such class.
        """
        super().__init__(source, size)
        self.backdrops = backdrops
        if backdrops and "background" not in source.taxonomy.names:
            raise InputError(
                f"The plan shows backdrops behind people (segmenter_backdrops {backdrops}), and the data has no class "
                f'"background" but {", ".join(source.taxonomy.names)}.',
                field="segmenter_backdrops",
                value=backdrops,
                allowed=0,
            )

    def fresh(self) -> LabelReader:
        side = -(-max(self.picture_size) // STRIDE) * STRIDE
        segmenter = PhotoSegmenter(PhotoSegmenterConfig(self.classes, side))
        segmenter.backbone = load_efficientnet()
        return segmenter

    def parts(self, segmenter: LabelReader) -> list[tuple[Sequence[nn.Parameter], float]]:
        assert isinstance(segmenter, PhotoSegmenter)
        segmenter.requires_grad_()
        for part in (segmenter.backbone.stem, segmenter.backbone.blocks[:FROZEN_BLOCKS]):
            part.requires_grad_(False)
        learnt = [(name, value) for name, value in segmenter.named_parameters() if value.requires_grad]
        backbone = [value for name, value in learnt if name.startswith("backbone.")]
        decoder = [value for name, value in learnt if not name.startswith("backbone.")]
        return [(backbone, BACKBONE_RATE), (decoder, RATE)]

    def size(self, step: int, segmenter: LabelReader) -> tuple[int, int]:
        return self.picture_size

    def shown(self, batch: Batch, step: int) -> tuple[Tensor, Tensor]:
        photos, labels = batch.photos, self.known_labels(batch)
        if self.backdrops:
            background = self.source.taxonomy.names.index("background")
            photos = with_backdrops(photos, labels == background, self.backdrops, seed=2 * step + 1)
        height, width = (max(1, round(n * FRAME / STRIDE)) * STRIDE for n in self.picture_size)
        return augmented(photos, labels, (height, width), seed=2 * step)

    def class_weights(self) -> Tensor:
        """1 on average over the pixels: a function of the data alone, so that a resumed run has the same."""
        counts = torch.zeros(self.classes, dtype=torch.float64)
        for number in range(WEIGHING_BATCHES):
            labels = self.known_labels(self.source.batch(FirstBatch.WEIGHING + number, 16, self.picture_size))
            counts += torch.bincount(labels[labels != UNKNOWN].cpu(), minlength=self.classes)
        shares = counts / counts.sum()
        weights = shares.clamp_min(SMALLEST_SHARE) ** -BALANCE
        return (weights / (weights * shares).sum()).float()


def lesson_of(plan: Plan, source: Source) -> Lesson:
    """How the plan has its segmenter taught. Raises InputError where the data does not fit."""
    size = plan.segmenter_phase.size
    if plan.segmenter == "small":
        return SmallLesson(source, size)
    return PhotoLesson(source, size, plan.segmenter_backdrops)
