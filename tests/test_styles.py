"""A style says how each class's code is made; every message names the class, the value and what is allowed."""

from __future__ import annotations

import base64
import json
import math
from typing import Any

import numpy as np
import pytest
from conftest import narrow_config
from hypothesis import given
from hypothesis import strategies as st

from model.errors import InputError
from model.network.presets import deepfashion, landscape
from model.recipe.styles import (
    MAX_DEPTH,
    MAX_SEED,
    Blend,
    Code,
    Seed,
    Spec,
    Style,
    blend,
    check_classes,
    decode_code,
    mixture,
    morph,
    prior_code,
    style_from_encoding,
    variant_seed,
    way,
)

CONFIG = narrow_config()  # codes of 8 numbers, shared over the grid
GRID = deepfashion(16)  # codes of 8×4×4
SEEDS = st.integers(0, MAX_SEED)
CLASSES = st.integers(0, CONFIG.classes - 1)
CODES = st.binary(min_size=16, max_size=16).map(lambda data: np.nan_to_num(np.frombuffer(data, "<f2")).tobytes())
LEAVES = st.builds(Seed, SEEDS) | st.builds(Code, CODES, st.none() | st.text(max_size=20))
SPECS: st.SearchStrategy[Spec] = st.recursive(
    LEAVES, lambda inner: st.builds(Blend, inner, inner, st.floats(0, 1)), max_leaves=4
)
STYLES = st.builds(Style, SEEDS, st.dictionaries(CLASSES, SPECS, max_size=4))


def encode_code(code: np.ndarray) -> str:
    return base64.b64encode(code.astype("<f2").tobytes()).decode("ascii")


def codes_of(style: Style, class_index: int) -> np.ndarray:
    return style.codes(CONFIG)[8 * class_index : 8 * class_index + 8]


def some_code(value: float) -> str:
    return encode_code(np.full(8, value))


# Codes from seeds


def test_a_seed_gives_the_same_code_on_every_machine_and_version() -> None:
    expected = [-1.0205078125, -1.2255859375, -1.7861328125, -0.98681640625]
    assert prior_code(7, 6, (8, 1, 1)).ravel()[:4].tolist() == expected
    expected = [0.87060546875, -1.462890625, -0.06414794921875, -0.859375]
    assert prior_code(MAX_SEED, 150, (8, 1, 1)).ravel()[:4].tolist() == expected
    assert [variant_seed(7, i) for i in range(3)] == [190462, 190463, 190464]


def test_prior_codes_are_standard_normal() -> None:
    numbers = np.stack([prior_code(seed, c, (8, 4, 4)) for seed in range(30) for c in range(12)]).astype(np.float64)
    assert abs(numbers.mean()) < 0.02
    assert abs(numbers.std() - 1) < 0.02
    assert abs((numbers**4).mean() - 3) < 0.15
    correlation = np.asarray(np.corrcoef(numbers.reshape(360, -1)))
    assert abs(correlation[~np.eye(360, dtype=bool)]).mean() < 0.1  # neither seeds nor classes follow each other


@given(SEEDS, st.integers(0, 200))
def test_variant_seeds_are_seeds_and_differ(seed: int, variant: int) -> None:
    assert 0 <= variant_seed(seed, variant) < 1_000_000
    assert variant_seed(seed, variant) != variant_seed(seed, variant + 1)


def test_codes_fill_the_grid() -> None:
    shared = Style(7).codes(landscape())
    assert (shared.shape, shared.dtype) == ((96, 4, 4), np.float32)
    assert (shared == shared[:, :1, :1]).all()
    own = Style(7).codes(GRID)
    assert own.shape == (64, 4, 4)
    assert (own != own[:, :1, :1]).any()


@given(STYLES)
def test_codes_are_float16_numbers(style: Style) -> None:
    codes = style.codes(CONFIG)
    assert (codes == codes.astype(np.float16)).all()


# JSON


@given(STYLES)
def test_a_style_survives_json(style: Style) -> None:
    text = json.dumps(style.to_json())
    assert Style.from_json(json.loads(text), CONFIG) == style


@given(CODES)
def test_a_code_survives_base64(data: bytes) -> None:
    code = np.frombuffer(data, "<f2").reshape(8, 1, 1)
    assert decode_code(encode_code(code), (8, 1, 1)).tobytes() == data


def test_the_json_is_as_documented() -> None:
    data: dict[str, Any] = {"seed": 7, "3": {"seed": 9}, "6": {"code": some_code(0.5), "from": "beach.jpg"}}
    data["7"] = {"blend": [{"seed": 1}, {"code": some_code(-2)}], "t": 0.25}
    style = Style.from_json(data, CONFIG)
    assert style.to_json() == data
    assert (codes_of(style, 6) == 0.5).all()
    assert (codes_of(style, 0)[:, 0, 0] == prior_code(7, 0, (8, 1, 1)).ravel()).all()
    mixed = 0.75 * prior_code(1, 7, (8, 1, 1)).astype(np.float32) + 0.25 * np.float32(-2)
    assert (codes_of(style, 7)[:, 0, 0] == mixed.ravel().astype(np.float16)).all()


def test_an_empty_style_is_seed_0() -> None:
    assert Style.from_json({}, CONFIG) == Style(0)


def nested(depth: int) -> dict[str, Any]:
    spec: dict[str, Any] = {"seed": 1}
    for _ in range(depth):
        spec = {"blend": [spec, {"seed": 2}], "t": 0.5}
    return spec


BAD: dict[str, tuple[Any, str, list[str]]] = {
    "a list": ([1], "style", ["a list", "object"]),
    "null": (None, "style", ["null", "object"]),
    "class 12": ({"12": {"seed": 1}}, "style", ['"12"', '"0" to "11"']),
    "class -1": ({"-1": {"seed": 1}}, "style", ['"-1"', '"11"']),
    "class by name": ({"water": {"seed": 1}}, "style", ['"water"', '"11"']),
    "class 06": ({"06": {"seed": 1}}, "style", ['"06"', '"11"']),
    "class ٣": ({"٣": {"seed": 1}}, "style", ['"٣"', '"11"']),
    "style's seed": ({"seed": -1}, "style.seed", ["-1", str(MAX_SEED)]),
    "seed null": ({"seed": None}, "style.seed", ["null", str(MAX_SEED)]),
    "negative seed": ({"6": {"seed": -3}}, "style.6.seed", ["-3", "0 to"]),
    "huge seed": ({"6": {"seed": 2**53}}, "style.6.seed", [str(2**53), str(MAX_SEED)]),
    "fractional seed": ({"6": {"seed": 1.5}}, "style.6.seed", ["1.5", "integer"]),
    "true for a seed": ({"6": {"seed": True}}, "style.6.seed", ["true", "integer"]),
    "a number for a spec": ({"6": 7}, "style.6", ["7", '{"seed": …}']),
    "empty spec": ({"6": {}}, "style.6", ["empty", '{"seed": …}']),
    "unknown key": ({"6": {"sead": 1}}, "style.6", ['"sead"', '{"seed": …}']),
    "two kinds at once": ({"6": {"seed": 1, "code": ""}}, "style.6", ['"code", "seed"', '{"seed": …}']),
    "broken base64": ({"6": {"code": "%%"}}, "style.6.code", ["%%", "base64"]),
    "letters beyond base64": ({"6": {"code": "é"}}, "style.6.code", ["é", "base64"]),
    "number for a code": ({"6": {"code": 5}}, "style.6.code", ["5", "base64"]),
    "short code": ({"6": {"code": encode_code(np.zeros(7))}}, "style.6.code", ["7 numbers", "8 float16", "16 bytes"]),
    "odd bytes": ({"6": {"code": base64.b64encode(b"123").decode()}}, "style.6.code", ["3 bytes", "16 bytes"]),
    "NaN": ({"6": {"code": some_code(math.nan)}}, "style.6.code", ["nan", "finite"]),
    "infinity": ({"6": {"code": some_code(-math.inf)}}, "style.6.code", ["-inf", "finite"]),
    "number for a name": ({"6": {"code": some_code(0), "from": 5}}, "style.6.from", ["5", "200"]),
    "long name": ({"6": {"code": some_code(0), "from": "x" * 201}}, "style.6.from", ["xxx", "200"]),
    "t of 1.5": ({"6": {"blend": [{"seed": 1}, {"seed": 2}], "t": 1.5}}, "style.6.t", ["1.5", "0 to 1"]),
    "t NaN": ({"6": {"blend": [{"seed": 1}, {"seed": 2}], "t": math.nan}}, "style.6.t", ["NaN", "0 to 1"]),
    "no t": ({"6": {"blend": [{"seed": 1}, {"seed": 2}]}}, "style.6", ['"blend"', '"t": …']),
    "three to blend": ({"6": {"blend": [{"seed": 1}] * 3, "t": 0}}, "style.6.blend", ["3 entries", "two specs"]),
    "inside a blend": ({"6": {"blend": [{"seed": 1}, {"x": 2}], "t": 0}}, "style.6.blend.1", ['"x"', '{"seed": …}']),
    "too deep": ({"6": nested(MAX_DEPTH + 1)}, "style.6.blend.0.blend.0", ["deeper than 8"]),
}


@pytest.mark.parametrize(("data", "field", "words"), BAD.values(), ids=BAD.keys())
def test_what_a_style_may_not_be(data: Any, field: str, words: list[str]) -> None:
    with pytest.raises(InputError) as caught:
        Style.from_json(data, CONFIG)
    assert str(caught.value.field).startswith(field)
    for word in [field, *words]:
        assert word in str(caught.value)
    assert len(str(caught.value)) < 300
    json.dumps([caught.value.value, caught.value.allowed], allow_nan=False)  # fit for an HTTP answer


def test_blends_nest_eight_deep() -> None:
    style = Style.from_json({"6": nested(MAX_DEPTH)}, CONFIG)
    assert np.isfinite(style.codes(CONFIG)).all()


def test_a_style_of_another_model_is_refused_when_its_codes_are_asked_for() -> None:
    style = Style.from_json({"6": {"code": some_code(1)}}, CONFIG)
    with pytest.raises(InputError, match=r"style\.6\.code.*8 numbers.*128"):
        style.codes(GRID)


# Resample, mixture, morph


@given(STYLES, st.sets(CLASSES), SEEDS)
def test_resampling_changes_the_chosen_classes_alone(style: Style, chosen: set[int], seed: int) -> None:
    again = style.resample(chosen, seed)
    for c in range(CONFIG.classes):
        expected = prior_code(seed, c, CONFIG.code_shape) if c in chosen else style.spec(c).code(c, CONFIG)
        assert (codes_of(again, c) == expected).all()


def test_variants_are_resamples_with_the_variants_seeds() -> None:
    style = Style(7, {2: Seed(5)})
    assert style.variants([6, 2], 3, 2) == [style.resample([2, 6], variant_seed(3, i)) for i in range(2)]


@given(STYLES, st.sets(CLASSES))
def test_spelling_out_changes_no_code(style: Style, classes: set[int]) -> None:
    spelled = style.spelled_out(classes)
    assert classes <= spelled.specs.keys()
    assert (spelled.codes(CONFIG) == style.codes(CONFIG)).all()


def test_a_photos_style_holds_the_classes_it_has() -> None:
    mu = np.random.default_rng(0).normal(size=(64, 4, 4)).astype(np.float32)
    style = style_from_encoding(mu, [5, 1], GRID, "street.jpg")
    assert list(style.specs) == [1, 5]
    assert style.to_json()["5"]["from"] == "street.jpg"
    assert (style.codes(GRID)[40:48] == mu[40:48].astype(np.float16)).all()
    assert (style.codes(GRID)[0:8] == Style(0).codes(GRID)[0:8]).all()


def test_shared_codes_of_a_photo_are_stored_once_and_tiled() -> None:
    mu = np.tile(np.arange(96, dtype=np.float32)[:, None, None], CONFIG.latent_size)
    style = style_from_encoding(mu, [6], CONFIG)
    assert style.specs[6] == Code(np.arange(48, 56, dtype="<f2").tobytes())


def test_encodings_beyond_float16_are_clipped_and_nan_is_refused() -> None:
    mu = np.full((96, 1, 1), 1e6, np.float32)
    assert (style_from_encoding(mu, [0], CONFIG).codes(CONFIG)[:8] == 65504).all()
    with pytest.raises(InputError, match="finite"):
        style_from_encoding(mu * np.nan, [0], CONFIG)


def test_a_mixture_takes_each_class_from_its_reference() -> None:
    a, b = Style(0, {6: Seed(1), 7: Seed(2)}), Style(0, {6: Seed(3)})
    mixed = mixture(Style(9, {0: Seed(4)}), [a, b], {6: 1, 7: 0})
    assert mixed == Style(9, {0: Seed(4), 6: Seed(3), 7: Seed(2)})


def test_a_mixture_says_which_reference_lacks_the_class() -> None:
    with pytest.raises(InputError, match=r"Reference 0 has no class 5.* 6, 7") as caught:
        mixture(Style(9), [Style(0, {6: Seed(1), 7: Seed(2)})], {5: 0})
    assert (caught.value.code, caught.value.field, caught.value.allowed) == ("missing_class", "references.5", [6, 7])
    with pytest.raises(InputError, match=r"references\.5 is 2, .* 0 to 0"):
        mixture(Style(9), [Style(0, {5: Seed(1)})], {5: 2})
    with pytest.raises(InputError, match="no reference was given"):
        mixture(Style(9), [], {5: 0})


@given(STYLES, STYLES)
def test_a_morph_begins_and_ends_with_its_two_styles(a: Style, b: Style) -> None:
    assert morph(a, b, 0) == a
    assert morph(a, b, 1) == b
    every = range(CONFIG.classes)
    assert (morph(a, b, 1, every).codes(CONFIG) == b.codes(CONFIG)).all()


def test_halfway_is_the_mean_and_the_classes_not_chosen_stay() -> None:
    a, b = Style(1), Style(2)
    half = morph(a, b, 0.5, [6])
    mean = (codes_of(a, 6) + codes_of(b, 6)) / 2
    assert (codes_of(half, 6) == mean.astype(np.float16)).all()
    assert half.with_specs({6: a.spec(6)}).codes(CONFIG).tolist() == a.codes(CONFIG).tolist()


def test_a_morph_of_all_classes_needs_them_spelled_out_where_seeds_differ() -> None:
    with pytest.raises(InputError, match=r"classes is left out.*\(1 and 2\)"):
        morph(Style(1), Style(2), 0.5)
    a, b = Style(1, {6: Seed(3)}), Style(1, {7: Seed(4)})
    assert set(morph(a, b, 0.5).specs) == {6, 7}


def test_a_way_through_key_styles_meets_each_of_them_and_moves_the_chosen_classes_alone() -> None:
    keys = [Style(seed, {6: Seed(seed), 7: Seed(seed)}) for seed in (1, 2, 3, 4)]
    for i, key in enumerate(keys):
        met = way(keys, i / 3, [6])
        assert met.spec(6) == key.spec(6)
        assert met.spec(7) == keys[0].spec(7) and met.seed == 1
    assert way(keys, 0.5, [6]).spec(6) == Blend(Seed(2), Seed(3), 0.5)
    assert way(keys[:2], 0.25, [6, 7]) == morph(keys[0], keys[1], 0.25, [6, 7])


@pytest.mark.parametrize("t", [-0.1, 1.1, math.nan, "0.5", True])
def test_a_morphs_t_is_a_share(t: Any) -> None:
    with pytest.raises(InputError, match=r"^t .*0 to 1"):
        morph(Style(1), Style(2), t, [0])


def test_equal_looks_do_not_nest_and_too_deep_a_blend_is_refused() -> None:
    assert blend(Seed(1), Seed(1), 0.3) == Seed(1)
    spec: Spec = Seed(0)
    for i in range(MAX_DEPTH):
        spec = blend(spec, Seed(i + 1), 0.5)
    with pytest.raises(InputError, match=r"9 deep.*at most 8"):
        blend(spec, Seed(99), 0.5)


def test_chosen_classes_are_integers_that_the_model_has() -> None:
    assert check_classes([6, 2, 6], CONFIG) == [2, 6]
    for bad in (6, [12], [-1], ["6"], [1.0], [True], None):
        with pytest.raises(InputError, match="0 to 11"):
            check_classes(bad, CONFIG)
