"""Label maps: what their files may hold, what is refused and how, and what the network is told of them."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from model.errors import InputError
from model.network.layers import instance_edges
from model.recipe.labels import label_stats, read_labels, write_labels
from model.recipe.taxonomy import TAXONOMIES, Taxonomy, from_hex, to_hex

LANDSCAPE = TAXONOMIES["landscape"]
ADE20K = TAXONOMIES["ade20k"]
CITYSCAPES = TAXONOMIES["cityscapes"]


def png(pixels: np.ndarray | Image.Image, **options: Any) -> bytes:
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    buffer = io.BytesIO()
    image.save(buffer, "PNG", **options)
    return buffer.getvalue()


def every_class(taxonomy: Taxonomy) -> np.ndarray:
    return np.arange(len(taxonomy), dtype=np.uint8).repeat(3).reshape(3, -1)


def refusal(source: Any, taxonomy: Taxonomy = LANDSCAPE, **options: Any) -> InputError:
    with pytest.raises(InputError) as caught:
        read_labels(source, taxonomy, **options)
    return caught.value


class TestTaxonomies:
    def test_class_counts(self) -> None:
        counts = {name: len(taxonomy) for name, taxonomy in TAXONOMIES.items()}
        assert counts == {"landscape": 12, "deepfashion": 8, "cityscapes": 35, "ade20k": 151}

    def test_landscape_classes(self) -> None:
        assert " ".join(LANDSCAPE.names) == "sky cloud mountain snow grass tree water sand rock road flower house"

    def test_deepfashion_classes(self) -> None:
        assert " ".join(TAXONOMIES["deepfashion"].names) == "background hair face top bottom skin shoes socks"

    @pytest.mark.parametrize(
        ("taxonomy", "index", "name", "colour"),
        [
            ("cityscapes", 0, "unlabeled", (0, 0, 0)),
            ("cityscapes", 7, "road", (128, 64, 128)),
            ("cityscapes", 21, "vegetation", (107, 142, 35)),
            ("cityscapes", 26, "car", (0, 0, 142)),
            ("cityscapes", 33, "bicycle", (119, 11, 32)),
            ("ade20k", 0, "other", (0, 0, 0)),
            ("ade20k", 1, "wall", (120, 120, 120)),
            ("ade20k", 3, "sky", (6, 230, 230)),
            ("ade20k", 22, "water", (61, 230, 250)),
            ("ade20k", 100, "buffet", (255, 112, 0)),
            ("ade20k", 150, "flag", (92, 0, 255)),
        ],
    )
    def test_data_set_facts(self, taxonomy: str, index: int, name: str, colour: tuple[int, int, int]) -> None:
        assert TAXONOMIES[taxonomy].names[index] == name
        assert TAXONOMIES[taxonomy].colours[index] == colour
        assert TAXONOMIES[taxonomy].index(name) == index

    def test_only_the_data_sets_own_colours_are_shared_by_classes(self) -> None:
        shared = {
            name: {t.names[i] for i, colour in enumerate(t.colours) if t.colours.count(colour) > 1}
            for name, t in TAXONOMIES.items()
        }
        black = {"unlabeled", "ego vehicle", "rectification border", "out of roi", "static"}
        assert shared == {
            "landscape": set(),
            "deepfashion": set(),
            "cityscapes": black | {"pole", "polegroup", "car", "license plate"},
            "ade20k": {"road", "skyscraper"},
        }

    @pytest.mark.parametrize("taxonomy", TAXONOMIES.values(), ids=TAXONOMIES)
    def test_display_colours_differ_and_mean_no_other_class_in_the_data_set(self, taxonomy: Taxonomy) -> None:
        assert len(set(taxonomy.display)) == len(taxonomy)
        for index, colour in enumerate(taxonomy.display):
            assert all(other == index for other, own in enumerate(taxonomy.colours) if own == colour)

    def test_only_ade20k_knows_the_unknown(self) -> None:
        unknown = {name: taxonomy.unknown for name, taxonomy in TAXONOMIES.items()}
        assert unknown == {"landscape": None, "deepfashion": None, "cityscapes": None, "ade20k": 0}

    @pytest.mark.parametrize("taxonomy", TAXONOMIES.values(), ids=TAXONOMIES)
    def test_json_round_trip(self, taxonomy: Taxonomy) -> None:
        assert Taxonomy.from_json(taxonomy.to_json()) == taxonomy

    def test_json_rows_are_those_of_the_api(self) -> None:
        rows = ADE20K.to_json()["classes"]
        assert rows[3] == {"index": 3, "name": "sky", "colour": "#06e6e6", "display": "#7fa6cc"}

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"classes": []}, "x has 0 classes; allowed is 1 … 255"),
            ({"classes": None}, "needs name, unknown, and classes"),
            ({"classes": [{"name": "a"}]}, "needs name, unknown, and classes"),
            (
                {"classes": [{"name": 5, "colour": "#000000", "display": "#000000"}]},
                "has the name 5; allowed is a string",
            ),
            ({"classes": [{"name": "a", "colour": "red", "display": "#000000"}]}, "'red' is not a colour"),
            ({"classes": [{"name": "a", "colour": 7, "display": "#000000"}]}, "7 is not a colour"),
            ({"unknown": 9}, "unknown is 9; allowed is 0 … 0"),
            ({"unknown": "a"}, 'unknown is "a"; allowed is a class index or null'),
            ({"unknown": True}, "unknown is true; allowed is a class index or null"),
        ],
    )
    def test_json_that_is_no_taxonomy(self, change: dict[str, Any], message: str) -> None:
        value = {"name": "x", "unknown": None, "classes": [{"name": "a", "colour": "#000000", "display": "#000000"}]}
        with pytest.raises(InputError, match=message):
            Taxonomy.from_json(value | change)

    @pytest.mark.parametrize(
        ("names", "display", "message"),
        [
            (("a", "a"), ((0, 0, 0), (1, 1, 1)), "has 1 different names; allowed is 2"),
            (("a", "b"), ((1, 1, 1), (1, 1, 1)), "has 1 different display colours; allowed is 2"),
        ],
    )
    def test_ambiguous_classes(self, names: tuple[str, ...], display: tuple[Any, ...], message: str) -> None:
        with pytest.raises(InputError, match=message):
            Taxonomy("x", names, display, display)

    def test_a_class_that_is_not_there(self) -> None:
        with pytest.raises(InputError, match="landscape has no class called 'lava'; it has sky, cloud") as caught:
            LANDSCAPE.index("lava")
        assert caught.value.allowed == list(LANDSCAPE.names)

    def test_hex(self) -> None:
        assert to_hex((255, 128, 0)) == "#ff8000"
        assert from_hex("#ff8000") == (255, 128, 0)


class TestRoundTrips:
    @settings(max_examples=60, deadline=None)
    @given(st.data(), st.sampled_from(sorted(TAXONOMIES)), st.integers(1, 24), st.integers(1, 24))
    def test_written_maps_read_back(self, data: st.DataObject, name: str, height: int, width: int) -> None:
        taxonomy = TAXONOMIES[name]
        values = data.draw(st.binary(min_size=height * width, max_size=height * width))
        labels = np.frombuffer(values, dtype=np.uint8).reshape(height, width) % len(taxonomy)
        assert np.array_equal(read_labels(write_labels(labels, taxonomy), taxonomy), labels)

    @pytest.mark.parametrize("taxonomy", TAXONOMIES.values(), ids=TAXONOMIES)
    def test_display_colours_read_back(self, taxonomy: Taxonomy) -> None:
        labels = every_class(taxonomy)
        colours = np.array(taxonomy.display, dtype=np.uint8)[labels]
        assert np.array_equal(read_labels(png(colours), taxonomy), labels)

    @pytest.mark.parametrize("taxonomy", TAXONOMIES.values(), ids=TAXONOMIES)
    def test_data_set_colours_read_back_as_the_first_class_that_has_them(self, taxonomy: Taxonomy) -> None:
        labels = every_class(taxonomy)
        colours = np.array(taxonomy.colours, dtype=np.uint8)[labels]
        first = np.array([taxonomy.colours.index(colour) for colour in taxonomy.colours])
        assert np.array_equal(read_labels(png(colours), taxonomy), first[labels])

    def test_a_written_map_shows_display_colours(self) -> None:
        image = Image.open(io.BytesIO(write_labels(every_class(LANDSCAPE), LANDSCAPE)))
        assert image.mode == "P"
        assert image.convert("RGB").getpixel((0, 0)) == LANDSCAPE.display[0]

    @pytest.mark.parametrize("bad", [np.array([[12]]), np.array([[-1]])])
    def test_a_map_with_other_classes_is_not_written(self, bad: np.ndarray) -> None:
        with pytest.raises(InputError, match="no class of landscape") as caught:
            write_labels(bad, LANDSCAPE)
        assert caught.value.code == "unknown_label"

    def test_a_batch_is_not_written(self) -> None:
        with pytest.raises(InputError, match=r"labels has the shape \[2, 4, 4\]; allowed is \[H, W\]"):
            write_labels(np.zeros((2, 4, 4), np.uint8), LANDSCAPE)


class TestWhatFilesMayHold:
    labels = every_class(LANDSCAPE)

    def test_greyscale_holds_the_indices(self) -> None:
        assert np.array_equal(read_labels(png(self.labels), LANDSCAPE), self.labels)

    def test_bytes_paths_and_open_files(self, tmp_path: Path) -> None:
        path = tmp_path / "labels.png"
        path.write_bytes(png(self.labels))
        with path.open("rb") as file:
            sources = (path.read_bytes(), path, str(path), file)
            assert all(np.array_equal(read_labels(source, LANDSCAPE), self.labels) for source in sources)

    def test_palette_indices_are_the_classes_whatever_its_colours(self) -> None:
        image = Image.fromarray(self.labels)
        image.putpalette([channel for colour in reversed(LANDSCAPE.display) for channel in colour])
        assert np.array_equal(read_labels(png(image), LANDSCAPE), self.labels)

    def test_opaque_alpha_is_ignored(self) -> None:
        colours = np.array(LANDSCAPE.display, dtype=np.uint8)[self.labels]
        rgba = np.concatenate([colours, np.full_like(colours[..., :1], 255)], axis=-1)
        assert np.array_equal(read_labels(png(rgba), LANDSCAPE), self.labels)
        grey = np.stack([self.labels, np.full_like(self.labels, 255)], axis=-1)
        assert np.array_equal(read_labels(png(grey), LANDSCAPE), self.labels)

    def test_one_bit_holds_the_classes_0_and_1(self) -> None:
        bits = np.array([[True, False, True], [False, False, True]])
        assert read_labels(png(bits), LANDSCAPE).tolist() == [[1, 0, 1], [0, 0, 1]]

    @pytest.mark.parametrize("bits", [2, 4])
    def test_few_bits_of_grey_are_not_stretched(self, bits: int) -> None:
        labels = np.arange(2**bits, dtype=np.uint8)[None, :]
        assert np.array_equal(read_labels(_grey_png(labels, bits), ADE20K), labels)

    def test_255_counts_as_the_unknown_class_where_there_is_one(self) -> None:
        labels = np.array([[255, 3], [150, 255]], dtype=np.uint8)
        assert read_labels(png(labels), ADE20K).tolist() == [[0, 3], [150, 0]]

    def test_the_result_is_writable_and_8_bit(self) -> None:
        labels = read_labels(png(self.labels), LANDSCAPE)
        assert labels.dtype == np.uint8 and labels.flags.writeable

    def test_the_data_sets_colours_win_where_both_tables_would_do(self) -> None:
        red, blue = (255, 0, 0), (0, 0, 255)
        swapped = Taxonomy("swapped", ("a", "b"), colours=(red, blue), display=(blue, red))
        assert read_labels(png(np.array([[red, blue]], np.uint8)), swapped).tolist() == [[0, 1]]

    def test_display_colours_win_where_only_they_are_all_known(self) -> None:
        red, blue, green = (255, 0, 0), (0, 0, 255), (0, 255, 0)
        crossed = Taxonomy("crossed", ("a", "b"), colours=(red, blue), display=(green, red))
        assert read_labels(png(np.array([[red, green]], np.uint8)), crossed).tolist() == [[1, 0]]


class TestSizes:
    labels = np.arange(12, dtype=np.uint8).reshape(3, 4)

    def test_the_wrong_size(self) -> None:
        error = refusal(png(self.labels), size=(256, 128))
        assert error.code == "wrong_size"
        assert (error.value, error.allowed) == ([3, 4], [256, 128])
        assert str(error) == (
            "labels is 4×3 pixels; allowed is 128×256, the model's size, unless you ask for it to be resized."
        )

    def test_the_right_size(self) -> None:
        assert np.array_equal(read_labels(png(self.labels), LANDSCAPE, size=(3, 4)), self.labels)

    def test_nearest_neighbour_takes_floor_of_i_times_scale(self) -> None:
        resized = read_labels(png(self.labels), LANDSCAPE, size=(2, 6), resize=True)
        assert resized.tolist() == [[0, 0, 1, 2, 2, 3], [4, 4, 5, 6, 6, 7]]

    @settings(max_examples=30, deadline=None)
    @given(st.integers(1, 40), st.integers(1, 40), st.integers(1, 40), st.integers(1, 40))
    def test_nearest_neighbour_is_exact(self, height: int, width: int, rows: int, columns: int) -> None:
        labels = (np.arange(height)[:, None] * 5 + np.arange(width)).astype(np.uint8) % len(LANDSCAPE)
        resized = read_labels(png(labels), LANDSCAPE, size=(rows, columns), resize=True)
        expected = [[labels[i * height // rows, j * width // columns] for j in range(columns)] for i in range(rows)]
        assert resized.tolist() == np.array(expected).tolist()

    def test_unknown_values_are_found_before_resizing_may_skip_them(self) -> None:
        labels = np.zeros((4, 4), np.uint8)
        labels[1, 1] = 77
        assert refusal(png(labels), size=(2, 2), resize=True).code == "unknown_label"

    def test_too_many_pixels_are_refused_by_the_header(self) -> None:
        error = refusal(png(self.labels), max_pixels=11)
        assert error.code == "too_large"
        assert str(error) == "labels has 4×3 pixels; allowed is at most 11."


class TestRefusals:
    def test_a_label_that_is_no_class(self) -> None:
        labels = np.zeros((10, 10), np.uint8)
        labels[:4, :10] = 200
        labels[4, :7] = 200
        error = refusal(png(labels))
        assert error.code == "unknown_label" and error.field == "labels" and error.value == 200
        assert error.details == [{"value": 200, "pixels": 47, "nearest": {"index": 11, "name": "house"}}]
        assert str(error) == (
            "labels has a value that is no class of landscape: 200 on 47 pixels (nearest: 11 house); allowed is 0 … 11."
        )

    def test_several_labels_the_most_frequent_first(self) -> None:
        error = refusal(png(np.array([[99, 13, 13, 99], [99, 250, 30, 31]], np.uint8)))
        assert [row["value"] for row in error.details] == [99, 13, 30, 31, 250]
        assert "5 values that are no class of landscape: 99 on 3 pixels" in str(error)
        assert "30 on 1 pixel (nearest" in str(error) and ", and 1 more;" in str(error)

    def test_255_where_nothing_is_unknown(self) -> None:
        error = refusal(png(np.array([[255, 0]], np.uint8)), CITYSCAPES)
        assert error.value == 255 and error.allowed == "0 … 34"

    def test_where_255_is_allowed_the_message_says_so(self) -> None:
        assert refusal(png(np.array([[151]], np.uint8)), ADE20K).allowed == "0 … 150, and 255 for unknown"

    def test_a_colour_that_is_no_class_and_the_class_that_looks_like_it(self) -> None:
        pixels = np.array([[LANDSCAPE.display[0]] * 3, [(48, 110, 60)] * 2 + [(52, 98, 170)]], np.uint8)
        error = refusal(png(pixels))
        assert error.code == "unknown_label" and error.value == "#306e3c"
        assert error.details == [
            {"value": "#306e3c", "pixels": 2, "nearest": {"index": 5, "name": "tree"}},
            {"value": "#3462aa", "pixels": 1, "nearest": {"index": 6, "name": "water"}},
        ]
        assert "labels has 2 colours that are no class of landscape: #306e3c on 2 pixels (nearest: 5 tree)" in str(
            error
        )

    def test_the_table_that_knows_more_of_the_picture_is_held_against_it(self) -> None:
        pixels = np.array([[ADE20K.display[1]] * 3 + [(1, 2, 3)]], np.uint8)
        assert [row["value"] for row in refusal(png(pixels), ADE20K).details] == ["#010203"]

    def test_a_photo_in_place_of_labels_gives_a_short_list(self) -> None:
        noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3)).astype(np.uint8)
        error = refusal(png(noise))
        assert len(error.details) == 20
        assert "4,096 colours" in str(error) or "4,095 colours" in str(error)

    def test_transparent_pixels(self) -> None:
        rgba = np.zeros((2, 3, 4), np.uint8)
        rgba[0, :, 3] = 255
        assert str(refusal(png(rgba))) == (
            "labels has 3 transparent pixels; allowed is 0, since every pixel needs a value."
        )

    def test_16_bits(self) -> None:
        error = refusal(png(np.zeros((2, 2), np.uint16)))
        assert str(error) == "labels is a 16-bit PNG (I;16); allowed is an 8-bit greyscale, palette or RGB PNG."

    def test_jpeg(self) -> None:
        buffer = io.BytesIO()
        Image.new("L", (8, 8)).save(buffer, "JPEG")
        error = refusal(buffer.getvalue())
        assert error.code == "not_an_image" and error.allowed == ["PNG"]
        assert str(error) == "labels is a JPEG, which changes label values; allowed is a file of the format PNG."

    @pytest.mark.parametrize("data", [b"hello", b"\x89PNG\r\n\x1a\n", b"GIF89a" + bytes(40)])
    def test_no_picture(self, data: bytes) -> None:
        error = refusal(data)
        assert error.code == "not_an_image"
        assert str(error) == "labels is not a picture that can be read; allowed is a file of the format PNG."

    def test_nothing(self) -> None:
        assert str(refusal(b"")) == "labels is empty; allowed is a file of the format PNG."

    def test_a_truncated_file(self) -> None:
        noise = np.random.default_rng(0).integers(0, 12, (64, 64)).astype(np.uint8)
        error = refusal(png(noise)[:400])
        assert error.code == "not_an_image"
        assert "labels is damaged and cannot be decoded" in str(error)

    def test_a_file_that_is_not_there(self, tmp_path: Path) -> None:
        error = refusal(tmp_path / "none.png", field="photo_labels")
        assert error.field == "photo_labels"
        assert str(error) == f"photo_labels cannot be read from {tmp_path / 'none.png'}: no such file or directory."


class TestTensors:
    def test_both_pixels_of_a_differing_pair_are_edges(self) -> None:
        instances = torch.tensor([[[7, 7, 7, 7, 7], [7, 7, 9, 7, 7], [7, 7, 7, 7, 7], [7, 7, 7, 7, 7]]])
        assert instance_edges(instances).int().tolist() == [
            [[[0, 0, 1, 0, 0], [0, 1, 1, 1, 0], [0, 0, 1, 0, 0], [0, 0, 0, 0, 0]]]
        ]

    def test_equal_ids_have_no_edge_and_pictures_do_not_touch(self) -> None:
        assert not instance_edges(torch.tensor([1, 2, 26001])[:, None, None].expand(3, 4, 5)).any()

    def test_edges_are_one_channel_of_float32(self) -> None:
        edges = instance_edges(torch.zeros(2, 3, 4, dtype=torch.int32))
        assert edges.shape == (2, 1, 3, 4) and edges.dtype == torch.float32

    def test_label_stats(self) -> None:
        assert label_stats(np.array([[5, 0], [5, 5]], np.uint8)) == {0: 1, 5: 3}


def _grey_png(values: np.ndarray, bits: int) -> bytes:
    """A greyscale PNG of 2 or 4 bits, which Pillow does not write."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    height, width = values.shape
    rows = np.unpackbits(values[..., None], axis=-1)[..., 8 - bits :].reshape(height, -1)
    raw = b"".join(b"\0" + np.packbits(row).tobytes() for row in rows)
    header = struct.pack(">IIBBBBB", width, height, bits, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(raw)) + chunk(b"IEND", b"")
