"""Training sets made by a data recipe: what is written, what is left out and why, and what is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from small_sets import RECIPE, names_in, scene, write_pair, write_recipe, write_scenes

from model.__main__ import main
from model.data.data_recipe import DataRecipe, load_recipe
from model.data.prepare import prepare
from model.errors import InputError
from model.recipe.taxonomy import UNKNOWN, Taxonomy

TRAIN, VAL = names_in("train", 6), names_in("val", 2)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return write_scenes(tmp_path / "source", [*TRAIN, *VAL])


def prepared(source: Path, **changes: Any) -> tuple[Path, dict[str, Any]]:
    out = source.with_name("out")
    return out, prepare(source, out, DataRecipe.from_json({**RECIPE, **changes}))


def labels_of(out: Path, name: str) -> np.ndarray:
    (path,) = out.glob(f"*/labels/{name}.png")
    return np.asarray(Image.open(path))


def photo_of(out: Path, name: str) -> np.ndarray:
    (path,) = out.glob(f"*/photos/{name}.jpg")
    return np.asarray(Image.open(path))


class TestWhatIsWritten:
    def test_pairs_by_split_classes_record_and_sheet(self, source: Path) -> None:
        out, record = prepared(source)
        for split, names in (("train", TRAIN), ("val", VAL)):
            assert sorted(path.stem for path in (out / split / "photos").iterdir()) == sorted(names)
            assert sorted(path.stem for path in (out / split / "labels").iterdir()) == sorted(names)
        taxonomy = Taxonomy.from_json(json.loads((out / "taxonomy.json").read_text()))
        assert taxonomy.names == ("sky", "ground") and taxonomy.display[0] == (0x50, 0x80, 0xC0)
        assert json.loads((out / "prepared.json").read_text()) == json.loads(json.dumps(record))
        assert record["counts"]["train"]["photos"] == 6 and record["counts"]["val"]["photos"] == 2
        assert record["source"] == "made for a test" and record["terms"] == "none"
        with Image.open(out / "sheet.png") as sheet:
            assert sheet.size == (6 * 2 * 192, 2 * 192)

    def test_the_same_photos_and_recipe_give_the_same_bytes(self, source: Path) -> None:
        def tree(folder: Path) -> dict[str, bytes]:
            files = [path for path in folder.rglob("*") if path.is_file()]
            return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}

        first, _ = prepared(source)
        first.rename(source.with_name("first"))
        second, _ = prepared(source)
        assert tree(source.with_name("first")) == tree(second)
        assert len(tree(second)) == 2 * 8 + 3

    def test_the_border_is_cut_off_and_photo_and_labels_stay_together(self, source: Path) -> None:
        photo, labels = np.zeros((40, 40, 3), np.uint8), np.ones((40, 40), np.uint8)
        photo[4:-4, 4:-4], photo[20:-4, 4:-4], labels[20:] = 250, 120, 2
        write_pair(source, TRAIN[0], photo, labels)
        out, _ = prepared(source)
        assert labels_of(out, TRAIN[0])[:, 0].tolist() == [0] * 16 + [1] * 16
        assert photo_of(out, TRAIN[0])[:14].min() > 240 and photo_of(out, TRAIN[0])[18:].min() > 110

    def test_seams_take_the_nearest_class_and_areas_stay_unknown(self, source: Path) -> None:
        photo, labels = scene(0)
        labels[:], labels[20:] = 1, 2
        labels[19:21] = 0  # a seam
        labels[30:36, 10:16] = 0  # an area
        labels[6:8] = 3  # a car, however thin, is no seam
        write_pair(source, TRAIN[0], photo, labels)
        out, _ = prepared(source)
        inner = labels_of(out, TRAIN[0])
        assert inner[10:16, 5].tolist() == [0] * 6 and inner[16:, 0].tolist() == [1] * 16
        assert (inner[26:, 6:12] == UNKNOWN).all() and np.count_nonzero(inner[26:] == UNKNOWN) == 36
        assert (inner[2:4] == UNKNOWN).all()

    def test_groups_and_the_share_without_a_class_stand_in_the_record(self, source: Path) -> None:
        photo, labels = scene(0)
        labels[:20] = 3
        write_pair(source, TRAIN[0], photo, labels)
        write_pair(source, "town_000", *scene(90))
        _, record = prepared(source)
        rows = {row["name"]: row for row in record["photos"]}
        assert rows[TRAIN[0]]["groups"] == ["open"] and rows[TRAIN[0]]["unknown"] == 0.5
        assert rows[TRAIN[1]]["groups"] == ["open", "clear"]
        assert rows["town_000"]["groups"] == ["clear"]

    def test_shares_of_classes_count_known_pixels(self, source: Path) -> None:
        for index, name in enumerate((*TRAIN, *VAL)):
            photo, labels = scene(index)
            labels[:], labels[20:], labels[:, :14] = 1, 2, 3
            write_pair(source, name, photo, labels)
        _, record = prepared(source)
        assert record["counts"]["train"]["classes"]["sky"] == {"photos": 6, "share": 0.5}
        assert record["counts"]["train"]["unknown"] == pytest.approx(10 / 32, abs=1e-4)

    def test_large_photos_are_reduced_and_wide_ones_lose_their_sides(self, source: Path) -> None:
        photo, labels = scene(0, (160, 480))
        labels[:, :80], labels[:, -80:] = 3, 3
        write_pair(source, TRAIN[0], photo, labels)
        out, record = prepared(source)
        assert (labels_of(out, TRAIN[0]) != UNKNOWN).all()
        assert {row["name"] for row in record["photos"]} == {*TRAIN, *VAL}


class TestWhatIsLeftOut:
    def test_photos_that_are_mostly_unknown(self, source: Path) -> None:
        photo, labels = scene(0)
        labels[:] = 0
        write_pair(source, TRAIN[0], photo, labels)
        out, record = prepared(source)
        assert record["left_out"] == {TRAIN[0]: "100% of it has no class, the recipe takes 60% at most"}
        assert not list(out.glob(f"*/*/{TRAIN[0]}.*"))

    def test_photos_of_other_prefixes(self, source: Path) -> None:
        write_pair(source, "town_000", *scene(90))
        _, record = prepared(source, leave_out={"prefixes": ["open_"]})
        assert record["left_out"] == {"town_000": "its name begins with none of open_"}

    @pytest.mark.parametrize("mirrored", [False, True])
    def test_photos_of_train_that_show_what_is_held_out(self, source: Path, mirrored: bool) -> None:
        photo, labels = scene(len(TRAIN))  # the first of val
        again = np.roll(photo, 1, axis=0)[:, :: -1 if mirrored else 1]
        write_pair(source, TRAIN[2], np.ascontiguousarray(again), labels)
        _, record = prepared(source)
        assert record["left_out"] == {TRAIN[2]: f"nearly the same photo as {VAL[0]}, which is held out"}
        assert [row["name"] for row in record["photos"] if row["split"] == "val"] == VAL

    def test_photos_too_small_to_show(self, source: Path) -> None:
        write_pair(source, TRAIN[0], *scene(0, (20, 20)))
        write_pair(source, TRAIN[1], *scene(0, (6, 6)))
        write_pair(source, TRAIN[2], *scene(0, (20, 600)))
        _, record = prepared(source)
        assert record["left_out"] == {
            TRAIN[0]: "only 12×12 pixels of it can be shown",
            TRAIN[1]: "nothing of it is inside a border of 4 pixels",
            TRAIN[2]: "only 12×12 pixels of it can be shown",
        }


class TestUnusualPhotos:
    def test_a_photo_is_taken_the_way_up_that_its_exif_says(self, source: Path) -> None:
        photo, labels = scene(0)
        exif = Image.Exif()
        exif[0x0112] = 6  # shown turned right by a quarter
        Image.fromarray(np.rot90(photo)).save(source / f"photos/{TRAIN[0]}.png", exif=exif)
        straight, _ = prepared(source)
        shown = photo_of(straight, TRAIN[0])
        write_pair(source, TRAIN[0], photo, labels)
        straight.rename(source.with_name("turned"))
        assert (photo_of(prepared(source)[0], TRAIN[0]) == shown).all()

    def test_a_label_map_that_is_not_turned_with_its_photo(self, source: Path) -> None:
        photo, labels = scene(0, (40, 60))
        exif = Image.Exif()
        exif[0x0112] = 6
        write_pair(source, TRAIN[0], photo, labels)
        Image.fromarray(photo).save(source / f"photos/{TRAIN[0]}.png", exif=exif)
        with pytest.raises(InputError, match="if the photo's EXIF turns it and its label map is not turned, save both"):
            prepared(source)

    def test_four_colours_and_sixteen_bits(self, source: Path) -> None:
        photo, _ = scene(0)
        (source / f"photos/{TRAIN[0]}.png").unlink()
        Image.fromarray(photo).convert("CMYK").save(source / f"photos/{TRAIN[0]}.jpg", quality=95)
        grey = np.linspace(0, 65535, 1600).reshape(40, 40).astype(np.uint16)
        Image.fromarray(grey).save(source / f"photos/{TRAIN[1]}.png")
        out, _ = prepared(source)
        assert abs(photo_of(out, TRAIN[0]).astype(int).mean() - photo[4:-4, 4:-4].mean()) < 6
        assert photo_of(out, TRAIN[1])[0].mean() < 40 and photo_of(out, TRAIN[1])[-1].mean() > 215

    def test_half_of_the_label_maps_are_missing(self, source: Path) -> None:
        for name in TRAIN[:3]:
            (source / f"labels/{name}.png").unlink()
        with pytest.raises(InputError, match=r"3 of 8 photos have no label map in .*skip them with --skip-unpaired"):
            prepared(source)
        record = prepare(source, source.with_name("out"), DataRecipe.from_json(RECIPE), skip_unpaired=True)
        assert record["counts"]["train"]["photos"] == 3


class TestRefusals:
    def test_a_folder_that_is_there_already(self, source: Path) -> None:
        prepared(source)
        with pytest.raises(InputError, match="out is there already; remove it, or name another folder"):
            prepared(source)

    def test_a_class_without_a_place(self, source: Path) -> None:
        with pytest.raises(InputError, match="The recipe small has no place for 2 of the 4 classes: nothing, car; put"):
            prepared(source, unknown=[], seam_of=[])

    def test_too_few_photos_for_both_splits(self, tmp_path: Path) -> None:
        source = write_scenes(tmp_path / "source", TRAIN)
        with pytest.raises(InputError, match="leaves 6 photos by this recipe, too few for both train and val"):
            prepared(source)
        assert not (tmp_path / "out").exists()

    def test_a_run_that_broke_off_is_begun_anew(self, source: Path) -> None:
        stale = source.with_name("out.partial") / "train" / "photos"
        stale.mkdir(parents=True)
        (stale / "old.jpg").write_bytes(b"")
        out, _ = prepared(source)
        assert not list(out.rglob("old.jpg")) and not stale.exists()

    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"classes": 3}, "not valid"),
            ({"size": [32]}, "not valid"),
            ({"size": [8, 32]}, r"size is \[8, 32\]; allowed are two whole numbers, height and width, 16 or more"),
            ({"sise": 3}, "sise"),
            ({"val": 1.5}, "val is 1.5"),
            ({"unknown": ["nothing", "sky"]}, "source class sky is unknown and goes to sky too"),
            ({"backdrop": True}, "person and backdrop need a class called background"),
            ({"classes": [{"name": "sky", "colour": "blue", "from": ["sky"]}]}, "'blue' is not a colour"),
            ({"classes": [{"name": "sky", "colour": "#ffffff"}]}, "class sky needs either from, or both rule and of"),
            (
                {"classes": [{"name": "sky", "colour": "#ffffff", "rule": "rain", "of": "sky"}]},
                "class sky has the rule 'rain'; allowed are snow, cloud, face",
            ),
            (
                {"classes": [{"name": "face", "colour": "#ffffff", "rule": "face", "of": "skin"}]},
                "class face is derived from skin, background, hair, which is no class",
            ),
            (
                {
                    "classes": [
                        {"name": "a", "colour": "#ffffff", "from": ["sky"]},
                        {"name": "b", "colour": "#000000", "from": ["sky"]},
                    ]
                },
                "source class sky goes to both a and b",
            ),
        ],
    )
    def test_recipes(self, tmp_path: Path, changes: dict[str, Any], message: str) -> None:
        with pytest.raises(InputError, match=message):
            load_recipe(str(write_recipe(tmp_path / "recipe.json", **changes)))

    def test_no_such_recipe(self) -> None:
        with pytest.raises(InputError, match=r"no data recipe 'faces'; allowed is a \.json file, or fashion, outdoor"):
            load_recipe("faces")

    def test_a_recipe_like_another_that_is_like_a_third(self, tmp_path: Path) -> None:
        (tmp_path / "recipe.json").write_text('{"like": "street"}')
        with pytest.raises(InputError, match="The data recipe is not valid"):
            load_recipe(str(tmp_path / "recipe.json"))


def test_street_is_like_fashion_with_its_own_background() -> None:
    fashion = load_recipe("fashion")
    assert fashion.backdrop and fashion.person is not None
    assert load_recipe("street") == replace(fashion, name="street", backdrop=False, person=None)


@pytest.mark.parametrize(
    ("name", "classes", "size"),
    [("outdoor", 13, (256, 256)), ("fashion", 12, (384, 256)), ("street", 12, (384, 256))],
)
def test_our_recipes(name: str, classes: int, size: tuple[int, int]) -> None:
    recipe = load_recipe(name)
    assert len(recipe.taxonomy) == classes and recipe.size == size and recipe.name == name
    assert DataRecipe.from_json(json.loads(json.dumps(recipe.to_json()))) == recipe


def test_the_command_tells_what_it_made(source: Path, capsys: pytest.CaptureFixture[str]) -> None:
    photo, labels = scene(0)
    write_pair(source, TRAIN[0], photo, np.zeros_like(labels))
    recipe = write_recipe(source.with_name("mine.json"))
    assert main(["prepare", str(source), str(source.with_name("out")), "--recipe", str(recipe)]) == 0
    told = capsys.readouterr().out
    assert "left out: 1: too much of it has no class" in told and "all                          5" in told
    assert main(["prepare", str(source), str(source.with_name("out")), "--recipe", str(recipe)]) == 2
