"""The evaluation: one table and one JSON of what is measured, what is missed, and what cannot be measured and why."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import narrow_config, random_checkpoint
from PIL import Image

from model.__main__ import main
from model.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from model.commands.evaluate import STARTERS
from model.data.landscape import Landscape
from model.engine import Engine
from model.evaluation import report as evaluate
from model.evaluation.held_out import Sample, brush_map, painted_maps, world_scenes
from model.evaluation.scores import ALIKE, FEWEST, Facts, Goal, scene_table
from model.evaluation.sheets import GAP, MARGIN
from model.evaluation.survey import PRIORS_SHOWN, SHOWN, Pictures, Survey
from model.recipe.change import Change
from model.recipe.labels import write_labels
from model.recipe.taxonomy import TAXONOMIES

FEW, SCENES = 6, 12
SMALL = ("--painted", "2", "--diversity-scenes", "1", "--device", "cpu")


@pytest.fixture(scope="module")
def quick() -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("model.evaluation.metrics.RESAMPLES", 40)
        patch.setattr("model.evaluation.scores.FEWEST", FEW)
        patch.setattr("model.evaluation.survey.DIVERSITY", (3, 2))
        patch.setattr("model.commands.evaluate.PAINTED_PRIORS", 2)
        yield


def run(checkpoint: Path, folder: Path, *options: str) -> dict[str, Any]:
    assert main(["evaluate", str(checkpoint), "--out", str(folder), *SMALL, *options]) == 0
    report: dict[str, Any] = json.loads((folder / "evaluation.json").read_text())
    return report


def numbers(report: dict[str, Any], section: str = "scenes") -> dict[str, dict[str, Any]]:
    return {number["key"]: number for number in report[section]["numbers"]}


@pytest.fixture(scope="module")
def out(quick: None, tiny_checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("evaluation")
    run(tiny_checkpoint / "tiny", folder, "--scenes", str(SCENES), "--seed", "5")
    return folder


@pytest.fixture(scope="module")
def report(out: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((out / "evaluation.json").read_text())
    return found


# The report


def test_every_number_is_measured_with_its_interval_and_goal(report: dict[str, Any]) -> None:
    assert report["scenes"]["count"] == SCENES and "seed 5" in report["scenes"]["source"]
    found = numbers(report)
    goals = {
        "segmenter": (0.9, None),
        "fidelity_encoded": (0.9, None),
        "fidelity_prior": (0.9, None),
        "look_median": (None, 5),
        "look_p90": (None, 12),
        "frechet": (None, 1.5),
        "sharpness_encoded": (0.85, 1.15),
        "sharpness_prior": (0.85, 1.15),
        "locality": (None, 0.08),
        "diversity": (8, None),
        "gflop": (None, 10),
        "mebibytes": (None, 16),
    }
    for key, (low, high) in goals.items():
        number = found[key]
        assert number["goal"] == {"low": low, "high": high}, key
        assert number["value"] is not None and number["reason"] is None, key
        assert number["met"] == Goal(low, high).met(number["value"])
    for key in ("segmenter", "fidelity_prior", "look_median", "sharpness_prior", "locality"):
        low, high = found[key]["interval"]
        assert low <= found[key]["value"] <= high and low < high, key


def test_classes_have_lines_of_their_own(report: dict[str, Any], tiny_checkpoint: Path) -> None:
    rows = report["scenes"]["classes"]
    assert [row["name"] for row in rows] == list(TAXONOMIES["landscape"].names)
    measured = [row for row in rows if row["pictures"] >= FEW]
    assert measured and all(row["variety"] > 0 for row in measured)
    assert all(row["variety"] is None for row in rows if row["pictures"] < FEW)
    sky = rows[0]
    assert sky["inside"] > 0 and sky["outside"] > 0 and sky["look"] > 0


def test_painted_maps_have_prior_numbers_alone(report: dict[str, Any]) -> None:
    assert report["painted"]["count"] == 2 and report["painted"]["priors"] == 2
    assert report["painted"]["source"] == "2 drawn maps, 0 of brush strokes"  # two of the studio's starters
    assert "fidelity_encoded" not in numbers(report, "painted") and "look_median" not in numbers(report, "painted")
    assert numbers(report, "painted")["fidelity_prior"]["value"] > 0


def test_the_sheets_show_each_scene_and_what_was_made_of_it(out: Path) -> None:
    columns, rows = SHOWN, 5 + PRIORS_SHOWN  # labels, photo, encoded, resampled, heat
    for name, size in (("sheet", (columns, rows)), ("painted", (2, rows - 2))):
        sheet = np.asarray(Image.open(out / f"{name}.webp"))
        assert sheet.shape[:2] == (GAP + size[1] * (64 + GAP), MARGIN + size[0] * (64 + GAP))
        assert sheet[:, MARGIN:].std() > 20


def test_the_table_is_what_the_json_says(report: dict[str, Any]) -> None:
    text = evaluate.to_text(report)
    lines = [line for line in text.splitlines() if line.startswith("| ")]
    for number in report["scenes"]["numbers"]:
        (line,) = (line for line in lines[: 1 + len(report["scenes"]["numbers"])] if f"| {number['name']} " in line)
        assert ("**missed**" in line) == (number["met"] is False)
        assert ("| met" in line) == (number["met"] is True)
    assert f"{SCENES} label maps: the procedural world, seed 5" in text


def test_the_same_command_gives_the_same_numbers(quick: None, tiny_checkpoint: Path, tmp_path: Path) -> None:
    first, again = (run(tiny_checkpoint / "tiny", tmp_path / name, "--scenes", "3", "--painted", "0") for name in "ab")
    assert "painted" not in first and not (tmp_path / "a" / "painted.webp").exists()
    assert first["scenes"]["classes"] == again["scenes"]["classes"]
    for key in ("look_median", "look_p90", "sharpness_prior", "locality"):
        assert numbers(first)[key] == numbers(again)[key]


# What cannot be measured


def test_fitted_looks_are_measured_beside_the_encoders(quick: None, tiny_checkpoint: Path, tmp_path: Path) -> None:
    found = numbers(run(tiny_checkpoint / "tiny", tmp_path, "--scenes", "3", "--painted", "0", "--fit", "2"))
    for word in ("median", "90th percentile"):
        q = {"median": 50, "90th percentile": 90}[word]
        fitted, encoded = (found[f"fit_{kind}_{q}"] for kind in ("fitted", "encoded"))
        assert fitted["name"] == f"fitted look of 2 fitted scenes: ΔE, {word}"
        assert 0 < fitted["value"] < encoded["value"]  # the tiny encoder is random: its looks are nobody's
        assert fitted["interval"][0] <= fitted["value"] <= fitted["interval"][1]
    assert found["fit_seconds"]["value"] > 0


def test_without_encoder_and_segmenter_the_rest_is_measured(
    quick: None, tiny_without_encoder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report = run(tiny_without_encoder / "tiny", tmp_path, "--scenes", "3")
    found = numbers(report)
    assert found["look_median"]["reason"] == "the checkpoint has no encoder"
    for key in ("segmenter", "fidelity_encoded", "fidelity_prior", "frechet", "diversity"):
        assert found[key]["value"] is None and found[key]["met"] is None
        assert found[key]["reason"] == "the checkpoint has no segmenter"
    assert found["locality"]["value"] > 0 and found["sharpness_prior"]["value"] > 0
    assert "not measurable" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--scenes", "0"), "--scenes is 0; allowed is 1 or more"),
        (("--fit", "-1"), "--fit is -1; allowed is 0 or more"),
        (("--diversity-scenes", "-1"), "--diversity-scenes is -1; allowed is 0 or more"),
        (("--data", "/nowhere"), "/nowhere is not a folder"),
        (("--maps", "/nowhere"), "/nowhere has no label maps"),
    ],
)
def test_what_is_refused(
    tiny_checkpoint: Path, options: tuple[str, ...], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["evaluate", str(tiny_checkpoint / "tiny"), *options]) == 2
    assert words in capsys.readouterr().err


def test_the_seed_of_the_training_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    checkpoint = random_checkpoint(narrow_config())
    checkpoint.record = {"plan": {"seed": 7}}
    save_checkpoint(tmp_path / "tiny", checkpoint)
    assert main(["evaluate", str(tmp_path / "tiny"), "--seed", "7"]) == 2
    assert "--seed 7 is what the model was trained on" in capsys.readouterr().err


def test_the_world_is_for_landscape_models(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    checkpoint = random_checkpoint(replace(narrow_config(), image_size=(64, 128)))
    save_checkpoint(tmp_path / "wide", checkpoint)
    assert main(["evaluate", str(tmp_path / "wide")]) == 2
    assert "no landscape scenes of 128×64 pixels; name a data set with --data" in capsys.readouterr().err


# Other data


def test_a_folder_of_photos_and_a_folder_of_scenes(quick: None, tiny_checkpoint: Path, tmp_path: Path) -> None:
    labels, pictures = Landscape(64, seed=3).scenes(0, 3)
    for name in ("photos", "labels", "scenes"):
        (tmp_path / name).mkdir()
    for i, (map_, picture) in enumerate(zip(labels.numpy(), pictures.permute(0, 2, 3, 1).numpy())):
        Image.fromarray(picture).save(tmp_path / "photos" / f"{i}.png")
        (tmp_path / "labels" / f"{i}.png").write_bytes(write_labels(map_, TAXONOMIES["landscape"]))
    np.save(tmp_path / "scenes" / "labels.npy", labels.numpy())
    np.save(tmp_path / "scenes" / "pictures.npy", pictures.numpy())
    (tmp_path / "scenes" / "scenes.json").write_text(json.dumps({"size": 64, "seed": 3, "count": 3}))
    options = ("--scenes", "9", "--painted", "0", "--diversity-scenes", "0", "--data")
    tiny = tiny_checkpoint / "tiny"
    photos = run(tiny, tmp_path / "a", *options, str(tmp_path), "--taxonomy", "landscape")
    scenes = run(tiny, tmp_path / "b", *options, str(tmp_path / "scenes"))
    assert photos["scenes"]["count"] == scenes["scenes"]["count"] == 3
    assert photos["scenes"]["numbers"] == scenes["scenes"]["numbers"]
    assert numbers(photos)["diversity"]["reason"] == "no scene was taken for it"


def test_held_out_scenes_are_the_worlds(tiny_checkpoint: Path) -> None:
    held_out = world_scenes(load_checkpoint(tiny_checkpoint / "tiny"), 2, 5)
    labels, pictures = Landscape(64, seed=5).scenes(0, 2)
    for sample, map_, picture in zip(held_out.samples, labels, pictures):
        assert sample.photo is not None
        assert np.array_equal(sample.labels, map_) and np.array_equal(sample.photo, picture.permute(1, 2, 0))


def test_painted_maps_are_the_starters_and_then_strokes(tiny_checkpoint: Path) -> None:
    checkpoint = load_checkpoint(tiny_checkpoint / "tiny")
    starters = len(list(STARTERS.glob("*.png")))
    maps = [sample.labels for sample in painted_maps(checkpoint, starters + 4, STARTERS, 999).samples]
    assert starters and len(maps) == starters + 4 and all(labels.shape == (64, 64) for labels in maps)
    assert all(labels.max() < 12 for labels in maps)


def test_strokes_are_regions_of_any_class() -> None:
    maps = [brush_map((64, 96), 12, np.random.default_rng(i)) for i in range(60)]
    assert all(labels.shape == (64, 96) and labels.dtype == np.uint8 for labels in maps)
    assert np.array_equal(maps[3], brush_map((64, 96), 12, np.random.default_rng(3)))
    assert set(np.unique(maps)) == set(range(12))
    borders = np.mean([(labels[:, 1:] != labels[:, :-1]).mean() for labels in maps])
    assert 0.005 < borders < 0.1  # regions that a brush made, no noise
    assert np.mean([len(np.unique(labels)) for labels in maps]) > 3


# Scores of what is known


def facts_of(checkpoint: Checkpoint, real: Pictures, made: Pictures) -> Facts:
    survey = Survey(Engine(checkpoint, "cpu"))
    survey.real, survey.encoded, survey.prior = real, made, made
    survey.changes = [{0: Change(20.0, 1.0, 0.9), 3: Change(10.0, 1.0, 0.8)} for _ in real.energy]
    survey.diversity = [[(0.8, 0.1), (1.0, 0.05)]]
    return Facts(checkpoint, survey)


def pictures(energy: float, shift: float) -> Pictures:
    random = np.random.default_rng(1)
    found = Pictures()
    for _ in range(FEWEST):
        found.colours.append({c: random.uniform(60, 180, 3) + shift for c in (0, 3)})
        found.energy.append(energy)
        found.confusion.append(np.diag(random.integers(1, 9, 12)))
        found.features.append(random.normal(size=6) + shift)
    return found


def test_a_perfect_model_meets_its_goals() -> None:
    facts = facts_of(random_checkpoint(narrow_config()), pictures(3, 0), pictures(3, 0))
    rows = {score.key: score for score in scene_table(facts)}
    assert rows["fidelity_encoded"].value == rows["sharpness_prior"].value == 1
    assert rows["look_median"].value == rows["look_p90"].value == 0
    assert rows["variety_least"].value == rows["variety_most"].value == 1
    assert rows["locality"].value == pytest.approx(2 / 30)
    assert rows["diversity"].value == pytest.approx(1.8 / 0.15)
    assert all(rows[key].met for key in ("fidelity_prior", "look_p90", "variety_least", "locality", "diversity"))


def test_a_pale_and_soft_model_misses_them() -> None:
    checkpoint = random_checkpoint(narrow_config())
    made = pictures(1, 30)
    for scene in made.colours:
        scene[3] = np.full(3, 90.0)  # one look for every sample
    for matrix in made.confusion:
        matrix[0, 1] += 40
    rows = {score.key: score for score in scene_table(facts_of(checkpoint, pictures(3, 0), made))}
    assert rows["sharpness_prior"].value == pytest.approx(1 / 3)
    assert rows["variety_least"].value == pytest.approx(0, abs=1e-9) and rows["variety_least"].name.endswith("snow")
    for key in ("fidelity_prior", "look_median", "look_p90", "variety_least", "sharpness_encoded"):
        assert rows[key].met is False, key


def test_what_has_nothing_to_be_compared_with_is_not_measured() -> None:
    real = pictures(3, 0)
    for matrix in real.confusion:
        matrix[:] = np.roll(matrix, 1, axis=1)  # a segmenter that takes every pixel for another class
    facts = facts_of(random_checkpoint(narrow_config()), real, pictures(3, 0))
    rows = {score.key: score for score in scene_table(facts)}
    assert rows["iou_real"].value == 0
    assert rows["fidelity_prior"].value is None and rows["fidelity_prior"].reason == "there is nothing to compare with"


def test_goals_are_ranges() -> None:
    assert (str(ALIKE), str(Goal(low=8)), str(Goal(high=0.08))) == ("0.85 … 1.15", "≥ 8", "≤ 0.08")
    assert [ALIKE.met(value) for value in (0.84, 0.85, 1.15, 1.16)] == [False, True, True, False]
    assert Goal(low=8).met(9) and not Goal(low=8).met(7) and Goal(high=2).met(2)


def test_a_scene_of_one_class_is_measured_too(tiny_checkpoint: Path) -> None:
    survey = Survey(Engine(load_checkpoint(tiny_checkpoint / "tiny"), "cpu"))
    flat = np.full((64, 64), 4, np.uint8)
    shown = survey.add(Sample(flat, np.zeros((64, 64, 3), np.uint8)), (2, 1), 1)
    assert shown is None and survey.changes == [{}] and survey.diversity == [[]]
    assert len(survey.prior.energy) == len(survey.encoded.energy) == len(survey.real.energy) == 1
