"""Output on standard error: errors with their cures, warnings, and the progress of long steps."""

from __future__ import annotations

import logging
from collections.abc import Generator
from contextlib import contextmanager

import typer
from rich.console import Console
from rich.text import Text

from pusher_client.cli.exit_codes import ExitCode

__all__ = ["CommandError", "error_console", "progress", "reporting", "retry_warnings", "silent_log"]

_RETRIES = "pusher_client.retries"
"""The logger of failed attempts that are repeated; losses are logged elsewhere, and printed as markers."""


class CommandError(Exception):
    """The command cannot go on.

    Args:
        message: The problem and its cure, without anything secret.
        code: The exit code of the process.
    """

    def __init__(self, message: str, code: ExitCode) -> None:
        super().__init__(message)
        self.code = code


def error_console() -> Console:
    """Return a console for the current standard error."""
    return Console(stderr=True, highlight=False, markup=False, soft_wrap=True)


@contextmanager
def reporting() -> Generator[None]:
    """Turn a `CommandError` into one line on standard error and an exit code, without a traceback."""
    try:
        yield
    except CommandError as error:
        error_console().print(Text.assemble(("error: ", "bold red"), str(error)))
        raise typer.Exit(error.code) from None


@contextmanager
def progress(doing: str, console: Console) -> Generator[None]:
    """Show a spinner while a step runs, if the console is a terminal."""
    if not console.is_terminal:
        yield
        return
    with console.status(Text(doing)):
        yield


@contextmanager
def retry_warnings(console: Console) -> Generator[None]:
    """Print the library's warnings about attempts that failed and are repeated."""
    with _handling(_RETRIES, _Printer(console)), silent_log():
        yield


@contextmanager
def silent_log() -> Generator[None]:
    """Keep the library's log off standard error, for commands that report everything in their own output."""
    with _handling("pusher_client", logging.NullHandler()):
        yield


@contextmanager
def _handling(name: str, handler: logging.Handler) -> Generator[None]:
    logger = logging.getLogger(name)
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)


class _Printer(logging.Handler):
    def __init__(self, console: Console) -> None:
        super().__init__(logging.WARNING)
        self._console = console

    def emit(self, record: logging.LogRecord) -> None:
        self._console.print(Text.assemble(("warning: ", "yellow"), record.getMessage()))
