"""Training plans: how they are read, what they default to, and what is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from model.errors import InputError
from model.training.plan import FOLDER, Plan, load_plan

PLAN = {
    "preset": "landscape",
    "phases": [{"size": [64, 64], "batch": 2, "images": 8}],
    "weights": {"kl": 0.01, "texture": 1, "labels": 1},
    "kl_start": 0.002,
}


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.json")), ids=lambda path: path.stem)
def test_our_plans_are_read_and_written_alike(path: Path) -> None:
    plan = load_plan(path.stem)
    assert Plan.from_json(json.loads(json.dumps(plan.to_json()))) == plan
    assert plan.rate_factor(0) == 1 and plan.rate_factor(plan.steps) == 0
    assert 0 < plan.rate_factor(round(plan.steps * 0.9)) < 1


def test_a_phase_has_rates_and_weights_of_its_own() -> None:
    phase = {"size": [64, 64], "batch": 2, "images": 20}
    last = {**phase, "images": 40, "rate": [0.5, 0], "weights": {"texture": 20, "kl": 1}}
    plan = Plan.from_json({**PLAN, "phases": [phase, last], "kl_start": 0.0, "kl_warm_images": 40})
    assert [plan.rate_factor(step) for step in (0, 9, 10, 20, 30)] == [1, 1, 0.5, 0.25, 0]
    assert plan.weights_at(9) == plan.weights and plan.weights_at(10) == replace(plan.weights, texture=20, kl=1)
    assert plan.largest_weight("texture") == 20 and plan.largest_weight("labels") == plan.weights.labels
    assert plan.kl_price(9, 20) == plan.weights.kl / 2 and plan.kl_price(15, 30) == 0.75 and plan.kl_price(25, 50) == 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"preset": "faces"}, "preset 'faces'"),
        ({"phases": [{"size": [64, 64]}]}, "not valid"),
        ({"phases": [{"size": [64, 64], "batch": 0, "images": 8}]}, "batch 0"),
        ({"phases": [{"size": [64, 64], "batch": "8", "images": 8}]}, "batch '8'"),
        ({"phases": [{"size": [64, 64], "batch": 8, "images": -8}]}, "images -8"),
        ({"phases": [{"size": [64], "batch": 8, "images": 8}]}, r"size \[64\]"),
        ({"phases": [{"size": [64, 64], "batch": 8, "images": 8, "rate": ["a", 0]}]}, r"rate \['a', 0\]"),
        ({"phases": [{"size": [64, 64], "batch": 8, "images": 8, "rate": 0.5}]}, "rate 0.5"),
        ({"phases": [{"size": [64, 64], "batch": 8, "images": 8, "rates": [1, 0]}]}, "rates"),
        ({"phases": [{"size": [64, 64], "batch": 8, "images": 8, "weights": {"style": 1}}]}, "style"),
        ({"phases": []}, "phases"),
        ({"weights": {"style": 1}}, "style"),
        ({"learning": 1}, "learning"),
    ],
)
def test_a_plan_that_is_wrong_says_where(change: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Plan.from_json({**PLAN, **change})


def test_there_is_no_such_plan() -> None:
    with pytest.raises(InputError, match="no plan 'oil'"):
        load_plan("oil")


def test_old_plans_name_the_rate_factors_rate() -> None:
    phase = {"size": [64, 64], "batch": 2, "images": 8, "rate": [1.0, 0.25]}
    plan = Plan.from_json({**PLAN, "phases": [phase]})
    assert plan.phases[0].rate_factors == (1.0, 0.25)
    assert plan.to_json()["phases"][0]["rate"] == (1.0, 0.25)
