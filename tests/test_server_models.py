"""Models of every state in the folder: good, broken, hostile, without an encoder, converted while the server runs."""

from __future__ import annotations

import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from archives import write_archive
from starlette.testclient import TestClient
from studio import LABELS, error_of, open_studio, photo, pixels, png, post

from model.checkpoint import convert, inspect, load_checkpoint, save_checkpoint
from model.engine import Engine
from model.errors import InputError
from model.recipe.styles import Style


@pytest.mark.parametrize("what", ["", "/render"])
def test_unknown_model(client: TestClient, what: str) -> None:
    method = client.post if what else client.get
    error = error_of(method(f"/api/v1/models/atlantis{what}"), 404, "unknown_model")
    assert error["value"] == "atlantis" and error["allowed"] == ["tiny"]


@pytest.mark.parametrize("what", ["mix", "manipulate", "encode"])
def test_encoder_missing(no_encoder: TestClient, what: str) -> None:
    files: dict[str, list[tuple[str, Any]]] = {
        "mix": [("labels", LABELS), ("photos", photo()), ("photo_labels", LABELS)],
        "manipulate": [("labels", LABELS), ("photo", photo()), ("photo_labels", LABELS)],
        "encode": [("labels", LABELS), ("photo", photo())],
    }
    asked = {"references": {"6": 0}} if what == "mix" else {}
    error = error_of(post(no_encoder, what, files[what], asked), 409, "no_encoder")
    assert what in error["message"] and "no encoder" in error["message"] and "fit" in error["message"]
    assert error["allowed"] == ["render", "resample", "mix", "manipulate", "morph", "fit"]


def test_segmenter_missing(no_encoder: TestClient) -> None:
    error = error_of(post(no_encoder, "segment", {"photo": photo()}), 409, "no_segmenter")
    assert "this checkpoint has no segmenter" in error["message"]
    assert error["allowed"] == ["render", "resample", "mix", "manipulate", "morph", "fit"]


def test_segment_wants_a_photo_of_the_models_size(client: TestClient) -> None:
    assert error_of(post(client, "segment", {"labels": LABELS}), 422, "invalid")["field"] == "labels"
    assert error_of(post(client, "segment", {}, {}), 400, "malformed")
    error = error_of(post(client, "segment", {"photo": photo(96)}), 422, "wrong_size")
    assert (error["field"], error["value"], error["allowed"]) == ("photo", [96, 96], [64, 64])


def test_what_needs_no_encoder_works_without(no_encoder: TestClient) -> None:
    report = no_encoder.get("/api/v1/models/tiny").json()
    assert not report["encoder"] and not report["applications"]["encode"]["available"]
    assert "fitted first" in report["applications"]["mix"]["note"]
    assert "pictures" in report["applications"]["fit"]["note"]
    assert post(no_encoder, "render", {"labels": LABELS}).status_code == 200
    assert post(no_encoder, "resample", {"labels": LABELS}, {"classes": [6], "n": 1}).status_code == 200


class RunsCode:
    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(RunsCode.path),)

    path = Path()


@pytest.fixture
def mixed_folder(tmp_path: Path, tiny_checkpoint: Path) -> Path:
    """A checkpoints folder with one good model and every kind of bad one."""
    folder = tmp_path / "checkpoints"
    save_checkpoint(folder / "tiny", load_checkpoint(tiny_checkpoint / "tiny"))
    write_archive(folder / "released")
    whole = (folder / "released" / "latest_net_G.pth").read_bytes()
    for name in ("truncated", "evil", "cut", "notes", ".hidden"):
        (folder / name).mkdir()
    (folder / "truncated" / "latest_net_G.pth").write_bytes(whole[: len(whole) // 2])
    RunsCode.path = tmp_path / "was_run"
    (folder / "evil" / "latest_net_G.pth").write_bytes(pickle.dumps({"conv.weight": RunsCode()}))
    (folder / "notes" / "README.md").write_text("nothing here")
    safe = (folder / "tiny" / "generator.safetensors").read_bytes()
    (folder / "cut" / "generator.safetensors").write_bytes(safe[: len(safe) // 2])
    return folder


def test_bad_checkpoints_are_listed_with_reasons_and_the_good_one_works(mixed_folder: Path) -> None:
    with open_studio(mixed_folder) as client:
        listing = client.get("/api/v1/models").json()
        assert [row["id"] for row in listing["models"]] == ["tiny"]
        reasons = {row["id"]: row["reason"] for row in listing["unavailable"]}
        assert set(reasons) == {"released", "truncated", "evil", "cut"}
        for name in ("released", "truncated", "evil"):
            assert "convert it first with `python -m model convert" in reasons[name]
        assert "generator.safetensors" in reasons["cut"]
        assert post(client, "render", {"labels": LABELS}).status_code == 200


def test_a_broken_model_is_refused_with_the_doctors_report(mixed_folder: Path) -> None:
    with open_studio(mixed_folder) as client:
        for answer in (client.get("/api/v1/models/cut"), post(client, "render", {"labels": LABELS}, model="cut")):
            error = error_of(answer, 409, "bad_checkpoint")
            assert "generator.safetensors" in error["message"]
            assert error["details"]["ok"] is False and error["details"]["problems"]


@pytest.mark.parametrize("name", ["released", "truncated", "evil"])
def test_a_pickle_is_never_opened_by_the_server(mixed_folder: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def opened(*args: Any, **kwargs: Any) -> None:
        raise AssertionError("the server opened a pickle")

    monkeypatch.setattr("torch.load", opened)
    with open_studio(mixed_folder) as client:
        for answer in (client.get(f"/api/v1/models/{name}"), post(client, "render", {"labels": LABELS}, model=name)):
            error = error_of(answer, 409, "bad_checkpoint")
            assert "convert it first" in error["message"]


@pytest.mark.parametrize("name", ["truncated", "evil"])
def test_a_broken_pickle_is_diagnosed_when_it_is_converted_and_runs_nothing(mixed_folder: Path, name: str) -> None:
    with pytest.raises(InputError, match=r"latest_net_G\.pth"):
        convert(mixed_folder / name, mixed_folder / name)
    assert not inspect(mixed_folder / name).ok
    assert not RunsCode.path.exists()


def test_a_model_that_arrives_later_is_found(tiny_checkpoint: Path, tmp_path: Path) -> None:
    tiny = load_checkpoint(tiny_checkpoint / "tiny")
    save_checkpoint(tmp_path / "tiny", tiny)
    with open_studio(tmp_path) as client:
        error_of(post(client, "render", {"labels": LABELS}, model="later"), 404, "unknown_model")
        save_checkpoint(tmp_path / "later", tiny)
        assert post(client, "render", {"labels": LABELS}, model="later").status_code == 200
        assert len(client.get("/api/v1/models").json()["models"]) == 2


def test_an_archive_works_once_it_is_converted_in_place(mixed_folder: Path) -> None:
    with open_studio(mixed_folder) as client:
        convert(mixed_folder / "released", mixed_folder / "released")
        listing = client.get("/api/v1/models").json()
    assert [row["id"] for row in listing["models"]] == ["released", "tiny"]
    assert "released" not in {row["id"] for row in listing["unavailable"]}


def test_a_released_file_and_its_conversion_give_equal_pixels(tmp_path: Path) -> None:
    write_archive(tmp_path / "archive")
    engine = Engine(load_checkpoint(tmp_path / "archive" / "latest_net_G.pth"), device="cpu")
    labels = np.arange(256, dtype=np.uint8)[:, None].repeat(256, axis=1) // 32  # eight bands
    expected = engine.render(labels, Style(3).codes(engine.config)[None])[0]
    convert(tmp_path / "archive", tmp_path / "checkpoints" / "fashion")
    with open_studio(tmp_path / "checkpoints") as client:
        asked = {"style": {"seed": 3}}
        answer = post(client, "render", {"labels": png(labels)}, asked, model="fashion", accept="image/png")
    assert np.array_equal(pixels(answer.content), expected)
