"""The frozen networks that a run looks through: for its perceptual losses, its labels loss and its discriminator."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.distributed as dist

from model.checkpoint.checkpoint import SEGMENTER_FILE
from model.checkpoint.segmenter import load_segmenter
from model.data.sources import Source
from model.devices import autocast
from model.errors import InputError
from model.perception.efficientnet import EfficientNetLite0, load_efficientnet
from model.perception.features import PerceptualFeatures, perceptual_features
from model.perception.label_reader import LabelReader
from model.training.lessons import lesson_of
from model.training.plan import Plan
from model.training.processes import process_count, process_rank
from model.training.segmenter import train_segmenter


@dataclass(frozen=True)
class FrozenNetworks:
    """None stands for a network that the plan's losses do not need."""

    features: PerceptualFeatures | None = None  # perceptual and locality losses compare pictures by them
    segmenter: LabelReader | None = None  # the labels loss reads label maps off pictures through it
    backbone: EfficientNetLite0 | None = None  # the projected discriminator looks through it

    @classmethod
    def of(
        cls,
        plan: Plan,
        segmenter: LabelReader | None = None,
        vgg19: Path | None = None,
        backbone: EfficientNetLite0 | None = None,
    ) -> FrozenNetworks:
        """What ``plan`` asks for. EfficientNet is one network for the losses and the discriminator; where none is given
        it is read from the store. Raises InputError where a pretrained file is missing."""
        if backbone is None and (plan.discriminator == "projected" or plan.perceptual == "efficientnet"):
            backbone = load_efficientnet()
        if segmenter is not None:
            segmenter.eval().requires_grad_(False)
        features: PerceptualFeatures | None = None
        if vgg19 is not None:
            features = perceptual_features("vgg19", vgg19=vgg19)
        elif plan.perceptual in ("efficientnet", "vgg16"):
            features = perceptual_features(plan.perceptual, backbone=backbone)
        elif segmenter is not None:
            features = perceptual_features("segmenter", segmenter)
        return cls(features, segmenter, backbone if plan.discriminator == "projected" else None)

    def to(self, device: torch.device) -> FrozenNetworks:
        return FrozenNetworks(
            None if self.features is None else self.features.to(device),
            None if self.segmenter is None else self.segmenter.to(device),
            None if self.backbone is None else self.backbone.to(device),
        )


def frozen_networks(
    folder: Path, plan: Plan, source: Source, dtype: torch.dtype, vgg19: Path | None = None
) -> FrozenNetworks:
    """What a run in ``folder`` looks through; its own segmenter is trained first where it is not there yet.

    ``vgg19``: VGG-19's weight file, which takes the place of what the plan compares. Raises InputError where a file is
    missing, or nothing can read labels and the plan wants them read.
    """
    if vgg19 is None and plan.perceptual == "vgg19":
        raise InputError(
            "This plan compares VGG-19 features, and no weight file was given.",
            field="vgg",
            allowed='--vgg FILE in torchvision\'s layout, or a plan with "perceptual": "segmenter"',
        )
    compares = vgg19 is None and plan.perceptual == "segmenter"
    reads = plan.largest_weight("labels") > 0
    segmenter = _own_segmenter(folder / SEGMENTER_FILE, plan, source, dtype) if compares or reads else None
    return FrozenNetworks.of(plan, segmenter, vgg19).to(source.device)


def _own_segmenter(path: Path, plan: Plan, source: Source, dtype: torch.dtype) -> LabelReader:
    """The run's segmenter, which the first process trains where it is not there yet."""
    if not path.exists() and not plan.segmenter_images:
        weight = plan.largest_weight("labels")
        raise InputError(
            f"The plan gives the labels loss a weight of {weight:g}, and there is no segmenter to read labels.",
            field="plan",
            value=weight,
            allowed=f'{path}, made by --segmenter-only IMAGES, or a plan with "segmenter_images" or with "labels": 0',
        )
    if not path.exists() and process_rank() == 0:
        lesson, precision = lesson_of(plan, source), functools.partial(autocast, source.device, dtype)
        train_segmenter(path, lesson, plan.segmenter_batch, plan.segmenter_images, precision)
    if process_count() > 1:
        dist.barrier()
    return load_segmenter(path)
