"""The numbers of an evaluation, each with its 95 % interval over scenes and its goal."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from model.checkpoint import Checkpoint
from model.checkpoint.checkpoint import GENERATOR_FILE
from model.evaluation import metrics
from model.evaluation.survey import Pictures, Survey
from model.network.config import at_size
from model.network.cost import gflop

FEWEST = 20  # a class's variety is counted where at least so many pictures show it
FRECHET_RESAMPLES = 100  # resamples of the Fréchet distance's bootstrap, which is slow
NO_ENCODER = "the checkpoint has no encoder"
NO_SCENE = "no scene was taken for it"
NO_SEGMENTER = "the checkpoint has no segmenter"
Chosen = np.ndarray  # indices [N] of the scenes in a resample


@dataclass(frozen=True)
class Goal:
    """The range in which a number should be; an end that is None is open."""

    low: float | None = None
    high: float | None = None

    def met(self, value: float) -> bool:
        return (self.low is None or value >= self.low) and (self.high is None or value <= self.high)

    def __str__(self) -> str:
        if self.low is not None and self.high is not None:
            return f"{self.low:g} … {self.high:g}"
        return f"≥ {self.low:g}" if self.low is not None else f"≤ {self.high:g}"


ALIKE, FAITHFUL = Goal(0.85, 1.15), Goal(low=0.9)


@dataclass(frozen=True)
class Goals:
    """The goals that differ between kinds of data; ``right`` and ``iou`` are the segmenter's, by group of photos."""

    look_median: Goal
    look_p90: Goal
    variety: Goal
    right: Mapping[str, Goal] = field(default_factory=dict)
    iou: Mapping[str, Goal] = field(default_factory=dict)


WORLD = Goals(Goal(high=5), Goal(high=12), ALIKE)


@dataclass(frozen=True)
class Score:
    """One number of the table; ``value`` is None where it cannot be measured, and ``reason`` says why."""

    key: str  # name for programs
    name: str  # name in the table
    value: float | None
    interval: tuple[float, float] | None = None
    goal: Goal | None = None
    reason: str | None = None
    note: str | None = None  # a remark for the reader

    @property
    def met(self) -> bool | None:
        """Whether the value is in the goal's range; None without a value or a goal."""
        return None if self.value is None or self.goal is None else self.goal.met(self.value)

    def to_json(self) -> dict[str, Any]:
        return asdict(self) | {"met": self.met}


class Kind:
    """The facts of one kind of picture (real, encoded, prior or fitted) as arrays: N scenes with P pictures each."""

    def __init__(self, pictures: Pictures, scenes: int, classes: int) -> None:
        def by_scene(values: np.ndarray) -> np.ndarray:
            return values.reshape(scenes, -1, *values.shape[1:]) if len(values) else values

        self.table = by_scene(metrics.colour_table(pictures.colours, classes))  # [N, P, C, 3]
        self.energy = by_scene(np.array(pictures.energy))  # [N, P]
        self.confusion = by_scene(np.array(pictures.confusion))  # [N, P, C, C]
        self.features = by_scene(np.array(pictures.features))  # [N, P, D]
        self.scene = by_scene(np.array(pictures.scene))  # [N, P, 112]

    def right(self, chosen: Chosen) -> float:
        """The share of labelled pixels that the segmenter reads as the label map's class, in 0 … 1."""
        return metrics.pixel_accuracy(self.confusion[chosen].sum((0, 1)))

    def iou(self, chosen: Chosen) -> float:
        """The mIoU of the segmenter, in 0 … 1."""
        return metrics.mean_iou(self.confusion[chosen].sum((0, 1)))

    def sharpness(self, chosen: Chosen) -> float:
        """The mean energy of high frequencies."""
        return float(self.energy[chosen].mean())

    def variety(self, chosen: Chosen) -> np.ndarray:
        """How far each class's colour varies, [C] in units of ΔE."""
        return metrics.deviations(self.table[chosen].reshape(-1, *self.table.shape[2:]))

    def shown(self) -> np.ndarray:
        """The number of pictures that show each class, [C]."""
        count: np.ndarray = (~np.isnan(self.table[..., 0])).sum((0, 1))
        return count

    def flat_scene(self, chosen: Chosen) -> np.ndarray:
        """What EfficientNet sees in all pictures of these scenes, [n, 112]."""
        return self.scene[chosen].reshape(-1, self.scene.shape[-1])

    def flat_features(self, chosen: Chosen) -> np.ndarray:
        """The features of all pictures of these scenes, [n, D]."""
        return self.features[chosen].reshape(-1, self.features.shape[-1])


class Facts:
    """All that a survey has found out, as arrays."""

    def __init__(self, checkpoint: Checkpoint, survey: Survey) -> None:
        self.checkpoint, self.scenes, self.priors = checkpoint, len(survey.changes), survey.priors
        classes = checkpoint.config.classes
        self.real, self.encoded, self.prior = (
            Kind(pictures, self.scenes, classes) for pictures in (survey.real, survey.encoded, survey.prior)
        )
        self.fitted = Kind(survey.fitted, len(survey.fit_seconds), classes)
        self.fit_seconds = survey.fit_seconds
        self.changes = np.full((self.scenes, classes, 2), np.nan)  # mean change inside and outside of each class
        for i, scene in enumerate(survey.changes):
            for c, change in scene.items():
                self.changes[i, c] = change.inside, change.outside
        self.diversity = [np.array(rows) for rows in survey.diversity if rows]  # for each scene [classes, 2]
        self.diversity_seconds = survey.diversity_seconds
        self.lpips = np.array(survey.lpips)  # [N], NaN where no pixel is known; empty without encoder or eyes
        self.groups, self.eyes = survey.groups, survey.eyes
        self.unread = NO_SEGMENTER if checkpoint.segmenter is None else None  # why there are no facts of a segmenter
        self.unencoded = NO_ENCODER if checkpoint.encoder is None else None  # why there are no encoded pictures

    def score(
        self,
        key: str,
        name: str,
        statistic: Callable[[Chosen], float],
        goal: Goal | None = None,
        reason: str | None = None,
        resamples: int | None = None,
        among: Chosen | None = None,
    ) -> Score:
        """The score of a statistic of the scenes' indices, of all scenes or those ``among`` them; where there is a
        ``reason``, without a value."""
        if reason:
            return Score(key, name, None, None, goal, reason)
        scenes = np.arange(self.scenes) if among is None else among
        value = statistic(scenes)
        if np.isnan(value):
            return Score(key, name, None, None, goal, "there is nothing to compare with")
        interval = metrics.bootstrap(lambda drawn: statistic(scenes[drawn]), len(scenes), resamples)
        return Score(key, name, value, interval, goal)


def scene_table(facts: Facts) -> list[Score]:
    """The scores of held-out scenes."""
    real, encoded, prior = facts.real, facts.encoded, facts.prior
    return [
        facts.score("segmenter", "segmenter on photos: pixels right", real.right, FAITHFUL, facts.unread),
        facts.score("iou_real", "segmenter on photos: mIoU", real.iou, None, facts.unread),
        fidelity(facts, "encoded", encoded, real.iou, facts.unread or facts.unencoded),
        fidelity(facts, "prior", prior, real.iou, facts.unread),
        *looks(facts),
        *fits(facts),
        *variety_scores(facts, facts),
        _frechet(facts),
        sharpness(facts, "encoded", encoded, real.sharpness, facts.unencoded),
        sharpness(facts, "prior", prior, real.sharpness),
        locality(facts),
        _diversity(facts),
        *costs(facts.checkpoint),
    ]


def painted_table(facts: Facts, scenes: Facts, goals: Goals = WORLD) -> list[Score]:
    """The scores of label maps without photos, compared with the real pictures of the held-out ``scenes``."""
    real, everything = scenes.real, np.arange(scenes.scenes)
    return [
        fidelity(facts, "prior", facts.prior, lambda _: real.iou(everything), facts.unread),
        *variety_scores(facts, scenes, goals.variety),
        sharpness(facts, "prior", facts.prior, lambda _: real.sharpness(everything)),
        locality(facts),
    ]


def class_table(facts: Facts, scenes: Facts) -> list[dict[str, Any]]:
    """A row for each class: the number of pictures that show it, its variety with the interval, the change when it is
    resampled, and the error of its encoded look; None where that cannot be measured."""
    rows: list[dict[str, Any]] = []
    for index, name in enumerate(facts.checkpoint.taxonomy.names):
        changes = facts.changes[:, index][~np.isnan(facts.changes[:, index, 0])]
        inside, outside = changes.mean(0).tolist() if len(changes) else (None, None)
        row = {"index": index, "name": name, "pictures": int(facts.prior.shown()[index])}
        row |= {"variety": None, "low": None, "high": None, "inside": inside, "outside": outside}
        row["locality"] = outside / inside if inside else None
        if facts.encoded.table.size:
            errors = metrics.delta_e(facts.real.table, facts.encoded.table)[..., index]
            row["look"] = float(np.nanmedian(errors)) if not np.isnan(errors).all() else None
        rows.append(row)
    counted, varieties = variety_of(facts, scenes)
    if counted:
        value, (low, high) = varieties(np.arange(facts.scenes)), metrics.bootstrap(varieties, facts.scenes)
        for i, c in enumerate(counted):
            rows[c] |= {"variety": float(value[i]), "low": low[i], "high": high[i]}
    return rows


def variety_of(facts: Facts, scenes: Facts) -> tuple[list[int], Callable[[Chosen], np.ndarray]]:
    """The classes whose variety can be measured, and a statistic of it: how far each class's colour varies over sampled
    looks ÷ over real pictures.

    The real pictures are those of the same scenes, or of all ``scenes`` where the looks are those of other label maps.
    """
    everything = np.arange(scenes.scenes)
    varied = np.nan_to_num(scenes.real.variety(everything)) > 0
    counted = np.flatnonzero((facts.prior.shown() >= FEWEST) & (scenes.real.shown() >= FEWEST) & varied)

    def varieties(chosen: Chosen) -> np.ndarray:
        data = scenes.real.variety(chosen if facts is scenes else everything)[counted]
        return facts.prior.variety(chosen)[counted] / np.where(data > 0, data, np.nan)

    return counted.tolist(), varieties


def ratio_of(a: float, b: float) -> float:
    """a ÷ b, or NaN where b is 0."""
    return float(a / b) if b > 0 else float("nan")


def fidelity(facts: Facts, word: str, kind: Kind, real: Callable[[Chosen], float], reason: str | None = None) -> Score:
    name = f"label fidelity: mIoU, {word} ÷ real"
    return facts.score(
        f"fidelity_{word}", name, lambda chosen: ratio_of(kind.iou(chosen), real(chosen)), FAITHFUL, reason
    )


def looks(facts: Facts, goals: Goals = WORLD) -> list[Score]:
    """How far each class's mean colour is off, photo against its encoded picture."""
    rows = [("median", 50, goals.look_median), ("90th percentile", 90, goals.look_p90)]
    keys = {50: "look_median", 90: "look_p90"}
    if facts.unencoded:
        return [
            Score(keys[q], f"encoded look: ΔE, {word}", None, None, goal, facts.unencoded) for word, q, goal in rows
        ]
    errors = metrics.delta_e(facts.real.table, facts.encoded.table)  # [N, 1, C]

    return [facts.score(keys[q], f"encoded look: ΔE, {word}", _percentile(errors, q), goal) for word, q, goal in rows]


def _percentile(errors: np.ndarray, q: int) -> Callable[[Chosen], float]:
    """The statistic that is the q-th percentile of the errors [N, …] in the chosen scenes, NaN left out."""

    def percentile(chosen: Chosen) -> float:
        found = errors[chosen]
        found = found[~np.isnan(found)]
        return float(np.percentile(found, q)) if found.size else float("nan")

    return percentile


def fits(facts: Facts) -> list[Score]:
    """The errors of fitted looks, beside those of encoded ones in the same scenes; empty where none was fitted."""
    count = len(facts.fit_seconds)
    if not count:
        return []
    kinds = [("fitted", facts.fitted)] + ([] if facts.unencoded else [("encoded", facts.encoded)])
    scores = []
    for word, kind in kinds:
        errors = metrics.delta_e(facts.real.table[:count], kind.table[:count])  # [M, 1, C]
        for name, q in (("median", 50), ("90th percentile", 90)):
            key, title = f"fit_{word}_{q}", f"{word} look of {count} fitted scenes: ΔE, {name}"
            percentile = _percentile(errors, q)
            scores.append(Score(key, title, percentile(np.arange(count)), metrics.bootstrap(percentile, count)))
    return [*scores, Score("fit_seconds", "seconds to fit a photo", float(np.mean(facts.fit_seconds)))]


def variety_scores(facts: Facts, scenes: Facts, goal: Goal = ALIKE) -> list[Score]:
    """The variety of the class that varies least, and of the one that varies most; both should be near the data's."""
    counted, varieties = variety_of(facts, scenes)
    values, names = varieties(np.arange(facts.scenes)), facts.checkpoint.taxonomy.names
    if not counted:
        few = f"no class that varies is shown by {FEWEST} pictures"
        return [Score("variety", "prior variety ÷ data", None, None, goal, few)]

    def score(word: str, i: int) -> Score:
        name = f"prior variety ÷ data, {word}: {names[counted[i]]}"
        return facts.score(f"variety_{word}", name, lambda chosen: float(varieties(chosen)[i]), goal)

    return [score("least", int(np.argmin(values))), score("most", int(np.argmax(values)))]


def _frechet(facts: Facts) -> Score:
    real, encoded, prior = facts.real, facts.encoded, facts.prior

    def ratio(chosen: Chosen) -> float:
        data = real.flat_features(chosen)
        distances = [metrics.frechet(kind.flat_features(chosen), data) for kind in (prior, encoded)]
        return ratio_of(distances[0], distances[1])

    name, reason = "Fréchet distance to real, prior ÷ encoded", facts.unread or facts.unencoded
    if reason is None and facts.scenes < FEWEST:
        reason = f"it takes {FEWEST} scenes"
    return facts.score("frechet", name, ratio, Goal(high=1.5), reason, FRECHET_RESAMPLES)


def sharpness(facts: Facts, word: str, kind: Kind, real: Callable[[Chosen], float], reason: str | None = None) -> Score:
    name = f"sharpness: high frequencies, {word} ÷ real"
    return facts.score(
        f"sharpness_{word}", name, lambda chosen: ratio_of(kind.sharpness(chosen), real(chosen)), ALIKE, reason
    )


def locality(facts: Facts) -> Score:
    def ratio(chosen: Chosen) -> float:
        inside, outside = np.nansum(facts.changes[chosen], axis=(0, 1))
        return ratio_of(outside, inside)

    return facts.score("locality", "locality: change outside ÷ inside", ratio, Goal(high=0.08))


def _diversity(facts: Facts) -> Score:
    """mCSD ÷ mOCD (section 4 of the paper), with a distance of our own in place of LPIPS."""
    scenes = facts.diversity
    reason = facts.unread or (None if scenes else NO_SCENE)
    key, name, goal = "diversity", "mCSD ÷ mOCD, own distance", Goal(low=8)
    if reason:
        return Score(key, name, None, None, goal, reason)

    def ratio(chosen: Chosen) -> float:
        inside, outside = np.concatenate([scenes[i] for i in chosen]).mean(0)
        return ratio_of(inside, outside)

    value = ratio(np.arange(len(scenes)))
    if np.isnan(value):
        return Score(key, name, None, None, goal, "nothing changed outside")
    return Score(key, name, value, metrics.bootstrap(ratio, len(scenes)), goal)


def costs(checkpoint: Checkpoint) -> list[Score]:
    """The arithmetic of a picture of 256×256 pixels, and the size of the generator's file."""
    synthesis = gflop(at_size(checkpoint.config, (256, 256)))[1]
    path = checkpoint.folder / GENERATOR_FILE if checkpoint.folder else None
    size = path.stat().st_size / 2**20 if path is not None and path.is_file() else None
    reason = None if size is not None else f"there is no {GENERATOR_FILE}"
    return [
        Score("gflop", "synthesis of 256×256, GFLOP", synthesis, None, Goal(high=10)),
        Score("mebibytes", f"{GENERATOR_FILE}, MiB", size, None, Goal(high=16), reason),
    ]
