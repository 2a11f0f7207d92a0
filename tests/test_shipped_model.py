"""The landscape model in the repository: whole, ours, and honest about labels and looks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from model.checkpoint import inspect, load_checkpoint
from model.data.landscape import Landscape
from model.engine import Engine
from model.evaluation.metrics import class_colours, colour_table, delta_e
from model.recipe.labels import read_labels
from model.recipe.styles import Style, style_from_encoding
from model.recipe.taxonomy import TAXONOMIES

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "checkpoints" / "landscape"
STARTERS = sorted((ROOT / "static" / "starters").glob("*.png"))
GRASS, WATER = 4, 6


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine(load_checkpoint(FOLDER), device="cpu")


def picture(engine: Engine, labels: np.ndarray, style: Style) -> np.ndarray:
    """uint8 [H, W, 3], as float64 so that differences do not wrap."""
    return engine.render(labels, style.codes(engine.config)[None])[0].astype(np.float64)


def test_files_are_small_enough_and_say_what_they_are() -> None:
    for name in ("generator", "encoder"):
        assert (FOLDER / f"{name}.safetensors").stat().st_size < 16 * 2**20
    report = inspect(FOLDER).to_json()
    assert report["ok"] and report["preset"] == "landscape" and report["encoder"]
    assert report["image_size"] == [256, 256]
    assert report["record"]["images"] > 0
    assert report["licence"] == "Apache-2.0" and "procedural" in report["source"]
    assert all(application["available"] for application in report["applications"].values())


@pytest.mark.parametrize("starter", STARTERS, ids=lambda path: path.stem)
def test_every_starter_scene_has_varied_and_unsaturated_pictures(engine: Engine, starter: Path) -> None:
    labels = read_labels(starter, engine.taxonomy, engine.config.image_size)
    shown = picture(engine, labels, Style(seed=7))
    assert 40 < shown.mean() < 215
    assert np.isin(shown, (0, 255)).mean() < 0.2


@pytest.fixture(scope="module")
def scenes() -> tuple[np.ndarray, np.ndarray]:
    """Labels [N, H, W] and photos [N, H, W, 3] of a seed that training never saw."""
    labels, photos = Landscape(256, seed=4242).scenes(0, 24)
    return labels.numpy(), photos.permute(0, 2, 3, 1).numpy()


def change_in(engine: Engine, labels: np.ndarray, label: int, looks: int) -> np.ndarray:
    """Mean |Δ| of 255 [H, W] over ``looks`` new looks of a class."""
    base = Style(seed=7)
    before = picture(engine, labels, base)
    shown = [picture(engine, labels, style) for style in base.variants([label], 1, looks)]
    return np.mean([np.abs(look - before) for look in shown], axis=(0, 3))


@pytest.mark.parametrize("label", range(12), ids=TAXONOMIES["landscape"].names)
def test_resampling_a_class_changes_that_class(
    engine: Engine, scenes: tuple[np.ndarray, np.ndarray], label: int
) -> None:
    showing = [labels for labels in scenes[0] if 0.03 < (labels == label).mean() < 0.9][:3]
    changes = [change_in(engine, labels, label, 3) for labels in showing]
    inside = np.mean([change[labels == label].mean() for change, labels in zip(changes, showing)])
    outside = np.mean([change[labels != label].mean() for change, labels in zip(changes, showing)])
    assert len(showing) == 3
    assert inside > 12  # levels of 255, a change that can be seen
    assert inside > 8 * outside


def test_most_of_what_new_water_changes_is_water(engine: Engine) -> None:
    labels = read_labels(ROOT / "static" / "starters" / "lake.png", engine.taxonomy, engine.config.image_size)
    change = change_in(engine, labels, WATER, 6)
    assert change[labels == WATER].sum() / change.sum() >= 0.8


def test_the_picture_follows_the_labels(engine: Engine) -> None:
    """Water painted over grass changes the picture where it was painted, far more than elsewhere."""
    labels = read_labels(ROOT / "static" / "starters" / "lake.png", engine.taxonomy, engine.config.image_size)
    rows, columns = np.indices(labels.shape)
    grass = np.argwhere(labels == GRASS)
    centre = grass[len(grass) // 2]
    painted = ((rows - centre[0]) ** 2 + (columns - centre[1]) ** 2 < 20**2) & (labels == GRASS)
    edited = np.where(painted, WATER, labels).astype(np.uint8)
    change = np.abs(picture(engine, edited, Style(seed=7)) - picture(engine, labels, Style(seed=7))).mean(2)
    assert change[painted].mean() > 8 * change[~painted].mean()


def test_an_encoded_photo_keeps_its_colours(engine: Engine, scenes: tuple[np.ndarray, np.ndarray]) -> None:
    """A large class's mean colour is nearer to the photo's than that of a prior look is."""
    encoded_errors, prior_errors = [], []
    for labels, photo in zip(scenes[0][:8], scenes[1]):
        present = [int(c) for c in np.unique(labels) if (labels == c).mean() > 0.05]
        mu, _ = engine.encode(photo, labels)
        kept = picture(engine, labels, style_from_encoding(mu, present, engine.config))
        other = picture(engine, labels, Style(seed=1))
        for c in present:
            colour = photo[labels == c].mean(0)
            encoded_errors.append(np.abs(kept[labels == c].mean(0) - colour).mean())
            prior_errors.append(np.abs(other[labels == c].mean(0) - colour).mean())
    assert np.mean(encoded_errors) < 0.4 * np.mean(prior_errors), (np.mean(encoded_errors), np.mean(prior_errors))


def test_a_fitted_look_is_closer_than_the_encoders(engine: Engine, scenes: tuple[np.ndarray, np.ndarray]) -> None:
    """Where there is no encoder, nothing is lost by it."""
    errors: dict[str, list[np.ndarray]] = {"fitted": [], "encoded": []}
    for labels, photo in zip(scenes[0][:2], scenes[1]):
        *_, last = engine.fit(photo, labels)
        for name, codes in (("fitted", last.codes), ("encoded", engine.encode(photo, labels)[0])):
            shown = engine.render(labels, codes[None])[0]
            found, wanted = colour_table(
                [class_colours(each, labels) for each in (shown, photo)], engine.config.classes
            )
            errors[name].append(delta_e(found, wanted))
    fitted, encoded = (np.nanmean(errors[name]) for name in ("fitted", "encoded"))
    assert fitted < 0.5 * encoded, (fitted, encoded)
