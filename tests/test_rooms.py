"""The rooms of model/: which may import which, and that the ground that the server stands on loads no PyTorch.

commands → evaluation → engine | training → data | checkpoint → recipe → network | perception → root
"""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
# The rooms a floor at a time, from the top. A room may import rooms of lower floors and itself, and no other ones.
FLOORS: tuple[set[str], ...] = (
    {"commands"},
    {"evaluation"},
    {"engine", "training"},
    {"data", "checkpoint"},
    {"recipe"},
    {"network", "perception"},
)
FILES = {"errors", "devices", "memory", "progress", "threads"}  # single files at the root, below every room
ENTRANCES = {"__init__", "__main__"}  # the package's own entrances
FREE_OF_TORCH = ("model.network.config", "model.network.presets", "model.network.cost")  # beside all of model.recipe
LIBRARIES = {"PIL", "numpy", "rich", "safetensors", "torch", "triton"}  # triton comes with PyTorch for CUDA


def imports(path: Path) -> Iterator[str]:
    """The full names of everything that a file imports, inside functions too."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} has a relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def files(package: str) -> list[Path]:
    return sorted((ROOT / package).rglob("*.py"))


def room_of(path: Path) -> str:
    """A room's name, or that of a single file at the root."""
    parts = path.relative_to(ROOT / "model").with_suffix("").parts
    return parts[0]


def allowed(room: str) -> set[str]:
    """The rooms and single files that a room or single file may import."""
    if room in ENTRANCES:
        return FILES
    if room in FILES:
        return {"errors"} - {room}
    floor = next(i for i, rooms in enumerate(FLOORS) if room in rooms)
    return {room} | FILES | set().union(*FLOORS[floor + 1 :])


def test_every_room_has_its_floor() -> None:
    rooms = {room_of(path) for path in files("model")}
    assert rooms == set().union(*FLOORS) | FILES | ENTRANCES


@pytest.mark.parametrize("path", files("model"), ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_imports_only_rooms_below_its_own(path: Path) -> None:
    rooms = {name.split(".")[1] for name in imports(path) if name.startswith("model.")}
    assert rooms <= allowed(room_of(path))


def test_recipes_know_a_networks_configuration_and_nothing_else_of_it() -> None:
    names = {name for path in files("model/recipe") for name in imports(path) if name.startswith("model.network")}
    assert names
    assert all(name.startswith(("model.network.config.", "model.network.presets.")) for name in names)


def test_scores_and_the_bench_do_without_each_other() -> None:
    folder = ROOT / "model" / "evaluation"
    scores, bench = (set(imports(folder / name)) for name in ("scores.py", "bench.py"))
    assert not any(name.startswith("model.evaluation.bench") for name in scores)
    assert not any(name.startswith("model.evaluation.scores") for name in bench)


def test_only_commands_know_where_the_page_keeps_its_files() -> None:
    knowing = {path for path in files("model") if "starters" in path.read_text(encoding="utf-8")}
    assert {room_of(path) for path in knowing} <= {"commands"}


def test_model_needs_neither_the_server_nor_its_libraries_nor_the_tests() -> None:
    libraries = {name.split(".")[0] for path in files("model") for name in imports(path)} - set(sys.stdlib_module_names)
    assert libraries <= LIBRARIES | {"model"}


def test_the_server_needs_nothing_of_the_tests() -> None:
    tests = {path.stem for path in files("tests")} | {"tests"}
    used = {name.split(".")[0] for path in files("server") for name in imports(path)}
    assert not used & tests


def test_configurations_and_recipes_load_no_torch() -> None:
    recipe = [f"model.recipe.{path.stem}" for path in files("model/recipe") if path.stem != "__init__"]
    program = f"import sys, {', '.join((*FREE_OF_TORCH, *recipe))}; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "False"
