"""The evaluation of a prepared set: its own numbers and goals, LPIPS, and pixels of unknown class."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from conftest import GAINS
from PIL import Image
from small_sets import write_pair, write_prepared
from test_perception import here
from test_photo_segmenter import random_photo_segmenter

from model.__main__ import main
from model.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from model.data.prepared import open_prepared
from model.engine import Engine
from model.errors import InputError
from model.evaluation import metrics, sheets
from model.evaluation.diversity import Protocol, class_diversity
from model.evaluation.eyes import as_input, open_eyes
from model.evaluation.held_out import Sample, folder_scenes
from model.evaluation.photo_scores import FLATTERED, PHOTOS, TAUGHT, goals_of, trained_on
from model.evaluation.scores import WORLD, Facts, Goal
from model.evaluation.sheets import ACROSS, BETWEEN, GAP, MARGIN, save_sheet, sheet
from model.evaluation.survey import Shown, Survey
from model.network.encoder import Encoder
from model.network.groupdnet import Generator
from model.network.rows import config_of
from model.perception.lpips import load_lpips
from model.perception.photo_segmenter import PhotoSegmenterConfig
from model.perception.store import SETTING
from model.recipe.styles import Style, variant_seed
from model.recipe.taxonomy import TAXONOMIES

CLASSES, FEW, HELD_OUT = 6, 6, 10
CPU = torch.device("cpu")
RECORD = {"plan": {"perceptual": "efficientnet", "discriminator": "projected", "weights": {"labels": 1.0}, "seed": 0}}
OPTIONS = ("--split", "val", "--painted", "0", "--device", "cpu")
DIVERSITY = ("--diversity-scenes", "3", "--diversity-pictures", "4", "--diversity-pairs", "3")


@pytest.fixture(scope="module")
def stripes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A prepared set whose labels are unknown in the left eighth; 10 of its photos are held out."""
    return write_prepared(tmp_path_factory.mktemp("stripes"), CLASSES, 4 * HELD_OUT, (64, 64), unknown=True)


@pytest.fixture(scope="module")
def model(stripes: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny checkpoint of the set's classes with a photo segmenter, all of random weights."""
    rows = {"widths": [CLASSES * 2] * 3 + [CLASSES, 8, 8, 8], "groups": [CLASSES] * 4 + [1] * 3}
    config = config_of(
        {"classes": CLASSES, "image_size": [64, 64], "hidden": CLASSES, "encoder_width": CLASSES, **rows}
    )
    random = torch.Generator().manual_seed(0)
    generator, encoder = Generator(config), Encoder(config)
    for network in (generator, encoder):
        for name, parameter in network.named_parameters():
            gain = next(gain for part, gain in GAINS.items() if part in name)
            spread = gain * parameter[0].numel() ** -0.5 if parameter.ndim > 1 else 0.1
            torch.nn.init.normal_(parameter, std=spread, generator=random)
    segmenter = random_photo_segmenter(PhotoSegmenterConfig(CLASSES, 64, (8, 8, 16, 16)))
    taxonomy = open_prepared(stripes).taxonomy
    checkpoint = Checkpoint(config, taxonomy, generator.eval(), encoder.eval(), segmenter, title="Tiny", record=RECORD)
    folder = tmp_path_factory.mktemp("model") / "tiny"
    save_checkpoint(folder, checkpoint)
    return folder


@pytest.fixture(scope="module")
def quick() -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("model.evaluation.metrics.RESAMPLES", 40)
        patch.setattr("model.evaluation.scores.FEWEST", FEW)
        patch.setattr("model.evaluation.photo_scores.FRECHET_RESAMPLES", 10)
        yield


def run(model: Path, data: Path, folder: Path, *options: str) -> dict[str, Any]:
    command = ["evaluate", str(model), "--data", str(data), "--out", str(folder), *OPTIONS, *options]
    assert main(command) == 0
    report: dict[str, Any] = json.loads((folder / "evaluation.json").read_text())
    return report


def numbers(report: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {number["key"]: number for number in report["scenes"]["numbers"]}


@pytest.fixture(scope="module")
def out(quick: None, model: Path, stripes: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    here("lpips-alex"), here("efficientnet-lite0")
    folder = tmp_path_factory.mktemp("evaluation")
    run(model, stripes, folder, *DIVERSITY)
    return folder


@pytest.fixture(scope="module")
def report(out: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((out / "evaluation.json").read_text())
    return found


def first_sample(model: Path, stripes: Path) -> tuple[Checkpoint, Sample]:
    checkpoint = load_checkpoint(model)
    return checkpoint, next(folder_scenes(checkpoint, stripes, 1).samples)


# The report


def test_every_number_is_measured_with_its_interval_and_goal(report: dict[str, Any]) -> None:
    assert report["scenes"]["count"] == HELD_OUT and report["scenes"]["prepared"] == "stripes"
    found = numbers(report)
    goals = {
        "segmenter": None,
        "iou_real": None,
        "segmenter_even": None,
        "iou_real_even": None,
        "fidelity_encoded": (0.9, None),
        "fidelity_prior": (0.9, None),
        "look_median": (None, 6),
        "look_p90": (None, 14),
        "lpips": None,
        "frechet_encoded": None,
        "frechet_prior": None,
        "frechet_halves": None,
        "variety_least": (0.8, 1.2),
        "variety_most": (0.8, 1.2),
        "sharpness_encoded": (0.85, 1.15),
        "sharpness_prior": (0.85, 1.15),
        "locality": (None, 0.08),
        "mcsd": (0.0264, None),
        "mocd": None,
        "diversity": (8, None),
    }
    assert found.keys() == goals.keys() | {"gflop", "mebibytes"}
    for key, ends in goals.items():
        number = found[key]
        assert number["value"] is not None and number["reason"] is None, key
        assert number["goal"] == (ends and {"low": ends[0], "high": ends[1]}), key
        assert number["met"] == (ends and Goal(*ends).met(number["value"])), key
        low, high = number["interval"]
        assert low <= number["value"] <= high and low < high, key


def test_groups_are_read_apart(report: dict[str, Any]) -> None:
    found = numbers(report)
    assert found["segmenter_even"]["name"] == "segmenter on photos: labelled pixels right, even (5)"
    assert found["segmenter_even"]["value"] != found["segmenter"]["value"]


def test_scores_on_features_of_the_training_say_so(report: dict[str, Any]) -> None:
    assert report["trained_on"] == {"perceptual": "efficientnet", "discriminator": "projected"}
    notes = {key: number["note"] for key, number in numbers(report).items() if number["note"]}
    assert notes == {
        "frechet_encoded": FLATTERED,
        "frechet_prior": FLATTERED,
        "fidelity_encoded": TAUGHT,
        "fidelity_prior": TAUGHT,
    }


@pytest.mark.parametrize(
    ("record", "found"),
    [
        (None, {"perceptual": None, "discriminator": None}),
        ({"plan": {}}, {"perceptual": None, "discriminator": None}),
        ({"plan": {"seed": 1}}, {"perceptual": "vgg19", "discriminator": "patch"}),
        ({"plan": {"perceptual": "vgg16"}}, {"perceptual": "vgg16", "discriminator": "patch"}),
    ],
)
def test_what_training_looked_through_stands_in_the_record(
    record: dict[str, Any] | None, found: dict[str, str | None]
) -> None:
    assert trained_on(record) == found


def test_the_protocol_of_diversity_is_told(report: dict[str, Any]) -> None:
    told = report["diversity"]
    assert (told["scenes"], told["n"], told["m"]) == (3, 4, 3)
    assert told["classes"] == 12 and told["seconds"] > 0  # four stripes on each of three label maps
    assert numbers(report)["mcsd"]["name"] == "mCSD, LPIPS (Alex)"


def test_the_sheet_shows_the_photos(out: Path) -> None:
    with Image.open(out / "sheet.webp") as image:
        assert image.size == (MARGIN + HELD_OUT * (64 + GAP), GAP + 8 * (64 + GAP))


def test_goals_are_those_of_the_kind_of_data() -> None:
    assert goals_of(None) is WORLD and goals_of("stripes") is PHOTOS
    assert {group: str(goal) for group, goal in goals_of("outdoor").right.items()} == {
        "all": "≥ 0.8",
        "natural": "≥ 0.86",
        "scenes": "≥ 0.86",
    }
    fashion = goals_of("fashion")
    assert (str(fashion.right["all"]), str(fashion.iou["all"]), str(fashion.variety)) == (
        "≥ 0.93",
        "≥ 0.6",
        "0.8 … 1.2",
    )


# What is compared with what


def test_photos_come_in_an_order_that_is_a_fair_choice(model: Path, stripes: Path) -> None:
    checkpoint, prepared = load_checkpoint(model), open_prepared(stripes)
    listed = [prepared.dataset("val")[i][1].permute(1, 2, 0).numpy() for i in range(HELD_OUT)]
    groups = [its for _, split, its in prepared.photos if split == "val"]
    samples = list(folder_scenes(checkpoint, stripes, 99).samples)
    places = [next(i for i, photo in enumerate(listed) if (photo == s.photo).all()) for s in samples]
    assert len(samples) == HELD_OUT and places != sorted(places)
    assert [s.groups for s in samples] == [groups[place] for place in places]  # photos that look alike share groups
    assert [s.photo.sum() for s in folder_scenes(checkpoint, stripes, 3).samples if s.photo is not None] == [
        s.photo.sum() for s in samples[:3] if s.photo is not None
    ]


def test_lpips_is_that_of_the_photo_and_its_encoded_picture(model: Path, stripes: Path) -> None:
    here("lpips-alex")
    checkpoint, sample = first_sample(model, stripes)
    whole = replace(sample, known=None)
    survey = Survey(Engine(checkpoint, "cpu"), eyes=open_eyes(CPU))
    shown = survey.add(whole, shown=1)
    assert shown is not None and shown.encoded is not None and whole.photo is not None
    photo, picture = (as_input(x[None], CPU) for x in (whole.photo, shown.encoded))
    assert survey.lpips == [pytest.approx(float(load_lpips("alex")(photo, picture)), rel=1e-5)]
    assert survey.lpips[0] > 0.1


def test_diversity_is_the_mean_of_pairs_compared_one_by_one(model: Path, stripes: Path) -> None:
    here("lpips-alex")
    checkpoint, sample = first_sample(model, stripes)
    engine, lpips, base, protocol = Engine(checkpoint, "cpu"), load_lpips("alex"), Style(7), Protocol(9, 5)
    c = int(sample.labels[0, 20])
    found = class_diversity(engine, lpips, sample, base, c, protocol, 3, np.random.default_rng(1))
    random, inside = np.random.default_rng(1), torch.from_numpy(sample.labels == c)
    distances = []
    for first, second in (random.choice(9, 2, replace=False) for _ in range(5)):
        codes = [base.resample([c], variant_seed(3, int(i))).codes(engine.config) for i in (first, second)]
        pair = as_input(engine.render(sample.labels, np.stack(codes)), CPU)
        distances.append([float(lpips(*(pair * kept).split(1))) for kept in (inside, ~inside)])
    assert found == pytest.approx(np.mean(distances, axis=0).tolist(), rel=1e-4)
    assert min(found) > 0


# Unknown pixels


def test_unknown_pixels_never_count(model: Path, stripes: Path) -> None:
    here("lpips-alex")
    checkpoint, sample = first_sample(model, stripes)
    assert sample.known is not None and sample.photo is not None and sample.known.mean() == 7 / 8
    other = sample.photo.copy()
    other[:, :7] = np.random.default_rng(0).integers(0, 256, (64, 7, 3))  # up to one pixel before the known ones
    eyes, picture = open_eyes(CPU), np.full_like(other, 90)
    assert eyes.apart(sample.photo, picture, sample.known, CPU) == eyes.apart(other, picture, sample.known, CPU) > 0
    assert eyes.apart(sample.photo, picture, None, CPU) != eyes.apart(other, picture, None, CPU)
    energies = [metrics.high_frequency_energy(photo, sample.known) for photo in (sample.photo, other)]
    assert energies[0] == energies[1] != metrics.high_frequency_energy(other)
    facts = []
    for photo in (sample.photo, other):
        survey = Survey(Engine(checkpoint, "cpu"), eyes=eyes)
        survey.add(replace(sample, photo=photo))
        facts.append(Facts(checkpoint, survey))
    for found in facts:
        assert all(kind.confusion.sum() == 64 * 56 for kind in (found.real, found.encoded, found.prior))
    assert np.array_equal(facts[0].real.table, facts[1].real.table, equal_nan=True)


def test_a_photo_without_any_known_pixel_counts_for_nothing(
    quick: None, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = write_prepared(tmp_path / "set", CLASSES, 8, (64, 64))
    for place in (data / "val" / "labels").glob("*.png"):
        Image.fromarray(np.full((64, 64), 255, np.uint8)).save(place)
    found = numbers(run(model, data, tmp_path / "out", "--diversity-scenes", "0"))
    for key in ("segmenter", "fidelity_prior", "look_median"):
        assert found[key]["value"] is None and found[key]["reason"] == "there is nothing to compare with", key
    assert "not measurable" in capsys.readouterr().out


# What is missing or refused


def test_without_the_pretrained_files_the_rest_is_measured(
    quick: None, model: Path, stripes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(SETTING, str(tmp_path / "nothing"))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "no_torch"))
    found = numbers(run(model, stripes, tmp_path, *DIVERSITY))
    for key, file in (("lpips", "lpips-alex"), ("frechet_encoded", "efficientnet-lite0")):
        assert found[key]["value"] is None
        assert file in found[key]["reason"] and "`python -m model perception get` gets it" in found[key]["reason"]
    assert found["mcsd"]["name"] == "mCSD, own distance" and found["mcsd"]["goal"] is None
    assert found["diversity"]["name"] == "mCSD ÷ mOCD, own distance"
    assert found["diversity"]["value"] > 0 and found["diversity"]["goal"] == {"low": 8, "high": None}
    assert found["segmenter"]["value"] is not None and found["look_median"]["value"] > 0


def test_a_pretrained_file_that_is_cut_short_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SETTING, str(tmp_path))
    (tmp_path / "efficientnet-lite0.pth").write_bytes(b"short")
    with pytest.raises(InputError, match="is cut short"):
        open_eyes(CPU)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--diversity-pictures", "1"), "--diversity-pictures is 1; allowed is 2 or more."),
        (("--diversity-pairs", "0"), "--diversity-pairs is 0; allowed is 1 or more."),
        (("--groups", "odd"), "has no group 'odd'; allowed is even."),
    ],
)
def test_what_is_refused(
    model: Path, stripes: Path, options: tuple[str, ...], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["evaluate", str(model), "--data", str(stripes), *options]) == 2
    assert words in capsys.readouterr().err


def test_a_plain_folder_has_no_groups(model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_pair(tmp_path, "a", np.zeros((64, 64, 3), np.uint8), np.zeros((64, 64), np.uint8))
    assert main(["evaluate", str(model), "--data", str(tmp_path), "--groups", "natural,urban"]) == 2
    assert f"--groups is natural,urban, but {tmp_path} has no groups" in capsys.readouterr().err


# Sheets


def columns(count: int) -> list[Shown]:
    random = np.random.default_rng(0)
    made = [random.integers(0, 256, (6, 64, 64, 3), dtype=np.uint8) for _ in range(count)]
    labels = np.arange(64, dtype=np.uint8)[None].repeat(64, 0) // 32
    return [Shown(labels, p[0], p[1], list(p[2:5]), p[5], 0) for p in made]


def test_a_sheet_of_many_has_blocks_of_ten() -> None:
    image = sheet(columns(13), TAXONOMIES["landscape"])
    block = GAP + 8 * (64 + GAP)
    assert image.size == (MARGIN + ACROSS * (64 + GAP), 2 * block + BETWEEN)
    below = np.asarray(image)[block + BETWEEN :, MARGIN:]
    assert below[:, : 3 * (64 + GAP)].std() > 20
    assert len(np.unique(below[:, 3 * (64 + GAP) :].reshape(-1, 3), axis=0)) == 1  # paper


def test_a_sheets_file_is_small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sheets, "MEBIBYTES", 0.02)
    shown = columns(2)
    save_sheet(shown, TAXONOMIES["landscape"], tmp_path / "sheet.webp")
    assert (tmp_path / "sheet.webp").stat().st_size < 0.02 * 2**20
    with Image.open(tmp_path / "sheet.webp") as image:  # noise is too large at any quality
        assert image.width < sheet(shown, TAXONOMIES["landscape"]).width
