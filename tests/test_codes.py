"""Codes as NumPy's files: what is written comes back bit for bit, and whatever else is in such a file is refused."""

from __future__ import annotations

import io
import zipfile
from typing import Any

import numpy as np
import pytest
from conftest import narrow_config
from hypothesis import given
from hypothesis import strategies as st

from model.errors import InputError
from model.recipe.codes import read_codes, write_codes
from model.recipe.styles import Blend, Seed, Style
from model.recipe.taxonomy import TAXONOMIES

CONFIG, TAXONOMY = narrow_config(), TAXONOMIES["landscape"]
SHAPE = CONFIG.code_shape


def npz(**arrays: Any) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


@given(seed=st.integers(0, 2**53 - 1), classes=st.sets(st.integers(0, 11), min_size=1), t=st.floats(0, 1))
def test_codes_come_back_bit_for_bit(seed: int, classes: set[int], t: float) -> None:
    style = Style(seed, {6: Blend(Seed(1), Seed(2), t)})
    back = read_codes(write_codes(style, classes, CONFIG, TAXONOMY), CONFIG, TAXONOMY, "mine.npz")
    assert set(back.specs) == classes
    rows = style.codes(CONFIG).reshape(12, -1), back.codes(CONFIG).reshape(12, -1)
    assert all((rows[0][c] == rows[1][c]).all() for c in classes)
    assert all(spec.to_json()["from"] == "mine.npz" for spec in back.specs.values())


def test_the_arrays_are_called_by_their_class_and_open_with_numpy() -> None:
    content = write_codes(Style(7), [0, 6], CONFIG, TAXONOMY)
    with np.load(io.BytesIO(content)) as arrays:
        assert set(arrays.files) == {"sky", "water"}
        assert (arrays["water"].shape, arrays["water"].dtype) == (SHAPE, np.float16)


def test_numbers_of_other_kinds_are_taken() -> None:
    for kind in ("f4", "f8", ">f2", "i4"):
        back = read_codes(npz(water=np.ones(SHAPE, kind)), CONFIG, TAXONOMY)
        assert (back.spec(6).code(6, CONFIG) == 1).all()


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "cannot be read"),
        (b"PK\x03\x04 and no more", "cannot be read"),
        (npz(), "empty"),
        (npz(sea=np.zeros(SHAPE)), "'sea'"),
        (npz(water=np.zeros((3, 1, 1))), "(3, 1, 1)"),
        (npz(water=np.full(SHAPE, np.nan)), "numbers for water that are NaN or too large"),
        (npz(water=np.full(SHAPE, 1e6)), "numbers for water that are NaN or too large"),
        (npz(water=np.full(SHAPE, "x")), "<U1 (8, 1, 1) for water"),
        (npz(water=np.zeros((8, 64, 64))), "bytes"),
        (npz(water=np.array([{}], object)), "cannot be read"),
    ],
    ids=["nothing", "torn", "empty", "class", "shape", "nan", "large", "text", "long", "pickle"],
)
def test_another_file_is_refused_in_words(content: bytes, says: str) -> None:
    with pytest.raises(InputError, match=r"allowed is|it has") as caught:
        read_codes(content, CONFIG, TAXONOMY)
    assert says in str(caught.value)


def test_a_file_that_unpacks_to_more_than_a_code_is_not_unpacked() -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("water.npy", bytes(10**8))
    with pytest.raises(InputError, match="100000000 bytes"):
        read_codes(buffer.getvalue(), CONFIG, TAXONOMY)
