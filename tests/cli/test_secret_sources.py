"""Secrets from the environment, a file or a prompt."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from pusher_client.cli.exit_codes import ExitCode
from pusher_client.cli.reporting import CommandError
from pusher_client.cli.secret_sources import prompted_secret, read_headers, read_secret


def test_a_file_wins_over_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A trailing line break is not part of the secret, nor a byte order mark."""
    file = tmp_path / "secret"
    file.write_text("\ufeffof-the-file\n", encoding="utf-8")
    assert read_secret("PUSHER_SECRET", None) is None
    monkeypatch.setenv("PUSHER_SECRET", " of-the-environment ")
    assert read_secret("PUSHER_SECRET", None) == "of-the-environment"
    assert read_secret("PUSHER_SECRET", file) == "of-the-file"
    monkeypatch.setenv("PUSHER_SECRET", "")
    assert read_secret("PUSHER_SECRET", None) is None


@pytest.mark.parametrize(("content", "problem"), [(None, "No such file"), (b" \n", "is empty"), (b"\xff", "UTF-8")])
def test_a_file_that_is_no_secret_is_a_usage_error(content: bytes | None, problem: str, tmp_path: Path) -> None:
    """The message names the file, never its content."""
    file = tmp_path / "secret"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(CommandError, match=problem) as caught:
        read_secret("PUSHER_SECRET", file)
    assert caught.value.code == ExitCode.USAGE
    assert str(file) in str(caught.value)


def test_headers_are_read_from_everywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An argument overrides the file, and the file the environment; names are case-insensitive."""
    monkeypatch.setenv("PUSHER_AUTH_HEADERS", "Authorization: Bearer a:b\n\nX-Tenant: 7\n")
    assert read_headers((), None) == {"Authorization": "Bearer a:b", "X-Tenant": "7"}
    assert read_headers(["x-tenant: 8"], None) == {"Authorization": "Bearer a:b", "x-tenant": "8"}
    file = tmp_path / "headers"
    file.write_text("Cookie: c\n", encoding="utf-8")
    assert read_headers(["X: "], file) == {"Cookie": "c", "X": ""}


@pytest.mark.parametrize("header", ["Bearer hunter2", ": hunter2"])
def test_a_header_without_a_name_is_a_usage_error(header: str) -> None:
    """Its value may be a secret and is not printed (C3)."""
    with pytest.raises(CommandError, match="Name: value") as caught:
        read_headers([header], None)
    assert "hunter2" not in str(caught.value)


def test_a_person_is_asked_without_an_echo(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a terminal only."""
    asked: dict[str, Any] = {}

    def prompt(text: str, **options: Any) -> str:
        asked.update(options, text=text)
        return " typed "

    with pytest.raises(CommandError, match="--secret-file"):
        prompted_secret("PUSHER_SECRET", "--secret-file")
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True)
    monkeypatch.setattr("typer.prompt", prompt)
    assert prompted_secret("PUSHER_SECRET", "--secret-file") == "typed"
    assert asked == {"text": "PUSHER_SECRET", "hide_input": True, "err": True}
