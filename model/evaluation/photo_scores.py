"""The scores of photos that were never trained on: those of a prepared set, with the goals of its kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from model.evaluation import metrics, scores
from model.evaluation.scores import FRECHET_RESAMPLES, Chosen, Facts, Goal, Goals, Kind, Score

SPLITS = 100  # random splits of the photos into halves
ALL = "all"  # stands for the photos of every group
RATIO, MCSD = Goal(low=8), Goal(low=0.0264)  # mCSD ÷ mOCD, and mCSD: the paper's on DeepFashion (table 1)
FLATTERED = "flattered: training compared these features"
TAUGHT = "flattered, unless another segmenter is in the checkpoint: training had its own read the pictures"

PHOTOS = Goals(Goal(high=6), Goal(high=14), Goal(0.8, 1.2))
NATURAL = Goal(low=0.86)
KINDS = {  # by the name of a prepared set's taxonomy
    "outdoor": replace(PHOTOS, right={ALL: Goal(low=0.8), "natural": NATURAL, "scenes": NATURAL}),
    "fashion": replace(PHOTOS, right={ALL: Goal(low=0.93)}, iou={ALL: Goal(low=0.6)}),
}


def goals_of(prepared: str | None) -> Goals:
    """The goals of a prepared set by its taxonomy's name, of which those in ``KINDS`` have goals for the segmenter too;
    those of the world for None."""
    return scores.WORLD if prepared is None else KINDS.get(prepared, PHOTOS)


def photo_table(facts: Facts, goals: Goals) -> list[Score]:
    """The scores of a prepared set's photos."""
    real, encoded, prior = facts.real, facts.encoded, facts.prior
    plan = (facts.checkpoint.record or {}).get("plan") or {}
    taught = TAUGHT if plan.get("weights", {}).get("labels") else None
    return [
        *_readings(facts, goals),
        replace(scores.fidelity(facts, "encoded", encoded, real.iou, facts.unread or facts.unencoded), note=taught),
        replace(scores.fidelity(facts, "prior", prior, real.iou, facts.unread), note=taught),
        *scores.looks(facts, goals),
        *scores.fits(facts),
        _lpips(facts),
        *_frechet(facts),
        *scores.variety_scores(facts, facts, goals.variety),
        scores.sharpness(facts, "encoded", encoded, real.sharpness, facts.unencoded),
        scores.sharpness(facts, "prior", prior, real.sharpness),
        scores.locality(facts),
        *_diversity(facts),
        *scores.costs(facts.checkpoint),
    ]


def trained_on(checkpoint_record: Mapping[str, Any] | None) -> dict[str, str | None]:
    """What a checkpoint's record says that training looked through: its perceptual features and its discriminator.

    None where the record does not say it.
    """
    plan = (checkpoint_record or {}).get("plan") or {}
    if not plan:
        return {"perceptual": None, "discriminator": None}
    return {"perceptual": plan.get("perceptual", "vgg19"), "discriminator": plan.get("discriminator", "patch")}


def _flattery(facts: Facts, network: str) -> str | None:
    """A note for scores on features of "efficientnet" or "segmenter" that training compared too."""
    trained = trained_on(facts.checkpoint.record)
    through = {trained["perceptual"]} | ({"efficientnet"} if trained["discriminator"] == "projected" else set())
    return FLATTERED if network in through else None


def _readings(facts: Facts, goals: Goals) -> list[Score]:
    """The share of labelled pixels that the segmenter reads right, and its mIoU, on all photos and on each group."""
    groups = [ALL, *sorted({group for own in facts.groups for group in own})]
    rows = []
    for group in groups:
        among = np.array([i for i, own in enumerate(facts.groups) if group in (ALL, *own)])
        suffix, words = ("", "") if group == ALL else (f"_{group}", f", {group} ({len(among)})")
        kinds: list[tuple[str, str, Callable[[Chosen], float], Goal | None]] = [
            ("segmenter", "labelled pixels right", facts.real.right, goals.right.get(group)),
            ("iou_real", "mIoU", facts.real.iou, goals.iou.get(group)),
        ]
        for key, what, statistic, goal in kinds:
            name = f"segmenter on photos: {what}{words}"
            rows.append(facts.score(key + suffix, name, statistic, goal, facts.unread, among=among))
    return rows


def _lpips(facts: Facts) -> Score:
    """LPIPS between each photo and its encoded picture."""
    reason = facts.unencoded or (facts.eyes.no_lpips if facts.eyes else None)
    return facts.score(
        "lpips", "LPIPS (Alex), photo to encoded picture", lambda chosen: _mean(facts.lpips[chosen]), None, reason
    )


def _mean(values: np.ndarray) -> float:
    """The mean, NaN left out; NaN where nothing else is there."""
    known = values[~np.isnan(values)]
    return float(known.mean()) if known.size else float("nan")


def _frechet(facts: Facts) -> list[Score]:
    """Fréchet distances to the photos on EfficientNet's block 10, and that of two halves of the photos, by which to
    judge them."""
    name, missing = "Fréchet distance (EfficientNet block 10)", facts.eyes.no_scene if facts.eyes else None
    if missing is None and facts.scenes < scores.FEWEST:
        missing = f"it takes {scores.FEWEST} scenes"
    note = _flattery(facts, "efficientnet")

    def to_photos(word: str, kind: Kind, reason: str | None) -> Score:
        def distance(chosen: Chosen) -> float:
            return metrics.frechet(kind.flat_scene(chosen), facts.real.flat_scene(chosen))

        score = facts.score(f"frechet_{word}", f"{name}, {word} to photos", distance, None, reason, FRECHET_RESAMPLES)
        return replace(_centred(score), note=note)

    return [
        to_photos("encoded", facts.encoded, facts.unencoded or missing),
        to_photos("prior", facts.prior, missing),
        _halves(facts, f"{name}, two halves of the photos", missing),
    ]


def _centred(score: Score) -> Score:
    """The score with its interval moved until the value is in the middle.

    A resample shows some photos twice and others never, which makes every Fréchet distance larger; the interval's width
    stays.
    """
    if score.value is None or score.interval is None:
        return score
    half = (score.interval[1] - score.interval[0]) / 2
    return replace(score, interval=(max(0.0, score.value - half), score.value + half))


def _halves(facts: Facts, name: str, reason: str | None) -> Score:
    """The mean distance of random halves of the photos, with the range of 95 % of them: a bootstrap would show the same
    photo in both halves."""
    key = "frechet_halves"
    if reason:
        return Score(key, name, None, None, None, reason)
    random, features = np.random.default_rng(0), facts.real.flat_scene(np.arange(facts.scenes))
    found = []
    for _ in range(SPLITS):
        order = random.permutation(facts.scenes)
        first, second = np.array_split(features[order], 2)
        found.append(metrics.frechet(first, second))
    low, high = np.percentile(found, [2.5, 97.5]).tolist()
    return Score(key, name, float(np.mean(found)), (low, high))


def _diversity(facts: Facts) -> list[Score]:
    """mCSD, mOCD and their ratio (section 4 of the paper), means over all pairs of label map and class; by LPIPS, or
    where its file is not there, by the segmenter's distance."""
    has_lpips = facts.eyes is not None and facts.eyes.lpips is not None
    by, note = ("LPIPS (Alex)", None) if has_lpips else ("own distance", _flattery(facts, "segmenter"))
    missing = facts.eyes.no_lpips if facts.eyes else None
    reason = None if has_lpips or not facts.unread else f"{missing}, and {facts.unread}"
    if reason is None and not facts.diversity:
        reason = scores.NO_SCENE
    # The paper's figure for mCSD is LPIPS's; no other distance can be held against it.
    rows = [("mcsd", "mCSD", MCSD if has_lpips else None), ("mocd", "mOCD", None), ("diversity", "mCSD ÷ mOCD", RATIO)]
    if reason:
        return [Score(key, f"{name}, {by}", None, None, goal, reason) for key, name, goal in rows]

    def terms(chosen: Chosen) -> tuple[float, float]:
        inside, outside = np.concatenate([facts.diversity[i] for i in chosen]).mean(0).tolist()
        return inside, outside

    statistics: list[Callable[[Chosen], float]] = [
        lambda chosen: terms(chosen)[0],
        lambda chosen: terms(chosen)[1],
        lambda chosen: scores.ratio_of(*terms(chosen)),
    ]
    among = np.arange(len(facts.diversity))
    found = [
        facts.score(key, f"{name}, {by}", statistic, goal, among=among)
        for (key, name, goal), statistic in zip(rows, statistics, strict=True)
    ]
    return [replace(score, note=note) for score in found]
