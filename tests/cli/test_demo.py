"""The demo with real parts, and its output when something fails."""

from __future__ import annotations

import re
import sys
from typing import Self

import pytest
from rich.console import Console
from typer.testing import CliRunner, Result

import pusher_client.server
from pusher_client.cli import app
from pusher_client.cli.demo import Demonstration
from pusher_client.server import LocalServer


def run(*arguments: str) -> Result:
    """Run the command in this process."""
    return CliRunner().invoke(app, list(arguments))


def serve(monkeypatch: pytest.MonkeyPatch, server: type[LocalServer]) -> None:
    """Replace the demo's server by one that behaves differently."""
    monkeypatch.setattr(pusher_client.server, "LocalServer", server)


class Mangling(LocalServer):
    """A server that damages every encrypted event."""

    async def __aenter__(self) -> Self:
        self.mangle()
        return await super().__aenter__()


class Stalled(LocalServer):
    """A server that does not answer WebSockets."""

    async def __aenter__(self) -> Self:
        await super().__aenter__()
        self.stall()
        return self


class NeverRotating(LocalServer):
    """A server that does not rotate its key."""

    def rotate_key(self, master_key: bytes | None = None) -> None:
        pass


class WithoutEndpoint(LocalServer):
    """A server whose authorization endpoint is elsewhere."""

    @property
    def auth_url(self) -> str:
        return f"http://{self.host}:{self.port}/nowhere"


@pytest.mark.parametrize("events", [2, 7, 10])
def test_the_demo_decrypts_every_event_in_order_through_a_rotation(events: int) -> None:
    """Real HTTP, the official server library, our client; one refresh covers the whole rotation (design.md 3.4, R4)."""
    result = run("demo", "--events", str(events))
    lines = result.stdout.splitlines()
    assert result.exit_code == 0, result.output
    assert [int(number) for number in re.findall(r'measured {"number": (\d+)', result.stdout)] == [
        *range(1, events + 1)
    ]
    assert "  master key rotated" in lines
    assert lines[-2] == f"key rotated once, {events} of {events} events received in order, none lost"
    assert lines[-1] == f"received {events}, key refreshes 1, failures 0"


def test_the_demo_publishes_ten_events_unless_told_otherwise() -> None:
    """At least two events, one under each key."""
    result = run("demo")
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines()[-1] == "received 10, key refreshes 1, failures 0"


def test_events_that_cannot_be_decrypted_fail_the_demo(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each is printed as a failure, without content (C1, R5)."""
    serve(monkeypatch, Mangling)
    result = run("demo", "--events", "4")
    assert result.exit_code == 1
    assert result.stdout.count("NOT decrypted: measured (wrong_key)") == 4
    assert re.fullmatch(r"received 0, key refreshes \d+, failures 4", result.stdout.splitlines()[-1])
    assert "error: 4 events could not be decrypted" in result.stderr
    assert "ciphertext" not in result.output
    assert "none lost" not in result.output


def test_a_server_that_does_not_answer_fails_the_demo_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """The time limit is an option, and the last line stays the same."""
    serve(monkeypatch, Stalled)
    result = run("demo", "--timeout", "0.5")
    assert result.exit_code == 1
    assert "error: the demo did not finish within 0.5 s" in result.stderr
    assert result.stdout.splitlines()[-1] == "received 0, key refreshes 0, failures 0"


def test_a_rotation_that_was_not_seen_fails_the_demo(monkeypatch: pytest.MonkeyPatch) -> None:
    """Decrypting everything under one key does not prove a rotation."""
    serve(monkeypatch, NeverRotating)
    result = run("demo", "--events", "3")
    assert result.exit_code == 1
    assert "error: the client did not notice the rotation of the key" in result.stderr
    assert result.stdout.splitlines()[-1] == "received 3, key refreshes 0, failures 0"


@pytest.mark.parametrize("numbers", [[], [1, 2], [1, 3, 2], [1, 2, 2], [1, 2, 3, 3]])
def test_anything_but_each_event_once_and_in_order_is_a_problem(numbers: list[int]) -> None:
    """The number of events alone would not show it (R4)."""
    demonstration = Demonstration(3, Console())
    demonstration.key_refreshes = 1
    demonstration.received = [1, 2, 3]
    assert demonstration.problems() == []
    demonstration.received = numbers
    assert demonstration.problems() == ["events 1 to 3 did not each arrive once and in order"]


def test_an_endpoint_that_refuses_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Errors of this library are printed with their text."""
    serve(monkeypatch, WithoutEndpoint)
    result = run("demo")
    assert result.exit_code == 1
    assert "(status 404)" in result.stderr


def test_a_publisher_that_fails_is_named_without_its_request(monkeypatch: pytest.MonkeyPatch) -> None:
    """Errors of other libraries may contain signed URLs, so only their type is printed (C3)."""

    def refuse(*_: object, **__: object) -> None:
        raise ConnectionError("http://127.0.0.1/apps/1/events?auth_signature=secret")

    monkeypatch.setattr("pusher.Pusher.trigger", refuse)
    result = run("demo")
    assert result.exit_code == 1
    assert "error: ConnectionError while publishing or receiving" in result.stderr
    assert "auth_signature" not in result.output


@pytest.mark.parametrize("module", ["starlette", "uvicorn", "pusher"])
def test_a_missing_extra_is_named_with_the_cure(monkeypatch: pytest.MonkeyPatch, module: str) -> None:
    """One line, no traceback."""
    monkeypatch.setitem(sys.modules, module, None)
    result = run("demo")
    assert result.exit_code == 1
    assert result.stderr.strip() == f"pusher-client demo needs {module}: pip install 'pusher-channels-client[demo]'"


@pytest.mark.parametrize("arguments", [("--events", "1"), ("--events", "x"), ("--timeout", "0"), ("--unknown",)])
def test_wrong_options_are_a_usage_error(arguments: tuple[str, ...]) -> None:
    """Exit code 2, as everywhere."""
    assert run("demo", *arguments).exit_code == 2
