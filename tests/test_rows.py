"""Networks for any number of classes: what a plan may name, what is proposed for it, what is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
import torch

from model.errors import InputError
from model.network.config import GroupDNetConfig
from model.network.groupdnet import Generator
from model.network.presets import landscape
from model.network.rows import FIELDS, config_of, propose_groups, propose_widths
from model.training.plan import Plan

PHASES = [{"size": [64, 64], "batch": 2, "images": 2}]


def test_twelve_classes_are_the_landscape_network() -> None:
    assert config_of({"classes": 12}) == landscape()


def test_what_is_named_is_taken() -> None:
    config = config_of(
        {
            "classes": 13,
            "image_size": [384, 256],
            "widths": [208, 208, 208, 144, 96, 48, 24],
            "groups": [13, 13, 4, 4, 2, 1, 1],
            "hidden": 48,
            "encoder_width": 104,
            "shared_codes": False,
            "encoder_norm": True,
            "encoder_side": None,
            "noise": False,
            "smooth": 0,
            "instance_edges": True,
        }
    )
    assert config.image_size == (384, 256) and config.semantic_channels == 26
    assert [row.outputs for row in config.blocks] == [208, 208, 208, 144, 96, 48, 24]
    assert [row.groups for row in config.blocks] == [13, 13, 4, 4, 2, 1, 1]
    assert [row.hidden for row in config.blocks] == [52, 52, 48, 48, 48, 48, 48]
    assert (config.encoder_width, config.encoder_side, config.smooth, config.noise) == (104, None, 0, False)
    assert config.encoder_norm and not config.shared_codes
    assert GroupDNetConfig.from_json(json.loads(json.dumps(config.to_json()))) == config


@pytest.mark.parametrize("classes", [1, 2, 3, 5, 7, 12, 13, 19, 33, 59, 97, 151, 255])
def test_proposals_merge_the_classes_block_by_block(classes: int) -> None:
    groups = propose_groups(classes)
    widths = propose_widths(classes, groups)
    assert groups[:2] == (classes, classes) and groups[-1] == 1
    assert list(groups) == sorted(groups, reverse=True)
    assert all(width % own == 0 and width % after == 0 for width, own, after in zip(widths, groups, (*groups[1:], 1)))
    assert widths[0] >= 192 and widths[0] % classes == 0 and max(widths) <= 1.35 * widths[0]
    assert widths[-1] <= widths[0] / 4


@pytest.mark.parametrize("classes", [1, 5, 13, 19])
def test_a_proposed_network_makes_pictures(classes: int) -> None:
    config = replace(config_of({"classes": classes}), image_size=(64, 64))
    generator = Generator(config).eval()
    labels = torch.arange(64 * 64).view(1, 64, 64) % classes
    with torch.inference_mode():
        picture = generator(torch.randn(1, 8 * classes, 1, 1), generator.modulation(labels))
    assert picture.shape == (1, 3, 64, 64) and picture.std() > 0


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({}, r"network\.classes is null; allowed is a whole number, 1 … 255\."),
        ({"classes": 256}, r"network\.classes is 256; allowed"),
        ({"classes": 13, "depth": 3}, rf'network has the field "depth"; allowed is {FIELDS[0]}, '),
        ({"classes": 13, "groups": [13, 1]}, r"network\.groups is \[13, 1\]; allowed is 7 whole numbers, 1 or more\."),
        ({"classes": 13, "widths": [1.5] * 7}, r"network\.widths is \[1\.5, .*allowed is 7 whole numbers"),
        (
            {"classes": 13, "widths": [200] * 7},
            "network.widths begins with 200; allowed is a multiple of the 13 classes",
        ),
        (
            {"classes": 12, "widths": [192] * 7, "groups": [12, 12, 5, 4, 4, 2, 1]},
            r"network\.groups has 5 in block G_middle_1, whose widths are 192 and 192; allowed is what divides both\.",
        ),
        (
            {"classes": 12, "widths": [192] * 7, "groups": [12, 6, 12, 4, 4, 2, 1]},
            "has 12 in block G_middle_1 after 6: classes that were merged cannot be parted",
        ),
        (
            {"classes": 12, "encoder_width": 100},
            r"network\.encoder_width is 100; allowed is a multiple of the 12 classes",
        ),
        ({"classes": 12, "hidden": 0}, r"network\.hidden is 0; allowed is a whole number, 1 or more"),
        ({"classes": 12, "noise": 1}, r"network\.noise is 1; allowed is true or false"),
        ({"classes": 12, "smooth": -1}, r"network\.smooth is -1; allowed is a whole number, 0 or more"),
        ({"classes": 12, "encoder_side": "a"}, r'network\.encoder_side is "a"; allowed'),
        ({"classes": 12, "image_size": 256}, r"network\.image_size is 256; allowed is two whole numbers"),
        ({"classes": 12, "image_size": [100, 100]}, "image_size is 100×100; allowed is a positive multiple of 64"),
    ],
)
def test_refusals(data: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        config_of(data)


class TestPlans:
    def test_a_plan_with_a_network_survives_json(self) -> None:
        plan = Plan.from_json({"network": {"classes": 19}, "phases": PHASES, "groups": ["natural"]})
        assert plan.config().classes == 19 and plan.preset is None and plan.groups == ("natural",)
        assert Plan.from_json(json.loads(json.dumps(plan.to_json()))) == plan

    @pytest.mark.parametrize("data", [{}, {"preset": "landscape", "network": {"classes": 12}}])
    def test_either_a_preset_or_a_network(self, data: dict[str, Any]) -> None:
        with pytest.raises(InputError, match="allowed is one of them"):
            Plan.from_json({**data, "phases": PHASES})

    def test_a_network_that_cannot_be_is_refused_before_anything_is_trained(self) -> None:
        with pytest.raises(InputError, match=r"network\.classes is 0"):
            Plan.from_json({"network": {"classes": 0}, "phases": PHASES})
