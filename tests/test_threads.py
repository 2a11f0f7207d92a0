"""Threads on a CPU: what is set before PyTorch is loaded, and what the environment decides instead."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from model.threads import SPINS, describe, usable_cores, visible_cores

ROOT = Path(__file__).parents[1]
NAMES = ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY", "OMP_NUM_THREADS")


def fresh(code: str, **environment: str) -> dict[str, str]:
    """OpenMP's settings in a new process after ``code``."""
    kept = {name: value for name, value in os.environ.items() if name not in NAMES}
    report = f"import json, os; print(json.dumps({{n: os.environ[n] for n in {NAMES} if n in os.environ}}))"
    command = [sys.executable, "-c", f"{code}; {report}"]
    result = subprocess.run(command, cwd=ROOT, env=kept | environment, capture_output=True, text=True, check=True)
    return dict(json.loads(result.stdout))


@pytest.mark.parametrize("code", ["import model", "from model.engine import Engine", "import model.__main__"])
def test_idle_threads_soon_sleep_whoever_imports_the_package(code: str) -> None:
    assert fresh(code)["GOMP_SPINCOUNT"] == str(SPINS)


def test_the_server_sets_them_too() -> None:
    assert fresh("import server.app")["GOMP_SPINCOUNT"] == str(SPINS)


def test_the_environment_has_the_last_word() -> None:
    assert fresh("import model", GOMP_SPINCOUNT="7") == {"GOMP_SPINCOUNT": "7"}
    assert fresh("import model", OMP_WAIT_POLICY="active") == {"OMP_WAIT_POLICY": "active"}


def test_a_pytorch_that_is_loaded_already_is_left_alone() -> None:
    assert fresh("import torch, model") == {}


@pytest.mark.parametrize(
    ("text", "cores"), [("max 100000", None), ("50000 100000", 1), ("100000 100000", 1), ("99900000 100000", None)]
)
def test_a_containers_quota_bounds_the_threads(tmp_path: Path, text: str, cores: int | None) -> None:
    (tmp_path / "cpu.max").write_text(text)
    assert usable_cores(tmp_path / "cpu.max") == (cores or visible_cores())
    assert usable_cores(tmp_path / "none") == visible_cores()


def test_the_log_line_names_the_choice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    monkeypatch.setenv("GOMP_SPINCOUNT", "1234")
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert describe() == "threads on a CPU: 3; idle ones wait by GOMP_SPINCOUNT=1234"
    monkeypatch.setenv("OMP_WAIT_POLICY", "passive")
    assert describe() == "threads on a CPU: 3; idle ones wait by OMP_WAIT_POLICY=passive"
