"""Styles: every class's code, or how it is made. They are read from JSON, written as JSON, mixed and morphed.

A style is ``{"seed": 7, "<class index>": spec, …}``; a class left out takes ``{"seed": <the style's own seed>}``.
A spec is ``{"seed": 7}``, ``{"code": "<base64 float16>", "from": "beach.jpg"}`` or
``{"blend": [spec, spec], "t": 0.4}``.
Mixture, manipulation and morphing of pictures (the paper's applications) all make such a style.

Every spec's code is rounded to float16, a blend's too. So a spec can be replaced by the code that it gives, and a
picture that is made again from its recipe has the same pixels.
"""

from __future__ import annotations

import base64
import binascii
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from model.errors import InputError, refuse, shown
from model.network.config import CODE_CHANNELS, GroupDNetConfig

SPOKEN_SEEDS = 1_000_000  # variants' seeds are below this: six digits, which people can read and say
MAX_SEED = 2**53 - 1  # the largest integer that every JSON reader keeps exactly
MAX_DEPTH = 8  # most levels of blends within blends
MAX_NAME = 200  # most characters of a code's "from"
FLOAT16_MAX = 65504.0  # the largest float16 number
SEEDS_ALLOWED = f"an integer from 0 to {MAX_SEED}"
SPECS_ALLOWED = '{"seed": …}, {"code": …} or {"code": …, "from": …}, {"blend": [spec, spec], "t": …}'


def _normals(key: tuple[int, int], count: int) -> np.ndarray:
    """``count`` standard normal numbers, float64, by the Box–Muller transform of Philox's raw bits.

    NumPy guarantees that the raw bits never change, which it does not for ``standard_normal``. The log and cos of two
    machines may differ in their last bits, far below the precision of the float16 that codes are rounded to.
    """
    raw = np.random.Philox(key=np.array(key, dtype=np.uint64)).random_raw(2 * count).reshape(2, count)
    radius, turn = ((raw >> np.uint64(11)).astype(np.float64) + 1) * 2.0**-53  # each in (0, 1]
    normals: np.ndarray = np.sqrt(-2 * np.log(radius)) * np.cos(2 * math.pi * turn)
    return normals


def prior_code(seed: int, class_index: int, shape: Sequence[int]) -> np.ndarray:
    """One class's code drawn from the prior N(0, 1): float16 of ``shape``, equal on every machine and version."""
    return _normals((seed, class_index), math.prod(shape)).reshape(shape).astype(np.float16)


def variant_seed(seed: int, variant: int) -> int:
    """The seed, at most six digits long, of the variant with the index ``variant`` (0, 1, …) of ``seed``.

    Philox with the key (seed, 2⁶³) gives the seed of variant 0 and the others count up from there, so that no two
    variants have the same one.
    """
    key = np.array([seed, 2**63], dtype=np.uint64)  # no class has the index 2⁶³, so no code is drawn with this key
    return (int(np.random.Philox(key=key).random_raw()) + variant) % SPOKEN_SEEDS


def decode_code(text: str, shape: Sequence[int], where: str = "code") -> np.ndarray:
    """Base64 of little-endian float16, as in a style's JSON → float16 of ``shape``.

    Raises InputError for broken base64, a wrong length, NaN and infinity.
    """
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        what = f"is {shown(text)}, which is not base64"
        refuse(where, text, what, "base64 of little-endian float16 numbers", cause=error)
    count, odd = divmod(len(data), 2)
    expected = math.prod(shape)
    if odd or count != expected:
        found = f"{len(data)} bytes" if odd else f"{count} number{'' if count == 1 else 's'}"
        sizes = "×".join(map(str, shape))
        refuse(where, text, f"has {found}", f"{expected} float16 numbers ({sizes}), which is {2 * expected} bytes")
    code = np.frombuffer(data, dtype="<f2").reshape(shape)
    if not np.isfinite(code).all():
        bad = int(np.flatnonzero(~np.isfinite(code))[0])
        refuse(where, text, f"has the number {code.flat[bad]} at index {bad}", "finite numbers")
    return code


@dataclass(frozen=True)
class Seed:
    """The spec of a code that is drawn from the prior by a seed and the class's index."""

    seed: int
    depth = 0  # levels of blends in this spec

    def code(self, class_index: int, config: GroupDNetConfig) -> np.ndarray:
        return prior_code(self.seed, class_index, config.code_shape)

    def to_json(self) -> dict[str, Any]:
        return {"seed": self.seed}


@dataclass(frozen=True)
class Code:
    """The spec of a code that is given, mostly encoded from a photo: little-endian float16 of the model's shape."""

    data: bytes
    source: str | None = None  # name of the photo, "from" in JSON
    depth = 0  # levels of blends in this spec

    def code(self, class_index: int, config: GroupDNetConfig) -> np.ndarray:
        if len(self.data) != 2 * math.prod(config.code_shape):
            decode_code(base64.b64encode(self.data).decode("ascii"), config.code_shape, f"style.{class_index}.code")
        return np.frombuffer(self.data, dtype="<f2").reshape(config.code_shape)

    def to_json(self) -> dict[str, Any]:
        spec = {"code": base64.b64encode(self.data).decode("ascii")}
        return spec if self.source is None else {**spec, "from": self.source}


@dataclass(frozen=True)
class Blend:
    """The spec of a code between two others: (1 − t) · first + t · second, with t in 0 … 1."""

    first: Spec
    second: Spec
    t: float

    @property
    def depth(self) -> int:
        """Levels of blends in this spec, itself included."""
        return 1 + max(self.first.depth, self.second.depth)

    def code(self, class_index: int, config: GroupDNetConfig) -> np.ndarray:
        first, second = (spec.code(class_index, config).astype(np.float32) for spec in (self.first, self.second))
        return ((1 - self.t) * first + self.t * second).astype(np.float16)

    def to_json(self) -> dict[str, Any]:
        return {"blend": [self.first.to_json(), self.second.to_json()], "t": self.t}


Spec = Seed | Code | Blend


def blend(first: Spec, second: Spec, t: float) -> Spec:
    """A Blend, or ``first`` or ``second`` itself where that gives the same code.

    Raises InputError where blends would nest deeper than ``MAX_DEPTH``.
    """
    if t == 0 or first == second:
        return first
    if t == 1:
        return second
    mixed = Blend(first, second, t)
    if mixed.depth > MAX_DEPTH:
        refuse("blend", mixed.depth, f"nests {mixed.depth} deep", f"blends at most {MAX_DEPTH} deep")
    return mixed


@dataclass(frozen=True)
class Style:
    """A spec for each class; a class without one takes the style's own seed."""

    seed: int = 0
    specs: Mapping[int, Spec] = field(default_factory=dict)

    @classmethod
    def from_json(cls, data: Any, config: GroupDNetConfig, where: str = "style") -> Style:
        """The style in JSON ``data``, called ``where`` in messages; "seed" left out is 0.

        Raises InputError that names the class, the value and what is allowed.
        """
        if not isinstance(data, dict):
            refuse(where, data, _is(data), 'an object {"seed": 7, "<class index>": spec, …}')
        specs = {}
        for key, value in data.items():
            if key != "seed":
                index = _class_index(key, config, where)
                specs[index] = _spec_from_json(value, config, f"{where}.{index}")
        return cls(_seed(data.get("seed", 0), f"{where}.seed"), specs)

    def to_json(self) -> dict[str, Any]:
        """The object that ``from_json`` reads back."""
        return {"seed": self.seed, **{str(c): self.specs[c].to_json() for c in sorted(self.specs)}}

    def spec(self, class_index: int) -> Spec:
        """The spec of a class: its own, or the style's seed."""
        return self.specs.get(class_index) or Seed(self.seed)

    def codes(self, config: GroupDNetConfig) -> np.ndarray:
        """The codes of all classes for the engine, float32 [8C, h, w] with float16 values.

        Where classes share their codes over the grid, each is repeated at every place of it.
        """
        codes = np.stack([self.spec(c).code(c, config) for c in range(config.classes)])  # [C, 8, h, w] or [C, 8, 1, 1]
        tiled = np.broadcast_to(codes, (config.classes, CODE_CHANNELS, *config.latent_size))
        return tiled.reshape(-1, *config.latent_size).astype(np.float32)

    def with_specs(self, specs: Mapping[int, Spec]) -> Style:
        """The same style with these specs in place of its own."""
        return replace(self, specs={**self.specs, **specs})

    def resample(self, classes: Iterable[int], seed: int) -> Style:
        """The same style with ``classes`` drawn from ``seed``: one is enough, as a code depends on its class too."""
        return self.with_specs({c: Seed(seed) for c in classes})

    def variants(self, classes: Iterable[int], seed: int, count: int) -> list[Style]:
        """``count`` styles; in the one with index i, ``classes`` are drawn from ``variant_seed(seed, i)``."""
        chosen = list(classes)
        return [self.resample(chosen, variant_seed(seed, i)) for i in range(count)]

    def spelled_out(self, classes: Iterable[int]) -> Style:
        """The same style with a spec of its own for each of ``classes``."""
        return self.with_specs({c: self.spec(c) for c in classes})


def style_from_encoding(
    mu: np.ndarray, classes: Iterable[int], config: GroupDNetConfig, name: str | None = None, seed: int = 0
) -> Style:
    """A photo's style: the codes mu [8C, h, w] for ``classes``, which the photo shows, and ``seed`` for all others.

    ``name`` is the photo's, kept with the codes. Raises InputError where mu has NaN or infinity.
    """
    grid = np.asarray(mu, dtype=np.float32).reshape(config.classes, CODE_CHANNELS, *config.latent_size)
    if not np.isfinite(grid).all():
        refuse("mu", name, "has numbers that are not finite", "finite numbers")
    height, width = config.code_shape[1:]
    codes = np.clip(grid[:, :, :height, :width], -FLOAT16_MAX, FLOAT16_MAX).astype("<f2")
    source = None if name is None else name[:MAX_NAME]
    return Style(seed, {int(c): Code(codes[c].tobytes(), source) for c in sorted(classes)})


def mixture(base: Style, references: Sequence[Style], choice: Mapping[int, int]) -> Style:
    """Appearance mixture: ``base`` with some classes' specs taken from references.

    ``choice`` maps a class to the index of its reference. Raises InputError "missing_class" where the reference's photo
    lacks the class, "invalid" where there is no such reference.
    """
    specs = {}
    for c, index in choice.items():
        where = f"references.{c}"
        if not 0 <= index < len(references):
            allowed = f"0 to {len(references) - 1}" if references else "none, as no reference was given"
            refuse(where, index, f"is {index}, which is not the index of a reference", allowed)
        if c not in references[index].specs:
            has = sorted(references[index].specs)
            listed = ", ".join(map(str, has)) or "none"
            raise InputError(
                f"Reference {index} has no class {c} to take its look from; its classes are {listed}.",
                code="missing_class",
                field=where,
                value=index,
                allowed=has,
            )
        specs[c] = references[index].specs[c]
    return base.with_specs(specs)


def morph(a: Style, b: Style, t: float, classes: Iterable[int] | None = None) -> Style:
    """Style morphing: (1 − t) · a + t · b for ``classes``, by default those with specs in a or b; the others as in a.

    A class without a spec takes its style's own seed. Where the two seeds differ and ``classes`` is None, a style
    cannot say what lies between them, and InputError is raised: spell out the label map's classes first.
    """
    _t(t, "t")
    if classes is None:
        if t in (0, 1):
            return b if t else a
        if a.seed != b.seed:
            seeds = f"{a.seed} and {b.seed}"
            refuse("classes", None, f"is left out, and the styles' own seeds differ ({seeds})", "a list of classes")
        classes = a.specs.keys() | b.specs.keys()
    return a.with_specs({c: blend(a.spec(c), b.spec(c), t) for c in sorted(classes)})


def way(keys: Sequence[Style], t: float, classes: Iterable[int]) -> Style:
    """The style at t in 0 … 1 of a morph through two or more key styles, which are evenly spaced.

    ``classes`` move; the others stay as in the first style. Raises InputError for another t.
    """
    legs = len(keys) - 1
    leg = min(int(_t(t, "t") * legs), legs - 1)
    a, b = keys[leg : leg + 2]
    return keys[0].with_specs({c: blend(a.spec(c), b.spec(c), t * legs - leg) for c in sorted(classes)})


def check_classes(value: Any, config: GroupDNetConfig, where: str = "classes") -> list[int]:
    """The class indices in a list that a user gave, sorted and without duplicates.

    Raises InputError unless each is an integer that the model has as a class.
    """
    allowed = f"a list of integers from 0 to {config.classes - 1}"
    if not isinstance(value, list | tuple):
        refuse(where, value, _is(value), allowed)
    for c in value:
        if isinstance(c, bool) or not isinstance(c, int) or not 0 <= c < config.classes:
            refuse(where, c, f"has {shown(c)}, which is not a class of this model", allowed)
    return sorted(set(value))


def _spec_from_json(data: Any, config: GroupDNetConfig, where: str, depth: int = 0) -> Spec:
    if not isinstance(data, dict):
        refuse(where, data, _is(data), SPECS_ALLOWED)
    keys = set(data)
    if keys == {"seed"}:
        return Seed(_seed(data["seed"], f"{where}.seed"))
    if keys in ({"code"}, {"code", "from"}):
        return _code(data, config, where)
    if keys == {"blend", "t"}:
        if depth == MAX_DEPTH:
            refuse(where, None, f"nests deeper than {MAX_DEPTH} blends", f"blends at most {MAX_DEPTH} deep")
        pair = data["blend"]
        if not isinstance(pair, list) or len(pair) != 2:
            found = f"has {len(pair)} entries" if isinstance(pair, list) else _is(pair)
            refuse(f"{where}.blend", pair, found, "a list of two specs")
        first, second = (_spec_from_json(s, config, f"{where}.blend.{i}", depth + 1) for i, s in enumerate(pair))
        return Blend(first, second, _t(data["t"], f"{where}.t"))
    found = ", ".join(map(shown, sorted(keys)))
    refuse(where, sorted(keys), f"has the keys {found}" if keys else "is empty", SPECS_ALLOWED)


def _code(data: dict[str, Any], config: GroupDNetConfig, where: str) -> Code:
    text, source = data["code"], data.get("from")
    if not isinstance(text, str):
        refuse(f"{where}.code", text, _is(text), "a string of base64")
    if "from" in data and (not isinstance(source, str) or len(source) > MAX_NAME):
        refuse(f"{where}.from", source, f"is {shown(source)}", f"a string of at most {MAX_NAME} characters")
    return Code(decode_code(text, config.code_shape, f"{where}.code").tobytes(), source)


def _seed(value: Any, where: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MAX_SEED:
        refuse(where, value, f"is {shown(value)}", SEEDS_ALLOWED)
    return value


def _t(value: Any, where: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:  # this refuses NaN too
        refuse(where, value, f"is {shown(value)}", "a number from 0 to 1")
    return float(value)


def _class_index(key: Any, config: GroupDNetConfig, where: str) -> int:
    if not isinstance(key, str) or not re.fullmatch(r"0|[1-9][0-9]{0,3}", key) or int(key) >= config.classes:
        allowed = f'"seed" or a class index from "0" to "{config.classes - 1}"'
        refuse(where, key, f"has the key {shown(key)}, which is not a class of this model", allowed)
    return int(key)


def _is(value: Any) -> str:
    """The clause that says what a JSON value is: "is [1], a list"."""
    kind = {dict: "an object", list: "a list", str: "a string", int: "a number", float: "a number"}.get(type(value))
    return f"is {shown(value)}, {kind}" if kind else f"is {shown(value)}"
