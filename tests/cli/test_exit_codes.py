"""Exit codes are a public interface."""

from __future__ import annotations

from pusher_client.cli.exit_codes import EXIT_CODES, ExitCode


def test_every_code_stands_in_the_help() -> None:
    """The help lists them, and the numbers do not change."""
    assert [int(code) for code in ExitCode] == [0, 1, 2, 3, 4, 5]
    words = EXIT_CODES.removeprefix("Exit codes: ").rstrip(".").split(", ")
    assert [int(text.split()[0]) for text in words] == [*ExitCode, 130, 143]
