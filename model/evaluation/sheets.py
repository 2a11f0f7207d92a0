"""Contact sheets of an evaluation: each column shows a label map, its pictures, and where one class changed them."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from model.evaluation.survey import Shown
from model.recipe.taxonomy import Taxonomy

GAP, MARGIN, CAPTION = 4, 132, 15  # pixels between pictures, at the left for the rows' names, and of a letter's height
PAPER, INK = (250, 249, 246), (40, 40, 44)  # colours of the sheet and of its text
HEAT = np.array([(0, 0, 0), (90, 10, 110), (210, 60, 60), (250, 180, 50), (255, 255, 230)])  # from no change to much
HOTTEST = 96  # mean change, in 0 … 255, that is shown as the brightest
ACROSS = 10  # most columns beside each other
BETWEEN = 5 * GAP  # pixels between two blocks of columns
QUALITIES = (90, 80, 70, 60, 50)  # WebP qualities, tried in turn until a sheet is small enough
SHRINK, MEBIBYTES = 0.8, 2  # factor of the sides where no quality is low enough, and the largest file
WEBP_SIDE = 16383  # most pixels a side of a WebP


def save_sheet(columns: Sequence[Shown], taxonomy: Taxonomy, path: Path) -> None:
    """Write the sheet as a WebP under 2 MiB, of the best quality that is small enough; where none is, smaller."""
    image = sheet(columns, taxonomy)
    while True:
        for quality in QUALITIES if max(image.size) <= WEBP_SIDE else ():
            out = io.BytesIO()
            image.save(out, "WEBP", quality=quality, method=4)
            if out.tell() < MEBIBYTES * 2**20:
                path.write_bytes(out.getvalue())
                return
        image = image.resize((round(image.width * SHRINK), round(image.height * SHRINK)), Image.Resampling.LANCZOS)


def sheet(columns: Sequence[Shown], taxonomy: Taxonomy) -> Image.Image:
    """The pictures of each column under its label map, in blocks of ten columns one below the other."""
    blocks = [_block(columns[start : start + ACROSS], taxonomy) for start in range(0, len(columns), ACROSS)]
    height = sum(block.height for block in blocks) + BETWEEN * (len(blocks) - 1)
    image, top = Image.new("RGB", (blocks[0].width, height), PAPER), 0
    for block in blocks:
        image.paste(block, (0, top))
        top += block.height + BETWEEN
    return image


def _block(columns: Sequence[Shown], taxonomy: Taxonomy) -> Image.Image:
    """The pictures of each column under its label map, with the rows' names at the left.

    Rows that no column has are left out.
    """
    rows = [
        row
        for row in _rows(columns[0], taxonomy)
        if any(_rows(column, taxonomy)[row] is not None for column in columns)
    ]
    height, width = columns[0].labels.shape
    image = Image.new("RGB", (MARGIN + len(columns) * (width + GAP), len(rows) * (height + GAP) + GAP), PAPER)
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(CAPTION)
    for i, name in enumerate(rows):
        top = GAP + i * (height + GAP)
        draw.multiline_text((GAP * 2, top + height // 2), name, INK, font, anchor="lm")
        for j, column in enumerate(columns):
            picture = _rows(column, taxonomy)[name]
            if picture is not None:
                image.paste(Image.fromarray(picture), (MARGIN + j * (width + GAP), top))
    return image


def _rows(column: Shown, taxonomy: Taxonomy) -> dict[str, np.ndarray | None]:
    """Name of a row → the column's picture uint8 [H, W, 3], or None where it has none."""
    rows = {
        "label map": np.array(taxonomy.display, np.uint8)[column.labels],
        "photo": column.real,
        "its look,\nencoded": column.encoded,
    }
    rows |= {f"sampled look {i}": picture for i, picture in enumerate(column.prior, start=1)}
    return rows | {"look 1, one\nclass resampled": column.resampled, "where that\nchanged it": heat_map(column)}


def heat_map(column: Shown) -> np.ndarray:
    """The mean change of each pixel from the first sampled look to the resampled one, as colours uint8 [H, W, 3].

    The resampled class's borders are drawn in white.
    """
    change = np.abs(column.resampled.astype(float) - column.prior[0]).mean(2)
    at = (change / HOTTEST).clip(0, 1) * (len(HEAT) - 1)
    colours = np.stack([np.interp(at, range(len(HEAT)), HEAT[:, i]) for i in range(3)], axis=-1).astype(np.uint8)
    inside = column.labels == column.resampled_class
    border = np.zeros_like(inside)
    border[:, 1:] |= inside[:, 1:] != inside[:, :-1]
    border[1:] |= inside[1:] != inside[:-1]
    colours[border] = 255
    return colours
