"""The command as a whole: its subcommands, its version, and the message for a missing extra."""

from __future__ import annotations

import importlib
import io
import re
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from pusher_client.cli import app, main
from pusher_client.cli.commands import COMMANDS, _run
from tests.support.cli_commands import run_entry_point


@pytest.mark.parametrize("module", ["typer", "rich.console"])
def test_a_missing_command_line_is_named_with_the_cure(monkeypatch: pytest.MonkeyPatch, module: str) -> None:
    """The command is installed without its extra, too."""
    monkeypatch.setitem(sys.modules, module, None)
    monkeypatch.delitem(sys.modules, "pusher_client.cli")
    cure = re.escape(f"pusher-client needs {module.partition('.')[0]}: pip install 'pusher-channels-client[cli]'")
    with pytest.raises(SystemExit, match=cure):
        importlib.import_module("pusher_client.cli")


def test_the_command_lists_its_subcommands(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without arguments, the command prints its help."""
    code, shown = run_entry_point(monkeypatch, main, "--help")
    assert code == 0
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
    monkeypatch.delitem(sys.modules, "pusher_client.__main__", raising=False)
    code, shown = run_entry_point(monkeypatch, lambda: importlib.import_module("pusher_client.__main__"), "--version")
    assert (code, shown) == (0, CliRunner().invoke(app, ["--version"]).stdout)


class Failing(io.RawIOBase):
    """A standard output that is full."""

    def writable(self) -> bool:
        return True

    def write(self, _data: object) -> int:
        raise OSError(28, "No space left on device")

    def fileno(self) -> int:
        return self.descriptor

    descriptor = -1


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # the file fails once more when closed
def test_what_cannot_be_written_is_a_failure(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Whether a write or the last flush notices it."""
    problem = "error: standard output cannot be written: No space left on device\n"

    def entry() -> None:
        with (tmp_path / "output").open("w") as file:
            output = Failing()
            output.descriptor = file.fileno()
            monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BufferedWriter(output), encoding="utf-8"))
            main()

    code, shown = run_entry_point(monkeypatch, entry, "--version")
    assert (code, shown) == (1, problem)
    monkeypatch.setattr("pusher_client.cli.commands.app", lambda **_: sys.exit(int(sys.stdout.write("x")) - 1))
    code, shown = run_entry_point(monkeypatch, entry)
    assert (code, shown) == (1, problem)


def test_bytes_that_are_not_text_are_a_usage_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before the command runs."""
    code, shown = run_entry_point(monkeypatch, main, "\udcff")
    assert code == 2
    assert shown.startswith("error: argument 1 is not text in ")


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


def test_the_command_always_ends_with_a_code(monkeypatch: pytest.MonkeyPatch) -> None:
    """A command line that returned would end without a code: that is a defect, and is said."""
    monkeypatch.setattr(sys, "argv", ["pusher-client"])
    monkeypatch.setattr("pusher_client.cli.commands.app", lambda prog_name: prog_name)
    with pytest.raises(AssertionError, match="ends with SystemExit"):
        _run()
