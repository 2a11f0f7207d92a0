"""Every setting is documented, reachable in both ways, and refused by name."""

from __future__ import annotations

from pathlib import Path

import pytest

from model.errors import InputError
from server.settings import PREFIX, ROOT, Settings, option, read_settings, settings_table


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_has_help(name: str) -> None:
    description = Settings.model_fields[name].description
    assert description and description.endswith("."), f"setting {name} needs a sentence of help"


def test_help_lists_every_setting(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        read_settings(["--help"])
    text = capsys.readouterr().out
    assert stopped.value.code == 0
    for name in Settings.model_fields:
        assert option(name) in text
        assert PREFIX + name.upper() in text


def test_table_has_one_row_a_setting() -> None:
    rows = settings_table().splitlines()[2:]
    assert [row.split("`")[1] for row in rows] == [PREFIX + name.upper() for name in Settings.model_fields]


def test_defaults_listen_on_loopback_alone() -> None:
    assert Settings().host == "127.0.0.1"


def test_option_wins_over_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GROUPDNET_PORT", "1234")
    monkeypatch.setenv("GROUPDNET_CHECKPOINTS", "elsewhere")
    assert read_settings([]).port == 1234
    read = read_settings(["--port", "4321", "--no-warm-up"])
    assert (read.port, read.checkpoints, read.warm_up) == (4321, Path("elsewhere"), False)


@pytest.mark.parametrize(
    ("argv", "named"),
    [(["--port", "http"], "port"), (["--queue-size", "0"], "queue_size"), (["--precision", "int4"], "precision")],
)
def test_a_wrong_value_is_named(argv: list[str], named: str) -> None:
    with pytest.raises(InputError, match=f"{PREFIX}{named.upper()}") as caught:
        read_settings(argv)
    assert caught.value.field == named
    assert argv[1] in str(caught.value)


def test_the_readme_has_the_same_table() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    missing = [row for row in settings_table().splitlines() if row not in readme]
    assert not missing, "README.md lacks these rows of server.settings.settings_table()"
