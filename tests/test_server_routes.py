"""The API does what its documentation says: every application, in every kind of answer that it has."""

from __future__ import annotations

import base64
import io
import json
import re
import shlex
import threading
import time
import zipfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from conftest import narrow_config, random_checkpoint
from PIL import Image, ImageSequence
from starlette.testclient import TestClient
from studio import GRASS, LABELS, ROAD, SKY, TAXONOMY, WATER, open_studio, photo, pixels, png, post, scene

from model.__main__ import main
from model.checkpoint import load_checkpoint, save_checkpoint
from model.engine import Engine
from model.engine.modulation import MapModulation
from model.engine.synthesis import Synthesis
from model.recipe.labels import write_labels
from model.recipe.recipe import read_recipe
from model.recipe.styles import Style
from server.api.encode import EncodeAnswer
from server.api.models import ModelsAnswer
from server.api.morph import AnimationAnswer
from server.api.schemas import PicturesAnswer
from server.api.segment import SegmentAnswer


def test_models_are_listed_with_a_default(client: TestClient) -> None:
    answer = client.get("/api/v1/models").json()
    ModelsAnswer.model_validate(answer)
    assert answer["default"] == "tiny"
    (tiny,) = (row for row in answer["models"] if row["id"] == "tiny")
    assert (tiny["image_size"], tiny["classes"], tiny["encoder"]) == ([64, 64], 12, True)
    assert tiny["licence"] == "CC0, made for tests"


def test_a_model_reports_what_it_is(client: TestClient) -> None:
    report = client.get("/api/v1/models/tiny").json()
    assert report["id"] == "tiny"
    assert report["classes"][WATER]["name"] == "water"
    assert re.fullmatch("#[0-9a-f]{6}", report["classes"][WATER]["display"])
    assert report["image_size"] == [64, 64] and report["code_shape"] == [8, 1, 1]
    assert all(state["available"] for state in report["applications"].values())
    assert report["device"] and report["precision"] == "float32"
    assert report["parameters"]["generator"] > 0


def test_render_answers_with_picture_style_labels_and_timings(client: TestClient) -> None:
    answer = post(client, "render", {"labels": LABELS}, {"style": {"seed": 7, "6": {"seed": 9}}}).json()
    PicturesAnswer.model_validate(answer)
    (picture,) = answer["pictures"]
    assert picture["style"] == {"seed": 7, "0": {"seed": 7}, "4": {"seed": 7}, "6": {"seed": 9}}
    assert np.array_equal(pixels(answer["labels"]), scene())
    assert answer["timings"]["engine_ms"] > 0
    assert answer["timings"]["total_ms"] >= answer["timings"]["engine_ms"]


def test_render_gives_the_engines_pixels(client: TestClient, tiny_checkpoint: Path) -> None:
    engine = Engine(load_checkpoint(tiny_checkpoint / "tiny"), device="cpu")
    codes = Style(7).codes(engine.config)[None]
    expected = engine.render(scene(), codes)[0]
    answer = post(client, "render", {"labels": LABELS}, {"style": {"seed": 7}}, accept="image/png")
    assert answer.headers["content-type"] == "image/png"
    assert "engine;dur=" in answer.headers["server-timing"]
    assert np.array_equal(pixels(answer.content), expected)


def test_a_style_left_out_is_seed_zero(client: TestClient) -> None:
    left_out = post(client, "render", {"labels": LABELS}, accept="image/*")
    given = post(client, "render", {"labels": LABELS}, {"style": {"seed": 0}}, accept="image/*")
    assert left_out.content == given.content


def test_request_may_come_as_a_file(client: TestClient) -> None:
    files = {"labels": LABELS, "request": ("blob", b'{"style": {"seed": 7}}', "application/json")}
    assert post(client, "render", files).json()["pictures"][0]["style"]["seed"] == 7


def test_fields_that_a_form_leaves_empty_do_not_count(client: TestClient) -> None:
    files = [("labels", ("a.png", LABELS)), ("instances", (None, "")), ("recipe", ("", b""))]
    assert post(client, "render", files).status_code == 200


@pytest.mark.parametrize("accept", ["*/*", "application/json", "image/png;q=0.5, application/json", "text/html, */*"])
def test_json_unless_an_image_is_wanted_more(client: TestClient, accept: str) -> None:
    answer = post(client, "render", {"labels": LABELS}, accept=accept)
    assert answer.headers["content-type"] == "application/json"


def test_labels_of_another_size_are_resized_when_asked(client: TestClient) -> None:
    large = write_labels(scene().repeat(3, axis=0).repeat(3, axis=1), TAXONOMY)
    answer = post(client, "render", {"labels": large}, {"resize": True}).json()
    assert np.array_equal(pixels(answer["labels"]), scene())


@pytest.mark.parametrize("as_json", [False, True], ids=["png", "json"])
def test_a_recipe_makes_identical_pixels(client: TestClient, as_json: bool) -> None:
    asked = {"style": {"seed": 7, "6": {"blend": [{"seed": 1}, {"seed": 2}], "t": 0.4}}}
    first = post(client, "render", {"labels": LABELS}, asked, accept="image/png").content
    recipe = json.dumps(read_recipe(first).to_json()).encode() if as_json else first
    again = post(client, "render", {"recipe": recipe}).json()
    assert np.array_equal(pixels(again["pictures"][0]["image"]), pixels(first))
    assert np.array_equal(pixels(again["labels"]), scene())
    assert again["pictures"][0]["style"]["6"] == asked["style"]["6"]


def test_the_command_line_makes_the_pixels_of_a_recipe_too(
    client: TestClient, tiny_checkpoint: Path, tmp_path: Path
) -> None:
    picture, again = tmp_path / "picture.png", tmp_path / "again.png"
    picture.write_bytes(post(client, "render", {"labels": LABELS}, {"style": {"seed": 9}}, accept="image/png").content)
    command = ["render", "--recipe", str(picture), "--checkpoint", str(tiny_checkpoint / "tiny"), "--out", str(again)]
    assert main(command) == 0
    assert np.array_equal(pixels(again.read_bytes()), pixels(picture.read_bytes()))
    back = post(client, "render", {"recipe": again.read_bytes()}, accept="image/png")
    assert np.array_equal(pixels(back.content), pixels(picture.read_bytes()))


def test_instance_maps_change_the_picture_and_travel_in_its_recipe(tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "tiny", random_checkpoint(narrow_config(instance_edges=True)))
    ids = np.zeros((64, 64), np.uint16)
    ids[:, 32:] = 26001
    with open_studio(tmp_path) as client:
        without = post(client, "render", {"labels": LABELS}, accept="image/png").content
        picture = post(client, "render", {"labels": LABELS, "instances": png(ids)}, accept="image/png").content
        again = post(client, "render", {"recipe": picture}, accept="image/png").content
    assert not np.array_equal(pixels(picture), pixels(without))
    assert np.array_equal(pixels(again), pixels(picture))


def test_every_answer_of_pictures_carries_recipes_that_make_them_again(client: TestClient) -> None:
    answer = post(client, "resample", {"labels": LABELS}, {"classes": [WATER], "n": 2, "seed": 5}).json()
    for picture in answer["pictures"]:
        file = base64.b64decode(picture["image"].partition(",")[2])
        again = post(client, "render", {"recipe": file}, accept="image/png").content
        assert np.array_equal(pixels(again), pixels(file))


def test_a_recipe_works_under_another_folder_name(client: TestClient, tiny_checkpoint: Path, tmp_path: Path) -> None:
    picture = post(client, "render", {"labels": LABELS}, accept="image/png").content
    (tmp_path / "renamed").symlink_to(tiny_checkpoint / "tiny")
    with open_studio(tmp_path) as other:
        again = post(other, "render", {"recipe": picture}, model="renamed", accept="image/png").content
    assert np.array_equal(pixels(again), pixels(picture))


def test_the_recipe_can_be_left_out(client: TestClient) -> None:
    content = post(client, "render", {"labels": LABELS}, {"recipe": False}, accept="image/png").content
    assert b"groupdnet-recipe" not in content


def test_resample_changes_only_the_chosen_classes_codes(client: TestClient) -> None:
    asked = {"style": {"seed": 7}, "classes": [WATER], "n": 3, "seed": 1}
    answer = post(client, "resample", {"labels": LABELS}, asked).json()
    PicturesAnswer.model_validate(answer)
    seeds = [picture["style"]["6"]["seed"] for picture in answer["pictures"]]
    assert len(set(seeds)) == 3
    assert all(picture["style"]["0"] == {"seed": 7} for picture in answer["pictures"])
    assert post(client, "resample", {"labels": LABELS}, asked).json()["pictures"] == answer["pictures"]


def test_resample_measures_where_the_picture_changed(client: TestClient) -> None:
    base = pixels(post(client, "render", {"labels": LABELS}, {"style": {"seed": 7}}, accept="image/png").content)
    asked = {"style": {"seed": 7}, "classes": [WATER], "n": 1, "seed": 1}
    (picture,) = post(client, "resample", {"labels": LABELS}, asked).json()["pictures"]
    difference = np.abs(pixels(picture["image"]).astype(int) - base)
    inside = scene() == WATER
    assert picture["change"]["inside"] == pytest.approx(difference[inside].mean())
    assert picture["change"]["outside"] == pytest.approx(difference[~inside].mean())
    share = difference[inside].sum() / max(1, difference.sum())
    assert picture["change"]["share_inside"] == pytest.approx(share if difference.any() else 1.0)


def test_one_resampled_picture_may_come_as_a_file(client: TestClient) -> None:
    answer = post(client, "resample", {"labels": LABELS}, {"classes": [WATER], "n": 1}, accept="image/png")
    assert pixels(answer.content).shape == (64, 64, 3)


def test_more_pictures_than_one_pass_holds(tiny_checkpoint: Path) -> None:
    asked = {"classes": [WATER], "n": 4, "seed": 2}
    with open_studio(tiny_checkpoint, batch_size=2) as small, open_studio(tiny_checkpoint, batch_size=8) as large:
        assert (
            post(small, "resample", {"labels": LABELS}, asked).json()["pictures"]
            == post(large, "resample", {"labels": LABELS}, asked).json()["pictures"]
        )


def encoded(client: TestClient, content: bytes, name: str) -> dict[str, Any]:
    answer = post(client, "encode", {"photo": (name, content), "labels": LABELS}).json()
    EncodeAnswer.model_validate(answer)
    style: dict[str, Any] = answer["style"]
    return style


def test_encode_gives_the_codes_of_the_classes_present(client: TestClient) -> None:
    answer = post(client, "encode", {"photo": photo(), "labels": LABELS}, {"name": "beach.jpg"}).json()
    assert answer["classes"] == [SKY, GRASS, WATER]
    assert set(answer["style"]) == {"seed", "0", "4", "6"}
    assert answer["style"]["6"]["from"] == "beach.jpg"
    assert len(base64.b64decode(answer["style"]["6"]["code"])) == 2 * 8


def test_mix_takes_each_class_from_its_reference(client: TestClient) -> None:
    first, second = photo(seed=1), photo(seed=2)
    files = [
        ("labels", LABELS),
        ("photos", ("one.png", first)),
        ("photos", ("two.png", second)),
        ("photo_labels", LABELS),
        ("photo_labels", LABELS),
    ]
    asked = {"references": {"6": 1, "4": 0}, "style": {"seed": 3}}
    answer = post(client, "mix", files, asked).json()
    PicturesAnswer.model_validate(answer)
    style = answer["pictures"][0]["style"]
    assert style["0"] == {"seed": 3}
    assert style["4"] == encoded(client, first, "one.png")["4"]
    assert style["6"] == encoded(client, second, "two.png")["6"]


def test_manipulate_keeps_the_photos_looks_and_seeds_new_classes(client: TestClient) -> None:
    edited = scene()
    edited[:8] = ROAD
    files = {"photo": ("a.png", photo()), "photo_labels": LABELS, "labels": write_labels(edited, TAXONOMY)}
    answer = post(client, "manipulate", files, {"seed": 11}).json()
    PicturesAnswer.model_validate(answer)
    style = answer["pictures"][0]["style"]
    assert style["9"] == {"seed": 11}
    assert style["6"] == encoded(client, photo(), "a.png")["6"]
    assert np.array_equal(pixels(answer["labels"]), edited)


def test_manipulate_may_take_new_classes_from_a_style(client: TestClient) -> None:
    edited = write_labels(np.full((64, 64), ROAD, np.uint8), TAXONOMY)
    files = {"photo": photo(), "photo_labels": LABELS, "labels": edited}
    answer = post(client, "manipulate", files, {"style": {"seed": 1, "9": {"seed": 5}}}).json()
    assert answer["pictures"][0]["style"] == {"seed": 1} | answer["pictures"][0]["style"] | {"9": {"seed": 5}}


MORPH = {"from": {"seed": 1}, "to": {"seed": 2}, "steps": 4, "seconds": 1.0}


@pytest.mark.parametrize(("format", "kind"), [("webp", "image/webp"), ("gif", "image/gif")])
def test_morph_is_an_animation_that_lasts_as_asked(client: TestClient, format: str, kind: str) -> None:
    answer = post(client, "morph", {"labels": LABELS}, MORPH | {"format": format}, accept="*/*")
    assert answer.headers["content-type"] == kind
    total = 0
    for frame in ImageSequence.Iterator(Image.open(io.BytesIO(answer.content))):
        frame.load()
        assert frame.size == (64, 64)
        total += frame.info["duration"]
    assert total == pytest.approx(1000, abs=20)


def test_morph_as_zip_goes_from_one_style_to_the_other(client: TestClient) -> None:
    asked = MORPH | {"format": "zip", "classes": [WATER]}
    answer = post(client, "morph", {"labels": LABELS}, asked, accept="*/*")
    assert answer.headers["content-type"] == "application/zip"
    archive = zipfile.ZipFile(io.BytesIO(answer.content))
    frames = [archive.read(name) for name in archive.namelist()]
    assert len(frames) == 4
    styles = [read_recipe(frame).style for frame in frames]
    assert [style["0"] for style in styles] == [{"seed": 1}] * 4
    assert styles[0]["6"] == {"seed": 1} and styles[-1]["6"] == {"seed": 2}
    last = post(client, "render", {"labels": LABELS}, {"style": {"seed": 1, "6": {"seed": 2}}}, accept="image/png")
    assert np.array_equal(pixels(frames[-1]), pixels(last.content))


def test_boomerang_returns_without_stopping_at_the_ends(client: TestClient) -> None:
    asked = MORPH | {"format": "zip", "boomerang": True}
    answer = post(client, "morph", {"labels": LABELS}, asked, accept="application/json").json()
    AnimationAnswer.model_validate(answer)
    archive = zipfile.ZipFile(io.BytesIO(base64.b64decode(answer["animation"].partition(",")[2])))
    frames = [archive.read(name) for name in archive.namelist()]
    assert answer["frames"] == len(frames) == 6
    assert frames[1:4] == frames[:2:-1]


def test_segment_reads_a_label_map_from_a_photo(client: TestClient, tiny_checkpoint: Path) -> None:
    answer = post(client, "segment", {"photo": photo()}).json()
    SegmentAnswer.model_validate(answer)
    engine = Engine(load_checkpoint(tiny_checkpoint / "tiny"), device="cpu")
    labels = pixels(answer["labels"])
    assert np.array_equal(labels, engine.segment(np.array(pixels(photo()))))
    shares = [(row["index"], row["name"], row["share"]) for row in answer["classes"]]
    largest_first = sorted(np.unique(labels).tolist(), key=lambda index: -(labels == index).sum())
    assert shares == [(index, TAXONOMY.names[index], (labels == index).mean()) for index in largest_first]
    guesses = engine.read(np.array(pixels(photo()))).guesses()
    for row in answer["classes"]:
        guess = guesses[row["index"]]
        assert (row["confidence"], row["second"]) == (pytest.approx(guess.confidence), guess.second)
    areas = engine.read(np.array(pixels(photo()))).areas()
    assert len(answer["regions"]) == len(areas) > 1
    for row, area in zip(answer["regions"], areas, strict=True):
        assert row["name"] == TAXONOMY.names[row["index"]] and row["index"] == area.index
        assert (row["at"], row["box"]) == (list(area.at), list(area.box)) and labels[
            row["at"][1], row["at"][0]
        ] == area.index
        assert row["share"] * labels.size == pytest.approx(area.pixels) and area.pixels >= 0.005 * labels.size
        second = {"index": area.guess.second, "name": TAXONOMY.names[area.guess.second]}
        assert row["second"] == second | {"probability": pytest.approx(area.guess.likely)}
        assert row["confidence"] == pytest.approx(area.guess.confidence)
        assert row["second"]["index"] != row["index"] and row["second"]["probability"] <= row["confidence"]
    picture = post(client, "segment", {"photo": photo()}, accept="image/*")
    assert picture.headers["content-type"] == "image/png"
    assert np.array_equal(pixels(picture.content), labels)


def test_what_segment_answers_can_be_sent_as_labels(client: TestClient) -> None:
    labels = post(client, "segment", {"photo": photo(96)}, {"resize": True}, accept="image/png").content
    assert post(client, "encode", {"photo": photo(), "labels": labels}).status_code == 200


def _documented_commands(client: TestClient) -> dict[str, list[str]]:
    paths = client.get("/openapi.json").json()["paths"]
    return {
        path: re.search(r"```bash\n(.*?)\n```", operation["description"], re.S)[1].splitlines()  # type: ignore[index]
        for path, operations in paths.items()
        for operation in operations.values()
    }


def test_the_documented_commands_run_as_they_stand(client: TestClient) -> None:
    commands = _documented_commands(client)
    assert len(commands) == 11
    for path, lines in commands.items():
        written: dict[str, bytes] = {}
        for line in lines:
            answer = _run_curl(client, line, written)
            assert answer.status_code == 200, f"{path}: {line}: {answer.text}"


def _run_curl(client: TestClient, line: str, written: dict[str, bytes]) -> Any:
    """One documented curl command against the tiny model, whose pictures are smaller: hence resize."""
    words = shlex.split(line)
    assert words[0] == "curl"
    files: list[tuple[str, Any]] = []
    asked: dict[str, Any] = {}
    headers, url, out = {}, "", ""
    arguments = iter(words[1:])
    for word in arguments:
        if word == "-H":
            name, value = next(arguments).split(": ")
            headers[name] = value
        elif word == "-N":  # lines as they come
            continue
        elif word == "-o":
            out = next(arguments)
        elif word == "-F":
            name, value = next(arguments).split("=", 1)
            if name == "request":
                asked = json.loads(value)
            else:
                files.append((name, (value[1:], written.get(value[1:]) or Path(value[1:]).read_bytes())))
        else:
            url = word.replace("http://127.0.0.1:8000", "").replace("landscape", "tiny")
    if not files and not asked:
        return client.get(url, headers=headers)
    if asked and files:
        asked["resize"] = True
    text = [("request", (None, json.dumps(asked)))] if asked else []
    answer = client.post(url, files=[*files, *text], headers=headers)
    written[out] = answer.content
    return answer


def test_requests_that_wait_together_are_rendered_in_one_pass(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a GPU, where a pass has room for eight; their label maps may be equal or not."""
    other = write_labels(np.roll(scene(), 9, axis=0), TAXONOMY)
    asked = [(LABELS, 1), (other, 2), (LABELS, 3), (other, 4)]

    def picture(labels: bytes, seed: int) -> np.ndarray:
        return pixels(post(client, "render", {"labels": labels}, {"style": {"seed": seed}}, accept="image/png").content)

    alone = [picture(*each) for each in asked]
    passes: list[int] = []
    one_pass = Synthesis.__call__

    def counted(self: Synthesis, codes: torch.Tensor, maps: Sequence[MapModulation]) -> torch.Tensor:
        passes.append(len(codes))
        return one_pass(self, codes, maps)

    monkeypatch.setattr(Synthesis, "__call__", counted)
    monkeypatch.setattr(Engine, "pictures_per_pass", 8)
    batcher, held = client.app.state.studio.batcher, threading.Event()  # type: ignore[attr-defined]
    batcher.submit(held.wait)
    with ThreadPoolExecutor(4) as threads:
        waiting = [threads.submit(picture, *each) for each in asked]
        while batcher._pieces.qsize() < 4:
            time.sleep(0.005)
        held.set()
        together = [each.result(timeout=30) for each in waiting]
    assert passes == [4]
    for one, same in zip(together, alone):
        assert np.abs(one.astype(int) - same).max() <= 1
