"""Photos and instance maps: which files are read, as what, and which are refused."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

import numpy as np
import pytest
from PIL import Image

from model.errors import InputError
from model.recipe.images import read_instances, read_photo, resize_nearest


def encoded(pixels: np.ndarray | Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def ramp(height: int = 6, width: int = 8) -> np.ndarray:
    rows, columns = np.mgrid[:height, :width]
    return np.stack([rows * 20, columns * 20, rows + columns], axis=-1).astype(np.uint8)


def png_header(width: int, height: int) -> bytes:
    body = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    data = b"IDAT" + zlib.compress(b"\0")
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(part) - 4) + part + struct.pack(">I", zlib.crc32(part)) for part in (body, data)
    )


def refusal(data: bytes, **options: Any) -> InputError:
    with pytest.raises(InputError) as caught:
        read_photo(data, **options)
    return caught.value


class TestPhotos:
    @pytest.mark.parametrize(("kind", "options"), [("PNG", {}), ("WEBP", {"lossless": True})])
    def test_lossless_formats_keep_every_pixel(self, kind: str, options: dict[str, Any]) -> None:
        assert np.array_equal(read_photo(encoded(ramp(), kind, **options)), ramp())

    def test_jpeg(self) -> None:
        photo = read_photo(encoded(ramp(), "JPEG", quality=95, subsampling=0))
        assert photo.dtype == np.uint8 and photo.shape == (6, 8, 3)
        assert np.abs(photo.astype(int) - ramp()).mean() < 4

    def test_exif_orientation_is_applied(self) -> None:
        exif = Image.Exif()
        exif[0x0112] = 6  # the camera was held on its right side: rotate clockwise to see it upright
        photo = read_photo(encoded(ramp(), exif=exif), size=(8, 6))
        assert np.array_equal(photo, np.rot90(ramp(), k=-1))

    def test_grey_becomes_three_equal_channels(self) -> None:
        photo = read_photo(encoded(ramp()[..., 0]))
        assert np.array_equal(photo, ramp()[..., :1].repeat(3, axis=-1))

    def test_16_bit_grey_keeps_its_range(self) -> None:
        photo = read_photo(encoded(np.array([[0, 32896, 65535]], dtype=np.uint16)))
        assert photo[0, :, 0].tolist() == [0, 128, 255]

    def test_palette_and_cmyk(self) -> None:
        red = Image.new("RGB", (2, 2), (255, 0, 0))
        assert read_photo(encoded(red.quantize(4)))[0, 0].tolist() == [255, 0, 0]
        assert read_photo(encoded(red.convert("CMYK"), "JPEG")).shape == (2, 2, 3)

    def test_transparent_pixels_are_laid_on_black(self) -> None:
        rgba = np.full((1, 3, 4), 200, np.uint8)
        rgba[0, :, 3] = (255, 128, 0)
        assert read_photo(encoded(rgba))[0, :, 0].tolist() == [200, 100, 0]

    def test_the_wrong_size(self) -> None:
        error = refusal(encoded(ramp()), size=(4, 4))
        assert (error.code, error.field, error.value, error.allowed) == ("wrong_size", "photo", [6, 8], [4, 4])
        assert "photo is 8×6 pixels; allowed is 4×4, the model's size" in str(error)

    def test_resizing_is_smooth(self) -> None:
        stripes = np.zeros((8, 8, 3), np.uint8)
        stripes[:, ::2] = 255
        photo = read_photo(encoded(stripes), size=(4, 4), resize=True)
        assert photo.shape == (4, 4, 3) and photo.min() > 60 and photo.max() < 190

    @pytest.mark.parametrize("side", [4097, 10_000, 20_000])
    def test_a_header_that_promises_too_much_is_not_decoded(self, side: int) -> None:
        error = refusal(png_header(side, side))
        assert error.code == "too_large" and error.allowed == 4096 * 4096
        assert f"{side}×{side} pixels" in str(error) or f"{side * side:,} pixels" in str(error)
        assert "; allowed is at most 16,777,216." in str(error)

    def test_a_limit_of_ones_own(self) -> None:
        assert str(refusal(encoded(ramp()), max_pixels=47)) == "photo has 8×6 pixels; allowed is at most 47."

    @pytest.mark.parametrize("kind", ["GIF", "BMP", "TIFF", "PPM"])
    def test_other_formats(self, kind: str) -> None:
        error = refusal(encoded(ramp(), kind))
        assert error.code == "not_an_image" and error.allowed == ["PNG", "JPEG", "WebP"]
        assert str(error) == (
            "photo is not a picture that can be read; allowed is a file of the format PNG or JPEG or WebP."
        )

    @pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
    @pytest.mark.parametrize("share", [0.3, 0.7])
    def test_truncated_files(self, kind: str, share: float) -> None:
        noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3)).astype(np.uint8)
        data = encoded(noise, kind)
        assert refusal(data[: int(len(data) * share)]).code == "not_an_image"

    @pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
    def test_flipped_bytes_give_a_picture_or_a_refusal(self, kind: str) -> None:
        data = encoded(ramp(32, 32), kind)
        rng = np.random.default_rng(1)
        for _ in range(150):
            broken = bytearray(data)
            for position in rng.integers(0, len(data), 3):
                broken[position] = rng.integers(0, 256)
            try:
                assert read_photo(bytes(broken), max_pixels=10_000).ndim == 3
            except InputError as error:
                assert error.code in ("not_an_image", "too_large")


class TestInstances:
    def test_16_bits(self) -> None:
        ids = np.array([[26001, 65535], [7, 0]], np.uint16)
        instances = read_instances(encoded(ids))
        assert instances.dtype == np.int32 and instances.tolist() == ids.tolist()

    def test_8_bits_and_palettes(self) -> None:
        ids = np.array([[1, 200], [7, 0]], np.uint8)
        palette = Image.fromarray(ids)
        palette.putpalette([0] * 768)
        assert read_instances(encoded(ids)).tolist() == read_instances(encoded(palette)).tolist() == ids.tolist()

    def test_sizes_are_those_of_labels(self) -> None:
        ids = np.arange(12, dtype=np.uint16).reshape(3, 4) + 1000
        with pytest.raises(InputError, match="instances is 4×3 pixels; allowed is 2×2, the model's size") as caught:
            read_instances(encoded(ids), size=(2, 2))
        assert caught.value.code == "wrong_size"
        assert read_instances(encoded(ids), size=(2, 2), resize=True).tolist() == [[1000, 1002], [1004, 1006]]

    def test_colours(self) -> None:
        with pytest.raises(InputError, match=r"instances is a colour picture \(RGB\)"):
            read_instances(encoded(ramp()))

    def test_16_bit_colours_are_not_cut_to_8(self) -> None:
        data = bytearray(encoded(np.zeros((1, 1, 3), np.uint8)))
        data[24] = 16
        data[29:33] = struct.pack(">I", zlib.crc32(bytes(data[12:29])))
        start = data.index(b"IDAT")
        pixels = b"IDAT" + zlib.compress(bytes(7))
        data[start - 4 :] = struct.pack(">I", len(pixels) - 4) + pixels + struct.pack(">I", zlib.crc32(pixels))
        with pytest.raises(InputError, match=r"instances is a 16-bit colour PNG; allowed is 8 bits a channel\."):
            read_instances(bytes(data))


def test_nearest_neighbour_of_colours() -> None:
    assert np.array_equal(resize_nearest(ramp(), (3, 4)), ramp()[::2, ::2])
