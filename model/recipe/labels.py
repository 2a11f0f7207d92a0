"""Label maps and their PNG files: class indices uint8 [H, W]."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from PIL import Image

from model.errors import InputError, refuse
from model.recipe.images import MAX_PIXELS, Size, Source, read_png, resize_nearest
from model.recipe.taxonomy import UNKNOWN, Taxonomy

LISTED = 20  # most unknown values that an error's details list
NAMED = 4  # most unknown values that an error's message names


def read_labels(
    source: Source,
    taxonomy: Taxonomy,
    size: Size | None = None,
    resize: bool = False,
    *,
    max_pixels: int = MAX_PIXELS,
    field: str = "labels",
    keep_unknown: bool = False,
) -> np.ndarray:
    """A label map from a PNG file, as class indices uint8 [H, W].

    Greyscale PNGs of up to 8 bits and palette PNGs hold the indices themselves; the palette's colours do not matter.
    Colour PNGs hold one colour a class: the data set's own or the display colours, the data set's if both would do.

    With ``size`` the file must have that size; with ``resize`` as well it is sampled there by nearest neighbour.
    With ``keep_unknown`` the value 255 of pixels without a class is kept where the taxonomy has no class for them.
    Raises InputError: unknown_label, wrong_size, too_large, not_an_image, invalid.
    """
    image, values = read_png(source, size, resize, max_pixels, field)
    if values.dtype == np.uint16:
        allowed = "an 8-bit greyscale, palette or RGB PNG"
        refuse(field, "16-bit greyscale", f"is a 16-bit PNG ({image.mode})", allowed)
    if values.ndim == 3:
        labels = _from_colours(values.astype(np.uint8), taxonomy, field)
    else:
        labels = _from_indices(values.astype(np.uint8), taxonomy, field, keep_unknown)
    return labels if size is None else resize_nearest(labels, size)


def write_labels(labels: np.ndarray, taxonomy: Taxonomy) -> bytes:
    """A palette PNG in display colours whose indices are the classes; ``read_labels`` gives the same map back.

    ``labels`` are class indices [H, W]; raises InputError unknown_label for any other value.
    """
    indices = np.asarray(labels)
    if indices.ndim != 2 or indices.size == 0:
        refuse("labels", list(indices.shape), f"has the shape {list(indices.shape)}", "[H, W], both at least 1")
    if indices.min() < 0 or indices.max() >= len(taxonomy):
        _refuse_indices(indices, (indices < 0) | (indices >= len(taxonomy)), taxonomy, "labels")
    image = Image.fromarray(indices.astype(np.uint8))
    image.putpalette([channel for colour in taxonomy.display for channel in colour])
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def label_stats(labels: np.ndarray) -> dict[int, int]:
    """Class index → number of its pixels, for the classes in ``labels``, by rising index."""
    classes, counts = np.unique(labels, return_counts=True)
    return {int(index): int(count) for index, count in zip(classes, counts, strict=True)}


def _from_indices(values: np.ndarray, taxonomy: Taxonomy, field: str, keep_unknown: bool) -> np.ndarray:
    if taxonomy.unknown is not None:
        values = np.where(values == UNKNOWN, np.uint8(taxonomy.unknown), values)
    unknown = values >= len(taxonomy)
    if keep_unknown:
        unknown &= values != UNKNOWN
    if unknown.any():
        _refuse_indices(values, unknown, taxonomy, field)
    return values


def _refuse_indices(values: np.ndarray, unknown: np.ndarray, taxonomy: Taxonomy, field: str) -> None:
    last = len(taxonomy) - 1
    found, counts, total = _most_frequent(values[unknown])
    raise _unknown_label(
        "value" if total == 1 else f"{total:,} values",
        list(zip(found.tolist(), counts.tolist(), found.clip(0, last).tolist(), strict=True)),
        total,
        f"0 … {last}" if taxonomy.unknown is None else f"0 … {last}, and {UNKNOWN} for unknown",
        taxonomy,
        field,
    )


def _from_colours(rgb: np.ndarray, taxonomy: Taxonomy, field: str) -> np.ndarray:
    packed = _pack(rgb)  # [H, W]
    unknown = np.ones(packed.shape, dtype=bool)
    for table in (taxonomy.colours, taxonomy.display):
        colours, first = np.unique(_pack(np.array(table)), return_index=True)
        position = np.searchsorted(colours, packed).clip(max=len(colours) - 1)
        missing = colours[position] != packed
        if not missing.any():
            indices: np.ndarray = first[position].astype(np.uint8)
            return indices
        if missing.sum() < unknown.sum():
            unknown = missing
    found, counts, total = _most_frequent(packed[unknown])
    spectrum = np.stack([found >> 16, found >> 8 & 255, found & 255], axis=-1)  # [K, 3]
    names = [f"#{colour:06x}" for colour in found.tolist()]
    raise _unknown_label(
        "colour" if total == 1 else f"{total:,} colours",
        list(zip(names, counts.tolist(), _nearest_classes(spectrum, taxonomy).tolist(), strict=True)),
        total,
        f"the colours of {taxonomy.name}, its own or the display colours",
        taxonomy,
        field,
    )


def _most_frequent(values: np.ndarray) -> tuple[np.ndarray, np.ndarray, int]:
    """(the ``LISTED`` most frequent values, how often each occurs, the number of different values)."""
    found, counts = np.unique(values, return_counts=True)
    order = np.argsort(-counts, kind="stable")[:LISTED]
    return found[order], counts[order], len(found)


def _unknown_label(
    found: str, rows: list[tuple[Any, int, int]], total: int, allowed: str, taxonomy: Taxonomy, field: str
) -> InputError:
    """The error for ``total`` values that are no class.

    ``rows`` has (value, number of its pixels, nearest class) of the most frequent ones.
    """
    details = [
        {"value": value, "pixels": pixels, "nearest": {"index": nearest, "name": taxonomy.names[nearest]}}
        for value, pixels, nearest in rows
    ]
    named = ", ".join(
        f"{value} on {pixels:,} {'pixel' if pixels == 1 else 'pixels'} (nearest: {nearest} {taxonomy.names[nearest]})"
        for value, pixels, nearest in rows[:NAMED]
    )
    more = f", and {total - NAMED:,} more" if total > NAMED else ""
    subject = f"a {found} that is" if total == 1 else f"{found} that are"
    return InputError(
        f"{field} has {subject} no class of {taxonomy.name}: {named}{more}; allowed is {allowed}.",
        code="unknown_label",
        field=field,
        value=rows[0][0],
        allowed=allowed,
        details=details,
    )


def _nearest_classes(rgb: np.ndarray, taxonomy: Taxonomy) -> np.ndarray:
    """The class nearest to each colour [K, 3] of 0 … 255: the one whose data set or display colour has the smallest
    distance in CIE Lab (ΔE, CIE 1976), the lowest index of equally near ones. The page proposes by the same rule.
    """
    table = to_lab(np.array([taxonomy.colours, taxonomy.display]))  # [2, C, 3]
    distances = np.square(to_lab(rgb)[:, None, None] - table).sum(axis=-1)  # [K, 2, C]
    return distances.min(axis=1).argmin(axis=1)


def to_lab(rgb: np.ndarray) -> np.ndarray:
    """sRGB […, 3] of 0 … 255 → CIELAB under the white point D65 […, 3]: L* in 0 … 100, a* and b*."""
    srgb = rgb / 255
    linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    to_xyz = np.array(
        [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
    )
    xyz = linear @ to_xyz.T / to_xyz.sum(axis=1)
    f = np.where(xyz > (6 / 29) ** 3, np.cbrt(xyz), xyz / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.stack([116 * f[..., 1] - 16, 500 * (f[..., 0] - f[..., 1]), 200 * (f[..., 1] - f[..., 2])], axis=-1)


def _pack(rgb: np.ndarray) -> np.ndarray:
    """Colours […, 3] as one integer each, 0xRRGGBB: […]."""
    channels = rgb.astype(np.uint32)
    return channels[..., 0] << 16 | channels[..., 1] << 8 | channels[..., 2]
