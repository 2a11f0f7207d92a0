"""What a training set is made of: the data recipe, a JSON file in ``model/data/recipes/`` or the user's own.

A recipe names the classes and which of the source's classes each is made of, what stays unknown, how photos are cropped
and to which size, which photos are left out, and how the rest is divided. The README shows one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from model.data.derived import READS, RULES
from model.errors import InputError
from model.recipe.taxonomy import Colour, Taxonomy, from_hex, to_hex
from model.recipe.terms import Terms

FOLDER = Path(__file__).with_name("recipes")


@dataclass(frozen=True)
class ClassRow:
    """A class of the prepared set: made of source classes, or derived by a rule from another class of the set."""

    name: str
    colour: Colour
    sources: tuple[str, ...] = ()
    rule: str | None = None
    of: str | None = None

    def to_json(self) -> dict[str, Any]:
        made = {"rule": self.rule, "of": self.of} if self.rule else {"from": list(self.sources)}
        return {"name": self.name, "colour": to_hex(self.colour), **made}

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> ClassRow:
        known = {"name", "colour", "from", "rule", "of"}
        if extra := row.keys() - known:
            raise ValueError(f"a class has {', '.join(sorted(extra))}; allowed are {', '.join(sorted(known))}")
        name, rule, of = row["name"], row.get("rule"), row.get("of")
        if (rule is None) == ("from" not in row) or (rule is None) != (of is None):
            raise ValueError(f"class {name} needs either from, or both rule and of")
        if rule is not None and rule not in RULES:
            raise ValueError(f"class {name} has the rule {rule!r}; allowed are {', '.join(RULES)}")
        return cls(name, from_hex(row["colour"]), tuple(row.get("from", ())), rule, of)


@dataclass(frozen=True)
class Group:
    """Photos that a training run can choose by one word."""

    prefixes: tuple[str, ...] = ("",)  # a photo's name begins with one of them
    unknown: float = 1.0  # share of the picture without a class, at most

    def holds(self, name: str, unknown: float) -> bool:
        return unknown <= self.unknown and name.startswith(self.prefixes)


@dataclass(frozen=True)
class DataRecipe:
    """Sizes are (H, W) in pixels, shares between 0 and 1."""

    name: str
    source: str  # name and origin of the photos, for the record
    terms: str  # conditions on using the photos and models trained on them
    size: tuple[int, int]
    classes: tuple[ClassRow, ...]
    unknown: tuple[str, ...] = ()  # source classes whose pixels stay without a class
    seam: int = 0  # strips of unknown pixels up to so wide take the nearest class
    seam_of: tuple[str, ...] = ()  # source classes of which such strips are
    border: int = 0  # pixels cut off all round
    person: float | None = None  # crop to all that is not background, with so much of its height as a margin
    backdrop: bool = False  # put a plain one in the background's place
    leave_out: Group = field(default_factory=Group)  # photos outside it are left out
    groups: Mapping[str, Group] = field(default_factory=dict)
    val: float = 0.1  # share of the photos that training never sees
    alike: int = 14  # bits of 64 by which two photos' hashes differ at most to count as the same photo

    @property
    def taxonomy(self) -> Taxonomy:
        colours = tuple(row.colour for row in self.classes)
        return Taxonomy(self.name, tuple(row.name for row in self.classes), colours, colours)

    def to_json(self) -> dict[str, Any]:
        """What ``from_json`` reads."""
        return {**asdict(self), "classes": [row.to_json() for row in self.classes]}

    @classmethod
    def from_json(cls, data: Any) -> DataRecipe:
        """Raises InputError, which says what of the recipe is not allowed."""
        try:
            rows = tuple(ClassRow.from_json(row) for row in data["classes"])
            parts = {key: tuple(data.get(key, ())) for key in ("unknown", "seam_of")}
            groups = {name: _group(group) for name, group in data.get("groups", {}).items()}
            rest = {"classes": rows, "size": _size(data["size"]), "groups": groups}
            recipe = cls(**{**data, **parts, **rest, "leave_out": _group(data.get("leave_out", {}))})
            recipe._check()
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            what = str(error).removesuffix(".")
            raise InputError(f"The data recipe is not valid: {what}.", field="recipe") from error
        return recipe

    def _check(self) -> None:
        Terms(self.terms, self.source)
        names = [row.name for row in self.classes]
        taken: dict[str, str] = {}
        for row in self.classes:
            for source in row.sources:
                if source in taken:
                    raise ValueError(f"source class {source} goes to both {taken[source]} and {row.name}")
                taken[source] = row.name
            needed = [row.of, *READS[row.rule]] if row.rule else []
            if missing := [name for name in needed if name not in names]:
                raise ValueError(f"class {row.name} is derived from {', '.join(map(str, missing))}, which is no class")
        if both := [source for source in self.unknown if source in taken]:
            raise ValueError(f"source class {both[0]} is unknown and goes to {taken[both[0]]} too")
        if (self.backdrop or self.person is not None) and "background" not in names:
            raise ValueError("person and backdrop need a class called background")
        if not (0 < self.val < 1 and 0 <= self.alike < 32 and self.border >= 0 and self.seam >= 0):
            raise ValueError(
                f"val is {self.val}, alike {self.alike}, border {self.border} and seam {self.seam}; allowed are "
                "val between 0 and 1, alike 0 … 31, border and seam 0 or more"
            )
        _ = self.taxonomy  # checks names and colours


def _group(data: Mapping[str, Any]) -> Group:
    return Group(tuple(data.get("prefixes", ("",))), float(data.get("unknown", 1.0)))


def _size(value: Any) -> tuple[int, int]:
    height, width = value
    if type(height) is not int or type(width) is not int or min(height, width) < 16:
        raise ValueError(f"size is {value}; allowed are two whole numbers, height and width, 16 or more")
    return height, width


def load_recipe(name: str) -> DataRecipe:
    """A recipe of ours by name ("outdoor", "fashion", "street") or any JSON file; ``"like": "fashion"`` in it takes
    from that recipe whatever it does not say itself."""
    data = _read_recipe(name)
    if isinstance(data, dict) and "like" in data:
        own = {key: value for key, value in data.items() if key != "like"}
        data = {**_read_recipe(str(data["like"])), **own}
    return DataRecipe.from_json(data)


def _read_recipe(name: str) -> Any:
    path = Path(name) if name.endswith(".json") else FOLDER / f"{name}.json"
    if not path.is_file():
        ours = ", ".join(sorted(file.stem for file in FOLDER.glob("*.json")))
        raise InputError(
            f"There is no data recipe {name!r}; allowed is a .json file, or {ours}.", field="recipe", value=name
        )
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise InputError(f"{path} is not JSON: {error}.", field="recipe", value=name) from error
