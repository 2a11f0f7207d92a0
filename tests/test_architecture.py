"""docs/ARCHITECTURE.md: its tree is the tree, and every path that it names is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "ARCHITECTURE.md").read_text(encoding="utf-8")
IGNORED = {"__pycache__", "starters"}  # caches, and the pictures that the page starts with


def listed_rooms() -> list[str]:
    """Folders of the page's tree, each with its parent's name before it: "model/", "model/engine/", …"""
    tree = re.search(r"```\n(.*?)```", PAGE, re.DOTALL)
    assert tree is not None
    rooms, parent = [], ""
    for line in tree[1].splitlines():
        name = line.split()[0]
        if not line.startswith(" "):
            parent = name
        rooms.append(name if name == parent else parent + name)
    return rooms


def test_every_room_has_its_line_and_every_line_its_room() -> None:
    real = []
    for top in ("model", "server", "static"):
        folders = sorted(path for path in (ROOT / top).iterdir() if path.is_dir() and path.name not in IGNORED)
        real += [f"{top}/", *(f"{top}/{folder.name}/" for folder in folders)]
    listed = listed_rooms()
    assert sorted(room for room in listed if room.split("/")[0] in ("model", "server", "static")) == sorted(real)
    assert all((ROOT / room).is_dir() for room in listed)


@pytest.mark.parametrize("path", sorted(set(re.findall(r"`([\w./-]+/[\w.-]*)`", PAGE))))
def test_a_path_that_the_page_names_is_there(path: str) -> None:
    roots = (ROOT, ROOT / "static", ROOT / "model")
    assert any((root / path).exists() for root in roots), path


def test_the_page_fits_on_a_screen_or_two() -> None:
    assert len(PAGE.splitlines()) < 100
