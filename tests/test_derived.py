"""Classes found in photos (snow, cloud, face), the frame around a person, and the backdrop put behind one."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from small_sets import names_in, write_pair

from model.data.backdrop import backdrop, with_backdrop
from model.data.data_recipe import load_recipe
from model.data.derived import cloud, face, snow
from model.data.framing import around, middle
from model.data.prepare import Preparer, prepare
from model.data.regions import fill_unknown, seams
from model.errors import InputError
from model.recipe.taxonomy import UNKNOWN, Taxonomy

SIZE = 160
EVERYWHERE = np.ones((SIZE, SIZE), bool)


def blob(top: int, left: int, height: int, width: int) -> np.ndarray:
    """A rectangle in SIZE × SIZE, bool."""
    inside = np.zeros((SIZE, SIZE), bool)
    inside[top : top + height, left : left + width] = True
    return inside


def graded(top: tuple[int, int, int], bottom: tuple[int, int, int]) -> np.ndarray:
    share = np.linspace(0, 1, SIZE)[:, None, None]
    return (np.array(top) * (1 - share) + np.array(bottom) * share).repeat(SIZE, 1).astype(np.uint8)


def overlap(first: np.ndarray, second: np.ndarray) -> float:
    return float((first & second).sum() / (first | second).sum())


class TestCloud:
    def test_white_in_a_blue_sky(self) -> None:
        photo, white = graded((60, 110, 200), (120, 160, 220)), blob(30, 40, 30, 70)
        photo[white] = 240
        assert overlap(cloud(photo, EVERYWHERE, {}), white) > 0.9

    def test_a_sky_that_pales_towards_the_horizon_has_none(self) -> None:
        assert not cloud(graded((60, 110, 200), (220, 225, 230)), EVERYWHERE, {}).any()

    def test_a_grey_or_a_red_sky_stays_sky(self) -> None:
        for base, patch in (((150, 150, 152), 230), ((210, 110, 60), 240)):
            photo = graded(base, base)
            photo[blob(30, 40, 30, 70)] = patch
            assert not cloud(photo, EVERYWHERE, {}).any()

    def test_only_in_the_sky(self) -> None:
        photo, white = graded((60, 110, 200), (120, 160, 220)), blob(60, 40, 60, 70)
        photo[white] = 240
        sky = blob(0, 0, 80, SIZE)
        found = cloud(photo, sky, {})
        assert found.any() and not (found & ~sky).any()

    def test_no_sky(self) -> None:
        assert not cloud(graded((60, 110, 200), (120, 160, 220)), ~EVERYWHERE, {}).any()


class TestSnow:
    def test_a_white_cap_and_its_blue_shadow_on_a_dark_mountain(self) -> None:
        photo = graded((70, 65, 60), (60, 70, 50))
        lit, shaded = blob(10, 20, 40, 60), blob(10, 80, 40, 40)
        photo[lit], photo[shaded] = (240, 240, 245), (140, 160, 195)
        assert overlap(snow(photo, EVERYWHERE, {}), lit | shaded) > 0.9

    def test_a_field_of_snow_without_anything_dark(self) -> None:
        assert snow(graded((235, 235, 240), (225, 228, 235)), EVERYWHERE, {}).mean() > 0.9

    def test_pale_blue_haze_is_none(self) -> None:
        assert not snow(graded((150, 165, 190), (140, 155, 180)), EVERYWHERE, {}).any()

    def test_sand_coloured_rock_is_none(self) -> None:
        photo = graded((70, 60, 50), (70, 60, 50))
        photo[blob(10, 20, 40, 60)] = (225, 190, 140)
        assert not snow(photo, EVERYWHERE, {}).any()


class TestFace:
    def test_the_skin_under_the_hair_and_not_the_hands(self) -> None:
        head, hands, hair = blob(20, 74, 12, 12), blob(90, 40, 10, 8) | blob(90, 110, 10, 8), blob(12, 72, 8, 16)
        person = head | hands | hair | blob(32, 60, 118, 40)
        others = {"background": ~person, "hair": hair}
        assert (face(np.zeros((SIZE, SIZE, 3), np.uint8), head | hands, others) == head).all()

    def test_without_hair_the_head_is_where_the_person_begins(self) -> None:
        head, hands = blob(12, 74, 14, 12), blob(90, 40, 10, 8)
        others = {"background": ~(head | hands | blob(26, 60, 124, 40)), "hair": ~EVERYWHERE}
        assert (face(np.zeros((SIZE, SIZE, 3), np.uint8), head | hands, others) == head).all()

    def test_nobody(self) -> None:
        others = {"background": EVERYWHERE, "hair": ~EVERYWHERE}
        assert not face(np.zeros((SIZE, SIZE, 3), np.uint8), ~EVERYWHERE, others).any()


class TestFrames:
    def test_the_middle_in_the_asked_proportions(self) -> None:
        assert middle((100, 300, 3), (64, 64)).cut(np.arange(300)[None].repeat(100, 0))[0].tolist() == list(
            range(100, 200)
        )
        frame = middle((300, 100), (384, 256))
        assert (frame.top, frame.left, frame.height, frame.width) == (75, 0, 150, 100)

    def test_a_person_with_room_around_in_the_asked_proportions(self) -> None:
        frame = around(blob(30, 70, 100, 20), 0.1, (384, 256))
        assert (frame.top, frame.height, frame.width) == (20, 120, 80)
        assert frame.left == 40  # the person's middle, 80, is the frame's

    def test_a_person_cut_off_by_the_photo_is_cut_off_by_the_frame(self) -> None:
        frame = around(blob(60, 70, 100, 20), 0.1, (384, 256))
        assert frame.top == 50 and frame.top + frame.height == SIZE
        assert around(blob(30, 0, 100, 20), 0.1, (384, 256)).left == 0

    def test_a_wide_pose_is_given_height(self) -> None:
        frame = around(blob(40, 10, 60, 120), 0.1, (384, 256))
        assert frame.height == round(frame.width * 384 / 256) and frame.top < 0

    def test_beyond_the_picture_is_the_fill_or_its_edge(self) -> None:
        frame = around(blob(40, 10, 60, 120), 0.1, (384, 256))
        labels = frame.cut(blob(40, 10, 60, 120).astype(np.uint8), 7)
        assert labels.shape == (frame.height, frame.width) and (labels[: -frame.top] == 7).all()
        assert (frame.cut(np.full((SIZE, SIZE, 3), 9, np.uint8)) == 9).all()


class TestBackdrop:
    person = blob(30, 60, 120, 40)

    def street(self) -> np.ndarray:
        """A green street behind a red person, whose outermost pixels are half of each."""
        photo = np.zeros((SIZE, SIZE, 3), np.uint8)
        photo[:], photo[self.person] = (0, 255, 0), (128, 127, 0)
        photo[blob(31, 61, 118, 38)] = (255, 0, 0)
        return photo

    def test_nothing_of_the_street_is_left(self) -> None:
        picture = with_backdrop(self.street(), self.person, "a").astype(int)
        greener = picture[..., 1] - np.maximum(picture[..., 0], picture[..., 2])
        plain = backdrop((SIZE, SIZE), "a")
        assert greener.max() <= (plain[..., 1] - np.maximum(plain[..., 0], plain[..., 2])).max() + 2
        assert (np.abs(picture[~blob(24, 54, 132, 52)] - plain[~blob(24, 54, 132, 52)]) <= 1).all()

    def test_the_person_stays(self) -> None:
        inside = blob(36, 66, 108, 28)
        assert (with_backdrop(self.street(), self.person, "a")[inside] == (255, 0, 0)).all()

    def test_the_edge_is_soft(self) -> None:
        row = with_backdrop(self.street(), self.person, "a")[90].astype(int)
        steps = np.abs(np.diff(row, axis=0)).sum(axis=1)
        whole = np.abs(row[80] - row[40]).sum()
        assert steps.max() < 0.6 * whole

    def test_a_name_is_a_backdrop(self) -> None:
        one, same, other = (backdrop((64, 48), name) for name in ("a", "a", "b"))
        assert (one == same).all() and np.abs(one - other).mean() > 5
        means = np.array([backdrop((8, 8), str(number)).mean((0, 1)) for number in range(200)])
        assert (means.std(axis=0) > 20).all() and 150 < means.mean() < 230


class TestRegions:
    def test_strips_are_seams_up_to_their_width(self) -> None:
        empty = blob(10, 0, 2, SIZE) | blob(40, 0, 3, SIZE) | blob(0, 80, SIZE, 1)
        found = seams(empty, 2)
        assert found[10:12, :79].all() and not found[40:43, :79].any() and found[60:, 80].all()

    def test_an_area_at_the_edge_is_no_seam(self) -> None:
        assert not seams(blob(SIZE - 2, 0, 2, SIZE), 2)[:, 20:-20].any()

    def test_unknown_pixels_take_the_nearest_class(self) -> None:
        labels = np.full((6, 6), UNKNOWN, np.uint8)
        labels[0], labels[5] = 3, 4
        assert fill_unknown(labels)[:, 0].tolist() == [3, 3, 3, 4, 4, 4]
        assert (fill_unknown(np.full((4, 4), UNKNOWN, np.uint8)) == 0).all()


def test_a_street_photo_by_the_fashion_recipe() -> None:
    """A drawn person: every class where it was drawn, on a backdrop, in the recipe's size."""
    names = ("null", "hair", "skin", "dress", "boots")
    photo = np.random.default_rng(0).integers(0, 255, (420, 300, 3)).astype(np.uint8)
    labels = np.zeros((420, 300), np.uint8)
    for index, (top, left, height, width) in (
        (3, (114, 120, 166, 60)),
        (2, (74, 132, 40, 36)),
        (1, (60, 128, 20, 44)),
        (2, (280, 130, 80, 40)),
        (4, (360, 125, 20, 50)),
    ):
        labels[top : top + height, left : left + width] = index
        photo[top : top + height, left : left + width] = 40 * index
    colours = tuple((index, 0, 0) for index in range(len(names)))
    preparer = Preparer(load_recipe("fashion"), Taxonomy("drawn", names, colours, colours))
    picture, classes = preparer(photo, labels, names_in("train", 1)[0])
    assert picture.shape == (384, 256, 3) and classes.shape == (384, 256)
    found = [preparer.recipe.classes[index].name for index in np.unique(classes)]
    assert found == ["background", "hair", "face", "skin", "dress", "shoes"]
    downwards = classes[:, 128]
    changes = downwards[np.append(True, downwards[1:] != downwards[:-1])]
    assert [preparer.recipe.classes[index].name for index in changes] == [
        *("background", "hair", "face", "skin", "dress", "skin", "shoes", "background")
    ]
    assert picture[:, :40].std(axis=(0, 1)).max() < 12


def test_a_photo_of_nobody_is_left_out(tmp_path: Path) -> None:
    names = [*names_in("train", 2), *names_in("val", 1)]
    for index, name in enumerate(names):
        photo = np.random.default_rng(index).integers(0, 255, (6, 4, 3)).repeat(70, 0).repeat(70, 1).astype(np.uint8)
        labels = np.zeros((420, 280), np.uint8)
        if index:
            labels[40:380, 100:180] = 1
        write_pair(tmp_path / "source", name, photo, labels)
    (tmp_path / "source" / "classes.json").write_text(json.dumps(["null", "dress"]))
    record = prepare(tmp_path / "source", tmp_path / "out", load_recipe("fashion"))
    assert record["left_out"] == {names[0]: "nobody is in it: all of it is background"}


def test_without_scipy_a_sentence_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "scipy.ndimage", None)
    with pytest.raises(
        InputError, match=r"need scipy, which is not installed; pip install 'groupdnet-studio\[train\]'"
    ):
        seams(EVERYWHERE, 2)
