"""``generate-key`` prints a new master key each time."""

from __future__ import annotations

from typer.testing import CliRunner

from pusher_client import SecretAuthorizer
from pusher_client.cli import app


def test_a_key_is_one_that_the_library_takes() -> None:
    """32 bytes in canonical base64, alone on its line, for a file or a variable."""
    results = [CliRunner().invoke(app, ["generate-key"]) for _ in range(2)]
    assert [result.exit_code for result in results] == [0, 0]
    assert results[0].stdout != results[1].stdout
    for result in results:
        (line,) = result.stdout.splitlines()
        SecretAuthorizer("key", "secret", encryption_master_key_base64=line)
