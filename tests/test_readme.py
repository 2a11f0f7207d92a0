"""The README is true: its commands are ones we take, its requests are answered, its links lead somewhere."""

from __future__ import annotations

import dataclasses
import re
import shlex
import string
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import narrow_config, random_checkpoint
from starlette.testclient import TestClient
from studio import open_studio

from model.__main__ import _parser
from model.checkpoint import save_checkpoint
from server.settings import settings_table

ROOT = Path(__file__).parent.parent
PAGES = {name: (ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "checkpoints/README.md")}
TYPES = {"png": "image/png", "webp": "image/webp", "json": "application/json"}


def command_lines(text: str) -> Iterator[list[str]]:
    """The words of every line in a page's blocks of commands, as a shell has them: variables set, lines joined."""
    variables: dict[str, str] = {}
    for block in re.findall(r"^```\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        for line in block.replace("\\\n", " ").splitlines():
            if assigned := re.fullmatch(r"([A-Z]+)=(\S+)", line):
                variables[assigned[1]] = assigned[2]
            elif words := shlex.split(string.Template(line).safe_substitute(variables), comments=True):
                yield words


MODEL_COMMANDS = [
    words[words.index("model") + 1 :]
    for text in PAGES.values()
    for words in command_lines(text)
    if words[:3] == ["python", "-m", "model"]
]
CURL_COMMANDS = [words[1:] for words in command_lines(PAGES["README.md"]) if words[0] == "curl"]


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """A studio whose landscape model takes the starter scenes."""
    folder = tmp_path_factory.mktemp("readme")
    config = dataclasses.replace(narrow_config(), image_size=(256, 256))
    save_checkpoint(folder / "landscape", random_checkpoint(config))
    with open_studio(folder, default_model="landscape") as client:
        yield client


def test_the_settings_table_is_the_settings() -> None:
    assert settings_table() in PAGES["README.md"]


@pytest.mark.parametrize("argv", MODEL_COMMANDS, ids=" ".join)
def test_a_command_is_one_that_the_command_line_takes(argv: list[str]) -> None:
    assert any(map(callable, vars(_parser(argv).parse_args(argv)).values())), "nothing to run"


def test_every_command_is_shown() -> None:
    assert {argv[0] for argv in MODEL_COMMANDS} == {
        "render",
        "fit",
        "inspect",
        "convert",
        "landscape",
        "bench",
        "evaluate",
        "perception",
        "prepare",
        "train",
    }


@pytest.mark.parametrize("page", PAGES)
def test_links_and_pictures_are_there(page: str) -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", PAGES[page]):
        if not target.startswith("https://"):
            assert (ROOT / page).parent.joinpath(target).exists(), f"{page} points to {target}"


def test_the_api_examples_are_answered_as_they_stand(client: TestClient) -> None:
    made: dict[str, bytes] = {}
    for words in CURL_COMMANDS:
        made.update(send(client, words, made))
    assert {Path(name).suffix for name in made} == {".png", ".json", ".webp"}


def send(client: TestClient, words: list[str], made: dict[str, bytes]) -> dict[str, bytes]:
    """Do what curl does with these words; a file that an earlier example made comes from ``made``."""
    headers, fields, files, out = {"Accept": "*/*"}, {}, [], ""
    words = [word for word in words if word != "-s"]
    url = words.pop().removeprefix("http://127.0.0.1:8000")
    for option, value in zip(words[::2], words[1::2], strict=True):
        name, _, given = value.partition("=")
        if option == "-H":
            headers["Accept"] = value.removeprefix("Accept: ")
        elif option == "-o":
            out = value
        elif given.startswith("@"):
            content = made[given[1:]] if given[1:] in made else (ROOT / given[1:]).read_bytes()
            files.append((name, (given[1:], content, TYPES[given.rpartition(".")[2]])))
        else:
            fields[name] = given
    answer = client.post(url, data=fields, files=files, headers=headers)
    assert answer.status_code == 200, f"{words}: {answer.text}"
    assert answer.headers["content-type"] == TYPES[out.rpartition(".")[2]]
    return {out: answer.content}
