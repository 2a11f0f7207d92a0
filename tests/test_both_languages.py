"""What the server and the page must agree on to the digit: both read the same fixtures, the page in tests/js.

``PYTHONPATH=. python tests/test_both_languages.py`` writes the fixtures anew, from plain arithmetic that uses neither.
"""

from __future__ import annotations

import itertools
import json
import math
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from model.recipe.change import measure_change
from model.recipe.labels import _nearest_classes
from model.recipe.taxonomy import TAXONOMIES, Taxonomy

FIXTURES = Path(__file__).parent / "fixtures"
LEVELS = [*range(0, 256, 16), 255]  # levels of each channel; red changes slowest
DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"  # one for each class
CLEAR = 1e-6  # least distance between the two nearest classes: a rounding error decides nothing

# Each colour here is the data set's for one class and the studio's for another: the lower index wins.
TIES = Taxonomy(
    "ties",
    ("a", "b", "c", "d"),
    ((9, 9, 9), (200, 30, 30), (9, 9, 9), (30, 60, 200)),
    ((30, 60, 200), (70, 200, 90), (200, 30, 30), (240, 240, 240)),
)


def written(name: str) -> Any:
    return json.loads((FIXTURES / name).read_text())


# ---- the nearest class ----


def lab(colour: tuple[int, ...]) -> list[float]:
    """CIELAB under D65, worked out for one sRGB colour of 0 … 255."""
    linear = [c / 255 / 12.92 if c / 255 <= 0.04045 else ((c / 255 + 0.055) / 1.055) ** 2.4 for c in colour]
    rows = ((0.4124564, 0.3575761, 0.1804375), (0.2126729, 0.7151522, 0.0721750), (0.0193339, 0.1191920, 0.9503041))
    shares = [sum(w * v for w, v in zip(row, linear)) / sum(row) for row in rows]
    x, y, z = (t ** (1 / 3) if t > (6 / 29) ** 3 else t / (3 * (6 / 29) ** 2) + 4 / 29 for t in shares)
    return [116 * y - 16, 500 * (x - y), 200 * (y - z)]


def nearest_class() -> dict[str, Any]:
    taxonomies = []
    for taxonomy in (TAXONOMIES["landscape"], TAXONOMIES["deepfashion"], TIES):
        table = [(lab(own), lab(shown)) for own, shown in zip(taxonomy.colours, taxonomy.display)]
        classes = ""
        for colour in itertools.product(LEVELS, repeat=3):
            here = lab(colour)
            distances = [min(math.dist(here, at) for at in pair) for pair in table]
            first, second = sorted(set(distances))[:2]
            assert second - first > CLEAR, f"{colour} lies between two classes of {taxonomy.name}"
            classes += DIGITS[distances.index(first)]
        side = len(LEVELS) ** 2
        rows = [classes[i : i + side] for i in range(0, len(classes), side)]  # one for each level of red
        taxonomies.append({"taxonomy": taxonomy.to_json(), "nearest": rows})
    return {"levels": LEVELS, "taxonomies": taxonomies}


@pytest.mark.parametrize("row", written("nearest_class.json")["taxonomies"], ids=lambda row: row["taxonomy"]["name"])
def test_the_nearest_class_is_the_one_that_the_page_proposes(row: dict[str, Any]) -> None:
    colours = np.array(list(itertools.product(LEVELS, repeat=3)))
    found = _nearest_classes(colours, Taxonomy.from_json(row["taxonomy"]))
    assert "".join(DIGITS[index] for index in found) == "".join(row["nearest"])


# ---- how much of a change lies inside of some classes ----


def change() -> dict[str, Any]:
    draw = random.Random(13)
    cases = []
    for name, classes, top in (
        ("noise", [1], 255),
        ("two classes", [0, 2], 40),
        ("nothing changed", [1], 0),
        ("all of it inside", [0, 1, 2], 255),
        ("none of it inside", [7], 255),
        ("one level of one channel", [2], 1),
    ):
        labels = [draw.randrange(3) for _ in range(30)]
        before = [[draw.randrange(256) for _ in range(3)] for _ in labels]
        after = [[draw.randint(max(0, v - top), min(255, v + top)) for v in pixel] for pixel in before]
        sums: dict[bool, list[int]] = {True: [], False: []}
        for label, old, new in zip(labels, before, after):
            sums[label in classes] += [abs(a - b) for a, b in zip(old, new)]
        inside, outside = (sum(values) / len(values) if values else 0.0 for values in sums.values())
        total = sum(map(sum, sums.values()))
        measured = {"inside": inside, "outside": outside, "share_inside": sum(sums[True]) / total if total else 1.0}
        pixels = {"width": 6, "height": 5, "labels": labels, "classes": classes, "before": before, "after": after}
        cases.append({"name": name, **pixels, **measured})
    return {"cases": cases}


@pytest.mark.parametrize("case", written("change.json")["cases"], ids=lambda case: case["name"])
def test_a_change_is_measured_as_the_page_measures_it(case: dict[str, Any]) -> None:
    shape = case["height"], case["width"]
    before, after = (np.array(case[key], np.uint8).reshape(*shape, 3) for key in ("before", "after"))
    inside = np.isin(case["labels"], case["classes"]).reshape(shape)
    expected = {key: case[key] for key in ("inside", "outside", "share_inside")}
    assert measure_change(before, after, inside)._asdict() == pytest.approx(expected)


def test_the_fixtures_are_what_plain_arithmetic_gives() -> None:
    assert written("nearest_class.json") == nearest_class()
    assert written("change.json") == change()


if __name__ == "__main__":
    for path, content in (("nearest_class.json", nearest_class()), ("change.json", change())):
        (FIXTURES / path).write_text(json.dumps(content, indent=None) + "\n")
