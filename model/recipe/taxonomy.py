"""Taxonomies: a model's classes by index, with their names, data set colours and display colours."""

from __future__ import annotations

import colorsys
import re
from dataclasses import dataclass
from typing import Any

from model.errors import InputError, refuse, shown
from model.recipe import taxonomies

Colour = tuple[int, int, int]
UNKNOWN = 255  # value of unknown pixels in label files


@dataclass(frozen=True)
class Taxonomy:
    """The classes of a model, by index.

    ``colours`` are the data set's own. Several classes may share one, which is then read as the first of them.
    ``display`` are the studio's colours, all different. ``unknown`` is the class that the value 255 in a label file
    counts as, or None where 255 is an error. Raises InputError where the classes are not between 1 and 255, or names
    or display colours are not all different.
    """

    name: str
    names: tuple[str, ...]
    colours: tuple[Colour, ...]
    display: tuple[Colour, ...]
    unknown: int | None = None

    def __post_init__(self) -> None:
        count = len(self.names)
        if not 1 <= count <= UNKNOWN:
            refuse("taxonomy", count, f"{self.name} has {count} classes", f"1 … {UNKNOWN}")
        for table, values in (("names", self.names), ("display colours", self.display)):
            found = len(set(values))
            if found != count:
                refuse("taxonomy", found, f"{self.name} has {found} different {table}", f"{count}, one for each class")
        if len(self.colours) != count:
            found = len(self.colours)
            refuse("taxonomy", found, f"{self.name} has {found} colours", f"{count}, one for each class")
        if self.unknown is not None and not 0 <= self.unknown < count:
            refuse("taxonomy.unknown", self.unknown, f"is {self.unknown}", f"0 … {count - 1}")

    def __len__(self) -> int:
        return len(self.names)

    def index(self, name: str) -> int:
        """The index of the class called ``name``; InputError if there is none."""
        try:
            return self.names.index(name)
        except ValueError:
            raise InputError(
                f"{self.name} has no class called {name!r}; it has {', '.join(self.names)}.",
                field="class",
                value=name,
                allowed=list(self.names),
            ) from None

    def to_json(self) -> dict[str, Any]:
        """Name, unknown, and the classes with index, name, colour and display; ``from_json`` reads it back."""
        rows = zip(self.names, self.colours, self.display, strict=True)
        classes = [
            {"index": index, "name": name, "colour": to_hex(colour), "display": to_hex(display)}
            for index, (name, colour, display) in enumerate(rows)
        ]
        return {"name": self.name, "unknown": self.unknown, "classes": classes}

    @classmethod
    def from_json(cls, value: Any) -> Taxonomy:
        """The inverse of ``to_json``; raises InputError on anything else."""
        try:
            rows = [(row["name"], row["colour"], row["display"]) for row in value["classes"]]
            name, unknown = value["name"], value["unknown"]
        except (KeyError, TypeError) as error:
            raise InputError(
                f"taxonomy needs name, unknown, and classes with name, colour and display: {error}.", field="taxonomy"
            ) from error
        for text in (name, *(row[0] for row in rows)):
            if not isinstance(text, str):
                refuse("taxonomy", text, f"has the name {shown(text)}", "a string")
        if unknown is not None and type(unknown) is not int:
            refuse("taxonomy.unknown", unknown, f"is {shown(unknown)}", "a class index or null")
        return _taxonomy(name, rows, unknown)


def to_hex(colour: Colour) -> str:
    """(255, 128, 0) → "#ff8000"."""
    return "#{:02x}{:02x}{:02x}".format(*colour)


def from_hex(text: str) -> Colour:
    """ "#ff8000" → (255, 128, 0); raises InputError on anything else."""
    if not isinstance(text, str) or not re.fullmatch("#[0-9a-f]{6}", text):
        raise InputError(
            f"{text!r} is not a colour; allowed is #rrggbb, such as #ff8000.", value=text, allowed="#rrggbb"
        )
    return int(text[1:3], 16), int(text[3:5], 16), int(text[5:7], 16)


def _taxonomy(name: str, rows: Any, unknown: int | None = None) -> Taxonomy:
    names, colours, display = zip(*rows, strict=True) if rows else ((), (), ())
    return Taxonomy(name, tuple(names), tuple(map(from_hex, colours)), tuple(map(from_hex, display)), unknown)


TAXONOMIES: dict[str, Taxonomy] = {
    taxonomy.name: taxonomy
    for taxonomy in (
        _taxonomy("landscape", taxonomies.LANDSCAPE),
        _taxonomy("deepfashion", taxonomies.DEEPFASHION),
        _taxonomy("cityscapes", taxonomies.CITYSCAPES),
        _taxonomy("ade20k", taxonomies.ADE20K, unknown=0),
    )
}


def numbered_taxonomy(classes: int) -> Taxonomy:
    """A taxonomy for so many classes, called "class 0", "class 1", …, in colours that all differ."""
    colours = []
    for i in range(classes):
        red, green, blue = colorsys.hsv_to_rgb(i * 0.618034 % 1, 0.4 + 0.15 * (i % 4), 0.9 - 0.2 * (i % 3))
        colours.append((round(255 * red), round(255 * green), round(255 * blue)))
    names = tuple(f"class {i}" for i in range(classes))
    return Taxonomy(f"{classes} classes", names, tuple(colours), tuple(colours))


def taxonomy_for(classes: int) -> Taxonomy:
    """The known taxonomy with so many classes, else a numbered one."""
    known = (taxonomy for taxonomy in TAXONOMIES.values() if len(taxonomy) == classes)
    return next(known, None) or numbered_taxonomy(classes)
