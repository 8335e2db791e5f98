"""``serve``: the printed snippets reach it, and it ends cleanly."""

from __future__ import annotations

import asyncio
import os
import shlex
import signal
import socket
import threading
from pathlib import Path

import pytest

import pusher_client.cli.serve
from pusher_client import HTTPAuthorizer, PusherClient
from pusher_client.cli.exit_codes import ExitCode
from pusher_client.cli.serve import serve
from pusher_client.server import LocalServer
from tests.support.cli_commands import run, started

KEY = "a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2s="
CANARY = "c4nary-0f-a-secret"
SECRETS = ("PUSHER_SECRET", "PUSHER_ENCRYPTION_MASTER_KEY_BASE64")


def free_port() -> int:
    """Return an unused port."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
    return port


def exported(output: str) -> dict[str, str]:
    """Return the variables that a shell would set."""
    words = [word for line in output.splitlines() if line.startswith("export ") for word in shlex.split(line)[1:]]
    return dict(word.split("=", 1) for word in words)


def end_when_it_serves(port: int) -> threading.Thread:
    """Send SIGTERM to this process once the port is open."""

    def wait() -> None:
        while True:
            try:
                socket.create_connection(("127.0.0.1", port)).close()
            except OSError:
                continue
            os.kill(os.getpid(), signal.SIGTERM)
            return

    thread = threading.Thread(target=wait)
    thread.start()
    return thread


def test_what_is_printed_leads_to_the_server() -> None:
    """Variables for a shell and lines for Python; generated secrets are among them."""
    port = free_port()
    thread = end_when_it_serves(port)
    result = run("serve", "--port", str(port), "--key", "a-key")
    thread.join()
    assert result.exit_code == 143, result.output
    assert result.stderr.startswith("FOR DEVELOPMENT AND TESTS ONLY")
    found = exported(result.stdout)
    assert found["PUSHER_PORT"] == str(port)
    assert found["PUSHER_KEY"] == "a-key"
    assert found["PUSHER_APP_ID"] == "1001"
    with LocalServer(
        secret=found["PUSHER_SECRET"], port=port, key="a-key"
    ) as same:  # the lines for Python fit any server at this address
        names = {"HTTPAuthorizer": HTTPAuthorizer, "PusherClient": PusherClient}
        python = result.stdout.partition("# in Python\n")[2]
        exec(python, names)  # noqa: S102 - it is there to be pasted

        async def subscribe() -> None:
            async with names["client"] as client, asyncio.timeout(20):  # type: ignore[attr-defined] # made by exec
                await client.subscribe("private-encrypted-orders")

        asyncio.run(subscribe())
        assert same.port == port


def test_what_was_given_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """It may be a secret of another server (C3)."""
    port = free_port()
    for name, value in {
        "PUSHER_SECRET": CANARY,
        "PUSHER_ENCRYPTION_MASTER_KEY_BASE64": KEY,
        "PUSHER_PORT": str(port),
        "PUSHER_KEY": "k",
        "PUSHER_APP_ID": "7",
    }.items():
        monkeypatch.setenv(name, value)
    thread = end_when_it_serves(port)
    result = run("serve", "--secrets-from-env")
    thread.join()
    assert result.exit_code == 143, result.output
    assert exported(result.stdout)["PUSHER_APP_ID"] == "7"
    assert result.stderr.splitlines()[1:] == [f"using the value of {name}" for name in SECRETS]
    assert CANARY not in result.output
    assert KEY not in result.output


def test_secrets_of_the_environment_are_used_on_request_only(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """They may be those of production; the server generates its own. A file is an explicit request, too."""
    port, file = free_port(), tmp_path / "master-key"
    file.write_text(KEY)
    monkeypatch.setenv("PUSHER_SECRET", CANARY)
    thread = end_when_it_serves(port)
    result = run("serve", "--port", str(port), "--master-key-file", str(file))
    thread.join()
    assert result.exit_code == 143, result.output
    assert exported(result.stdout)["PUSHER_SECRET"] != CANARY
    assert "PUSHER_ENCRYPTION_MASTER_KEY_BASE64" not in exported(result.stdout)
    assert result.stderr.splitlines()[1:] == [
        "ignoring PUSHER_SECRET: give --secrets-from-env to use it",
        f"using the value of {file}",
    ]


def test_hosts_and_origins_are_options(monkeypatch: pytest.MonkeyPatch) -> None:
    """They reach the server."""
    asked: dict[str, object] = {}

    class Refusing(LocalServer):
        def __init__(self, **options: object) -> None:
            asked.update(options)
            raise ValueError("no")

    monkeypatch.setattr("pusher_client.server.LocalServer", Refusing)
    run("serve", "--allow-host", "a.test", "--allow-host", "b.test", "--allow-origin", "http://c.test")
    assert (asked["allow_hosts"], asked["allow_origins"]) == (["a.test", "b.test"], ["http://c.test"])


def test_a_port_that_is_taken_is_told_with_the_cure() -> None:
    """No traceback."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        result = run("serve", "--port", str(listening.getsockname()[1]))
    assert result.exit_code == ExitCode.FAILED
    assert "give another by --port" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "environment", "cure"),
    [
        (("--app-id", "x"), {}, "digits"),
        (("--port", "70000"), {}, "--port"),
        ((), {"PUSHER_PORT": "x"}, "PUSHER_PORT"),
        ((), {"PUSHER_PORT": "99999"}, "PUSHER_PORT"),
        (("--secrets-from-env",), {"PUSHER_ENCRYPTION_MASTER_KEY_BASE64": CANARY}, "generate-key"),
        (("--secrets-from-env",), {"PUSHER_ENCRYPTION_MASTER_KEY_BASE64": "a2tr"}, "32 bytes"),
        (("--allow-host", "a:1"), {}, "--allow-host takes names"),
        (("--allow-origin", "a"), {}, "--allow-origin takes origins"),
        (("--secret-file", "/nowhere/at/all"), {}, "cannot be read"),
    ],
)
def test_wrong_options_are_a_usage_error(arguments: tuple[str, ...], environment: dict[str, str], cure: str) -> None:
    """Exit code 2, with the cure and no secret (C3)."""
    result = run("serve", *arguments, env=environment)
    assert result.exit_code == ExitCode.USAGE
    assert cure in result.stderr
    assert CANARY not in result.output


def test_the_usual_port_is_that_of_other_servers(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that examples of self-hosted servers fit."""
    asked: list[int] = []

    class Refusing(LocalServer):
        def __init__(self, *, port: int, **_: object) -> None:
            asked.append(port)
            raise ValueError("no")

    monkeypatch.setattr("pusher_client.server.LocalServer", Refusing)
    assert run("serve").exit_code == ExitCode.USAGE
    assert asked == [6001]
    assert serve is pusher_client.cli.serve.serve


async def test_a_process_ends_cleanly_on_ctrl_c() -> None:
    """Its output is there at once, and there is no traceback."""
    async with started("serve", "--port", "0", environment={}) as process:
        assert process.stdout is not None
        first = await process.stdout.readline()
        assert first.startswith(b"listening on http://127.0.0.1:")
        process.send_signal(signal.SIGINT)
        _, errors = await process.communicate()
    assert process.returncode == 130
    assert errors.decode().splitlines() == [pusher_client.cli.serve.WARNING]
