"""The command as a whole: its subcommands, its version, and the message for a missing extra."""

from __future__ import annotations

import importlib
import re
import subprocess
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


def test_the_package_runs_as_the_command() -> None:
    """``python -m pusher_client`` is ``pusher-client``, for environments whose scripts are not on the PATH."""
    result = subprocess.run(
        [sys.executable, "-m", "pusher_client", "--version"], capture_output=True, text=True, check=False
    )
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout == CliRunner().invoke(app, ["--version"]).stdout


def test_the_module_calls_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same entry point."""
    monkeypatch.setattr(sys, "argv", ["pusher-client", "--version"])
    monkeypatch.delitem(sys.modules, "pusher_client.__main__", raising=False)
    with pytest.raises(SystemExit) as caught:
        importlib.import_module("pusher_client.__main__")
    assert caught.value.code == 0


@pytest.mark.parametrize(
    ("name", "module", "extra"),
    [
        ("pusher_client.server", "starlette", "server"),
        ("pusher_client.server", "uvicorn", "server"),
        ("pusher_client.testing", "pytest", "testing"),
    ],
)
def test_a_missing_extra_is_named_at_import(
    monkeypatch: pytest.MonkeyPatch, name: str, module: str, extra: str
) -> None:
    """The error of the import itself has the line that installs it."""
    monkeypatch.setitem(sys.modules, module, None)
    monkeypatch.delitem(sys.modules, name, raising=False)
    cure = re.escape(f"{name} needs {module}: pip install 'pusher-channels-client[{extra}]'")
    with pytest.raises(ModuleNotFoundError, match=cure):
        importlib.import_module(name)
