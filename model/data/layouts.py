"""Where published data sets keep their photos, label maps and instance maps."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Layout:
    """Where a data set keeps its files. A photo's path below ``photos``, its ending and ``photo_ending`` taken off, is
    its key; its label map is ``labels``/key + ``label_ending``, in a file of the same folder structure.
    """

    name: str
    photos: str  # with {split}
    labels: str
    splits: dict[str, str]  # our word → the data set's folder
    taxonomy: str | None  # None: told by the caller, or by taxonomy.json in the folder
    instances: str | None = None
    photo_ending: str = ""
    label_ending: str = ".png"
    instance_ending: str = ".png"
    label_variable: str | None = None  # name of the matrix in the label files, where these are MATLAB files
    names: str | None = None  # file with the names of the classes
    names_variable: str | None = None  # name of the list in that file, where it is a MATLAB file
    first_names: tuple[str, ...] = ()  # names of the classes before the first one in that file
    by_name: bool = False  # photo and label map have one file name, whatever folders they are in
    some_labelled: bool = False  # photos without a label map are as they should be
    test_list: str | None = None  # file that lists the photos of val, one a line; train is the others

    def describe(self) -> str:
        return f"{self.name}: {self.photos}/ and {self.labels}/".replace("{split}", "|".join(self.splits.values()))

    def matches(self, root: Path) -> bool:
        """Whether the folders of any split are there."""
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
