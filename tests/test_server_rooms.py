"""The server's rooms: which may import which, and that none of them loads torch when it is imported."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

from server.settings import ROOT

# What each room may import of the server, itself aside; ``app`` and ``__main__`` may import everything.
ROOMS = {
    "web": set[str](),
    "models": {"web", "settings"},
    "api": {"web", "models", "settings"},
    "site": {"web", "models", "settings"},
}


def imported(path: Path) -> set[str]:
    """The parts of the server that a file imports: rooms and files of its top level."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
    return {name.split(".")[1] for name in names if name.startswith("server.")}


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_only_the_rooms_below_it(room: str) -> None:
    paths = sorted((ROOT / "server" / room).glob("*.py"))
    assert paths
    wrong = {path.name: imported(path) - {room} - ROOMS[room] for path in paths}
    assert not {name: rooms for name, rooms in wrong.items() if rooms}


def test_every_room_is_listed_here() -> None:
    assert {path.parent.name for path in (ROOT / "server").glob("*/__init__.py")} == set(ROOMS)


def test_importing_the_server_does_not_load_torch() -> None:
    """The server listens at once: torch takes a second to import, and is loaded with the first model."""
    command = [sys.executable, "-c", "import sys, server.app, server.__main__; print('torch' in sys.modules)"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env={**os.environ}, timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "False"
