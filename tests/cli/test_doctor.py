"""The output of ``doctor``."""

from __future__ import annotations

import json
import re

import pytest

from pusher_client.server import LocalServer
from tests.support.cli_commands import environment_for, run

STEPS = ["DNS", "TCP", "TLS", "WebSocket", "application key", "authorization", "shared secret", "subscription"]


def test_a_healthy_setup_is_green_and_ends_with_0() -> None:
    """Every step with its time, and nothing on standard error."""
    with LocalServer() as server:
        result = run("doctor", "--channel", "private-encrypted-a", env=environment_for(server))
    assert result.exit_code == 0, result.output
    *lines, last = result.stdout.splitlines()
    assert [re.split(r"  +", line)[1] for line in lines] == STEPS
    assert last == "everything works"
    assert re.search(r"^OK +subscription +\d+ ms  private-encrypted-a is subscribed$", result.stdout, re.MULTILINE)
    assert result.stderr == ""


def test_a_failure_is_red_with_its_cure_below_and_ends_with_1() -> None:
    """Without colours outside of a terminal; the server's text is printed literally."""
    with LocalServer() as server:
        result = run("doctor", "--key", "other", env=environment_for(server))
    assert result.exit_code == 1
    assert re.search(r"^FAILED +application key .*4001.*\n +cure +check --key", result.stdout, re.MULTILINE)
    assert result.stdout.splitlines()[-1] == "a step failed"
    assert "\x1b" not in result.stdout


def test_the_same_in_json() -> None:
    """One JSON object per line and step."""
    with LocalServer() as server:
        result = run("doctor", "--json", "--key", "other", env=environment_for(server))
    assert result.exit_code == 1
    found = [json.loads(line) for line in result.stdout.splitlines()]
    assert [line["step"] for line in found] == STEPS
    assert {line["outcome"] for line in found} == {"ok", "failed", "skipped"}
    assert all(set(line) == {"step", "outcome", "detail", "seconds", "cure"} for line in found)


def test_colours_and_progress_are_for_terminals(monkeypatch: pytest.MonkeyPatch) -> None:
    """Green, red and a spinner."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    with LocalServer() as server:
        result = run("doctor", "--key", "other", env=environment_for(server))
    assert "\x1b[32mOK" in result.stdout
    assert "\x1b[1;31mFAILED" in result.stdout
    assert "WebSocket" in result.stderr


def test_text_that_would_move_the_cursor_is_escaped(monkeypatch: pytest.MonkeyPatch) -> None:
    """Control characters of a server's text are escaped."""
    with LocalServer() as server:
        monkeypatch.setattr("pusher_client.cli.target.Target.problem", lambda *_: "do\x1b[2J nothing", raising=True)
        result = run("doctor", "--channel", "private-a", env=environment_for(server))
    assert r"do\u001b[2J nothing" in result.stdout


@pytest.mark.parametrize("arguments", [("--channel", "a b"), ("--timeout", "0"), ("--host", "a", "--cluster", "b")])
def test_wrong_options_are_a_usage_error(arguments: tuple[str, ...]) -> None:
    """Exit code 2, as everywhere."""
    assert run("doctor", "--key", "k", *arguments).exit_code == 2
