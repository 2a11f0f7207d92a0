"""Photos with label maps in folders: pairs by file name, and published data sets in their own layouts."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import Dataset

from model.data.classes import named_taxonomy, numbered_names, read_class_names, read_label_matrix
from model.data.layouts import LAYOUTS, Layout
from model.errors import InputError
from model.recipe.images import Size, read_instances, read_photo, resize_nearest
from model.recipe.labels import read_labels
from model.recipe.taxonomy import TAXONOMIES, Taxonomy

Sample = tuple[Tensor, Tensor, Tensor | None]  # labels uint8 [H, W], photo uint8 [3, H, W], instances int32 [H, W]
PHOTO_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")
ASPECT_TOLERANCE = 0.02  # most relative difference of width ÷ height between a photo and its label map
NAMED = 3  # most files that an error's message names
LISTED = 20  # most files that an error's details list


@dataclass(frozen=True)
class Pair:
    """The paths of one sample's files."""

    photo: Path
    labels: Path
    instances: Path | None = None


class PairFolder(Dataset[Sample]):
    """Photos with label maps, resized to ``size`` (H, W): photos by Lanczos, the others by nearest neighbour.

    A sample is labels uint8 [H, W], where 255 is unknown, photo uint8 [3, H, W], and instances int32 [H, W] or None
    where the data set has none. Raises InputError, which names the file, where a file cannot be read, or where photo
    and label map have different shapes.
    """

    def __init__(self, pairs: list[Pair], taxonomy: Taxonomy, size: Size, label_variable: str | None = None) -> None:
        """``label_variable`` names the matrix of the label files where those are MATLAB's."""
        self.pairs, self.taxonomy, self.size = pairs, taxonomy, (size[0], size[1])
        self.label_variable = label_variable

    def __len__(self) -> int:
        return len(self.pairs)

    def resized(self, size: Size) -> PairFolder:
        """The same data set at another size."""
        return PairFolder(self.pairs, self.taxonomy, size, self.label_variable)

    def read(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        """A pair at the sizes of its files: photo uint8 [H, W, 3], labels uint8 [h, w]; the two sizes may differ."""
        pair = self.pairs[index]
        if self.label_variable is None:
            labels = read_labels(pair.labels, self.taxonomy, field=pair.labels.name, keep_unknown=True)
        else:
            labels = read_label_matrix(pair.labels, self.label_variable, len(self.taxonomy), pair.labels.name)
        photo = read_photo(pair.photo, field=pair.photo.name)
        _check_shapes(pair, photo.shape[:2], labels.shape)
        return photo, labels

    def __getitem__(self, index: int) -> Sample:
        pair, (photo, labels) = self.pairs[index], self.read(index)
        height, width = self.size
        if photo.shape[:2] != self.size:
            photo = np.array(Image.fromarray(photo).resize((width, height), Image.Resampling.LANCZOS))
        instances = None
        if pair.instances is not None:
            ids = read_instances(pair.instances, self.size, resize=True, field=pair.instances.name)
            instances = torch.from_numpy(ids)  # [H, W]
        planes = torch.from_numpy(photo).permute(2, 0, 1).contiguous()  # [3, H, W]
        return torch.from_numpy(resize_nearest(labels, self.size)), planes, instances


def open_dataset(
    path: str | Path,
    taxonomy_name: str | None,
    size: Size,
    split: str | None = "train",
    *,
    skip_unpaired: bool = False,
    write_taxonomy: bool = False,
) -> PairFolder:
    """The data set in a folder, whose subfolders show which of ``LAYOUTS`` it has.

    The taxonomy is the one named, or the layout's own, or for plain pairs the one in the folder's ``taxonomy.json``.
    ``split`` is "train" or "val"; None takes "val" where the data set has it. ``skip_unpaired`` leaves out files
    without a counterpart, which are an error otherwise. Plain pairs without a taxonomy get classes by the values in
    their label files; ``write_taxonomy`` writes these into the folder, where the user can name them. Raises InputError
    for a folder of no known layout, a split that it lacks, an unknown taxonomy and files without a counterpart.
    """
    root = Path(path)
    layout = _find_layout(root)
    split = split or ("val" if "val" in layout.splits else "train")
    if split not in layout.splits:
        raise InputError(
            f"{root} ({layout.name}) has no split {split!r}; allowed is {', '.join(layout.splits)}.",
            field="split",
            value=split,
            allowed=list(layout.splits),
        )
    taxonomy = _find_taxonomy(root, layout, taxonomy_name)
    if taxonomy is None:
        taxonomy = _made_taxonomy(root, layout, write_taxonomy)
    pairs = _find_pairs(root, layout, layout.splits[split], skip_unpaired)
    if layout.test_list is not None:
        pairs = _listed(pairs, root / layout.test_list, split == "val")
    return PairFolder(pairs, taxonomy, size, layout.label_variable)


def _find_layout(root: Path) -> Layout:
    """The layout that has the folder's subfolders; raises InputError where none has."""
    if not root.is_dir():
        raise InputError(f"{root} is not a folder; allowed is a folder of photos.", field="data", value=str(root))
    for layout in LAYOUTS:
        if layout.matches(root):
            return layout
    allowed = [layout.describe() for layout in LAYOUTS]
    raise InputError(
        f"{root} has the folders of no data set known here; allowed is {'; '.join(allowed)}.",
        field="data",
        value=str(root),
        allowed=allowed,
    )


def _find_taxonomy(root: Path, layout: Layout, name: str | None) -> Taxonomy | None:
    """The taxonomy by name, layout or file; None for plain pairs that have none. Raises InputError for other names."""
    name = name or layout.taxonomy
    if name is None and (root / "taxonomy.json").is_file():
        try:
            return Taxonomy.from_json(json.loads((root / "taxonomy.json").read_text(encoding="utf-8")))
        except ValueError as error:
            reason = str(error).rstrip(".")
            raise InputError(f"{root / 'taxonomy.json'} is no taxonomy: {reason}.", field="taxonomy") from error
    if name in TAXONOMIES:
        return TAXONOMIES[name]
    if name is None and layout.names is not None:
        names = read_class_names(root / layout.names, layout.names_variable)
        return named_taxonomy(layout.name, [*layout.first_names, *names])
    if name is None:
        return None
    raise InputError(
        f"There is no taxonomy called {name!r}; allowed is {', '.join(TAXONOMIES)}, or a taxonomy.json in the folder.",
        field="taxonomy",
        value=name,
        allowed=list(TAXONOMIES),
    )


def _made_taxonomy(root: Path, layout: Layout, write: bool) -> Taxonomy:
    """A taxonomy for pairs that have none: the classes in ``classes.json``, or one for each value in the label files.

    Values count up to the largest one. A note on stderr tells the user.
    """
    if (root / "classes.json").is_file():
        names, origin = read_class_names(root / "classes.json"), "the names in classes.json"
    else:
        files = sorted(_files(root / layout.labels, layout.label_ending).values())
        names, origin = numbered_names(files), f"the values found in {len(files):,} label maps"
    taxonomy = named_taxonomy(root.resolve().name, names)
    note = f"{root} has no taxonomy.json, so {origin} are its {len(names)} classes"
    if write:
        path = root / "taxonomy.json"
        try:
            path.write_text(json.dumps(taxonomy.to_json(), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
            note += f"; they now stand in {path}, where you can name and colour them"
        except OSError as error:
            note += f"; {path} could not be written: {(error.strerror or 'no reason given').lower()}"
    print(f"note: {note}", file=sys.stderr)
    return taxonomy


def _find_pairs(root: Path, layout: Layout, folder: str, skip_unpaired: bool) -> list[Pair]:
    """The pairs of one split by rising key; raises InputError where there is none, or a file has no counterpart."""
    photo_root, label_root = root / layout.photos.format(split=folder), root / layout.labels.format(split=folder)
    photos: dict[str, Path] = {}
    for suffix in PHOTO_SUFFIXES:
        for key, file in _files(photo_root, layout.photo_ending + suffix, layout.by_name).items():
            if key in photos:
                raise InputError(
                    f"{photos[key]} and {file} are both photos of {key}; allowed is one of them.", field="data"
                )
            photos[key] = file
    labels = _files(label_root, layout.label_ending, layout.by_name)
    if layout.names is not None:
        labels = {key: file for key, file in labels.items() if file != root / layout.names}
    paired = sorted(photos.keys() & labels.keys())
    if not skip_unpaired:
        if not layout.some_labelled:
            _check_counterparts("photo", photos, "label map", labels, label_root)
        _check_counterparts("label map", labels, "photo", photos, photo_root)
    if not paired:
        raise InputError(
            f"{root} ({layout.name}) has no pair of a photo in {photo_root} and a label map in {label_root}.",
            field="data",
            value=str(root),
        )
    instances: dict[str, Path] = {}
    if layout.instances is not None:
        instance_root = root / layout.instances.format(split=folder)
        instances = _files(instance_root, layout.instance_ending)
        if instances:  # where there are some, every pair needs one
            _check_counterparts("photo", {key: photos[key] for key in paired}, "instance map", instances, instance_root)
    return [Pair(photos[key], labels[key], instances.get(key)) for key in paired]


def _listed(pairs: list[Pair], path: Path, wanted: bool) -> list[Pair]:
    """The pairs whose photos the file at ``path`` lists, or with ``wanted`` false the others.

    A file that is not there lists none. Raises InputError where no pair is left.
    """
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines() if path.is_file() else []
    listed = {line.replace("\\", "/").rpartition("/")[2].strip() for line in lines}
    chosen = [pair for pair in pairs if (pair.photo.name in listed) == wanted]
    if not chosen:
        which = "none" if wanted else "all"
        raise InputError(
            f"{path} lists {which} of the {len(pairs):,} photos beside it.", field="split", value=str(path)
        )
    return chosen


def _files(root: Path, ending: str, by_name: bool = False) -> dict[str, Path]:
    """Key → file, for the visible files below a folder whose names have this ending, in upper or lower case.

    The key is the path below the folder without the ending, or with ``by_name`` the file's name without it.
    """
    return {
        (file.name if by_name else file.relative_to(root).as_posix())[: -len(ending)]: file
        for file in root.rglob("*")
        if file.name.lower().endswith(ending.lower()) and not file.name.startswith(".") and file.is_file()
    }


def _check_counterparts(kind: str, files: dict[str, Path], other: str, others: dict[str, Path], folder: Path) -> None:
    """Raises InputError where a key of ``files`` is not among ``others``, which lie in ``folder``."""
    missing = sorted(str(files[key]) for key in files.keys() - others.keys())
    if not missing:
        return
    more = f" and {len(missing) - NAMED:,} more" if len(missing) > NAMED else ""
    raise InputError(
        f"{len(missing):,} of {len(files):,} {kind}s have no {other} in {folder}: {', '.join(missing[:NAMED])}{more}; "
        "complete them, or skip them with --skip-unpaired.",
        field="data",
        value=len(missing),
        details=missing[:LISTED],
    )


def _check_shapes(pair: Pair, photo: tuple[int, ...], labels: tuple[int, ...]) -> None:
    """Raises InputError "wrong_size" where the sizes [H, W] of photo and label map have different shapes."""
    aspects = photo[1] / photo[0], labels[1] / labels[0]
    if abs(aspects[0] / aspects[1] - 1) > ASPECT_TOLERANCE:
        turned = abs(aspects[0] * aspects[1] - 1) <= ASPECT_TOLERANCE
        hint = "; if the photo's EXIF turns it and its label map is not turned, save both upright" if turned else ""
        raise InputError(
            f"{pair.photo} is {photo[1]}×{photo[0]} pixels and its label map {pair.labels} {labels[1]}×{labels[0]}: "
            f"they do not show the same{hint}.",
            code="wrong_size",
            field="data",
            value=list(labels),
            allowed=list(photo),
        )
