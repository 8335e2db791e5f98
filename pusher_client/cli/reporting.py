"""What goes to standard error: what went wrong with its cure, warnings, and how far a long step has come."""

from __future__ import annotations

import logging
from collections.abc import Generator
from contextlib import contextmanager

import typer
from rich.console import Console
from rich.text import Text

from pusher_client.cli.exit_codes import ExitCode

__all__ = ["CommandError", "complaints", "progress", "reporting", "silent_log", "warnings_of_the_link"]

_PASSING = "next attempt in"
"""What every warning of the library says that tells of trouble with the connection or a subscription."""


class CommandError(Exception):
    """The command cannot go on.

    Args:
        message: What is wrong and what to do, without anything secret.
        code: What the process exits with.
    """

    def __init__(self, message: str, code: ExitCode) -> None:
        super().__init__(message)
        self.code = code


def complaints() -> Console:
    """Return standard error as it is now."""
    return Console(stderr=True, highlight=False, markup=False, soft_wrap=True)


@contextmanager
def reporting() -> Generator[None]:
    """Turn a `CommandError` into a line and an exit code, without a traceback."""
    try:
        yield
    except CommandError as error:
        complaints().print(Text.assemble(("error: ", "bold red"), str(error)))
        raise typer.Exit(error.code) from None


@contextmanager
def progress(doing: str, console: Console) -> Generator[None]:
    """Show on a terminal that something takes its time; elsewhere nothing."""
    if not console.is_terminal:
        yield
        return
    with console.status(Text(doing)):
        yield


@contextmanager
def warnings_of_the_link(console: Console) -> Generator[None]:
    """Print the library's warnings of what it tries again; what is lost is told as markers among the events."""
    with _log_to(_Printing(console)):
        yield


@contextmanager
def silent_log() -> Generator[None]:
    """Keep the library's log off standard error, for a command that tells all of it in its own words."""
    with _log_to(logging.NullHandler()):
        yield


@contextmanager
def _log_to(handler: logging.Handler) -> Generator[None]:
    logger = logging.getLogger("pusher_client")
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)


class _Printing(logging.Handler):
    def __init__(self, console: Console) -> None:
        super().__init__(logging.WARNING)
        self._console = console

    def emit(self, record: logging.LogRecord) -> None:
        if _PASSING in record.getMessage():
            self._console.print(Text.assemble(("warning: ", "yellow"), record.getMessage()))
