"""The segmenter for photos: its file, what it reads from pictures of any size, how sure it is, and how it learns."""

from __future__ import annotations

import json
from contextlib import nullcontext
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from conftest import random_checkpoint
from PIL import Image, ImageDraw
from safetensors.torch import load_file, save_file
from small_sets import RECIPE, names_in, write_scenes
from test_perception import here
from torch import Tensor

from model.__main__ import main
from model.checkpoint import load_checkpoint, save_checkpoint
from model.checkpoint.segmenter import PHOTO_FORMAT, load_segmenter, segmenter_bytes
from model.data.data_recipe import DataRecipe
from model.data.prepare import prepare
from model.data.prepared import open_prepared
from model.data.sources import Batch
from model.engine import Engine
from model.errors import InputError
from model.evaluation.metrics import mean_iou
from model.evaluation.segmenting import reading_confusion
from model.network.config import GroupDNetConfig
from model.perception.photo_segmenter import PhotoSegmenter, PhotoSegmenterConfig
from model.recipe.reading import Reading, connected
from model.recipe.taxonomy import TAXONOMIES
from model.recipe.terms import Terms
from model.training.augmentation import UNKNOWN, augmented, with_backdrops
from model.training.lessons import PhotoLesson, SmallLesson
from model.training.plan import Plan
from model.training.segmenter import pixel_accuracy, segmenter_loss, train_segmenter

CONFIG = PhotoSegmenterConfig(12, 64, (8, 8, 16, 16))
CPU = torch.device("cpu")


def random_photo_segmenter(config: PhotoSegmenterConfig = CONFIG) -> PhotoSegmenter:
    """Seeded random weights whose scores depend on the picture."""
    torch.manual_seed(0)
    segmenter = PhotoSegmenter(config)
    for parameter in segmenter.parameters():
        if parameter.ndim > 1:
            torch.nn.init.normal_(parameter, std=1.6 * parameter[0].numel() ** -0.5)
    return segmenter.eval().requires_grad_(False)


def pictures(count: int, height: int, width: int, seed: int = 0) -> Tensor:
    """Smooth random pictures [N, 3, H, W] in [−1, 1]."""
    coarse = torch.rand(count, 3, 5, 5, generator=torch.Generator().manual_seed(seed)) * 2 - 1
    return torch.nn.functional.interpolate(coarse, (height, width), mode="bilinear")


# Reading


@pytest.mark.parametrize(
    ("size", "read"),
    [
        ((256, 256), (320, 320)),
        ((3000, 4000), (256, 320)),
        ((384, 256), (320, 224)),
        ((500, 5000), (64, 800)),  # a panorama: its short side is read at a quarter of 320, about
        ((1, 5000), (64, 1280)),
        ((3, 3), (320, 320)),
    ],
)
def test_photos_are_read_at_sides_that_it_can_halve_five_times(size: tuple[int, int], read: tuple[int, int]) -> None:
    with torch.device("meta"):
        segmenter = PhotoSegmenter(replace(CONFIG, side=320))
        assert segmenter.read_size(*size) == read
        assert segmenter.read_size(*size[::-1]) == read[::-1]


@pytest.mark.parametrize("size", [(64, 64), (70, 41), (9, 90), (200, 150)])
def test_the_label_map_has_the_pictures_size(size: tuple[int, int]) -> None:
    segmenter = random_photo_segmenter()
    picture = pictures(2, *size)
    labels, confidence, second, likely = segmenter.read(picture)
    assert bool((likely <= confidence).all()) and bool((likely >= 0).all())
    assert labels.shape == confidence.shape == second.shape == (2, *size)
    assert torch.equal(labels, segmenter.segment(picture)) and len(labels.unique()) > 1
    assert bool((confidence >= 1 / 12).all()) and bool((confidence <= 1).all())
    assert not bool((second == labels).any()) and int(second.min()) >= 0


def test_confidence_and_second_guess_are_the_two_largest_probabilities() -> None:
    segmenter = random_photo_segmenter()
    picture = pictures(1, 64, 64)
    labels, confidence, second, likely = segmenter.read(picture)
    largest, classes = segmenter.scores_at(picture).softmax(1).topk(2, dim=1)
    assert torch.equal(labels, classes[:, 0]) and torch.equal(second, classes[:, 1])
    torch.testing.assert_close(confidence, largest[:, 0])
    torch.testing.assert_close(likely, largest[:, 1])


def test_features_are_four_stages_from_fine_to_coarse() -> None:
    stages = random_photo_segmenter().features(pictures(1, 96, 64))
    assert [tuple(stage.shape[1:]) for stage in stages] == [(144, 24, 16), (240, 12, 8), (672, 6, 4), (320, 3, 2)]


def test_a_guess_speaks_for_all_pixels_of_its_class() -> None:
    labels = np.array([[0, 0], [0, 2]], np.uint8)
    confidence = np.array([[1.0, 0.5], [0.3, 0.9]], np.float32)
    second = np.array([[3, 2], [2, 1]], np.uint8)
    likely = np.array([[0.0, 0.4], [0.6, 0.1]], np.float32)
    guesses = Reading(labels, confidence, second, likely).guesses()
    assert sorted(guesses) == [0, 2]
    assert guesses[0].confidence == pytest.approx(0.6) and guesses[0].second == 2
    assert guesses[2].confidence == pytest.approx(0.9) and guesses[2].second == 1
    assert guesses[0].likely == pytest.approx(1 / 3) and guesses[2].likely == pytest.approx(0.1)


def test_a_class_without_any_doubt_has_the_commonest_second_guess() -> None:
    labels, second = np.zeros((1, 3), np.uint8), np.array([[1, 2, 2]], np.uint8)
    guess = Reading(labels, np.ones((1, 3), np.float32), second, np.zeros((1, 3), np.float32)).guesses()[0]
    assert (guess.confidence, guess.second, guess.likely) == (1, 2, 0)


def test_its_areas_are_connected_areas_of_one_class() -> None:
    drawn = ["aabbb", "cabab", "cabbb", "ccdda"]
    labels = np.array([["abcd".index(letter) for letter in row] for row in drawn], np.uint8)
    confidence = np.full((4, 5), 0.9, np.float32)
    confidence[0, 0] = 0.3
    second = np.where(labels == 0, 3, 0).astype(np.uint8)
    reading = Reading(labels, confidence, second, np.full((4, 5), 0.1, np.float32))
    regions = reading.areas(least=0)
    told = [(region.index, region.at, region.box, region.pixels) for region in regions]
    assert told == [
        (1, (2, 0), (2, 0, 3, 3), 8),
        (0, (0, 0), (0, 0, 2, 3), 4),
        (2, (0, 1), (0, 1, 2, 3), 4),
        (3, (2, 3), (2, 3, 2, 1), 2),
        (0, (3, 1), (3, 1, 1, 1), 1),
        (0, (4, 3), (4, 3, 1, 1), 1),
    ]
    assert regions[1].guess.confidence == pytest.approx(0.75) and regions[1].guess.second == 3
    assert regions[4].guess.confidence == pytest.approx(0.9) and regions[4].guess.likely == pytest.approx(0.1)
    assert [region.pixels for region in reading.areas(least=0.2)] == [8, 4, 4]


@pytest.mark.parametrize("classes", [1, 2, 5])
def test_areas_are_those_that_filling_finds(classes: int) -> None:
    labels = np.random.default_rng(classes).integers(0, classes, (40, 31)).astype(np.uint8)
    areas = connected(labels)
    pictures = Image.fromarray(labels)
    for number in np.unique(areas).tolist():
        y, x = divmod(number, 31)
        filled = pictures.copy()
        ImageDraw.floodfill(filled, (x, y), 200)
        assert np.array_equal(areas == number, np.array(filled) == 200)


def test_the_engine_tells_how_sure_it_is(tiny_config: GroupDNetConfig) -> None:
    checkpoint = random_checkpoint(tiny_config)
    checkpoint.segmenter = random_photo_segmenter()
    photo = ((pictures(1, 64, 64)[0].permute(1, 2, 0) + 1) * 127.5).byte().numpy()
    engine = Engine(checkpoint, "cpu")
    reading = engine.read(photo)
    assert np.array_equal(reading.labels, engine.segment(photo))
    assert reading.labels.dtype == reading.second.dtype == np.uint8 and reading.confidence.dtype == np.float32
    assert sorted(reading.guesses()) == np.unique(reading.labels).tolist()
    checkpoint.segmenter = None
    with pytest.raises(InputError, match="no segmenter"):
        Engine(checkpoint, "cpu").read(photo)


# Its file


def test_it_comes_back_from_its_file(tmp_path: Path) -> None:
    segmenter = random_photo_segmenter()
    (tmp_path / "s.safetensors").write_bytes(segmenter_bytes(segmenter))
    again = load_segmenter(tmp_path / "s.safetensors")
    assert isinstance(again, PhotoSegmenter) and again.config == CONFIG and not again.training
    assert all(torch.equal(a, b) for a, b in zip(again.state_dict().values(), segmenter.state_dict().values()))
    torch.testing.assert_close(again(pictures(1, 64, 96)), segmenter(pictures(1, 64, 96)), rtol=1e-2, atol=1e-3)


def test_half_of_its_bytes_fit_into_ten_mebibytes_and_read_the_same_map(tmp_path: Path) -> None:
    full = segmenter_bytes(PhotoSegmenter(PhotoSegmenterConfig(182)), half=True)
    assert len(full) < 10 * 2**20
    segmenter = random_photo_segmenter()
    (tmp_path / "s.safetensors").write_bytes(segmenter_bytes(segmenter, half=True))
    again = load_segmenter(tmp_path / "s.safetensors")
    picture = pictures(1, 128, 128)
    assert (again.segment(picture) == segmenter.segment(picture)).float().mean() > 0.97


def test_a_checkpoint_carries_it(tmp_path: Path, tiny_config: GroupDNetConfig) -> None:
    checkpoint = random_checkpoint(tiny_config)
    checkpoint.segmenter = random_photo_segmenter()
    save_checkpoint(tmp_path / "tiny", checkpoint, half=False)
    again = load_checkpoint(tmp_path / "tiny").segmenter
    assert again is not None and again.config == CONFIG
    checkpoint.segmenter = random_photo_segmenter(replace(CONFIG, classes=7))
    with pytest.raises(InputError, match="tells 7 classes apart, but the network has 12"):
        save_checkpoint(tmp_path / "tiny", checkpoint)
        load_checkpoint(tmp_path / "tiny")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"widths": [8, 8, 16, 24]}, "s.safetensors does not fit"),
        ({"widths": [8, 8, 16]}, "it has 3 widths, allowed are 4"),
        ({"widths": [8, 8, 16, 10**9]}, "widths has 1000000000, allowed are 1 … 1024"),
        ({"side": 63}, "side is 63, allowed are multiples of 32"),
        ({"side": 10**6}, "side has 1000000, allowed are 1 … 1024"),
        ({"side": "64"}, "side has '64', allowed are 1 … 1024"),
        ({"classes": 0}, "classes has 0, allowed are 1 … 255"),
        ({"size": [32, 32]}, "does not say what segmenter it holds"),
    ],
)
def test_a_header_that_cannot_be_trusted_is_refused(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    path = tmp_path / "s.safetensors"
    path.write_bytes(segmenter_bytes(random_photo_segmenter()))
    config = json.dumps({**asdict(CONFIG), **changes})
    save_file(load_file(path), path, metadata={"format": PHOTO_FORMAT, "segmenter": config})
    with pytest.raises(InputError) as caught:
        load_segmenter(path)
    assert message in str(caught.value) and caught.value.code == "bad_checkpoint"


# How photos are varied


def painted(count: int, size: int) -> tuple[Tensor, Tensor]:
    """Photos whose left half is dark and labelled 0, and whose right half is bright and labelled 1."""
    labels = torch.zeros(count, size, size, dtype=torch.long)
    labels[:, :, size // 2 :] = 1
    return (labels[:, None].float() - 0.5).expand(-1, 3, -1, -1).contiguous(), labels


def test_labels_go_where_their_pixels_go() -> None:
    photos, labels = painted(16, 64)
    shown, moved = augmented(photos, labels, (48, 32), seed=3)
    assert shown.shape == (16, 3, 48, 32) and moved.shape == (16, 48, 32)
    assert float(shown.min()) >= -1 and float(shown.max()) <= 1
    assert set(moved.unique().tolist()) == {UNKNOWN, 0, 1}
    for photo, label in zip(shown, moved, strict=True):
        dark, bright = photo.mean(0)[label == 0], photo.mean(0)[label == 1]
        if len(dark) > 100 and len(bright) > 100:
            assert dark.quantile(0.9) < bright.quantile(0.1)


def test_augmentation_is_a_function_of_its_seed() -> None:
    photos, labels = painted(4, 64)
    labels[0] = UNKNOWN
    first, again, other = (augmented(photos, labels, (64, 64), seed) for seed in (5, 5, 6))
    assert torch.equal(first[0], again[0]) and torch.equal(first[1], again[1])
    assert not torch.equal(first[0], other[0]) and not torch.equal(first[1], other[1])
    assert bool((first[1][0] == UNKNOWN).all())


def test_backdrops_stand_behind_people_alone() -> None:
    photos = pictures(12, 48, 32)
    behind = torch.ones(12, 48, 32, dtype=torch.bool)
    behind[:, 10:40, 8:24] = False
    shown = with_backdrops(photos, behind, 0.5, seed=1)
    changed = (shown != photos).flatten(1).any(1)
    assert 1 <= int(changed.sum()) <= 11
    assert torch.equal(shown[:, :, 12:38, 10:22], photos[:, :, 12:38, 10:22])
    walls = shown[changed][:, :, :8]
    assert float(walls.diff(dim=3).abs().max()) < 0.1 < float(photos[changed][:, :, :8].diff(dim=3).abs().max())
    assert torch.equal(with_backdrops(photos, behind, 0, seed=1), photos)


# Learning


class Halves:
    """Two classes on photos that are bright above a slanting line and dark below; a stripe of each is not labelled."""

    taxonomy, device, terms = TAXONOMIES["landscape"], CPU, Terms()

    def batch(self, step: int, count: int, size: tuple[int, int]) -> Batch:
        random = torch.Generator().manual_seed(step)
        rows, columns = torch.meshgrid(*(torch.linspace(-1, 1, n) for n in size), indexing="ij")
        slope, middle = torch.rand(2, count, 1, 1, generator=random) - 0.5
        labels = (rows - middle > slope * columns).long() * 3
        photos = 0.4 - 0.3 * labels[:, None].float() + 0.2 * torch.randn(count, 3, *size, generator=random)
        known = (rows - middle - slope * columns).abs() > 0.1
        return Batch(labels, photos.clamp(-1, 1), None, known)


def test_it_learns_and_a_killed_training_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here("efficientnet-lite0")
    monkeypatch.setattr("model.training.segmenter.SAVE_SECONDS", 0)
    monkeypatch.setattr("model.training.lessons.WEIGHING_BATCHES", 2)

    class Killed(Halves):
        def batch(self, step: int, count: int, size: tuple[int, int]) -> Batch:
            if step % 2**40 == 6:
                raise KeyboardInterrupt
            return super().batch(step, count, size)

    for sources in ([Halves()], [Killed(), Halves()]):
        path = tmp_path / f"{len(sources)}.safetensors"
        for source in sources:
            torch.manual_seed(0)
            with pytest.raises(KeyboardInterrupt) if isinstance(source, Killed) else nullcontext():
                train_segmenter(path, PhotoLesson(source, (64, 64)), 2, 24, nullcontext)
    unbroken, resumed = (load_segmenter(tmp_path / f"{n}.safetensors") for n in (1, 2))
    assert unbroken.config == PhotoSegmenterConfig(12, 64)
    assert all(torch.equal(a, b) for a, b in zip(unbroken.parameters(), resumed.parameters(), strict=True))
    test = Halves().batch(10**6, 4, (64, 64))
    right = unbroken.segment(test.photos) == test.labels
    assert test.known is not None and right[test.known].float().mean() > 0.9
    start = PhotoLesson(Halves(), (64, 64)).fresh()
    same = {name for name, value in start.state_dict().items() if torch.equal(value, unbroken.state_dict()[name])}
    assert "backbone.stem.weight" in same and "backbone.blocks.12.project.weight" not in same


def test_unknown_pixels_teach_nothing() -> None:
    scores = torch.randn(2, 5, 8, 8, requires_grad=True)
    labels = torch.randint(0, 5, (2, 8, 8))
    labels[:, 4:] = UNKNOWN
    segmenter_loss(scores, labels, torch.ones(5)).backward()
    assert scores.grad is not None
    assert bool((scores.grad[:, :, 4:] == 0).all()) and bool((scores.grad[:, :, :4] != 0).all())
    scores.grad = None
    segmenter_loss(scores, torch.full_like(labels, UNKNOWN)).backward()
    assert scores.grad is not None and bool((scores.grad == 0).all())
    assert pixel_accuracy(scores, torch.where(labels == UNKNOWN, UNKNOWN, scores.argmax(1))) == 1
    assert pixel_accuracy(scores, torch.full_like(labels, UNKNOWN)) == 0


def test_rare_classes_count_more_and_pixels_one_on_average() -> None:
    class Skewed(Halves):
        def batch(self, step: int, count: int, size: tuple[int, int]) -> Batch:
            labels = torch.zeros(count, *size, dtype=torch.long)
            labels[:, 0] = 1  # one row of 16
            labels[:, 1] = 2
            known = torch.ones(count, *size, dtype=torch.bool)
            known[:, 1] = False
            return Batch(labels, torch.zeros(count, 3, *size), None, known)

    weights = PhotoLesson(Skewed(), (16, 16)).class_weights()
    assert weights.shape == (12,) and weights[1] / weights[0] == pytest.approx(14**0.25)
    assert (14 * weights[0] + weights[1]) / 15 == pytest.approx(1)


def test_backdrops_need_a_background() -> None:
    with pytest.raises(InputError, match=r'segmenter_backdrops 0\.3\), and the data has no class "background" but sky'):
        PhotoLesson(Halves(), (64, 64), backdrops=0.3)


def test_a_segmenter_of_the_other_kind_is_not_trained_further(tmp_path: Path) -> None:
    path = tmp_path / "s.safetensors"
    path.write_bytes(segmenter_bytes(random_photo_segmenter()))
    with pytest.raises(InputError, match=r"holds a PhotoSegmenter, and the plan trains a Segmenter: delete the file"):
        train_segmenter(path, SmallLesson(Halves(), (64, 64)), 2, 4, nullcontext)


@pytest.mark.parametrize("changes", [{"segmenter": "vgg"}, {"segmenter_backdrops": 1.5}])
def test_a_plan_names_a_segmenter_that_there_is(changes: dict[str, Any]) -> None:
    plan: dict[str, Any] = {"preset": "landscape", "phases": [{"size": [64, 64], "batch": 2, "images": 4}]}
    assert Plan.from_json(plan).segmenter == "small" and Plan.from_json(plan).segmenter_batch == 2
    assert Plan.from_json({**plan, "segmenter": "efficientnet-lite0"}).segmenter_batch == 8
    with pytest.raises(InputError, match="allowed is small or efficientnet-lite0, and 0 … 1"):
        Plan.from_json({**plan, **changes})


def test_trained_alone_on_a_prepared_set_it_is_tried_on_the_photos_held_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    here("efficientnet-lite0")
    monkeypatch.setattr("model.training.lessons.WEIGHING_BATCHES", 1)
    source = write_scenes(tmp_path / "source", [*names_in("train", 6), *names_in("val", 2)])
    prepare(source, tmp_path / "set", DataRecipe.from_json(RECIPE))
    phase = {"size": RECIPE["size"], "batch": 2, "images": 4}
    plan = {"network": {"classes": 2}, "phases": [phase], "segmenter": "efficientnet-lite0", "groups": ["nowhere"]}
    (tmp_path / "plan.json").write_text(json.dumps(plan))
    options = ["--plan", str(tmp_path / "plan.json"), "--data", str(tmp_path / "set"), "--segmenter-only", "16"]
    assert main(["train", str(tmp_path / "run"), *options]) == 0
    told = capsys.readouterr().out.splitlines()
    rows = [line.split()[0] for line in told]
    assert rows[:2] == ["held-out", "all"] and rows[-3:] == ["class", "sky", "ground"]
    segmenter = load_segmenter(tmp_path / "run" / "segmenter.safetensors")
    matrix = reading_confusion(segmenter, open_prepared(tmp_path / "set").dataset("val")).sum(0)
    assert told[1].split()[1:] == ["2", f"{np.trace(matrix) / matrix.sum():.1%}", f"{mean_iou(matrix):.3f}"]
