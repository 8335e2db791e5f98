"""The command as a whole: its subcommands, its version, and the message for a missing extra."""

from __future__ import annotations

import importlib
import re
import sys

import pytest
from typer.testing import CliRunner

from pusher_client.cli import app, main
from pusher_client.cli.commands import COMMANDS


@pytest.mark.parametrize("module", ["typer", "rich.console"])
def test_a_missing_command_line_is_named_with_the_cure(monkeypatch: pytest.MonkeyPatch, module: str) -> None:
    """The command is installed without its extra, too."""
    monkeypatch.setitem(sys.modules, module, None)
    monkeypatch.delitem(sys.modules, "pusher_client.cli")
    with pytest.raises(
        SystemExit, match=re.escape(f"pusher-client needs {module}: pip install 'pusher-channels-client[cli]'")
    ):
        importlib.import_module("pusher_client.cli")


def test_the_command_lists_its_subcommands(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Without arguments, the command prints its help."""
    monkeypatch.setattr(sys, "argv", ["pusher-client", "--help"])
    with pytest.raises(SystemExit) as caught:
        main()
    assert caught.value.code == 0
    shown = capsys.readouterr().out
    assert all(command.__name__.replace("_", "-") in shown for command in COMMANDS)


def test_the_version_is_that_of_the_distribution() -> None:
    """``--version`` alone is enough."""
    result = CliRunner().invoke(app, ["--version"])
    assert result.exit_code == 0
    assert re.fullmatch(r"pusher-client \d+\.\d+\.\d+\S*\n", result.stdout)


def test_completion_of_the_shell_is_offered() -> None:
    """Asked as Typer's completion scripts ask, since the options depend on the shell around the tests."""
    completing = {"_PUSHER_CLIENT_COMPLETE": "complete_bash", "COMP_WORDS": "pusher-client lis", "COMP_CWORD": "1"}
    result = CliRunner().invoke(app, [], prog_name="pusher-client", env=completing)
    assert result.exit_code == 0, result.output
    assert result.stdout.split() == ["listen"]


def test_the_help_shows_patterns_as_they_are_typed() -> None:
    """Markdown would remove two asterisks on one line."""
    shown = " ".join(CliRunner().invoke(app, ["listen", "--help"], env={"COLUMNS": "200"}).stdout.split())
    assert "order-*" in shown
    assert "* is all events" in shown
