"""The application around the API: readiness, the page, its files, documentation, numbers, a real server's end."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx2
import numpy as np
import pytest
from starlette.testclient import TestClient
from studio import LABELS, TAXONOMY, error_of, open_studio, post, wait_until_ready

from model.checkpoint import load_checkpoint, save_checkpoint
from model.engine import Engine
from model.recipe.labels import write_labels
from server.__main__ import main
from server.app import create_app
from server.settings import ROOT, Settings


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A page, a module and two starter scenes, one of which fits the tiny model."""
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / "index.html").write_text("<p>{{ version }} {{ default_model }}</p>")
    (tmp_path / "static" / "starters").mkdir(parents=True)
    (tmp_path / "static" / "main.js").write_text("export const answer = 42;\n")
    (tmp_path / "static" / "starters" / "fits.png").write_bytes(LABELS)
    large = write_labels(np.zeros((128, 128), np.uint8), TAXONOMY)
    (tmp_path / "static" / "starters" / "large.png").write_bytes(large)
    return tmp_path


# Readiness


FIRST_REQUEST = """
import json, sys
from starlette.testclient import TestClient
import studio
from server.app import create_app
from server.settings import ROOT, Settings

with TestClient(create_app(Settings())) as client:
    studio.wait_until_ready(client, seconds=100)
    before = set(sys.modules)
    labels = (ROOT / "static" / "starters" / "lake.png").read_bytes()
    answer = studio.post(client, "render", {"labels": labels}, model="landscape")
    assert answer.status_code == 200, answer.text
    print(json.dumps([sorted(set(sys.modules) - before), "torch._dynamo" in sys.modules]))
"""


def test_the_shipped_models_first_request_waits_for_no_library() -> None:
    """Nor does its start wait for PyTorch's compiler, which nothing here uses and which takes a second to import."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}"}
    command = [sys.executable, "-c", FIRST_REQUEST]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=ROOT, timeout=150)
    assert done.returncode == 0, done.stderr
    imported, compiler = json.loads(done.stdout)
    assert not {name.partition(".")[0] for name in imported} & {"torch", "numpy", "PIL", "model"}
    assert not compiler


def test_ready_only_once_the_starters_are_rendered(
    tiny_checkpoint: Path, site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers: list[tuple[int, str]] = []
    render = Engine.render

    def watched(self: Engine, *args: object) -> np.ndarray:
        answer = studio.get("/readyz")
        answers.append((answer.status_code, answer.json()["reason"]))
        return render(self, *args)  # type: ignore[arg-type]

    monkeypatch.setattr(Engine, "render", watched)
    with TestClient(create_app(Settings(checkpoints=tiny_checkpoint, site=site))) as studio:
        assert studio.get("/healthz").status_code == 200
        wait_until_ready(studio)
        assert studio.get("/readyz").json() == {"ready": True}
    assert answers == [(503, "Warming up tiny.")]


def test_a_studio_without_models_says_so_and_recovers(
    tmp_path: Path, tiny_checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.app.LOOK_AGAIN", 0.05)
    with TestClient(create_app(Settings(checkpoints=tmp_path / "none", warm_up=False))) as client:
        time.sleep(0.2)
        answer = client.get("/readyz")
        assert answer.status_code == 503 and "There is no model in" in answer.json()["reason"]
        assert client.get("/api/v1/models").json() == {"models": [], "default": None, "unavailable": []}
        assert client.get("/").status_code == 200
        save_checkpoint(tmp_path / "none" / "tiny", load_checkpoint(tiny_checkpoint / "tiny"))
        wait_until_ready(client)


def test_a_model_that_cannot_render_leaves_the_server_up(
    tiny_checkpoint: Path, site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: object) -> None:
        raise RuntimeError("out of memory")

    monkeypatch.setattr(Engine, "render", fail)
    with TestClient(create_app(Settings(checkpoints=tiny_checkpoint, site=site))) as client:
        give_up = time.monotonic() + 20
        while "failed" not in client.get("/readyz").json()["reason"]:
            assert time.monotonic() < give_up
            time.sleep(0.05)
        assert client.get("/healthz").status_code == 200


# Page, files, documentation


def test_the_page_knows_its_version_and_model(tiny_checkpoint: Path, site: Path) -> None:
    with open_studio(tiny_checkpoint, site=site) as client:
        first = client.get("/")
        assert re.fullmatch("<p>[0-9a-f]{12} tiny</p>", first.text)
        assert first.headers["cache-control"] == "no-cache"
        (site / "static" / "main.js").write_text("export const answer = 43;\n\n")
        assert client.get("/").text != first.text


def test_the_page_has_every_style_sheet_and_first_those_of_the_whole_page(tiny_checkpoint: Path, site: Path) -> None:
    (site / "templates" / "index.html").write_text("{{ style_sheets | join(' ') }}")
    for name in ("paint/looks", "layout", "canvas/stage", "base"):
        path = site / "static" / "css" / f"{name}.css"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    with open_studio(tiny_checkpoint, site=site) as client:
        assert client.get("/").text == "css/base.css css/layout.css css/canvas/stage.css css/paint/looks.css"


def test_our_own_page_obeys_its_policy(client: TestClient) -> None:
    answer = client.get("/")
    assert answer.status_code == 200
    policy = answer.headers["content-security-policy"]
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules.pop("default-src") == "'none'" and "unsafe" not in policy
    assert rules["script-src"] == rules["style-src"] == rules["connect-src"] == "'self'"
    assert rules["require-trusted-types-for"] == "'script'"  # no text ever becomes markup or code
    assert {source for rule in rules.values() for source in rule.split()} <= {
        "'self'",
        "'none'",
        "'script'",
        "data:",
        "blob:",
    }
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert not re.search(r"<script(?![^>]*\bsrc=)|<[^>]+\sstyle=|\son\w+=|https?://(?!www\.w3\.org)", answer.text)


def test_static_files_are_asked_about_and_not_sent_twice(tiny_checkpoint: Path, site: Path) -> None:
    with open_studio(tiny_checkpoint, site=site) as client:
        first = client.get("/static/main.js")
        assert first.headers["content-type"].startswith("text/javascript")
        assert first.headers["cache-control"] == "no-cache"
        again = client.get("/static/main.js", headers={"If-None-Match": first.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["cache-control"] == "no-cache"


def test_docs_need_nothing_from_elsewhere(client: TestClient) -> None:
    page = client.get("/docs")
    assert "unsafe-inline" not in re.search("script-src[^;]*", page.headers["content-security-policy"])[0]  # type: ignore[index]
    addresses = re.findall('(?:src|href)="([^"]*)"', page.text)
    assert len(addresses) == 4 and not any("//" in address for address in addresses)
    for address in addresses:
        answer = client.get(f"/{address}")
        assert answer.status_code == 200 and answer.content
    options = json.loads(client.get("/docs/start.js").text.removeprefix("SwaggerUIBundle(").strip()[:-2])
    assert client.get(f"/{options['url']}").json()["openapi"].startswith("3.1")


def test_every_route_documents_its_errors(client: TestClient) -> None:
    for path, operations in client.get("/openapi.json").json()["paths"].items():
        for operation in operations.values():
            assert operation["summary"] and operation["description"]
            if "{id}" in path:
                assert "#/components/schemas/ErrorAnswer" in json.dumps(operation["responses"]["404"])
            assert "HTTPValidationError" not in json.dumps(operation)


def test_metrics_count_by_route_and_status(tiny_checkpoint: Path) -> None:
    with open_studio(tiny_checkpoint) as client:
        post(client, "render", {"labels": LABELS})
        post(client, "render", {"labels": b"no"})
        client.get("/nowhere/123")
        text = client.get("/metrics").text
    route = 'route="/api/v1/models/{id}/render"'
    assert f'groupdnet_requests_total{{method="POST",{route},status="200"}} 1.0' in text
    assert f'groupdnet_requests_total{{method="POST",{route},status="422"}} 1.0' in text
    assert 'groupdnet_requests_total{method="GET",route="other",status="404"} 1.0' in text
    assert "groupdnet_engine_seconds_count 1.0" in text
    assert "groupdnet_queue_depth 0.0" in text


# Models in memory


def test_the_least_recently_used_model_leaves_memory(tiny_checkpoint: Path, tmp_path: Path) -> None:
    tiny = load_checkpoint(tiny_checkpoint / "tiny")
    for name in ("a", "b"):
        save_checkpoint(tmp_path / name, tiny)
    with open_studio(tmp_path, models_loaded=1) as client:
        registry = client.app.state.studio.registry  # type: ignore[attr-defined]
        for name in ("a", "b", "a", "a"):
            assert post(client, "render", {"labels": LABELS}, model=name).status_code == 200
            assert [key for key, _ in registry._engines] == [name]


# A real process


def test_a_wrong_setting_is_one_line_and_exit_2(capsys: pytest.CaptureFixture[str]) -> None:
    for argv in (["--port", "http"], ["--device", "abacus"]):
        assert main(argv) == 2
        error = capsys.readouterr().err
        assert argv[1] in error and error.count("\n") == 1


@contextlib.contextmanager
def server_process(checkpoints: Path, *options: str) -> Iterator[tuple[subprocess.Popen[str], httpx2.Client]]:
    """``python -m server`` on a free port, ready; killed at the end if it still runs."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "server", "--checkpoints", str(checkpoints), "--port", str(port), *options]
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True, env={**os.environ})
    try:
        with httpx2.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
            give_up = time.monotonic() + 60
            while True:
                with contextlib.suppress(httpx2.TransportError):
                    if client.get("/readyz").status_code == 200:
                        break
                assert process.poll() is None and time.monotonic() < give_up
                time.sleep(0.1)
            yield process, client
    finally:
        process.kill()
        process.communicate()


def wait_for_metric(client: httpx2.Client, line: str) -> None:
    """Returns when /metrics has a line that ends so."""
    give_up = time.monotonic() + 60
    while f"{line}\n" not in client.get("/metrics").text:
        assert time.monotonic() < give_up, f"/metrics does not say {line}"
        time.sleep(0.05)


ROUTE = "/api/v1/models/{id}/render"
MORPH = {"request": json.dumps({"from": {}, "to": {"seed": 1}, "steps": 120, "classes": [6], "format": "zip"})}


def test_a_real_server_refuses_large_bodies_and_forgets_who_left(tiny_checkpoint: Path) -> None:
    with server_process(tiny_checkpoint, "--no-warm-up") as (_, client):
        url = "/api/v1/models/tiny/render"
        assert client.post(url, files={"labels": LABELS}).status_code == 200
        error_of(client.post(url, files={"labels": bytes(40 * 2**20)}), 413, "too_large")

        def pieces() -> Iterator[bytes]:
            yield b'--x\r\nContent-Disposition: form-data; name="labels"; filename="a"\r\n\r\n'
            yield from (bytes(2**20) for _ in range(40))

        headers = {"Content-Type": "multipart/form-data; boundary=x"}
        error_of(client.post(url, content=pieces(), headers=headers), 413, "too_large")

        with socket.create_connection((client.base_url.host, client.base_url.port)) as half:
            head = (
                f"POST {url} HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\nContent-Type: multipart/form-data; boundary=x"
            )
            half.sendall(head.encode() + b"\r\n\r\n--x\r\n")
        wait_for_metric(client, f'{{method="POST",route="{ROUTE}",status="499"}} 1.0')

        impatient = httpx2.Timeout(10, read=0.02)
        with pytest.raises(httpx2.ReadTimeout):
            client.post("/api/v1/models/tiny/morph", files={"labels": LABELS}, data=MORPH, timeout=impatient)
        wait_for_metric(client, "groupdnet_queue_depth 0.0")


def test_a_real_server_stops_in_the_middle_of_work(tiny_checkpoint: Path) -> None:
    options = ("--no-warm-up", "--shutdown-seconds", "1")
    with server_process(tiny_checkpoint, *options) as (process, client), ThreadPoolExecutor(12) as pool:
        url = "/api/v1/models/tiny/morph"
        morphs = [pool.submit(client.post, url, files={"labels": LABELS}, data=MORPH) for _ in range(12)]
        wait_for_metric(client, "groupdnet_queue_depth 12.0")  # a connection not accepted yet would only be reset
        process.send_signal(signal.SIGTERM)
        process.wait(30)
        answers = [morph.result(timeout=30) for morph in morphs]
    refused = [answer for answer in answers if answer.status_code != 200]
    assert refused
    for answer in refused:
        assert "stopping" in error_of(answer, 503, "busy")["message"]
