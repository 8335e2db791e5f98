"""Errors, warnings and progress on standard error."""

from __future__ import annotations

import io
import logging

import pytest
import typer
from rich.console import Console

from pusher_client.cli.exit_codes import ExitCode
from pusher_client.cli.reporting import CommandError, progress, reporting, retry_warnings


def test_an_error_is_a_line_and_an_exit_code(capsys: pytest.CaptureFixture[str]) -> None:
    """Long lines are not wrapped, and brackets are not markup."""
    message = "no [bold]way[/bold]: " + "x" * 300
    with pytest.raises(typer.Exit) as caught, reporting():
        raise CommandError(message, ExitCode.REFUSED)
    assert caught.value.exit_code == ExitCode.REFUSED
    assert capsys.readouterr().err == f"error: {message}\n"


def test_without_an_error_nothing_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    """Success prints nothing."""
    with reporting():
        pass
    assert capsys.readouterr().err == ""


def test_progress_is_for_terminals_alone() -> None:
    """Other outputs, such as log files, get no spinner."""
    plain, terminal = io.StringIO(), io.StringIO()
    with progress("connecting", Console(file=plain)):
        pass
    with progress("connecting", Console(file=terminal, force_terminal=True)):
        pass
    assert plain.getvalue() == ""
    assert "connecting" in terminal.getvalue()


def test_only_warnings_about_retries_are_printed() -> None:
    """A loss is printed as a marker among the events; printed twice, it would look like two losses."""
    printed = io.StringIO()
    retries = logging.getLogger("pusher_client.retries")
    with retry_warnings(Console(file=printed, soft_wrap=True)):
        retries.warning("%s; tried again in %.1f s", "refused", 2)
        retries.info("the wording does not matter: next attempt in a moment")
        logging.getLogger("pusher_client").warning("%s: events of %.1f s may be missing", "orders", 3)
    retries.warning("logged after the command")
    assert printed.getvalue() == "warning: refused; tried again in 2.0 s\n"
