"""The folders and file names of published data sets' photos, label maps and instance maps."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Layout:
    """Where a data set keeps its files.

    A photo's key is its path below ``photos`` without the suffix and ``photo_ending``. Its label map is the file
    ``labels``/key + ``label_ending``, and its instance map is found likewise.
    """

    name: str
    photos: str  # folder of the photos, in which {split} stands for the split's folder
    labels: str  # folder of the label maps, likewise
    splits: dict[str, str]  # "train" or "val" → the data set's name for it
    taxonomy: str | None  # name of the taxonomy; None where the caller names it or the folder has a taxonomy.json
    instances: str | None = None  # folder of the instance maps
    photo_ending: str = ""  # end of a photo's name before its suffix
    label_ending: str = ".png"  # end of a label map's name
    instance_ending: str = ".png"  # end of an instance map's name
    label_variable: str | None = None  # name of the matrix in the label files, where these are MATLAB files
    names: str | None = None  # file with the names of the classes
    names_variable: str | None = None  # name of the list in that file, where it is a MATLAB file
    first_names: tuple[str, ...] = ()  # names of the classes before the first one in that file
    by_name: bool = False  # photo and label map have one file name, whatever folders they are in
    some_labelled: bool = False  # photos without a label map are as they should be
    test_list: str | None = None  # file that lists the photos of val, one a line; train is the others

    def describe(self) -> str:
        """The layout in words: its name and its folders."""
        return f"{self.name}: {self.photos}/ and {self.labels}/".replace("{split}", "|".join(self.splits.values()))

    def matches(self, root: Path) -> bool:
        """Whether the folder ``root`` has the photos' and label maps' folders of at least one split."""
        return any(
            (root / self.photos.format(split=folder)).is_dir() and (root / self.labels.format(split=folder)).is_dir()
            for folder in self.splits.values()
        )


LAYOUTS = (
    Layout("pairs", "photos", "labels", {"train": "train"}, taxonomy=None, instances="instances"),
    Layout("deepfashion", "{split}", "cihp_{split}_mask", {"train": "train", "val": "test"}, taxonomy="deepfashion"),
    Layout(
        "cityscapes",
        "leftImg8bit/{split}",
        "gtFine/{split}",
        {"train": "train", "val": "val"},
        taxonomy="cityscapes",
        instances="gtFine/{split}",
        photo_ending="_leftImg8bit",
        label_ending="_gtFine_labelIds.png",
        instance_ending="_gtFine_instanceIds.png",
    ),
    Layout(
        "ade20k",
        "images/{split}",
        "annotations/{split}",
        {"train": "training", "val": "validation"},
        taxonomy="ade20k",
    ),
    Layout(
        "clothing-co-parsing",
        "photos",
        "annotations/pixel-level",
        {"train": "."},
        taxonomy=None,
        label_ending=".mat",
        label_variable="groundtruth",
        names="label_list.mat",
        names_variable="label_list",
        some_labelled=True,
    ),
    Layout(
        "sift-flow",
        "Images",
        "SemanticLabels",
        {"train": ".", "val": "."},
        taxonomy=None,
        label_ending=".mat",
        label_variable="S",
        names="SemanticLabels/classes.mat",
        names_variable="names",
        first_names=("unlabeled",),
        by_name=True,
        test_list="TestSet1.txt",
    ),
)
