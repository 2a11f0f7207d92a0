"""Batches from a prepared set, photos that are decoded once, and runs and evaluations on them."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from small_sets import scene, write_pair, write_prepared

from model.__main__ import main
from model.checkpoint import load_checkpoint
from model.data.datasets import open_dataset
from model.data.decoded import decode
from model.data.prepared import PreparedPhotos, open_prepared
from model.data.sources import PhotoFolder
from model.errors import InputError

CPU = torch.device("cpu")
PLAN: dict[str, Any] = {
    "phases": [{"size": [64, 64], "batch": 2, "images": 4}],
    "init_gain": None,
    "discriminator_width": 8,
    "perceptual": "segmenter",
    "segmenter_images": 4,
    "weights": {"kl": 0.01, "moments": 10, "locality": 5, "labels": 1},
    "code_sigma": 0.2,
    "kl_per_image": True,
    "prior_share": 0.5,
}


@pytest.fixture(scope="module")
def stripes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_prepared(tmp_path_factory.mktemp("stripes"), 6, 12, (96, 64), unknown=True)


def colours(photos: PreparedPhotos) -> torch.Tensor:
    return torch.tensor(photos.taxonomy.display).float() / 127.5 - 1


class TestBatches:
    def test_labels_are_those_of_the_pixels(self, stripes: Path) -> None:
        photos = PreparedPhotos(stripes, CPU)
        batch = photos.batch(0, 16, (96, 64))
        assert batch.labels.shape == (16, 96, 64) and batch.photos.shape == (16, 3, 96, 64)
        drawn = colours(photos)[batch.labels].permute(0, 3, 1, 2)
        assert (batch.photos - drawn).abs().mean() < 0.05
        assert batch.instances is None and batch.labels.dtype == torch.long

    def test_pixels_without_a_class_have_the_nearest_and_are_marked(self, stripes: Path) -> None:
        batch = PreparedPhotos(stripes, CPU).batch(0, 8, (96, 64))
        assert batch.known is not None and batch.known.dtype == torch.bool
        assert (batch.known.float().mean((1, 2)) == 7 / 8).all()
        assert batch.labels.max() < 6

    def test_a_set_that_knows_all_pixels_says_so(self, tmp_path: Path) -> None:
        folder = write_prepared(tmp_path, 5, 4, (64, 64))
        assert PreparedPhotos(folder, CPU).batch(0, 2, (64, 64)).known is None

    def test_a_batch_is_a_function_of_seed_and_step(self, stripes: Path) -> None:
        one, same = PreparedPhotos(stripes, CPU, 3), PreparedPhotos(stripes, CPU, 3)
        other = PreparedPhotos(stripes, CPU, 4)
        first = one.batch(7, 4, (48, 32))
        assert torch.equal(first.photos, same.batch(7, 4, (48, 32)).photos)
        assert not torch.equal(first.photos, one.batch(8, 4, (48, 32)).photos)
        assert not torch.equal(first.photos, other.batch(7, 4, (48, 32)).photos)

    def test_crops_are_taken_anywhere_at_several_scales_and_mirrored(self, stripes: Path) -> None:
        photos = PreparedPhotos(stripes, CPU, groups=["even"], crop=0.5)
        rows = photos.batch(0, 200, (32, 32)).labels[:, 0]  # the stripes of each crop, 3 or 4 of them
        assert {len(row.unique()) for row in rows} == {3, 4}
        steps = [int((row[-1] - row[0]) % 6) for row in rows if len(row.unique()) == 3]
        assert set(steps) == {2, 4}  # upwards and, mirrored, downwards

    def test_smaller_pictures_are_means_of_areas(self, tmp_path: Path) -> None:
        folder = write_prepared(tmp_path, 5, 1, (64, 64))
        checks = np.indices((64, 64)).sum(0) % 2 * 200
        Image.fromarray(checks.astype(np.uint8)).convert("RGB").save(folder / "train/photos/photo000.jpg", quality=100)
        batch = PreparedPhotos(folder, CPU, crop=1).batch(0, 4, (32, 32))
        assert (batch.photos - (100 / 127.5 - 1)).abs().max() < 0.05

    def test_groups_choose_photos(self, stripes: Path) -> None:
        assert len(PreparedPhotos(stripes, CPU)) == 12 and len(PreparedPhotos(stripes, CPU, groups=["even"])) == 6
        seen = PreparedPhotos(stripes, CPU, groups=["even"], crop=1).batch(0, 40, (96, 64)).labels
        assert set(torch.minimum(seen[:, 0, 0], seen[:, 0, -1]).tolist()) <= {0, 1, 2, 4}  # photo 2 shows 2, 3, 4, 5

    def test_the_splits_are_apart(self, stripes: Path) -> None:
        assert len(PreparedPhotos(stripes, CPU, split="val")) == 3

    def test_photos_of_rare_classes_are_shown_oftener(self, tmp_path: Path) -> None:
        folder = write_prepared(tmp_path, 8, 10, (64, 64))
        for index in range(9):  # all but photo 9 show the class 0 only
            Image.fromarray(np.zeros((64, 64), np.uint8)).save(folder / f"train/labels/photo{index:03}.png")

        def share(rare: float) -> float:
            labels = PreparedPhotos(folder, CPU, crop=1, rare=rare).batch(0, 300, (64, 64)).labels
            return float((labels.amax((1, 2)) > 0).float().mean())

        assert share(0) == pytest.approx(0.1, abs=0.06)
        assert share(1) == pytest.approx(0.5, abs=0.1)

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"groups": ["odd"]}, r"has no group 'odd'; allowed is even\."),
            ({"split": "test"}, "has no photos in its split 'test'"),
            ({"crop": 0.0}, "crop is 0.0"),
            ({"rare": 2.0}, "rare 2.0"),
        ],
    )
    def test_refusals(self, stripes: Path, options: dict[str, Any], message: str) -> None:
        with pytest.raises(InputError, match=message):
            PreparedPhotos(stripes, CPU, **options)

    def test_a_size_that_the_photos_do_not_have(self, stripes: Path) -> None:
        with pytest.raises(InputError, match="Photos of 96×64 pixels cannot be shown at 128×128; allowed is that size"):
            PreparedPhotos(stripes, CPU).batch(0, 1, (128, 128))

    @pytest.mark.parametrize("content", ["", "{}", '{"photos": [1], "recipe": {"size": [8, 8]}}'])
    def test_a_damaged_record(self, tmp_path: Path, content: str) -> None:
        write_prepared(tmp_path, 5, 1, (64, 64))
        (tmp_path / "prepared.json").write_text(content)
        with pytest.raises(InputError, match="is not a prepared set that can be read"):
            open_prepared(tmp_path)


class TestDecoding:
    def test_the_arrays_are_kept_until_a_file_changes(self, tmp_path: Path) -> None:
        folder = write_prepared(tmp_path / "set", 5, 3, (64, 64))
        dataset = open_prepared(folder).dataset("train")
        decode(dataset, tmp_path / "decoded")
        array = tmp_path / "decoded/photos.npy"
        written = array.stat().st_mtime_ns, array.stat().st_ino
        decode(dataset, tmp_path / "decoded")
        assert (array.stat().st_mtime_ns, array.stat().st_ino) == written
        photo = folder / "train/photos/photo001.jpg"
        Image.fromarray(np.full((64, 64, 3), 7, np.uint8)).save(photo, quality=95)
        os.utime(photo, ns=(1, 1))
        again = decode(dataset, tmp_path / "decoded")
        assert (again.photos[1] == 7).all() and (array.stat().st_mtime_ns, array.stat().st_ino) != written

    def test_a_broken_off_decoding_is_begun_anew(self, tmp_path: Path) -> None:
        dataset = open_prepared(write_prepared(tmp_path / "set", 5, 3, (64, 64))).dataset("train")
        (tmp_path / "decoded").mkdir()
        (tmp_path / "decoded/photos.npy").write_bytes(b"half")
        assert decode(dataset, tmp_path / "decoded").photos.shape == (3, 64, 64, 3)

    def test_a_folder_of_photos_gives_the_same_batches_decoded_or_not(self, tmp_path: Path) -> None:
        for index, name in enumerate("abc"):
            photo, labels = scene(index)
            labels[:4] = 255 if index == 1 else 1
            write_pair(tmp_path / "data", name, photo, labels)
            (tmp_path / "data/instances").mkdir(exist_ok=True)
            Image.fromarray(labels.astype(np.uint16) * 300).save(tmp_path / f"data/instances/{name}.png")
        straight = PhotoFolder(tmp_path / "data", "landscape", CPU, 1)
        kept = PhotoFolder(tmp_path / "data", "landscape", CPU, 1, keep=tmp_path / "decoded")
        for step in range(3):
            first, second = straight.batch(step, 8, (32, 24)), kept.batch(step, 8, (32, 24))
            assert torch.equal(first.labels, second.labels) and torch.equal(first.photos, second.photos)
            assert first.instances is not None and second.instances is not None and second.known is not None
            assert torch.equal(first.instances, second.instances)
            all_known = torch.ones_like(second.known)
            assert not second.known.all()  # eight draws out of three photos contain the one with unknown pixels
            assert torch.equal(all_known if first.known is None else first.known, second.known)
            assert first.labels.max() < 3

    def test_a_photo_without_any_known_class_is_no_error(self, tmp_path: Path) -> None:
        photo, labels = scene(0)
        write_pair(tmp_path, "a", photo, np.full_like(labels, 255))
        batch = PhotoFolder(tmp_path, "landscape", CPU).batch(0, 2, (32, 32))
        assert batch.known is not None and not batch.known.any() and (batch.labels == 0).all()


@pytest.mark.parametrize("classes", [5, 19])
def test_a_set_of_any_number_of_classes_is_trained_and_evaluated(
    tmp_path: Path, classes: int, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = write_prepared(tmp_path / "set", classes, 8, (64, 64), unknown=True)
    widths = [classes * 2] * 3 + [classes, 8, 8, 8]
    network = {"classes": classes, "image_size": [64, 64], "widths": widths, "hidden": classes}
    network |= {"groups": [classes] * 4 + [1] * 3, "encoder_width": classes}
    (tmp_path / "plan.json").write_text(json.dumps({**PLAN, "network": network}))
    run = ["train", str(tmp_path / "run"), "--plan", str(tmp_path / "plan.json"), "--data", str(folder)]
    assert main([*run, "--device", "cpu", "--precision", "float32", "--groups", "even"]) == 0
    checkpoint = load_checkpoint(tmp_path / "run/checkpoint")
    assert checkpoint.config.classes == classes and checkpoint.taxonomy.name == "stripes"
    assert checkpoint.record is not None and checkpoint.record["plan"]["network"]["classes"] == classes
    assert (checkpoint.terms.licence, checkpoint.terms.source) == ("none", "made for a test")
    counted = ["evaluate", str(tmp_path / "run/checkpoint"), "--data", str(folder), "--split", "val", "--scenes", "2"]
    report = tmp_path / "report.json"
    assert main([*counted, "--painted", "0", "--diversity-scenes", "0", "--device", "cpu", "--json", str(report)]) == 0
    assert "set, stripes, val" in report.read_text()


def test_classes_that_the_plan_does_not_have_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = write_prepared(tmp_path / "set", 5, 4, (64, 64))
    (tmp_path / "plan.json").write_text(json.dumps({**PLAN, "network": {"classes": 6}}))
    run = ["train", str(tmp_path / "run"), "--plan", str(tmp_path / "plan.json"), "--data", str(folder)]
    assert main([*run, "--device", "cpu"]) == 2
    assert "The data has 5 classes (stripes), but the plan's network has 6." in capsys.readouterr().err


def test_a_prepared_set_is_no_plain_folder(stripes: Path) -> None:
    with pytest.raises(InputError, match="has the folders of no data set known here"):
        open_dataset(stripes, None, (64, 64))
