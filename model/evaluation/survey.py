"""The survey of an evaluation: renders many scenes, one after the other, and keeps the facts that scores need."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from model.engine import Engine
from model.evaluation import metrics
from model.evaluation.diversity import Protocol, SegmenterDistance, class_diversity
from model.evaluation.eyes import Eyes, as_input
from model.evaluation.held_out import HeldOut, Sample
from model.perception.features import PictureDistance
from model.progress import Progress
from model.recipe.change import Change, measure_change
from model.recipe.styles import Style, style_from_encoding

SHOWN, PRIORS_SHOWN = 6, 3  # columns of the sheet, and sampled looks in each
PHOTOS_SHOWN = 30  # columns of the sheet of a prepared set
PAINTED_PRIORS = 8  # sampled looks of each painted map
DIVERSITY = 20, 19  # pictures for mCSD and mOCD of each class of the world, and pairs of them
RESAMPLED = 3  # classes of a scene that get another look, drawn from those that cover over 1 % of it
PRIOR_SEEDS, OTHER_SEEDS, DIVERSITY_SEEDS = 10**9, 2 * 10**9, 3 * 10**9  # first seeds: no two pictures share one
LOOKS = 1000  # seeds reserved for the sampled looks of each scene


@dataclass
class Pictures:
    """Facts of one kind of picture (real, encoded, prior or fitted), an entry for each picture in turn."""

    confusion: list[np.ndarray] = field(default_factory=list)  # each [C, C]; empty without a segmenter
    features: list[np.ndarray] = field(default_factory=list)  # each [D]; empty without a segmenter
    colours: list[dict[int, np.ndarray]] = field(default_factory=list)  # each class → mean colour [3] in 0 … 255
    energy: list[float] = field(default_factory=list)  # energies of high frequencies
    scene: list[np.ndarray] = field(default_factory=list)  # each [112] of EfficientNet; empty without it


@dataclass
class Shown:
    """The pictures of one scene for a sheet, each uint8 [H, W, 3]."""

    labels: np.ndarray  # uint8 [H, W]
    real: np.ndarray | None  # the photo
    encoded: np.ndarray | None  # the photo's encoded look
    prior: list[np.ndarray]  # sampled looks
    resampled: np.ndarray  # the first sampled look with one class resampled
    resampled_class: int


class Survey:
    """Adds up the facts of scenes: call ``add`` for each, then read the attributes."""

    def __init__(self, engine: Engine, priors: int = 1, eyes: Eyes | None = None) -> None:
        """``priors`` is the number of sampled looks of each scene; with ``eyes``, photos are compared through them."""
        self.engine, self.priors, self.eyes = engine, priors, eyes
        self.real, self.encoded, self.prior = Pictures(), Pictures(), Pictures()
        self.fitted, self.fit_seconds = Pictures(), list[float]()  # facts of the first scenes, whose looks were fitted
        self.changes: list[dict[int, Change]] = []  # for each scene: class → how much resampling it changed
        self.diversity: list[list[tuple[float, float]]] = []  # for each scene and class: mean distance inside, outside
        self.diversity_seconds = 0.0
        self.lpips: list[float] = []  # for each scene: LPIPS between photo and encoded picture, NaN where there is none
        self.groups: list[tuple[str, ...]] = []  # for each scene: its photo's groups

    def add(
        self, sample: Sample, diversity: tuple[int, int] | None = None, shown: int = 0, fit: bool = False
    ) -> Shown | None:
        """Measure one scene.

        With ``diversity`` (n, m) also measure the diversity of each class by m pairs of n pictures; with ``fit``, fit
        the photo's look too; with ``shown``, return pictures for a sheet, so many sampled looks among them, or None
        where the scene has one class only.
        """
        number = len(self.changes)
        random = np.random.default_rng(number)
        labels = sample.labels
        big = sorted(metrics.class_colours(np.zeros((*labels.shape, 3)), labels))
        others = [c for c in big if (labels != c).any()]
        chosen = sorted(random.choice(others, min(RESAMPLED, len(others)), replace=False).tolist()) if others else []
        bases = [Style(PRIOR_SEEDS + LOOKS * number + i) for i in range(max(self.priors, shown))]
        changed = [bases[0].resample([c], OTHER_SEEDS + number) for c in chosen]
        encoded = self._encoded_style(sample, number)
        styles = [*bases, *changed, *([encoded] if encoded else [])]
        pictures = list(self._render(sample, styles))
        encoded_picture = pictures.pop() if encoded else None
        prior, after = pictures[: len(bases)], pictures[len(bases) :]
        self._look(sample, prior[: self.priors], encoded_picture)
        self.changes.append({c: measure_change(prior[0], p, labels == c) for c, p in zip(chosen, after)})
        if fit and sample.photo is not None:
            self._fit(sample, sample.photo, number)
        self.groups.append(sample.groups)
        if diversity is not None and (distance := self._distance()) is not None:
            self._diversity(sample, bases[0], others, distance, Protocol(*diversity), random)
        self.engine.cache.clear()
        if not shown or not chosen:
            return None
        widest = int(np.argmax([(labels == c).sum() for c in chosen]))
        return Shown(labels, sample.photo, encoded_picture, prior[:shown], after[widest], chosen[widest])

    def _encoded_style(self, sample: Sample, number: int) -> Style | None:
        """The style that the encoder reads from the photo, or None without an encoder or photo."""
        if self.engine.encoder is None or sample.photo is None:
            return None
        mu, _ = self.engine.encode(sample.photo, sample.labels)
        present = [int(c) for c in np.unique(sample.labels)]
        return style_from_encoding(mu, present, self.engine.config, seed=PRIOR_SEEDS + number)

    def _fit(self, sample: Sample, photo: np.ndarray, number: int) -> None:
        """Fit the photo's look by gradient descent, as if there were no encoder, and keep its facts."""
        started, seed = time.perf_counter(), PRIOR_SEEDS + number
        for step in self.engine.fit(photo, sample.labels, sample.instances, seed=seed):
            codes = step.codes
        self.fit_seconds.append(time.perf_counter() - started)
        style = style_from_encoding(codes, np.unique(sample.labels), self.engine.config, seed=seed)
        picture = self._render(sample, [style])[0]
        self.fitted.colours.append(metrics.class_colours(sample.sure(picture), sample.sure(sample.labels)))

    def _render(self, sample: Sample, styles: list[Style]) -> np.ndarray:
        """The sample's label map in each style, uint8 [N, H, W, 3]."""
        codes = np.stack([style.codes(self.engine.config) for style in styles])
        return self.engine.render(sample.labels, codes, sample.instances)

    def _look(self, sample: Sample, prior: list[np.ndarray], encoded: np.ndarray | None) -> None:
        """Keep the facts of a scene's photo, sampled looks and encoded look, each uint8 [H, W, 3]."""
        kinds = [(self.prior, picture) for picture in prior]
        if sample.photo is not None:
            kinds.append((self.real, sample.photo))
        if encoded is not None:
            kinds.append((self.encoded, encoded))
        for kept, picture in kinds:
            kept.colours.append(metrics.class_colours(sample.sure(picture), sample.sure(sample.labels)))
            kept.energy.append(metrics.high_frequency_energy(picture, sample.known))
        self._compare(sample, kinds, encoded)
        if self.engine.segmenter is None:
            return
        classes = self.engine.config.classes
        read, stages = self._read(np.stack([picture for _, picture in kinds]))
        for i, (kept, _) in enumerate(kinds):
            found = sample.sure(read[i].numpy())
            kept.confusion.append(metrics.confusion(sample.sure(sample.labels), found, classes))
            kept.features.append(torch.cat([stage[i].mean((1, 2)) for stage in stages]).numpy())

    def _compare(self, sample: Sample, kinds: list[tuple[Pictures, np.ndarray]], encoded: np.ndarray | None) -> None:
        """Keep what the pretrained networks see in a scene's pictures, where there are any."""
        if self.eyes is None:
            return
        device = self.engine.device
        scenes = self.eyes.scenes(np.stack([picture for _, picture in kinds]), device)
        if scenes is not None:
            for (kept, _), features in zip(kinds, scenes, strict=True):
                kept.scene.append(features)
        if sample.photo is not None and encoded is not None:
            self.lpips.append(self.eyes.apart(sample.photo, encoded, sample.known, device))

    @torch.inference_mode()
    def _read(self, pictures: np.ndarray) -> tuple[Tensor, list[Tensor]]:
        """Pictures uint8 [N, H, W, 3] → the segmenter's labels long [N, H, W] and its stages, each [N, D, h, w]."""
        segmenter = self.engine.segmenter
        assert segmenter is not None
        x = as_input(pictures, self.engine.device)
        stages = segmenter.features(segmenter.sized(x))
        scores = F.interpolate(segmenter.scores(stages), x.shape[2:], mode="bilinear")
        return scores.argmax(1).cpu(), [stage.cpu() for stage in stages]

    def _distance(self) -> PictureDistance | None:
        """By what diversity is measured: LPIPS where there is one, else the segmenter's features, else nothing."""
        if self.eyes is not None and self.eyes.lpips is not None:
            return self.eyes.lpips
        return None if self.engine.segmenter is None else SegmenterDistance(self.engine.segmenter)

    def _diversity(
        self,
        sample: Sample,
        base: Style,
        others: list[int],
        distance: PictureDistance,
        protocol: Protocol,
        random: np.random.Generator,
    ) -> None:
        """Keep the diversity of a scene's classes: of photos every class that is there, as in the paper, of the world
        those of ``others``."""
        started, rows = time.perf_counter(), []
        for c in others if self.eyes is None else np.unique(sample.labels).tolist():
            seed = DIVERSITY_SEEDS + int(random.integers(10**6))
            rows.append(class_diversity(self.engine, distance, sample, base, c, protocol, seed, random))
        self.diversity.append(rows)
        self.diversity_seconds += time.perf_counter() - started


def measure(
    survey: Survey,
    held_out: HeldOut,
    shown: int,
    diversity: int = 0,
    fit: int = 0,
    protocol: tuple[int, int] | None = None,
) -> list[Shown]:
    """Add every sample to the survey, and return pictures of the first ``shown`` that have more than one class.

    The diversity of the first ``diversity`` samples is measured too, by ``protocol``'s number of pictures and of pairs
    (default: ``DIVERSITY``), and the looks of the first ``fit`` are fitted.
    """
    columns: list[Shown] = []
    with Progress(held_out.count) as progress:
        progress.describe(held_out.source)
        for i, sample in enumerate(held_out.samples):
            counts = (protocol or DIVERSITY) if i < diversity else None
            column = survey.add(sample, counts, PRIORS_SHOWN if len(columns) < shown else 0, i < fit)
            columns += [column] if column else []
            progress.advance(1)
    return columns
