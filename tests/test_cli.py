"""``python -m model``: each command from end to end; what a user gets wrong is one line and exit code 2."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from conftest import narrow_config, random_checkpoint
from PIL import Image
from studio import open_studio, post

from model.__main__ import main
from model.checkpoint import load_checkpoint, save_checkpoint
from model.engine import Engine
from model.recipe.images import read_instances
from model.recipe.labels import read_labels, write_labels
from model.recipe.recipe import read_recipe, write_instances
from model.recipe.styles import Style
from model.recipe.taxonomy import TAXONOMIES


@pytest.fixture(scope="module")
def model(tiny_checkpoint: Path) -> str:
    return str(tiny_checkpoint / "tiny")


@pytest.fixture
def label_file(tmp_path: Path, scene: np.ndarray) -> str:
    path = tmp_path / "labels.png"
    path.write_bytes(write_labels(scene, TAXONOMIES["landscape"]))
    return str(path)


def render(*options: str, out: Path) -> np.ndarray:
    assert main(["render", *options, "--device", "cpu", "--out", str(out)]) == 0
    return pixels(out)


def pixels(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image)


def the_line(capsys: pytest.CaptureFixture[str]) -> str:
    """The one line of an error."""
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert captured.err.startswith("error: ")
    return captured.err


def refused_by_argparse(argv: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit) as caught:
        main(argv)
    assert caught.value.code == 2
    return capsys.readouterr().err.splitlines()[-1]


# render


def test_render_gives_the_engines_picture(model: str, label_file: str, scene: np.ndarray, tmp_path: Path) -> None:
    picture = render(label_file, "--checkpoint", model, "--seed", "7", out=tmp_path / "out.png")
    checkpoint = load_checkpoint(model)
    assert (picture == Engine(checkpoint, "cpu").render(scene, Style(7).codes(checkpoint.config))[0]).all()


def test_a_style_file_says_how_each_class_looks(model: str, label_file: str, tmp_path: Path) -> None:
    style = tmp_path / "style.json"
    style.write_text(json.dumps({"seed": 3, "6": {"seed": 9}}))
    styled = render(label_file, "--checkpoint", model, "--style", str(style), out=tmp_path / "a.png")
    plain = render(label_file, "--checkpoint", model, "--seed", "3", out=tmp_path / "b.png")
    assert (styled != plain).any()
    render(label_file, "--checkpoint", model, "--style", str(style), "--seed", "4", out=tmp_path / "c.png")
    recipe = read_recipe((tmp_path / "c.png").read_bytes())
    assert recipe.style["6"] == {"seed": 9}
    assert recipe.style["seed"] == recipe.style["4"]["seed"] == 4


def test_a_recipe_gives_identical_pixels_and_goes_on(model: str, label_file: str, tmp_path: Path) -> None:
    first = render(label_file, "--checkpoint", model, "--seed", "7", out=tmp_path / "first.png")
    again = render("--recipe", str(tmp_path / "first.png"), "--checkpoint", model, out=tmp_path / "again.png")
    assert (first == again).all()
    assert read_recipe((tmp_path / "again.png").read_bytes()) == read_recipe((tmp_path / "first.png").read_bytes())
    as_json = tmp_path / "recipe.json"
    as_json.write_text(json.dumps(read_recipe((tmp_path / "first.png").read_bytes()).to_json()))
    third = render("--recipe", str(as_json), "--checkpoint", model, out=tmp_path / "third.png")
    assert (first == third).all()


def test_the_api_and_the_command_line_make_each_others_pictures_again(
    model: str, tiny_checkpoint: Path, label_file: str, tmp_path: Path
) -> None:
    mine, theirs = tmp_path / "mine.png", tmp_path / "theirs.png"
    render(label_file, "--checkpoint", model, "--seed", "7", out=mine)
    with open_studio(tiny_checkpoint, device="cpu") as client:
        theirs.write_bytes(post(client, "render", {"recipe": mine.read_bytes()}, accept="image/png").content)
    assert (pixels(mine) == pixels(theirs)).all()
    assert (render("--recipe", str(theirs), "--checkpoint", model, out=mine) == pixels(theirs)).all()


def test_the_recipe_holds_all_that_the_picture_is_made_from(
    model: str, label_file: str, scene: np.ndarray, tmp_path: Path
) -> None:
    render(label_file, "--checkpoint", model, "--seed", "7", out=tmp_path / "out.png")
    recipe = read_recipe((tmp_path / "out.png").read_bytes())
    assert (recipe.model, recipe.fingerprint) == ("tiny", load_checkpoint(model).fingerprint)
    assert (read_labels(recipe.labels, TAXONOMIES["landscape"]) == scene).all()
    assert recipe.style == {"seed": 7, **{str(c): {"seed": 7} for c in (0, 2, 4, 6, 11)}}


def test_the_recipe_can_be_left_out(
    model: str, label_file: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    render(label_file, "--checkpoint", model, "--no-recipe", out=tmp_path / "out.png")
    with Image.open(tmp_path / "out.png") as image:
        assert image.info == {}
    again = ["render", "--recipe", str(tmp_path / "out.png"), "--checkpoint", model, "--out", str(tmp_path / "b.png")]
    assert main(again) == 2
    assert "recipe is not in this PNG" in the_line(capsys)


def test_a_recipe_of_another_model_is_rendered_with_a_note(
    model: str, label_file: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save_checkpoint(tmp_path / "other", random_checkpoint(narrow_config(), seed=1))
    first = render(label_file, "--checkpoint", model, out=tmp_path / "a.png")
    other = str(tmp_path / "other")
    second = render("--recipe", str(tmp_path / "a.png"), "--checkpoint", other, out=tmp_path / "b.png")
    assert "note: the recipe was made with the model tiny" in capsys.readouterr().err
    assert (first != second).any()
    assert read_recipe((tmp_path / "b.png").read_bytes()).model == "other"


def test_instances_are_part_of_the_recipe(label_file: str, scene: np.ndarray, tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "edged", random_checkpoint(narrow_config(instance_edges=True)))
    edged, ids = str(tmp_path / "edged"), scene.astype(np.int32) * 3000
    ids[:10] = 1
    (tmp_path / "ids.png").write_bytes(write_instances(ids))
    options = [label_file, "--checkpoint", edged, "--instances", str(tmp_path / "ids.png")]
    first = render(*options, out=tmp_path / "a.png")
    again = render("--recipe", str(tmp_path / "a.png"), "--checkpoint", edged, out=tmp_path / "b.png")
    assert (first == again).all()
    assert (first != render(label_file, "--checkpoint", edged, out=tmp_path / "c.png")).any()
    stored = read_recipe((tmp_path / "b.png").read_bytes()).instances
    assert stored is not None
    assert (read_instances(stored) == ids).all()


def test_a_label_map_of_another_size_is_resized_when_asked(
    model: str, scene: np.ndarray, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    double = tmp_path / "double.png"
    double.write_bytes(write_labels(scene.repeat(2, 0).repeat(2, 1), TAXONOMIES["landscape"]))
    argv = ["render", str(double), "--checkpoint", model, "--out", str(tmp_path / "out.png")]
    assert main(argv) == 2
    assert "labels is 128×128 pixels" in the_line(capsys)
    assert main([*argv, "--resize"]) == 0
    assert (
        read_labels(read_recipe((tmp_path / "out.png").read_bytes()).labels, TAXONOMIES["landscape"]) == scene
    ).all()


def test_what_render_refuses(model: str, label_file: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, text, style = str(tmp_path / "out.png"), tmp_path / "text", tmp_path / "style.json"
    text.write_text("not an image")
    style.write_text('{"6": {"seed": -1}}')
    (tmp_path / "broken.json").write_text('{"6": ')
    first = tmp_path / "first.png"
    render(label_file, "--checkpoint", model, out=first)
    capsys.readouterr()
    cases = {
        "labels is not a picture": [str(text), "--checkpoint", model],
        "no such file": [str(tmp_path / "nowhere.png"), "--checkpoint", model],
        "no checkpoint at": [label_file, "--checkpoint", str(tmp_path / "nowhere")],
        "style.6.seed is -1; allowed is an integer from 0": [label_file, "--checkpoint", model, "--style", str(style)],
        "is not JSON: Expecting value": [label_file, "--checkpoint", model, "--style", str(tmp_path / "broken.json")],
        "No such file": [label_file, "--checkpoint", model, "--style", str(tmp_path / "nowhere.json")],
        "style.seed is -1; allowed is an integer from 0": [label_file, "--checkpoint", model, "--seed", "-1"],
        "device 'cuda:9' is not here": [label_file, "--checkpoint", model, "--device", "cuda:9"],
        "precision 'float16' is not for device cpu": [
            *(label_file, "--checkpoint", model, "--device", "cpu", "--precision", "float16")
        ],
        "instances were given to a model without": [label_file, "--checkpoint", model, "--instances", label_file],
        "--seed is part of the recipe": ["--recipe", str(first), "--checkpoint", model, "--seed", "1"],
        "recipe is not JSON": ["--recipe", str(text), "--checkpoint", model],
    }
    for words, options in cases.items():
        assert main(["render", *options, "--out", out]) == 2, words
        assert words in the_line(capsys)
    assert main(["render", label_file, "--checkpoint", model, "--out", str(tmp_path / "no" / "folder.png")]) == 2
    assert "No such file" in the_line(capsys)
    assert not Path(out).exists()


def test_render_needs_a_label_map_or_a_recipe(capsys: pytest.CaptureFixture[str]) -> None:
    line = refused_by_argparse(["render", "--checkpoint", "c", "--out", "o.png"], capsys)
    assert "LABELS.png --recipe" in line
    both = ["render", "a.png", "--recipe", "b.png", "--checkpoint", "c", "--out", "o.png"]
    assert "not allowed with" in refused_by_argparse(both, capsys)


# fit


def test_a_fitted_style_renders_the_picture_that_the_fit_shows(
    tiny_without_encoder: Path, label_file: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model, style, shown = str(tiny_without_encoder / "tiny"), tmp_path / "style.json", tmp_path / "shown.png"
    photo = tmp_path / "beach.png"
    Image.fromarray(np.full((64, 64, 3), 90, np.uint8)).save(photo)
    command = ["fit", str(photo), label_file, "--checkpoint", model, "--steps", "5", "--seed", "8", "--device", "cpu"]
    assert main([*command, "--out", str(style), "--picture", str(shown)]) == 0
    assert "5/5" in capsys.readouterr().err
    looks = json.loads(style.read_text())
    assert looks["seed"] == 8 and looks["6"]["from"] == "beach.png"
    again = render(label_file, "--checkpoint", model, "--style", str(style), out=tmp_path / "again.png")
    assert np.array_equal(again, pixels(shown))


@pytest.mark.parametrize(
    ("options", "says"),
    [(["--steps", "0"], "steps is 0"), (["--seed", "-1"], "-1"), (["--instances", "x.png"], "x.png")],
)
def test_what_a_fit_cannot_take_is_one_line(
    model: str, label_file: str, tmp_path: Path, options: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    photo = tmp_path / "beach.png"
    Image.fromarray(np.full((64, 64, 3), 90, np.uint8)).save(photo)
    command = ["fit", str(photo), label_file, "--checkpoint", model, "--out", str(tmp_path / "style.json")]
    assert main([*command, *options]) == 2
    assert says in the_line(capsys)


# inspect, convert


def test_inspect_tells_in_words_and_in_json(
    model: str, tiny_without_encoder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["inspect", model]) == 0
    assert "64×64" in capsys.readouterr().out
    assert main(["inspect", str(tiny_without_encoder / "tiny"), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["encoder"], report["image_size"]) == (False, [64, 64])
    assert report["applications"]["render"] == {"available": True}


def test_inspect_of_a_broken_checkpoint_says_what_is_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["inspect", str(tmp_path)]) == 2
    assert "no checkpoint" in capsys.readouterr().out


def test_convert_writes_what_computes_the_same(
    model: str, label_file: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["convert", model, str(tmp_path / "converted")]) == 0
    assert "safetensors" in capsys.readouterr().out
    first = render(label_file, "--checkpoint", model, out=tmp_path / "a.png")
    second = render(label_file, "--checkpoint", str(tmp_path / "converted"), out=tmp_path / "b.png")
    assert (first == second).all()
    assert main(["convert", str(tmp_path / "nothing"), str(tmp_path / "x")]) == 2
    assert "no checkpoint at" in the_line(capsys)


# landscape


def test_landscape_shows_a_sheet_and_renders_ahead(tmp_path: Path) -> None:
    sheet = tmp_path / "sheet.png"
    assert main(["landscape", "--sheet", str(sheet), "--count", "3", "--size", "64"]) == 0
    assert pixels(sheet).shape == (64, 3 * 2 * 64, 3)
    assert main(["landscape", "--render", str(tmp_path / "set"), "--count", "2", "--size", "64"]) == 0
    assert np.load(tmp_path / "set" / "labels.npy").shape == (2, 64, 64)


def test_what_landscape_refuses(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sheet = ["landscape", "--sheet", str(tmp_path / "sheet.png")]
    assert main([*sheet, "--size", "100"]) == 2
    assert "size 100" in the_line(capsys)
    assert "0 is too few" in refused_by_argparse([*sheet, "--count", "0"], capsys)


# The whole


def test_help_names_the_commands_without_importing_what_is_heavy() -> None:
    code = "import sys, model.__main__ as m\ntry: m.main(['--help'])\nfinally: assert 'torch' not in sys.modules"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    for command in ("render", "inspect", "convert", "landscape", "train"):
        assert command in done.stdout


def test_train_has_its_own_options(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["train", "--help"])
    assert caught.value.code == 0
    assert "--plan" in capsys.readouterr().out


def test_the_module_runs_as_a_program(tmp_path: Path) -> None:
    argv = [sys.executable, "-m", "model", "inspect", str(tmp_path)]
    done = subprocess.run(argv, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (2, "")
    assert "no checkpoint" in done.stdout


@pytest.mark.parametrize("options", [[], ["--json"]], ids=["words", "json"])
def test_a_reader_that_leaves_early_is_no_error(tiny_checkpoint: Path, options: list[str]) -> None:
    """``python -m model inspect … | head -1``."""
    command = [sys.executable, "-m", "model", "inspect", str(tiny_checkpoint / "tiny"), *options]
    root = Path(__file__).parents[1]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=root) as process:
        assert process.stdout is not None and process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 0
