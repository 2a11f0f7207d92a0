"""Styles: every class's code, or how to make it. JSON both ways, and the ways to fill one.

A style is ``{"seed": 7, "<class index>": spec, …}``; a class left out takes ``{"seed": <the style's own seed>}``.
A spec is ``{"seed": 7}``, ``{"code": "<base64 float16>", "from": "beach.jpg"}`` or
``{"blend": [spec, spec], "t": 0.4}``.
Mixture, manipulation and morphing are nothing but ways to fill this table.

Every spec's code is rounded to float16, a blend's too, so that a spec and the code it gives are interchangeable: a
picture and its recipe agree to the pixel.
"""

from __future__ import annotations

import base64
import binascii
import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NoReturn

import numpy as np

from model.errors import InputError
from model.network.config import CODE_CHANNELS, GroupDNetConfig

SPOKEN_SEEDS = 1_000_000
MAX_SEED = 2**53 - 1  # the largest integer that every JSON reader keeps exactly
MAX_DEPTH = 8  # of blends within blends
MAX_NAME = 200  # characters of a code's "from"
FLOAT16_MAX = 65504.0
SEEDS_ALLOWED = f"an integer from 0 to {MAX_SEED}"
SPECS_ALLOWED = '{"seed": …}, {"code": …} or {"code": …, "from": …}, {"blend": [spec, spec], "t": …}'


def _normals(key: tuple[int, int], count: int) -> np.ndarray:
    """``count`` standard normal numbers, float64.

    Box–Muller over Philox's raw bits: NumPy promises that stream for ever, and not that of its ``standard_normal``;
    and what two machines' log and cos differ by is far below the float16 that codes are rounded to.
    """
    raw = np.random.Philox(key=np.array(key, dtype=np.uint64)).random_raw(2 * count).reshape(2, count)
    radius, turn = ((raw >> np.uint64(11)).astype(np.float64) + 1) * 2.0**-53  # each in (0, 1]
    return np.sqrt(-2 * np.log(radius)) * np.cos(2 * math.pi * turn)


def prior_code(seed: int, class_index: int, shape: Sequence[int]) -> np.ndarray:
    """The prior sample of one class, N(0, 1): float16 of ``shape``, equal on every machine and version."""
    return _normals((seed, class_index), math.prod(shape)).reshape(shape).astype(np.float16)


def variant_seed(seed: int, variant: int) -> int:
    """The seed of variant ``variant`` (0, 1, …) of ``seed``: six digits, so that people can read and say it.

    Philox with the key (seed, 2⁶³) gives the first one, the others follow it: they never coincide.
    """
    key = np.array([seed, 2**63], dtype=np.uint64)  # no class has so large an index: never a code's stream
    return (int(np.random.Philox(key=key).random_raw()) + variant) % SPOKEN_SEEDS


def decode_code(text: str, shape: Sequence[int], where: str = "code") -> np.ndarray:
    """Base64 of little-endian float16, as in a style's JSON → float16 of ``shape``.

    InputError for broken base64, a wrong length, NaN and infinity.
    """
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        _refuse(where, text, "is not base64", "base64 of little-endian float16 numbers", cause=error)
    count, odd = divmod(len(data), 2)
    expected = math.prod(shape)
    if odd or count != expected:
        found = f"{len(data)} bytes" if odd else f"{count} number{'' if count == 1 else 's'}"
        sizes = "×".join(map(str, shape))
        _refuse(where, text, f"has {found}", f"{expected} float16 numbers ({sizes}), which is {2 * expected} bytes")
    code = np.frombuffer(data, dtype="<f2").reshape(shape)
    if not np.isfinite(code).all():
        bad = int(np.flatnonzero(~np.isfinite(code))[0])
        _refuse(where, text, f"has {code.flat[bad]} as number {bad} of its numbers", "finite numbers")
    return code


@dataclass(frozen=True)
class Seed:
    """A prior sample."""

    seed: int
    depth = 0

    def code(self, class_index: int, config: GroupDNetConfig) -> np.ndarray:
        return prior_code(self.seed, class_index, config.code_shape)

    def to_json(self) -> dict[str, Any]:
        return {"seed": self.seed}


@dataclass(frozen=True)
class Code:
    """A code as it is, mostly encoded from a photo: little-endian float16 of the model's code shape."""

    data: bytes
    source: str | None = None
    depth = 0

    def code(self, class_index: int, config: GroupDNetConfig) -> np.ndarray:
        if len(self.data) != 2 * math.prod(config.code_shape):
            decode_code(base64.b64encode(self.data).decode("ascii"), config.code_shape, f"style.{class_index}.code")
        return np.frombuffer(self.data, dtype="<f2").reshape(config.code_shape)

    def to_json(self) -> dict[str, Any]:
        spec = {"code": base64.b64encode(self.data).decode("ascii")}
        return spec if self.source is None else {**spec, "from": self.source}


@dataclass(frozen=True)
class Blend:
    """(1 − t)·first + t·second."""

    first: Spec
    second: Spec
    t: float

    @property
    def depth(self) -> int:
        return 1 + max(self.first.depth, self.second.depth)

    def code(self, class_index: int, config: GroupDNetConfig) -> np.ndarray:
        first, second = (spec.code(class_index, config).astype(np.float32) for spec in (self.first, self.second))
        return ((1 - self.t) * first + self.t * second).astype(np.float16)

    def to_json(self) -> dict[str, Any]:
        return {"blend": [self.first.to_json(), self.second.to_json()], "t": self.t}


Spec = Seed | Code | Blend


def blend(first: Spec, second: Spec, t: float) -> Spec:
    """A Blend, or one of the two where that says the same; InputError where blends would nest too deep."""
    if t == 0 or first == second:
        return first
    if t == 1:
        return second
    mixed = Blend(first, second, t)
    if mixed.depth > MAX_DEPTH:
        _refuse("blend", mixed.depth, f"nests {mixed.depth} deep", f"blends at most {MAX_DEPTH} deep")
    return mixed


@dataclass(frozen=True)
class Style:
    """Every class's spec; a class without one takes the style's own seed."""

    seed: int = 0
    specs: Mapping[int, Spec] = field(default_factory=dict)

    @classmethod
    def from_json(cls, data: Any, config: GroupDNetConfig, where: str = "style") -> Style:
        """Raises InputError that names the class, the value and what is allowed; "seed" left out is 0."""
        if not isinstance(data, dict):
            _refuse(where, data, f"is {_kind(data)}", 'an object {"seed": 7, "<class index>": spec, …}')
        specs = {}
        for key, value in data.items():
            if key != "seed":
                index = _class_index(key, config, where)
                specs[index] = _spec_from_json(value, config, f"{where}.{index}")
        return cls(_seed(data.get("seed", 0), f"{where}.seed"), specs)

    def to_json(self) -> dict[str, Any]:
        return {"seed": self.seed, **{str(c): self.specs[c].to_json() for c in sorted(self.specs)}}

    def spec(self, class_index: int) -> Spec:
        return self.specs.get(class_index) or Seed(self.seed)

    def codes(self, config: GroupDNetConfig) -> np.ndarray:
        """float32 [8C, h, w], each number a float16; a shared code is tiled over the grid."""
        codes = np.stack([self.spec(c).code(c, config) for c in range(config.classes)])  # [C, 8, h, w] or [C, 8, 1, 1]
        tiled = np.broadcast_to(codes, (config.classes, CODE_CHANNELS, *config.latent_size))
        return tiled.reshape(-1, *config.latent_size).astype(np.float32)

    def with_specs(self, specs: Mapping[int, Spec]) -> Style:
        return replace(self, specs={**self.specs, **specs})

    def resample(self, classes: Iterable[int], seed: int) -> Style:
        """Those classes drawn anew; one seed is enough for all, as a code depends on its class too."""
        return self.with_specs({c: Seed(seed) for c in classes})

    def variants(self, classes: Iterable[int], seed: int, count: int) -> list[Style]:
        """``count`` styles, the i-th with those classes drawn from ``variant_seed(seed, i)``."""
        chosen = list(classes)
        return [self.resample(chosen, variant_seed(seed, i)) for i in range(count)]

    def spelled_out(self, classes: Iterable[int]) -> Style:
        """The same style with an explicit spec for each of those classes."""
        return self.with_specs({c: self.spec(c) for c in classes})


def style_from_encoding(
    mu: np.ndarray, classes: Iterable[int], config: GroupDNetConfig, name: str | None = None, seed: int = 0
) -> Style:
    """A photo's style: mu [8C, h, w] → codes of the classes that the photo has; the others keep to the seed."""
    grid = np.asarray(mu, dtype=np.float32).reshape(config.classes, CODE_CHANNELS, *config.latent_size)
    if not np.isfinite(grid).all():
        _refuse("mu", name, "has numbers that are not finite", "finite numbers")
    height, width = config.code_shape[1:]
    codes = np.clip(grid[:, :, :height, :width], -FLOAT16_MAX, FLOAT16_MAX).astype("<f2")
    source = None if name is None else name[:MAX_NAME]
    return Style(seed, {int(c): Code(codes[c].tobytes(), source) for c in sorted(classes)})


def mixture(base: Style, references: Sequence[Style], choice: Mapping[int, int]) -> Style:
    """base with each class of ``choice`` (class → index of a reference) taken from that reference.

    Raises InputError "missing_class" where the reference's photo lacks the class, "invalid" where there is no such
    reference.
    """
    specs = {}
    for c, index in choice.items():
        where = f"references.{c}"
        if not 0 <= index < len(references):
            allowed = f"0 to {len(references) - 1}" if references else "none, as no reference was given"
            _refuse(where, index, "is not the index of a reference", allowed)
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
    """(1 − t)·a + t·b for the classes given, the others as in a; for None, of every class that a or b spells out.

    A class that neither spells out follows the styles' own seeds; where these differ and ``classes`` is None, a style
    cannot say what lies between them, so spell the label map's classes out first (InputError).
    """
    _t(t, "t")
    if classes is None:
        if t in (0, 1):
            return b if t else a
        if a.seed != b.seed:
            seeds = f"{a.seed} and {b.seed}"
            _refuse("classes", None, f"is left out, and the styles' own seeds differ ({seeds})", "a list of classes")
        classes = a.specs.keys() | b.specs.keys()
    return a.with_specs({c: blend(a.spec(c), b.spec(c), t) for c in sorted(classes)})


def way(keys: Sequence[Style], t: float, classes: Iterable[int]) -> Style:
    """t of the way through two or more key styles, each as far from the next: those classes move, the others stay as
    in the first."""
    legs = len(keys) - 1
    leg = min(int(_t(t, "t") * legs), legs - 1)
    a, b = keys[leg : leg + 2]
    return keys[0].with_specs({c: blend(a.spec(c), b.spec(c), t * legs - leg) for c in sorted(classes)})


def check_classes(value: Any, config: GroupDNetConfig, where: str = "classes") -> list[int]:
    """A list of class indices from outside, each an integer that the model has; duplicates are dropped."""
    allowed = f"a list of integers from 0 to {config.classes - 1}"
    if not isinstance(value, list | tuple):
        _refuse(where, value, f"is {_kind(value)}", allowed)
    for c in value:
        if isinstance(c, bool) or not isinstance(c, int) or not 0 <= c < config.classes:
            _refuse(where, c, "is not a class of this model", allowed)
    return sorted(set(value))


def _spec_from_json(data: Any, config: GroupDNetConfig, where: str, depth: int = 0) -> Spec:
    if not isinstance(data, dict):
        _refuse(where, data, f"is {_kind(data)}", SPECS_ALLOWED)
    keys = set(data)
    if keys == {"seed"}:
        return Seed(_seed(data["seed"], f"{where}.seed"))
    if keys in ({"code"}, {"code", "from"}):
        return _code(data, config, where)
    if keys == {"blend", "t"}:
        if depth == MAX_DEPTH:
            _refuse(where, None, f"nests deeper than {MAX_DEPTH} blends", f"blends at most {MAX_DEPTH} deep")
        pair = data["blend"]
        if not isinstance(pair, list) or len(pair) != 2:
            found = f"has {len(pair)} entries" if isinstance(pair, list) else f"is {_kind(pair)}"
            _refuse(f"{where}.blend", pair, found, "a list of two specs")
        first, second = (_spec_from_json(s, config, f"{where}.blend.{i}", depth + 1) for i, s in enumerate(pair))
        return Blend(first, second, _t(data["t"], f"{where}.t"))
    _refuse(
        where,
        sorted(keys),
        f"has the keys {', '.join(map(_short, sorted(keys)))}" if keys else "is empty",
        SPECS_ALLOWED,
    )


def _code(data: dict[str, Any], config: GroupDNetConfig, where: str) -> Code:
    text, source = data["code"], data.get("from")
    if not isinstance(text, str):
        _refuse(f"{where}.code", text, f"is {_kind(text)}", "a string of base64")
    if "from" in data and (not isinstance(source, str) or len(source) > MAX_NAME):
        _refuse(f"{where}.from", source, "is not a name", f"a string of at most {MAX_NAME} characters")
    return Code(decode_code(text, config.code_shape, f"{where}.code").tobytes(), source)


def _seed(value: Any, where: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MAX_SEED:
        _refuse(where, value, "is not a seed", SEEDS_ALLOWED)
    return value


def _t(value: Any, where: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:  # NaN is refused too
        _refuse(where, value, "is not a share", "a number from 0 to 1")
    return float(value)


def _class_index(key: Any, config: GroupDNetConfig, where: str) -> int:
    if not isinstance(key, str) or not re.fullmatch(r"0|[1-9][0-9]{0,3}", key) or int(key) >= config.classes:
        allowed = f'"seed" or a class index from "0" to "{config.classes - 1}"'
        _refuse(where, key, f"has the key {_short(key)}, which is not a class of this model", allowed)
    return int(key)


def _kind(value: Any) -> str:
    kinds = {dict: "an object", list: "a list", str: "a string", bool: "true or false", type(None): "null"}
    return kinds.get(type(value), "a number")


def _short(value: Any) -> str:
    """A value as JSON, cut to a length that a message can bear."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 60 else f"{text[:57]}…"


def _refuse(where: str, value: Any, what: str, allowed: str, cause: Exception | None = None) -> NoReturn:
    shown = "" if what.startswith(("has the key", "is left out", "nests")) else f" {_short(value)}"
    plain = value is None or isinstance(value, int) or (isinstance(value, float) and math.isfinite(value))
    message = f"{where}{shown} {what}; allowed is {allowed}."
    raise InputError(message, field=where, value=value if plain else _short(value), allowed=allowed) from cause
