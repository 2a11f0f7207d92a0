"""The landscape model in the repository: whole, ours, and honest about labels and looks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from model.checkpoint import inspect, load_checkpoint
from model.engine import Engine
from model.labels import read_labels
from model.landscape import Landscape
from model.styles import Style, style_from_encoding

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "checkpoints" / "landscape"
STARTERS = sorted((ROOT / "static" / "starters").glob("*.png"))
MOUNTAIN, GRASS, TREE, WATER = 2, 4, 5, 6


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
    assert all(application["available"] for application in report["applications"].values())


@pytest.mark.parametrize("starter", STARTERS, ids=lambda path: path.stem)
def test_every_starter_scene_has_varied_and_unsaturated_pictures(engine: Engine, starter: Path) -> None:
    labels = read_labels(starter, engine.taxonomy, engine.config.image_size)
    shown = picture(engine, labels, Style(seed=7))
    assert 40 < shown.mean() < 215
    assert np.isin(shown, (0, 255)).mean() < 0.2


def changes(engine: Engine, label: int) -> tuple[float, float, float]:
    """Six looks of a class on the lake: mean |Δ| inside it and outside it, and the share of the change inside."""
    labels = read_labels(ROOT / "static" / "starters" / "lake.png", engine.taxonomy, engine.config.image_size)
    base = Style(seed=7)
    before = picture(engine, labels, base)
    looks = [picture(engine, labels, style) for style in base.variants([label], 1, 6)]
    change = np.mean([np.abs(look - before) for look in looks], axis=(0, 3))
    inside = change[labels == label]
    return inside.mean(), change[labels != label].mean(), inside.sum() / change.sum()


@pytest.mark.parametrize("label", [MOUNTAIN, GRASS, TREE, WATER])
def test_resampling_a_class_changes_that_class(engine: Engine, label: int) -> None:
    inside, outside, _ = changes(engine, label)
    assert inside > 8  # of 255: another look that is seen
    assert inside > 6 * outside


def test_most_of_what_new_water_changes_is_water(engine: Engine) -> None:
    assert changes(engine, WATER)[2] >= 0.8


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


def test_an_encoded_photo_keeps_its_colours(engine: Engine) -> None:
    """On scenes of a seed that training never saw, a large class's mean colour is nearer to the photo's than that of a
    prior look is."""
    all_labels, photos = (part.numpy() for part in Landscape(256, seed=4242).scenes(0, 8))
    encoded_errors, prior_errors = [], []
    for labels, photo in zip(all_labels, photos.transpose(0, 2, 3, 1)):
        present = [int(c) for c in np.unique(labels) if (labels == c).mean() > 0.05]
        mu, _ = engine.encode(photo, labels)
        kept = picture(engine, labels, style_from_encoding(mu, present, engine.config))
        other = picture(engine, labels, Style(seed=1))
        for c in present:
            colour = photo[labels == c].mean(0)
            encoded_errors.append(np.abs(kept[labels == c].mean(0) - colour).mean())
            prior_errors.append(np.abs(other[labels == c].mean(0) - colour).mean())
    assert np.mean(encoded_errors) < 0.7 * np.mean(prior_errors), (np.mean(encoded_errors), np.mean(prior_errors))
