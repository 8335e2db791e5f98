"""The standard streams of the command, made safe: closed, full, or without every character."""

from __future__ import annotations

import errno
import io
import os
import sys
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any

from pusher_client.cli.exit_codes import ExitCode

__all__ = ["OutputError", "check_text", "end_output", "guard_streams"]


class OutputError(SystemExit):
    """Standard output cannot be written.

    It is not an `OSError`, so that no command takes it for a failure of its own; event loops and task groups end at
    once with it.

    Args:
        error: The cause; a `BrokenPipeError` means that the reader has closed the output, which is a normal end.
    """

    def __init__(self, error: OSError) -> None:
        is_closed_by_reader = isinstance(error, BrokenPipeError)
        super().__init__(int(ExitCode.DONE if is_closed_by_reader else ExitCode.FAILED))
        reason = "it is closed" if error.errno == errno.EBADF else error.strerror
        self.message: str | None = None if is_closed_by_reader else f"standard output cannot be written: {reason}"


class _Output(io.TextIOWrapper):
    """Standard output, whose errors are an `OutputError`."""

    def write(self, text: str) -> int:
        try:
            return super().write(text)
        except OSError as error:
            raise OutputError(error) from None

    def flush(self) -> None:
        try:
            super().flush()
        except OSError as error:
            raise OutputError(error) from None


class _Complaints(io.TextIOWrapper):
    """Standard error; what cannot be written there is lost, and the exit code stays."""

    def write(self, text: str) -> int:
        with suppress(OSError):
            return super().write(text)
        return len(text)

    def flush(self) -> None:
        with suppress(OSError):
            super().flush()


def guard_streams() -> None:
    """Replace the process's standard streams.

    Closed ones are opened on the null device in the direction that fails, or the next socket would take their number.
    Characters that the encoding does not have are written as escapes. A width of 0, as terminals without a size report
    it in ``COLUMNS``, is ignored: everything would be cut to it.
    """
    if not os.environ.get("COLUMNS", "").strip("0"):
        os.environ.pop("COLUMNS", None)
    for name, direction in (("stdin", os.O_WRONLY), ("stdout", os.O_RDONLY), ("stderr", os.O_RDONLY)):
        if getattr(sys, name) is None:
            descriptor = os.open(os.devnull, direction)
            raw = io.FileIO(descriptor, "r" if name == "stdin" else "w")
            buffer: Any = io.BufferedReader(raw) if name == "stdin" else io.BufferedWriter(raw)
            setattr(sys, name, io.TextIOWrapper(buffer, encoding="utf-8"))
    sys.stdout = _replaced(sys.stdout, _Output)
    sys.stderr = _replaced(sys.stderr, _Complaints)


def end_output() -> str | None:
    """Write what waits in standard output, and return the problem if that fails."""
    try:
        sys.stdout.flush()
    except OutputError as error:
        # Python flushes once more at its end.
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, sys.stdout.fileno())
        os.close(null)
        return error.message
    return None


def check_text(arguments: Iterable[str], environment: Mapping[str, str]) -> str | None:
    """Return which argument or ``PUSHER_`` variable has bytes that are not text, without its value; None if all are."""
    for number, argument in enumerate(arguments, 1):
        if not _is_text(argument):
            return f"argument {number} is not text in {sys.getfilesystemencoding().upper()}"
    for name, value in environment.items():
        if name.startswith("PUSHER_") and not _is_text(value):
            return f"{name} is not text in {sys.getfilesystemencoding().upper()}"
    return None


def _is_text(value: str) -> bool:
    """Whether Python could decode all its bytes; others are lone surrogates."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _replaced(stream: Any, kind: type[io.TextIOWrapper]) -> io.TextIOWrapper:
    encoding, interactive = stream.encoding, stream.line_buffering
    with suppress(OSError):
        stream.flush()
    return kind(stream.detach(), encoding=encoding, errors="backslashreplace", line_buffering=interactive)
