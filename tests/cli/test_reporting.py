"""Errors, warnings and progress on standard error."""

from __future__ import annotations

import io
import logging

import pytest
import typer
from rich.console import Console

from pusher_client.cli.exit_codes import ExitCode
from pusher_client.cli.reporting import CommandError, progress, reporting, warnings_of_the_link


def test_an_error_is_a_line_and_an_exit_code(capsys: pytest.CaptureFixture[str]) -> None:
    """However long the line is, and whatever brackets are in it."""
    message = "no [bold]way[/bold]: " + "x" * 300
    with pytest.raises(typer.Exit) as caught, reporting():
        raise CommandError(message, ExitCode.REFUSED)
    assert caught.value.exit_code == ExitCode.REFUSED
    assert capsys.readouterr().err == f"error: {message}\n"


def test_without_an_error_nothing_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    """Silence is success."""
    with reporting():
        pass
    assert capsys.readouterr().err == ""


def test_progress_is_for_terminals_alone() -> None:
    """A log file stays clean."""
    plain, terminal = io.StringIO(), io.StringIO()
    with progress("connecting", Console(file=plain)):
        pass
    with progress("connecting", Console(file=terminal, force_terminal=True)):
        pass
    assert plain.getvalue() == ""
    assert "connecting" in terminal.getvalue()


def test_warnings_tell_of_what_is_tried_again_and_not_of_losses() -> None:
    """A loss is a marker at its place among the events; told twice it would look like two."""
    printed = io.StringIO()
    logger = logging.getLogger("pusher_client")
    with warnings_of_the_link(Console(file=printed, soft_wrap=True)):
        logger.warning("%s; next attempt in %.1f s", "refused", 2)
        logger.warning("%s: events of %.1f s may be missing", "orders", 3)
        logger.info("next attempt in a moment")
    logger.warning("next attempt in another program")
    assert printed.getvalue() == "warning: refused; next attempt in 2.0 s\n"
