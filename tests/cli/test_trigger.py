"""``trigger`` against the local server."""

from __future__ import annotations

import asyncio
import errno
import json
import socket
import sys
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from pusher_client import Event, HTTPAuthorizer, PusherClient
from pusher_client.cli.reporting import CommandError, error_console
from pusher_client.cli.trigger import _warn_of_broken_json, batches, read_data
from pusher_client.server import LocalServer
from tests.support.cli_commands import environment_for, run
from tests.support.scripted_endpoint import answer, serve_endpoint

CANARY = "c4nary-0f-a-secret"


@pytest.fixture
def server() -> Generator[LocalServer]:
    """A server on its own thread."""
    with LocalServer() as server:
        yield server


def environment(server: LocalServer) -> dict[str, str]:
    """Return the variables of a trusted machine."""
    return {
        **environment_for(server),
        "PUSHER_APP_ID": server.app_id,
        "PUSHER_SECRET": server.secret,
        "PUSHER_ENCRYPTION_MASTER_KEY_BASE64": server.encryption_master_key_base64,
    }


async def received(server: LocalServer, channels: list[str], *arguments: str, **options: Any) -> list[Event]:
    """Subscribe, run the command, and return one event for each channel."""
    client = PusherClient(
        server.key, host=server.host, port=server.port, tls=False, authorizer=HTTPAuthorizer(server.auth_url)
    )
    async with asyncio.timeout(20), client, client.events("*", queue_size=1000) as stream:
        for name in channels:
            await client.subscribe(name)
        command = ("trigger", *channels, *arguments)
        result = await asyncio.to_thread(run, *command, **{"env": environment(server), **options})
        assert result.exit_code == 0, result.output
        assert result.output == ""
        found: list[Event] = []
        while len(found) < len(channels):
            event = await anext(stream)
            found += [event] if event.name == "order-created" else []
        return found


async def test_all_kinds_of_channels_get_the_event(server: LocalServer) -> None:
    """Each encrypted channel has its own key, as in the official library."""
    channels = ["a", "private-encrypted-b", "private-c", "private-encrypted-d"]
    found = await received(server, channels, "--event", "order-created", "--data", '{"id": 7}')
    assert {event.channel for event in found} == set(channels)
    assert all(event.data == {"id": 7} for event in found)


async def test_data_is_read_from_standard_input(server: LocalServer) -> None:
    """The list of processes does not show it; a trailing line break is removed."""
    (event,) = await received(server, ["a"], "-e", "order-created", input="plain words\n")
    assert event.raw == "plain words"


async def test_one_connection_can_be_left_out(server: LocalServer) -> None:
    """Usually the connection that caused the event."""
    options: dict[str, Any] = {"host": server.host, "port": server.port, "tls": False}
    async with PusherClient(server.key, **options) as one, PusherClient(server.key, **options) as other:
        streams = one.events("*"), other.events("left-out", "for-all")
        await one.subscribe("a")
        await other.subscribe("a")
        for arguments in (("left-out", "--socket-id", str(one.socket_id)), ("for-all",)):
            command = ("trigger", "a", "-d", "1", "-e", *arguments)
            assert (await asyncio.to_thread(run, *command, env=environment(server))).exit_code == 0
        names = [(await anext(streams[0])).name for _ in range(2)]
        assert names == ["pusher:subscription_succeeded", "for-all"]
        assert (await anext(streams[1])).name == "left-out"


def test_many_channels_are_few_requests() -> None:
    """A hundred channels per request, encrypted channels alone, and no channel twice."""
    plain = [f"c{number}" for number in range(250)]
    assert [len(batch) for batch in batches([*plain, "private-encrypted-a", "c0", "private-encrypted-b"])] == [
        100,
        100,
        50,
        1,
        1,
    ]
    assert batches(["private-encrypted-a", "b"]) == [["b"], ["private-encrypted-a"]]


def test_who_watches_sees_how_far_it_is(server: LocalServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """On standard error of a terminal only."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    plain = [f"c{number}" for number in range(101)]
    result = run("trigger", *plain, "-e", "e", "-d", "1", env=environment(server))
    assert result.exit_code == 0, result.output
    assert "publishing" in result.stderr
    assert "published to 101 channels" in result.stderr
    assert result.stdout == ""


def test_the_secret_may_come_from_a_file_or_a_prompt(
    server: LocalServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Never from an argument."""
    file = tmp_path / "secret"
    file.write_text(server.secret + "\n", encoding="utf-8")
    without = {**environment(server), "PUSHER_SECRET": ""}
    command = ("trigger", "a", "-e", "e", "-d", "1")
    assert run(*command, "--secret-file", str(file), env=without).exit_code == 0
    refused = run(*command, env=without)
    assert (refused.exit_code, "--secret-file" in refused.stderr) == (2, True)
    monkeypatch.setattr("pusher_client.cli.trigger.prompted_secret", lambda *_: server.secret)
    assert run(*command, env=without).exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "variables", "code", "cure"),
    [
        (("a",), {"PUSHER_SECRET": CANARY}, 4, "clock"),
        (("a",), {"PUSHER_APP_ID": "77"}, 1, "404"),
        (("a",), {"PUSHER_APP_ID": ""}, 2, "--app-id"),
        (("a", "--app-id", "x"), {}, 2, "--app-id"),
        (("a b",), {}, 2, "Invalid Channel"),
        (("a", "--socket-id", "x"), {}, 2, "Invalid socket ID"),
        (("presence-a", "-e", "x" * 201), {}, 2, "too long"),
        (("a", "--key", "other"), {}, 4, "--key"),
        (("private-encrypted-a",), {"PUSHER_ENCRYPTION_MASTER_KEY_BASE64": ""}, 2, "--master-key-file"),
        (("private-encrypted-a",), {"PUSHER_ENCRYPTION_MASTER_KEY_BASE64": CANARY}, 2, "generate-key"),
        (("a", "-d", "x" * 11_000), {}, 1, "413"),
    ],
)
def test_what_is_refused_is_told_with_the_cure(
    server: LocalServer, arguments: tuple[str, ...], variables: dict[str, str], code: int, cure: str
) -> None:
    """No traceback, no secret (C3)."""
    result = run("trigger", "-e", "e", "-d", "1", *arguments, env={**environment(server), **variables})
    assert result.exit_code == code, result.output
    assert cure in result.stderr
    assert CANARY not in result.output
    assert server.secret not in result.output


def test_nobody_listens(server: LocalServer) -> None:
    """The library's own error holds a signed address, and is not shown (C3)."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = str(listening.getsockname()[1])
    result = run("trigger", "a", "-e", "e", "-d", "1", "--port", port, env=environment(server))
    assert result.exit_code == 3
    assert "cannot be reached (ConnectionError)" in result.stderr
    assert "auth_signature" not in result.output


@pytest.mark.parametrize(
    ("body", "code", "problem"),
    [
        (b"<html>", 1, "is not JSON"),
        (json.dumps({"error": "no such app", "code": 404}).encode(), 1, "refused the event: no such app"),
        (json.dumps({"error": "no", "code": 401}).encode(), 4, "clock"),
        (json.dumps({"ok": False}).encode(), 1, "refused the event"),
    ],
)
async def test_a_refusal_may_come_with_200(body: bytes, code: int, problem: str, server: LocalServer) -> None:
    """Some servers refuse with status 200, which the official library takes for success."""
    async with serve_endpoint(answer("200 OK", body)) as endpoint:
        command = ("trigger", "a", "-e", "e", "-d", "1", "--port", str(endpoint.port))
        result = await asyncio.to_thread(run, *command, env=environment(server))
    assert result.exit_code == code
    assert problem in result.stderr


async def test_what_was_published_before_a_failure_is_said(server: LocalServer) -> None:
    """So that the user does not publish to these channels again."""
    bodies = [b"{}", b'{"error": "busy"}']

    async def script(request: Any, writer: asyncio.StreamWriter) -> None:
        await answer("200 OK", bodies.pop(0))(request, writer)

    async with serve_endpoint(script) as endpoint:
        command = ("trigger", "a", "b", "private-encrypted-c", "-e", "e", "-d", "1", "--port", str(endpoint.port))
        result = await asyncio.to_thread(run, *command, env=environment(server))
    assert result.exit_code == 1
    assert "busy (2 channels have received it)" in result.stderr


def test_without_data_a_terminal_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a terminal, the command does not wait silently for data."""
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True)
    with pytest.raises(CommandError, match="--data"):
        read_data(None)


@pytest.mark.parametrize("data", ["{id: 7}", "{'id': 7}", "[1, 2", '{"id": 7}}', '"half', '{\\"id\\": 7}'])
def test_data_that_looks_like_broken_json_is_warned_of(server: LocalServer, data: str) -> None:
    """It is published all the same; the warning has the place, and not the data (C3)."""
    result = run("trigger", "orders", "-e", "created", "-d", data, env=environment(server))
    assert result.exit_code == 0, result.output
    assert result.stderr.startswith("warning: the data looks like JSON, but is not: ")
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize("data", ["", "7", "text", '{"id": 7}', " [1]\n", '"text"', "-", "[" * 100_000])
def test_other_data_is_published_without_a_word(data: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Plain text is data, too."""
    _warn_of_broken_json(data, error_console())
    assert capsys.readouterr().err == ""


class StandardInput:
    """Standard input that cannot be read as it should.

    Attributes:
        buffer: Itself.
    """

    def __init__(self, outcome: bytes | OSError) -> None:
        self._outcome = outcome
        self.buffer = self

    def isatty(self) -> bool:
        """Return that it is piped."""
        return False

    def read(self) -> bytes:
        """Return the bytes, or raise the error."""
        if isinstance(self._outcome, OSError):
            raise self._outcome
        return self._outcome


@pytest.mark.parametrize(
    ("outcome", "message"),
    [
        (OSError(errno.EBADF, "Bad file descriptor"), "cannot be read: it is closed; give --data"),
        (OSError(errno.EISDIR, "Is a directory"), "cannot be read: Is a directory; give --data"),
        (b"\xff", "is not text in UTF-8"),
    ],
)
def test_standard_input_that_cannot_be_read(
    monkeypatch: pytest.MonkeyPatch, outcome: bytes | OSError, message: str
) -> None:
    """The error names the cause and the option."""
    monkeypatch.setattr(sys, "stdin", StandardInput(outcome))
    with pytest.raises(CommandError, match=message):
        read_data(None)
