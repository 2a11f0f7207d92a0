"""The terms of a model's weights: what may be said, and what holds for weights that go on from others."""

from __future__ import annotations

import pytest

from model.errors import InputError
from model.recipe.terms import MOST, Terms

MINE = Terms("Apache-2.0", "stripes")


def test_both_terms_hold_for_weights_that_learned_on() -> None:
    assert MINE.and_those_of(None) == MINE.and_those_of(MINE) == MINE
    assert MINE.and_those_of(Terms("CC BY 4.0", "dots")) == Terms("CC BY 4.0; Apache-2.0", "dots; stripes")


def test_nothing_is_said_of_weights_of_which_a_part_is_not_known() -> None:
    assert MINE.and_those_of(Terms("", "dots")) == Terms("", "dots; stripes")
    assert Terms().and_those_of(MINE) == Terms()


def test_a_line_is_short_and_seen() -> None:
    assert Terms("Lizenz © 2026, für alle – 条款", "x" * MOST).source == "x" * MOST
    with pytest.raises(InputError, match="source has 401 characters; allowed is at most 400"):
        Terms(source="x" * 401)
    with pytest.raises(InputError, match=r"licence has the character '\\u2028'; allowed is one line"):
        Terms("a\u2028b")
