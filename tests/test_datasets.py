"""Data sets on disk: how each layout is found, paired and read, and what is said where files are missing."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.io import savemat

from model.data.classes import distinct_colours
from model.data.datasets import open_dataset
from model.errors import InputError
from model.recipe.labels import to_lab
from model.recipe.taxonomy import TAXONOMIES, Taxonomy

HEIGHT, WIDTH = 8, 12


def save(path: Path, pixels: np.ndarray) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, quality=95) if path.suffix == ".jpg" else Image.fromarray(pixels).save(path)
    return path


def save_photo(path: Path, value: int = 100) -> Path:
    return save(path, np.full((HEIGHT, WIDTH, 3), value, np.uint8))


def save_labels(path: Path, left: int = 0, right: int = 1) -> Path:
    labels = np.full((HEIGHT, WIDTH), left, np.uint8)
    labels[:, WIDTH // 2 :] = right
    return save(path, labels)


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    for index, name in enumerate(("a", "b", "deeper/c")):
        save_photo(tmp_path / f"photos/{name}.png", 50 * index)
        save_labels(tmp_path / f"labels/{name}.png", right=index)
    return tmp_path


def refusal(path: Path, taxonomy: str | None = None, split: str = "train") -> InputError:
    with pytest.raises(InputError) as caught:
        open_dataset(path, taxonomy, (4, 6), split)
    return caught.value


class TestPairs:
    def test_photos_and_labels_with_equal_names(self, pairs: Path) -> None:
        dataset = open_dataset(pairs, "landscape", (HEIGHT, WIDTH))
        assert [pair.photo.stem for pair in dataset.pairs] == ["a", "b", "c"]
        assert dataset.taxonomy is TAXONOMIES["landscape"]
        labels, photo, instances = dataset[2]
        assert labels.dtype == photo.dtype == torch.uint8
        assert labels.shape == (HEIGHT, WIDTH) and photo.shape == (3, HEIGHT, WIDTH) and instances is None
        assert labels[0].tolist() == [0] * 6 + [2] * 6
        assert photo.unique().tolist() == [100]

    def test_sizes(self, pairs: Path) -> None:
        labels, photo, _ = open_dataset(pairs, "landscape", (4, 6))[1]
        assert labels.tolist() == [[0, 0, 0, 1, 1, 1]] * 4
        assert photo.shape == (3, 4, 6)

    def test_instances_where_there_are_some(self, pairs: Path) -> None:
        for name in ("a", "b", "deeper/c"):
            save(pairs / f"instances/{name}.png", np.full((HEIGHT, WIDTH), 26001, np.uint16))
        instances = open_dataset(pairs, "landscape", (4, 6))[0][2]
        assert instances is not None and instances.dtype == torch.int32
        assert instances.tolist() == [[26001] * 6] * 4

    def test_a_taxonomy_of_its_own(self, pairs: Path) -> None:
        own = Taxonomy("rooms", ("a", "b", "c"), ((0, 0, 0), (1, 1, 1), (2, 2, 2)), ((0, 0, 0), (9, 9, 9), (8, 8, 8)))
        (pairs / "taxonomy.json").write_text(json.dumps(own.to_json()))
        assert open_dataset(pairs, None, (4, 6)).taxonomy == own

    def test_a_broken_taxonomy_is_named(self, pairs: Path) -> None:
        (pairs / "taxonomy.json").write_text("{")
        assert str(refusal(pairs)).startswith(f"{pairs / 'taxonomy.json'} is no taxonomy: Expecting property name")

    def test_samples(self, pairs: Path) -> None:
        labels, photo, instances = open_dataset(pairs, "landscape", (4, 6))[0]
        assert labels.shape == (4, 6) and photo.shape == (3, 4, 6) and instances is None

    def test_labels_photo_and_instances_belong_together(self, pairs: Path) -> None:
        ramp = np.arange(WIDTH, dtype=np.uint8)[None].repeat(HEIGHT, axis=0)
        for name in ("a", "b", "deeper/c"):
            save(pairs / f"photos/{name}.png", ramp[..., None].repeat(3, axis=-1))
            save(pairs / f"labels/{name}.png", ramp)
            save(pairs / f"instances/{name}.png", ramp.astype(np.uint16))
        for labels, photo, instances in (open_dataset(pairs, "landscape", (HEIGHT, WIDTH))[i] for i in range(3)):
            assert instances is not None
            assert torch.equal(photo[0], labels) and torch.equal(instances.to(torch.uint8), labels)


class TestDataSets:
    def test_deepfashion(self, tmp_path: Path) -> None:
        for split in ("train", "test"):
            save_photo(tmp_path / split / f"{split}_1.jpg")
            save_labels(tmp_path / f"cihp_{split}_mask" / f"{split}_1.png", 2, 7)
        dataset = open_dataset(tmp_path, None, (HEIGHT, WIDTH))
        assert dataset.taxonomy is TAXONOMIES["deepfashion"]
        assert dataset[0][0].unique().tolist() == [2, 7]
        assert dataset.pairs[0].photo.name == "train_1.jpg"
        assert open_dataset(tmp_path, None, (4, 6), "val").pairs[0].photo.name == "test_1.jpg"

    def test_cityscapes(self, tmp_path: Path) -> None:
        for stem in ("aachen/aachen_000000_000019", "ulm/ulm_000001_000019"):
            save_photo(tmp_path / f"leftImg8bit/train/{stem}_leftImg8bit.png")
            save_labels(tmp_path / f"gtFine/train/{stem}_gtFine_labelIds.png", 7, 26)
            save_photo(tmp_path / f"gtFine/train/{stem}_gtFine_color.png")
            save(tmp_path / f"gtFine/train/{stem}_gtFine_instanceIds.png", np.full((HEIGHT, WIDTH), 26001, np.uint16))
        dataset = open_dataset(tmp_path, None, (4, 6))
        assert len(dataset) == 2 and dataset.taxonomy is TAXONOMIES["cityscapes"]
        labels, _, instances = dataset[0]
        assert labels.unique().tolist() == [7, 26]
        assert instances is not None and instances.unique().tolist() == [26001]

    def test_ade20k_keeps_raw_values_and_counts_255_as_other(self, tmp_path: Path) -> None:
        save_photo(tmp_path / "images/training/ADE_train_00000001.jpg")
        save_labels(tmp_path / "annotations/training/ADE_train_00000001.png", 150, 255)
        save_photo(tmp_path / "images/validation/ADE_val_00000001.jpg")
        save_labels(tmp_path / "annotations/validation/ADE_val_00000001.png", 3, 1)
        assert open_dataset(tmp_path, None, (4, 6))[0][0].unique().tolist() == [0, 150]
        assert open_dataset(tmp_path, None, (4, 6), "val")[0][0].unique().tolist() == [1, 3]


class TestRefusals:
    def test_no_folder(self, tmp_path: Path) -> None:
        assert str(refusal(tmp_path / "none")) == f"{tmp_path / 'none'} is not a folder; allowed is a folder of photos."

    def test_no_layout(self, tmp_path: Path) -> None:
        error = refusal(tmp_path)
        assert error.allowed == [
            "pairs: photos/ and labels/",
            "deepfashion: train|test/ and cihp_train|test_mask/",
            "cityscapes: leftImg8bit/train|val/ and gtFine/train|val/",
            "ade20k: images/training|validation/ and annotations/training|validation/",
            "clothing-co-parsing: photos/ and annotations/pixel-level/",
            "sift-flow: Images/ and SemanticLabels/",
        ]
        assert "has the folders of no data set known here; allowed is pairs: photos/" in str(error)

    def test_no_such_split(self, pairs: Path) -> None:
        error = refusal(pairs, "landscape", split="val")
        assert str(error) == f"{pairs} (pairs) has no split 'val'; allowed is train." and error.allowed == ["train"]

    def test_no_such_taxonomy(self, pairs: Path) -> None:
        error = refusal(pairs, "coco")
        assert str(error).startswith("There is no taxonomy called 'coco'; allowed is landscape")
        assert error.allowed == list(TAXONOMIES)

    def test_photos_without_labels(self, pairs: Path) -> None:
        for name in "wxyz":
            save_photo(pairs / f"photos/{name}.jpg")
        error = refusal(pairs, "landscape")
        assert str(error) == (
            f"4 of 7 photos have no label map in {pairs / 'labels'}: {pairs / 'photos/w.jpg'}, "
            f"{pairs / 'photos/x.jpg'}, {pairs / 'photos/y.jpg'} and 1 more; complete them, or skip them with "
            "--skip-unpaired."
        )
        assert len(open_dataset(pairs, "landscape", (4, 6), skip_unpaired=True)) == 3

    def test_labels_without_photos(self, pairs: Path) -> None:
        save_labels(pairs / "labels/w.png")
        assert f"1 of 4 label maps have no photo in {pairs / 'photos'}" in str(refusal(pairs, "landscape"))

    def test_some_instances_missing(self, pairs: Path) -> None:
        save_labels(pairs / "instances/a.png")
        assert f"2 of 3 photos have no instance map in {pairs / 'instances'}" in str(refusal(pairs, "landscape"))

    def test_no_pairs_at_all(self, tmp_path: Path) -> None:
        (tmp_path / "photos").mkdir()
        (tmp_path / "labels").mkdir()
        assert f"no pair of a photo in {tmp_path / 'photos'} and a label map in" in str(refusal(tmp_path, "landscape"))

    def test_two_photos_of_one_name(self, pairs: Path) -> None:
        save_photo(pairs / "photos/a.jpg")
        assert "are both photos of a; allowed is one of them." in str(refusal(pairs, "landscape"))

    def test_hidden_files_are_not_photos(self, pairs: Path) -> None:
        (pairs / "photos/._a.png").write_bytes(b"finder")
        assert len(open_dataset(pairs, "landscape", (4, 6))) == 3

    def test_shapes_that_differ(self, pairs: Path) -> None:
        save(pairs / "labels/a.png", np.zeros((8, 8), np.uint8))
        with pytest.raises(InputError, match=r"a\.png is 12×8 pixels and its label map .*a\.png 8×8") as caught:
            open_dataset(pairs, "landscape", (4, 6))[0]
        assert caught.value.code == "wrong_size"

    def test_a_label_that_is_no_class_names_its_file(self, pairs: Path) -> None:
        save_labels(pairs / "labels/b.png", 0, 12)
        with pytest.raises(InputError, match=r"b\.png has a value that is no class of landscape: 12 on 48 pixels"):
            open_dataset(pairs, "landscape", (4, 6))[1]


OCTAVE = """# Created by Octave 9.1.0
# name: S
# type: uint16 matrix
# ndims: 2
 {height} {width}
{values}


"""


def octave_labels(labels: np.ndarray) -> str:
    values = "\n".join(f" {value}" for value in labels.ravel(order="F"))
    return OCTAVE.format(height=labels.shape[0], width=labels.shape[1], values=values)


def octave_names(names: list[str]) -> str:
    cells = "".join(
        f"# name: <cell-element>\n# type: sq_string\n# elements: 1\n# length: {len(name)}\n{name}\n\n\n"
        for name in names
    )
    head = f"# Created by Octave 9.1.0\n# name: names\n# type: cell\n# rows: 1\n# columns: {len(names)}\n"
    return f"{head}{cells}\n\n"


def ramp() -> np.ndarray:
    """A label map no part of which is like another, so that a transposed one is told."""
    labels = np.zeros((HEIGHT, WIDTH), np.uint8)
    labels[:2], labels[:, :3] = 1, 2
    return labels


@pytest.fixture(params=["octave", "matlab"])
def sift_flow(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    for name in ("coast_1", "coast_2", "forest_3"):
        save_photo(tmp_path / "Images/256x256" / f"{name}.jpg")
    places = tmp_path / "SemanticLabels/labels"
    places.mkdir(parents=True)
    for name in ("coast_1", "coast_2", "forest_3"):
        if request.param == "octave":
            (places / f"{name}.mat").write_text(octave_labels(ramp()))
        else:
            savemat(places / f"{name}.mat", {"S": ramp().astype(np.uint16)})
    names = ["awning", "balcony"]
    if request.param == "octave":
        (places.parent / "classes.mat").write_text(octave_names(names))
    else:
        savemat(places.parent / "classes.mat", {"names": np.array(names, dtype=object)[None]})
    (tmp_path / "TestSet1.txt").write_text("256x256\\coast_2.jpg\n")
    return tmp_path


class TestMatlabDataSets:
    def test_sift_flow(self, sift_flow: Path) -> None:
        dataset = open_dataset(sift_flow, None, (HEIGHT, WIDTH))
        assert [pair.photo.name for pair in dataset.pairs] == ["coast_1.jpg", "forest_3.jpg"]
        assert dataset.taxonomy.names == ("unlabeled", "awning", "balcony")
        assert (dataset[0][0].numpy() == ramp()).all()
        held_out = open_dataset(sift_flow, None, (HEIGHT, WIDTH), "val")
        assert [pair.photo.name for pair in held_out.pairs] == ["coast_2.jpg"]

    def test_sift_flow_without_its_list_of_test_photos(self, sift_flow: Path) -> None:
        (sift_flow / "TestSet1.txt").unlink()
        assert len(open_dataset(sift_flow, None, (HEIGHT, WIDTH))) == 3
        assert "lists none of the 3 photos" in str(refusal(sift_flow, split="val"))

    def test_clothing_co_parsing_of_which_some_photos_have_labels(self, tmp_path: Path) -> None:
        for name in ("0001", "0002", "0003"):
            save_photo(tmp_path / "photos" / f"{name}.jpg")
        (tmp_path / "annotations/pixel-level").mkdir(parents=True)
        for name in ("0001", "0003"):
            savemat(tmp_path / "annotations/pixel-level" / f"{name}.mat", {"groundtruth": ramp()})
        savemat(tmp_path / "label_list.mat", {"label_list": np.array(["null", "bag", "belt"], dtype=object)[None]})
        dataset = open_dataset(tmp_path, None, (HEIGHT, WIDTH))
        assert [pair.photo.stem for pair in dataset.pairs] == ["0001", "0003"]
        assert dataset.taxonomy.names == ("null", "bag", "belt")
        assert (dataset[1][0].numpy() == ramp()).all()

    def test_a_value_that_is_no_class(self, sift_flow: Path) -> None:
        savemat(sift_flow / "SemanticLabels/labels/coast_1.mat", {"S": ramp() + 7})
        with pytest.raises(
            InputError, match=r"coast_1\.mat has the value .* which is no class; allowed is 0 … 2, and 255"
        ):
            open_dataset(sift_flow, None, (4, 6))[0]

    @pytest.mark.parametrize(
        "content",
        [
            b"",
            b"MATLAB 5.0 MAT-file" + bytes(200),
            b"# Created by Octave 9.1.0\n# name: S\n# type: uint16 matrix\n# ndims: 2\n 8 12\n 3\n 4\n",
            b"# Created by Octave 9.1.0\n# name: S\n# type: uint16 matrix\n# ndims: 2\n 99999 99999\n 3\n",
            b"# Created by Octave 9.1.0\n# name: S\n# type: uint16",
            b"# Created by Octave 9.1.0\n# name: T\n# type: uint16 matrix\n# ndims: 2\n 1 1\n 3\n",
        ],
    )
    def test_a_file_that_cannot_be_read_is_named(self, sift_flow: Path, content: bytes) -> None:
        path = sift_flow / "SemanticLabels/labels/coast_1.mat"
        path.write_bytes(content)
        with pytest.raises(InputError, match=r"coast_1\.mat") as caught:
            open_dataset(sift_flow, None, (4, 6))[0]
        assert str(caught.value).endswith(".")


class TestPairsThatDoNotSayWhatTheirLabelsMean:
    def test_names_in_classes_json(self, pairs: Path, capsys: pytest.CaptureFixture[str]) -> None:
        (pairs / "classes.json").write_text('["sky", "sea", "sand"]')
        assert open_dataset(pairs, None, (4, 6)).taxonomy.names == ("sky", "sea", "sand")
        assert "has no taxonomy.json, so the names in classes.json are its 3 classes" in capsys.readouterr().err
        assert not (pairs / "taxonomy.json").exists()

    def test_values_found_in_the_label_maps(self, pairs: Path, capsys: pytest.CaptureFixture[str]) -> None:
        save_labels(pairs / "labels/b.png", 0, 255)
        taxonomy = open_dataset(pairs, None, (4, 6), write_taxonomy=True).taxonomy
        assert taxonomy.names == ("class 0", "class 1", "class 2")
        assert len(set(taxonomy.display)) == 3
        told = capsys.readouterr().err
        assert "the values found in 3 label maps are its 3 classes; they now stand in" in told
        written = json.loads((pairs / "taxonomy.json").read_text())
        assert Taxonomy.from_json(written) == taxonomy == open_dataset(pairs, None, (4, 6)).taxonomy
        assert capsys.readouterr().err == ""

    def test_labels_in_colours_cannot_be_guessed(self, pairs: Path) -> None:
        save_photo(pairs / "labels/a.png")
        assert "which only a taxonomy.json in the folder could explain" in str(refusal(pairs))

    @pytest.mark.parametrize("content", ["{", "[]", '{"sky": 0}', "[1, 2]"])
    def test_a_broken_list_of_names(self, pairs: Path, content: str) -> None:
        (pairs / "classes.json").write_text(content)
        assert str(pairs / "classes.json") in str(refusal(pairs))

    def test_pixels_without_a_class_are_255(self, pairs: Path) -> None:
        save_labels(pairs / "labels/a.png", 1, 255)
        assert open_dataset(pairs, "landscape", (4, 6))[0][0].tolist() == [[1, 1, 1, 255, 255, 255]] * 4


def test_colours_are_far_apart() -> None:
    for count in (1, 2, 19, 60):
        colours = np.array(distinct_colours(count))
        assert len(colours) == count
        distances = np.linalg.norm(to_lab(colours)[:, None] - to_lab(colours)[None], axis=-1)
        assert distances[~np.eye(count, dtype=bool)].min(initial=99) > 15
