"""A picture's PNG file carries its recipe, and no file that claims to can do harm."""

from __future__ import annotations

import json
import struct
import zlib
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.errors import InputError
from model.recipe import recipe as recipe_module
from model.recipe.images import read_instances
from model.recipe.recipe import KEYWORD, SIGNATURE, Recipe, read_recipe, write_instances, write_png

PICTURE = np.random.default_rng(0).integers(0, 256, (8, 8, 3), np.uint8)
RECIPES = st.builds(
    Recipe,
    model=st.text(max_size=20),
    fingerprint=st.text(max_size=20),
    labels=st.binary(max_size=200),
    style=st.dictionaries(st.text(max_size=5), st.integers() | st.text(max_size=5), max_size=3),
    instances=st.none() | st.binary(max_size=50),
)
GOOD = Recipe("tiny", "abc", b"\x89PNG", {"seed": 7})


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png_with(itxt: bytes) -> bytes:
    return SIGNATURE + chunk(b"iTXt", KEYWORD.encode() + b"\0" + itxt)


@given(RECIPES)
def test_a_recipe_survives_the_png_and_json(recipe: Recipe) -> None:
    assert read_recipe(write_png(PICTURE, recipe)) == recipe
    assert read_recipe(json.dumps(recipe.to_json()).encode()) == recipe


def test_an_uncompressed_chunk_after_others_is_read_too() -> None:
    text = json.dumps(GOOD.to_json()).encode()
    other = chunk(b"IHDR", b"x" * 13) + chunk(b"iTXt", b"Comment\0\0\0\0\0hello")
    written = SIGNATURE + other + chunk(b"iTXt", KEYWORD.encode() + b"\0\0\0\0\0" + text)
    assert read_recipe(written) == GOOD


def test_without_a_recipe_the_png_holds_the_picture_alone() -> None:
    with pytest.raises(InputError, match="recipe is not in this PNG"):
        read_recipe(write_png(PICTURE))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is not JSON"),
        (b"\xff\xfe", "is not JSON"),
        (b"[" * 100_000, "nested too deep"),
        (b"[]", r"recipe is \[\]; allowed is an object"),
        (SIGNATURE, "is not in this PNG"),
        (write_png(PICTURE, GOOD)[:70], "cut short"),
        (png_with(b"\x01\0"), "damaged"),
        (png_with(b"\x01\0\0\0not zlib"), "damaged"),
        (png_with(b"\x01\0\0\0" + zlib.compress(b"{}" * 50)[:-8]), "damaged"),
        (png_with(b"\0\0\0\0not json"), "is not JSON"),
    ],
    ids=range(10),
)
def test_files_that_hold_no_recipe(content: bytes, words: str) -> None:
    with pytest.raises(InputError, match=words):
        read_recipe(content)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"version": 2}, r"recipe\.version is 2; allowed is 1\."),
        ({"model": None}, r"recipe\.model is null; allowed is a string\."),
        ({"fingerprint": 5}, r"recipe\.fingerprint is 5; allowed is a string\."),
        ({"labels": "%"}, r"recipe\.labels is not base64"),
        ({"instances": 5}, r"recipe\.instances is not base64"),
        ({"style": [1]}, r"recipe\.style is \[1\]; allowed is an object\."),
    ],
)
def test_fields_that_are_not_right(change: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        Recipe.from_json({**GOOD.to_json(), **change})


def test_a_recipe_that_inflates_without_end_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recipe_module, "MAX_BYTES", 10_000)
    bomb = zlib.compress(b" " * 10_000_000)
    with pytest.raises(InputError, match=r"recipe has 10001 bytes; allowed is at most 10000 bytes\.") as caught:
        read_recipe(png_with(b"\x01\0\0\0" + bomb))
    assert caught.value.code == "too_large"


def test_instance_maps_survive_their_png() -> None:
    ids = np.array([[0, 1], [65535, 300]], np.int32)
    assert (read_instances(write_instances(ids)) == ids).all()
    for wrong in (-1, 65536):
        with pytest.raises(InputError, match=f"instances has the id {wrong}, .* 0 to 65535"):
            write_instances(np.array([[wrong, 5]]))
