"""Everything that can be wrong with a request: one JSON shape, the right status, and a message that helps."""

from __future__ import annotations

import base64
import json
import struct
import threading
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from starlette.testclient import TestClient
from studio import GRASS, LABELS, ROAD, SKY, TAXONOMY, WATER, error_of, open_studio, photo, png, post, scene

from model.engine import Engine
from model.recipe.labels import write_labels
from model.recipe.recipe import read_recipe
from server.models.work import Work


def bomb(side: int = 20_000) -> bytes:
    """The header of a large PNG, and next to nothing behind it."""
    chunks = [b"IHDR" + struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0), b"IDAT" + zlib.compress(b""), b"IEND"]
    packed = [struct.pack(">I", len(c) - 4) + c + struct.pack(">I", zlib.crc32(c)) for c in chunks]
    return b"\x89PNG\r\n\x1a\n" + b"".join(packed)


# Label maps and photos


def test_not_an_image(client: TestClient) -> None:
    error = error_of(post(client, "render", {"labels": b"hello"}), 422, "not_an_image")
    assert error["field"] == "labels" and "PNG" in error["message"]


def test_a_picture_of_400_megapixels_is_refused_by_its_header(client: TestClient) -> None:
    error = error_of(post(client, "render", {"labels": bomb()}), 413, "too_large")
    assert error["field"] == "labels"
    assert error["allowed"] == 4096 * 4096


def test_pixels_are_limited_by_the_setting(tiny_checkpoint: Path) -> None:
    with open_studio(tiny_checkpoint, picture_pixels=1000) as client:
        files = {"photo": photo(), "labels": LABELS}
        assert error_of(post(client, "encode", files), 413, "too_large")["allowed"] == 1000


def test_label_200(client: TestClient) -> None:
    labels = scene()
    labels[0, :5] = 200
    error = error_of(post(client, "render", {"labels": png(labels)}), 422, "unknown_label")
    assert error["value"] == 200 and "0 … 11" in error["message"]
    assert error["details"][0]["pixels"] == 5
    assert error["details"][0]["nearest"]["name"] == "house"


def test_unknown_colours(client: TestClient) -> None:
    rgb = np.array(TAXONOMY.colours, np.uint8)[scene()]
    rgb[3, 3] = (1, 250, 1)
    error = error_of(post(client, "render", {"labels": png(rgb)}), 422, "unknown_label")
    assert "#01fa01" in error["message"] and error["details"][0]["pixels"] == 1


def test_wrong_size(client: TestClient) -> None:
    error = error_of(post(client, "render", {"labels": write_labels(scene(96), TAXONOMY)}), 422, "wrong_size")
    assert error["value"] == [96, 96] and error["allowed"] == [64, 64]
    assert "resize" in error["message"]


def test_a_photo_of_the_wrong_kind(client: TestClient) -> None:
    gif = b"GIF89a" + bytes(40)
    error = error_of(post(client, "encode", {"photo": gif, "labels": LABELS}), 422, "not_an_image")
    assert error["field"] == "photo" and error["allowed"] == ["PNG", "JPEG", "WebP"]


def test_instances_for_a_model_without_instance_edges(client: TestClient) -> None:
    error = error_of(post(client, "render", {"labels": LABELS, "instances": png(scene())}), 422, "invalid")
    assert "instance" in error["message"]


# The request field


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('{"style": ', "line 1 column 11"),
        ("[1, 2]", "valid dictionary"),
        ('{"style": {"seed": NaN}}', "NaN is not a number"),
        ("[" * 100_000, "nested too deeply"),
        ('{"resize": "yes"}', "request.resize"),
        ('{"stile": {}}', "no field 'stile'"),
        ('{"style": {"seed": -1}}', "-1"),
        ('{"style": {"seed": 1.5}}', "1.5"),
        ('{"style": {"water": {"seed": 1}}}', "water"),
        ('{"style": {"12": {"seed": 1}}}', "12"),
        ('{"style": {"6": {"sead": 1}}}', "sead"),
        ('{"style": {"6": {"blend": [{"seed": 1}], "t": 0.5}}}', "blend"),
        ('{"style": {"6": {"blend": [{"seed": 1}, {"seed": 2}], "t": 2}}}', "from 0 to 1"),
    ],
)
def test_broken_json_and_styles(client: TestClient, text: str, says: str) -> None:
    error = error_of(post(client, "render", {"labels": LABELS}, text), 422, "invalid")
    assert says in error["message"]


def test_a_request_of_more_than_a_mebibyte(client: TestClient) -> None:
    text = json.dumps({"style": {"6": {"code": "A" * 2**20}}})
    as_file = {"labels": LABELS, "request": ("request.json", text.encode())}
    assert error_of(post(client, "render", as_file), 413, "too_large")["field"] == "request"
    error_of(post(client, "render", {"labels": LABELS}, text), 400, "malformed")


def test_an_unknown_field_lists_the_known_ones(client: TestClient) -> None:
    error = error_of(post(client, "morph", {"labels": LABELS}, {"start": {}}), 422, "invalid")
    assert {"from", "to", "steps"} <= set(error["allowed"])


def code(*numbers: float) -> dict[str, str]:
    return {"code": base64.b64encode(np.array(numbers, "<f2").tobytes()).decode()}


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        (code(*[float("nan")] * 8), "nan"),
        (code(*[float("inf")] * 8), "inf"),
        (code(1, 2, 3), "3 numbers"),
        ({"code": "%%%"}, "base64"),
        ({"code": 5}, "string"),
    ],
    ids=["NaN", "infinity", "length", "base64", "number"],
)
def test_a_code_that_is_none(client: TestClient, spec: dict[str, Any], says: str) -> None:
    error = error_of(post(client, "render", {"labels": LABELS}, {"style": {"6": spec}}), 422, "invalid")
    assert error["field"].startswith("style.6") and says in error["message"]


@pytest.mark.parametrize(
    ("what", "asked", "field"),
    [
        ("resample", {"classes": []}, "request.classes"),
        ("resample", {"classes": [12]}, "request.classes"),
        ("resample", {"classes": [6], "n": 0}, "request.n"),
        ("resample", {"classes": [6], "n": 33}, "request.n"),
        ("resample", {"classes": [6], "seed": 2**53}, "request.seed"),
        ("resample", {}, "request.classes"),
        ("morph", {"from": {}, "to": {}, "steps": 1}, "request.steps"),
        ("morph", {"from": {}, "to": {}, "steps": 121}, "request.steps"),
        ("morph", {"from": {}, "to": {}, "seconds": 0}, "request.seconds"),
        ("morph", {"from": {}, "to": {}, "format": "avi"}, "request.format"),
        ("morph", {"from": {}, "to": {}, "classes": [99]}, "request.classes"),
        ("morph", {"from": {}}, "request.to"),
    ],
)
def test_values_out_of_range_are_named(client: TestClient, what: str, asked: dict[str, Any], field: str) -> None:
    error = error_of(post(client, what, {"labels": LABELS}, asked), 422, "invalid")
    assert error["field"] == field and field in error["message"]


@pytest.mark.parametrize("depth", [10, 400, 900])
def test_a_deeply_nested_value_is_refused_like_any_other(client: TestClient, depth: int) -> None:
    request = f'{{"classes": [6], "n": {"[" * depth}{"]" * depth}}}'
    answer = client.post("/api/v1/models/tiny/resample", files={"labels": LABELS, "request": (None, request)})
    assert error_of(answer, 422, "invalid")["field"] == "request.n"


# Files


def test_a_missing_file(client: TestClient) -> None:
    assert error_of(post(client, "render", {}, {"style": {}}), 400, "malformed")["field"] == "Content-Type"
    error = error_of(post(client, "render", {"instances": LABELS}), 422, "invalid")
    assert error["field"] == "labels" and "missing" in error["message"]


def test_a_file_too_many(client: TestClient) -> None:
    error = error_of(post(client, "render", [("labels", LABELS), ("labels", LABELS)]), 422, "invalid")
    assert "2 times" in error["message"]


def test_a_file_nobody_asked_for(client: TestClient) -> None:
    error = error_of(post(client, "render", {"labels": LABELS, "photo": photo()}), 422, "invalid")
    assert error["value"] == "photo" and "labels" in error["allowed"]


def test_text_where_a_file_belongs(client: TestClient) -> None:
    files = [("labels", (None, "text")), ("request", (None, "{}"))]
    assert "send a file" in error_of(post(client, "render", files), 422, "invalid")["message"]


def test_no_multipart_at_all(client: TestClient) -> None:
    answer = client.post("/api/v1/models/tiny/render", json={"style": {}})
    assert "multipart/form-data" in error_of(answer, 400, "malformed")["message"]


@pytest.mark.parametrize(
    "body", [b"nonsense", b"--x\r\n", b"--x\r\nContent-Disposition: form-data\r\n\r\n1\r\n--x--\r\n"]
)
def test_malformed_multipart(client: TestClient, body: bytes) -> None:
    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    answer = client.post("/api/v1/models/tiny/render", content=body, headers=headers)
    error_of(answer, 422 if body == b"--x\r\n" else 400, "invalid" if body == b"--x\r\n" else "malformed")


def test_a_body_too_large_by_its_header(tiny_checkpoint: Path) -> None:
    with open_studio(tiny_checkpoint, upload_bytes=1000) as client:
        error = error_of(post(client, "render", {"labels": bytes(2000)}), 413, "too_large")
    assert error["allowed"] == 1000 and error["value"] > 2000


def test_a_body_too_large_in_pieces_is_never_read_whole(tiny_checkpoint: Path) -> None:
    sent = []

    def pieces() -> Iterator[bytes]:
        yield b'--x\r\nContent-Disposition: form-data; name="labels"; filename="a"\r\n\r\n'
        for i in range(100):
            sent.append(i)
            yield bytes(1000)

    with open_studio(tiny_checkpoint, upload_bytes=5000) as client:
        headers = {"Content-Type": "multipart/form-data; boundary=x"}
        answer = client.post("/api/v1/models/tiny/render", content=pieces(), headers=headers)
    error_of(answer, 413, "too_large")


# References and recipes


def mix(client: TestClient, references: dict[str, int], photo_labels: bytes = LABELS, photos: int = 1) -> Any:
    files = [("labels", LABELS), *[("photos", ("beach.png", photo()))] * photos, ("photo_labels", photo_labels)]
    return post(client, "mix", files, {"references": references})


def test_a_missing_reference(client: TestClient) -> None:
    error = error_of(mix(client, {"6": 1}), 422, "invalid")
    assert error["field"] == "request.references.6" and error["value"] == 1 and error["allowed"] == [0]
    error = error_of(mix(client, {"6": 0}, photos=0), 422, "invalid")
    assert "0 photos and 1 photo_labels" in error["message"]


def test_a_class_that_the_reference_lacks(client: TestClient) -> None:
    error = error_of(mix(client, {"6": 0, str(ROAD): 0}), 422, "missing_class")
    assert all(word in error["message"] for word in ("Reference 0", "beach.png", "road", "class 9"))
    assert error["allowed"] == [SKY, GRASS, WATER]


def test_a_reference_of_no_class(client: TestClient) -> None:
    assert "'sea'" in error_of(mix(client, {"sea": 0}), 422, "invalid")["message"]
    assert "99" in error_of(mix(client, {"99": 0}), 422, "invalid")["message"]


def test_broken_reference_files_are_numbered(client: TestClient) -> None:
    assert error_of(mix(client, {"6": 0}, b"no"), 422, "not_an_image")["field"] == "photo_labels.0"


def test_references_are_limited(tiny_checkpoint: Path) -> None:
    files = [("labels", LABELS), *[("photos", photo()), ("photo_labels", LABELS)] * 3]
    with open_studio(tiny_checkpoint, references=2) as client:
        assert error_of(post(client, "mix", files, {"references": {"6": 0}}), 422, "invalid")["allowed"] == 2


def test_manipulate_with_seed_and_style(client: TestClient) -> None:
    files = {"photo": photo(), "photo_labels": LABELS, "labels": LABELS}
    error_of(post(client, "manipulate", files, {"seed": 1, "style": {}}), 422, "invalid")


def test_a_recipe_of_other_weights(client: TestClient) -> None:
    content = post(client, "render", {"labels": LABELS}, accept="image/png").content
    recipe = read_recipe(content).to_json()
    other = json.dumps(recipe | {"fingerprint": "0" * 64}).encode()
    error = error_of(post(client, "render", {"recipe": other}), 422, "invalid")
    assert error["field"] == "recipe.fingerprint" and "other weights" in error["message"]
    elsewhere = json.dumps(recipe | {"fingerprint": "0" * 64, "model": "city"}).encode()
    error = error_of(post(client, "render", {"recipe": elsewhere}), 422, "invalid")
    assert error["field"] == "recipe.model" and "models/city/render" in error["message"]


def test_no_recipe_where_one_belongs(client: TestClient) -> None:
    assert "made elsewhere" in error_of(post(client, "render", {"recipe": photo()}), 422, "invalid")["message"]
    assert "JSON" in error_of(post(client, "render", {"recipe": b"{"}), 422, "invalid")["message"]


def test_a_recipe_and_labels(client: TestClient) -> None:
    content = post(client, "render", {"labels": LABELS}, accept="image/png").content
    error = error_of(post(client, "render", {"recipe": content, "labels": LABELS}), 422, "invalid")
    assert error["field"] == "labels"


# The server itself


@pytest.mark.parametrize("path", ["/nowhere", "/api/v1/nowhere", "/static/nowhere.js", "/static/../model/errors.py"])
def test_nothing_there(client: TestClient, path: str) -> None:
    assert path.split("/")[-1] in error_of(client.get(path), 404, "not_found")["message"]


def test_a_method_that_a_route_lacks(client: TestClient) -> None:
    answer = client.get("/api/v1/models/tiny/render")
    assert error_of(answer, 405, "method_not_allowed")["allowed"] == "POST"
    assert answer.headers["allow"] == "POST"


def test_a_kind_of_answer_that_there_is_not(client: TestClient) -> None:
    answer = post(client, "render", {"labels": LABELS}, accept="image/tiff")
    assert error_of(answer, 406, "not_acceptable")["allowed"] == ["application/json", "image/png"]
    answer = post(client, "resample", {"labels": LABELS}, {"classes": [6], "n": 2}, accept="image/png")
    assert "2 pictures" in error_of(answer, 406, "not_acceptable")["message"]


def test_the_unexpected_is_logged_and_not_shown(
    client: TestClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*args: Any) -> None:
        raise RuntimeError("secret of the house")

    monkeypatch.setattr(Work, "render", fail)
    answer = post(client, "render", {"labels": LABELS})
    error_of(answer, 500, "internal")
    assert "secret" not in answer.text
    assert "secret of the house" in caplog.text
    assert "content-security-policy" in answer.headers


def test_a_full_queue_says_when_to_come_back(tiny_checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    begun, held = threading.Event(), threading.Event()
    whole = Engine.render

    def slow(*args: Any) -> Any:
        begun.set()
        held.wait(10)
        return whole(*args)

    monkeypatch.setattr(Engine, "render", slow)
    with open_studio(tiny_checkpoint, queue_size=1) as client:
        statuses: list[int] = []
        first = threading.Thread(target=lambda: statuses.append(post(client, "render", {"labels": LABELS}).status_code))
        first.start()
        assert begun.wait(10)
        assert "groupdnet_queue_depth 1.0" in client.get("/metrics").text
        answer = post(client, "render", {"labels": LABELS})
        error = error_of(answer, 503, "busy")
        assert answer.headers["retry-after"] == "1"
        assert error["allowed"] == 1
        held.set()
        first.join(10)
        assert statuses == [200]
        assert post(client, "render", {"labels": LABELS}).status_code == 200
