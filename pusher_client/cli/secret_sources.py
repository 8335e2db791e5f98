"""Secrets from the environment, a file or a prompt; never from arguments, which the list of processes shows."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from pathlib import Path

import typer

from pusher_client.cli.exit_codes import ExitCode
from pusher_client.cli.reporting import CommandError
from pusher_client.cli.signals import interruptible

__all__ = ["HANDSHAKE_HEADERS", "HEADERS", "MASTER_KEY", "SECRET", "prompted_secret", "read_headers", "read_secret"]

SECRET = "PUSHER_SECRET"  # noqa: S105 - the name of a variable
MASTER_KEY = "PUSHER_ENCRYPTION_MASTER_KEY_BASE64"
HEADERS = "PUSHER_AUTH_HEADERS"
HANDSHAKE_HEADERS = "PUSHER_HANDSHAKE_HEADERS"


def read_secret(variable: str, file: Path | None) -> str | None:
    """Return a secret without surrounding white space; None if it is not set.

    Args:
        variable: The name of the environment variable.
        file: A file that overrides the variable.

    Raises:
        CommandError: The file cannot be read, or is empty.
    """
    if file is None:
        return os.environ.get(variable, "").strip() or None
    secret = _read(file).strip()
    if not secret:
        raise CommandError(f"{file} is empty", ExitCode.USAGE)
    return secret


def prompted_secret(variable: str, option: str) -> str:
    """Prompt for a secret on a terminal, without echo.

    Raises:
        CommandError: Standard input is not a terminal.
    """
    if not sys.stdin.isatty():
        raise CommandError(f"set {variable}, or give {option} with the secret in it", ExitCode.USAGE)
    with interruptible():
        secret: str = typer.prompt(variable, hide_input=True, err=True)
    return secret.strip()


def read_headers(given: Iterable[str], file: Path | None, variable: str = HEADERS) -> dict[str, str]:
    """Read headers in the form ``Name: value``; an argument overrides the same header of the file.

    Args:
        given: Headers given as arguments.
        file: A file with one header per line; None to read the lines of the variable.
        variable: The environment variable with one header per line.

    Raises:
        CommandError: A header has no name, or the file cannot be read. The message contains no value.
    """
    lines = os.environ.get(variable, "") if file is None else _read(file)
    headers: dict[str, str] = {}
    for line in [*filter(str.strip, lines.splitlines()), *given]:
        name, colon, value = line.partition(":")
        if not colon or not name.strip():
            raise CommandError("a header has the form 'Name: value'", ExitCode.USAGE)
        # Header names are case-insensitive.
        headers = {other: old for other, old in headers.items() if other.lower() != name.strip().lower()}
        headers[name.strip()] = value.strip()
    return headers


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8-sig")
    except OSError as error:
        problem = error.strerror or type(error).__name__
    except UnicodeDecodeError:
        problem = "it is not text in UTF-8"
    raise CommandError(f"{file} cannot be read: {problem}", ExitCode.USAGE)
