"""``listen``: its output formats, the reasons why it ends, and its exit codes."""

from __future__ import annotations

import asyncio
import json
import os
import pty
import re
import signal
import sys
from collections.abc import Sequence
from typing import Any

import pytest

from pusher_client import HTTPAuthorizer, ReconnectPolicy
from pusher_client.cli.exit_codes import ExitCode
from pusher_client.cli.listen import Listener
from pusher_client.cli.reporting import CommandError
from pusher_client.cli.target import Server, Target
from pusher_client.server import LocalServer
from pusher_client.transport.address import Address
from tests.support.cli_commands import environment_for, occupied, run, started
from tests.support.scripted_endpoint import answer, json_answer, serve_endpoint
from tests.support.scripted_server import Scripted, scripted

SECRETS = {"auth": "KEY:0123456789abcdef", "shared_secret": "a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2s="}


class Impatient(Target):
    """A target whose clients reconnect at once."""

    def client(self, **options: Any) -> Any:
        policy = ReconnectPolicy(base=0.01, cap=0.05, max_per_minute=1000)
        return super().client(reconnect=policy, **options)


def target(port: int, authorizer: HTTPAuthorizer | None = None, key: str = "app-key") -> Target:
    """Return a target on this machine."""
    options: dict[str, Any] = {"host": "127.0.0.1", "port": port, "tls": False}
    return Impatient(Server(key, options, Address(key, cluster=None, path="", **options)), authorizer)


def listening(where: Target, channels: Sequence[str], *names: str, **options: Any) -> Listener:
    """Return a run of the command."""
    defaults: dict[str, Any] = {"count": None, "timeout": None, "as_json": True, "since_connect": False}
    return Listener(where, channels, names, **{**defaults, **options})


def lines(output: str) -> list[dict[str, Any]]:
    """Read lines of JSON."""
    return [json.loads(line) for line in output.splitlines()]


async def test_each_event_is_a_line_of_json(capsys: pytest.CaptureFixture[str]) -> None:
    """Time, channel, event, data, and user_id where there is one (design.md 6)."""
    async with scripted() as peer:
        run = asyncio.create_task(listening(target(peer.port), ["orders"], count=3).run())
        await peer.heard("pusher:subscribe")
        await peer.publish("order-created", "orders", '{"id": 7,\n"to": "Jürgen"}')
        await peer.publish("note", "orders", "not JSON\x1b[2J")
        for socket in peer.sockets:
            await socket.send('{"event":"client-hi","channel":"orders","data":"1","user_id":"42"}')
        assert await run == ExitCode.DONE
    output = capsys.readouterr().out
    found = lines(output)
    assert [(line["channel"], line["event"], line["data"], line.get("user_id")) for line in found] == [
        ("orders", "order-created", {"id": 7, "to": "Jürgen"}, None),
        ("orders", "note", "not JSON\x1b[2J", None),
        ("orders", "client-hi", 1, "42"),
    ]
    assert "user_id" not in found[0]
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", line["time"]) for line in found)
    assert "\x1b" not in output


async def test_the_time_may_count_from_the_connection(capsys: pytest.CaptureFixture[str]) -> None:
    """A number of seconds instead of the time (--since-connect)."""
    async with scripted() as peer:
        run = asyncio.create_task(listening(target(peer.port), ["a"], count=1, since_connect=True).run())
        await peer.heard("pusher:subscribe")
        await peer.publish("e", "a", "1")
        await run
    (line,) = lines(capsys.readouterr().out)
    assert isinstance(line["time"], float)
    assert line["time"] > 0


async def test_who_watches_is_told_what_goes_on(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """On standard error, and on a terminal only."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    async with scripted() as peer:
        run = asyncio.create_task(listening(target(peer.port), ["a", "b"]).run())
        shown = ""
        while "listening to 2 channels; Ctrl-C ends" not in shown:
            await asyncio.sleep(0.005)
            shown += capsys.readouterr().err
        os.kill(os.getpid(), signal.SIGINT)
        assert await run == 130


async def test_globs_choose_the_events(capsys: pytest.CaptureFixture[str]) -> None:
    """Case-sensitive, over all names; only matching events count."""
    async with scripted() as peer:
        run = asyncio.create_task(
            listening(target(peer.port), ["a"], "order-*", "pusher:subscription_succeeded", count=2).run()
        )
        await peer.heard("pusher:subscribe")
        for name in ("Order-1", "x-order-1", "order-1", "order-2"):
            await peer.publish(name, "a", "null")
        await run
    shown = [line["event"] for line in lines(capsys.readouterr().out)]
    assert shown == ["pusher:subscription_succeeded", "order-1"]


async def test_a_gap_is_a_line_whatever_was_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    """The loss is printed, and does not count (R5)."""
    async with scripted() as peer:
        run = asyncio.create_task(listening(target(peer.port), ["a"], "order-*", count=1).run())
        await peer.heard("pusher:subscribe")
        await peer.sockets[0].close(4200)
        await peer.heard("pusher:subscribe", 2)
        await peer.publish("order-1", "a", "null")
        await run
    found = capsys.readouterr()
    gap, order = lines(found.out)
    assert (gap["event"], gap["channel"], order["event"]) == ("pusher:gap", "a", "order-1")
    assert sorted(gap["data"]) == ["disconnected_at", "last_received_at", "resubscribed_at"]
    assert "next attempt in" in found.err


async def test_what_cannot_be_decrypted_is_a_line_without_its_content(capsys: pytest.CaptureFixture[str]) -> None:
    """Reason and name, without unauthenticated content (C1)."""
    name = "private-encrypted-a"
    async with scripted() as peer, serve_endpoint(json_answer(SECRETS)) as endpoint:
        where = target(peer.port, HTTPAuthorizer(endpoint.url), key="KEY")
        run = asyncio.create_task(listening(where, [name], timeout=20).run())
        await peer.heard("pusher:subscribe")
        await peer.publish("order", name, '{"nonce": "CANARY", "ciphertext": "CANARY"}')
        output = ""
        while not output:
            await asyncio.sleep(0.005)
            output += capsys.readouterr().out
        os.kill(os.getpid(), signal.SIGTERM)
        assert await run == 143
    (line,) = lines(output)
    assert (line["event"], line["data"]) == ("pusher:decryption_failure", {"event": "order", "reason": "malformed"})
    assert "CANARY" not in output


async def test_ctrl_c_ends_it_with_the_shells_code() -> None:
    """Even while it waits for a server that does not answer."""
    async with scripted() as peer:
        peer.first = "{}"
        run = asyncio.create_task(listening(target(peer.port), ["a"]).run())
        await peer.connected(1)
        os.kill(os.getpid(), signal.SIGINT)
        assert await run == 130


async def test_a_timeout_has_its_own_code() -> None:
    """So that a script can distinguish a time-out from a failure."""
    async with scripted() as peer:
        with pytest.raises(CommandError, match=re.escape("not done within 0.05 s")) as caught:
            await listening(target(peer.port), ["a"], timeout=0.05).run()
    assert caught.value.code == ExitCode.TIMED_OUT


async def test_a_server_that_refuses_for_good_is_told_with_the_cure() -> None:
    """The key is unknown (4001)."""
    async with LocalServer() as server:
        with pytest.raises(CommandError, match=r"4001.*--key") as caught:
            await listening(target(server.port, key="other"), ["a"]).run()
    assert caught.value.code == ExitCode.NO_CONNECTION


async def test_a_channel_that_is_refused_is_told_with_the_cure() -> None:
    """The endpoint refuses the channel."""
    async with scripted() as peer, serve_endpoint(answer("403 Forbidden")) as endpoint:
        where = target(peer.port, HTTPAuthorizer(endpoint.url))
        with pytest.raises(CommandError, match=r"private-a: .* refused: .* \(status 403\); .*headers") as caught:
            await listening(where, ["b", "private-a"]).run()
    assert caught.value.code == ExitCode.REFUSED


async def test_a_channel_that_fails_later_ends_it_too(capsys: pytest.CaptureFixture[str]) -> None:
    """The endpoint refused it again after a reconnect: a line after the last event, then the error."""
    async with scripted() as peer, serve_endpoint(json_answer(SECRETS)) as endpoint:
        where = target(peer.port, HTTPAuthorizer(endpoint.url), key="KEY")
        run = asyncio.create_task(listening(where, ["private-a"]).run())
        await peer.heard("pusher:subscribe")
        await peer.publish("e", "private-a", "1")
        output = ""
        while not output:
            await asyncio.sleep(0.005)
            output += capsys.readouterr().out
        endpoint.script = answer("403 Forbidden")
        await peer.sockets[0].close(4200)
        with pytest.raises(CommandError, match=r"private-a: .*refused it again \(status 403\)") as caught:
            await run
    assert caught.value.code == ExitCode.REFUSED
    output += capsys.readouterr().out
    assert [line["event"] for line in lines(output)] == ["e", "pusher:subscription_error"]


async def test_a_refusal_that_is_tried_again_does_not_end_it(capsys: pytest.CaptureFixture[str]) -> None:
    """The server ends a subscription and accepts it again."""

    class Fickle(Scripted):
        async def react(self, socket: Any, frame: Any) -> None:
            await super().react(socket, frame)
            self.answers.clear()

    async with scripted(Fickle()) as peer:
        error = {"event": "pusher:subscription_error", "channel": "a", "data": {"error": "busy", "status": 503}}
        peer.answers["a"] = [error]
        run = asyncio.create_task(listening(target(peer.port), ["a"], count=1).run())
        await peer.heard("pusher:subscribe", 2)
        await peer.publish("e", "a", "1")
        assert await run == ExitCode.DONE
    assert [line["event"] for line in lines(capsys.readouterr().out)] == ["pusher:subscription_error", "e"]


async def test_a_pipe_without_a_reader_ends_it_quietly(monkeypatch: pytest.MonkeyPatch) -> None:
    """At the next line at the latest, with exit code 0."""
    reading, writing = os.pipe()
    with os.fdopen(writing, "w") as stream:
        monkeypatch.setattr(sys, "stdout", stream)
        async with scripted() as peer:
            run = asyncio.create_task(listening(target(peer.port), ["a"]).run())
            await peer.heard("pusher:subscribe")
            os.close(reading)
            assert await run == ExitCode.DONE


async def test_a_line_that_cannot_be_written_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk is an error, a closed pipe is not."""

    class Broken:
        encoding = "utf-8"
        error: OSError = BrokenPipeError()

        def fileno(self) -> int:
            raise OSError

        def write(self, _: str) -> None:
            raise self.error

    stream = Broken()
    monkeypatch.setattr(sys, "stdout", stream)
    for error, expected in ((BrokenPipeError(), None), (OSError(28, "No space left on device"), "No space left")):
        stream.error = error
        async with scripted() as peer:
            run = asyncio.create_task(listening(target(peer.port), ["a"]).run())
            await peer.heard("pusher:subscribe")
            await peer.publish("e", "a", "1")
            (result,) = await asyncio.gather(run, return_exceptions=True)
        assert result == ExitCode.DONE if expected is None else expected in str(result)


async def test_any_other_error_of_the_library_is_a_line_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """No traceback for network errors."""
    async with scripted() as peer:
        peer.first = "{}"
        where = target(peer.port)
        client = where.client()
        monkeypatch.setattr(Impatient, "client", lambda _: client)
        run = asyncio.create_task(listening(where, ["a"]).run())
        await peer.connected(1)
        await client.disconnect()
        with pytest.raises(CommandError, match="was called before the connection"):
            await run


def test_the_command_reads_its_options_and_ends_by_itself() -> None:
    """From the environment and the arguments, with an event of a cache channel."""
    with LocalServer(key="k") as server:
        server._application.publish("private-cache-a", "kept", '{"n": 1}')
        environment = {**environment_for(server), "PUSHER_KEY": "other"}
        result = run("listen", "private-cache-a", "--key", "k", "--count", "1", "--timeout", "20", env=environment)
    assert result.exit_code == 0, result.output
    (line,) = lines(result.stdout)
    assert (line["event"], line["data"]) == ("kept", {"n": 1})


def test_lines_for_people_can_be_had_in_a_pipe() -> None:
    """Without colours there."""
    with LocalServer() as server:
        server._application.publish("cache-a", "kept", '{"n": 1}')
        result = run("listen", "cache-a", "-n", "1", "--pretty", "--timeout", "20", env=environment_for(server))
    assert result.exit_code == 0, result.output
    assert re.fullmatch(r'\d\d:\d\d:\d\d\.\d{3}  cache-a  kept  \{"n": 1\}\n', result.stdout)


@pytest.mark.parametrize(
    ("arguments", "cure"),
    [
        (("a",), "--key"),
        (("a", "--key", "k"), "--cluster"),
        (("private-a", "--key", "k", "--cluster", "eu"), "--auth-url"),
        (("a b", "--key", "k", "--cluster", "eu"), "letters"),
        (("a", "--key", "k", "--cluster", "eu", "--header", "Authorization: hunter2"), "--auth-url"),
        (("a", "--count", "0"), "--count"),
        ((), "channels"),
    ],
)
def test_wrong_options_are_a_usage_error_with_the_cure(arguments: tuple[str, ...], cure: str) -> None:
    """Exit code 2 before anything is sent, and no secret in the message (C3)."""
    result = run("listen", *arguments)
    assert result.exit_code == 2
    assert cure in result.stderr.lower()
    assert "hunter2" not in result.output


async def test_a_process_is_line_buffered_and_ends_cleanly_on_signals() -> None:
    """A pipe gets each line at once; Ctrl-C and SIGTERM end it without a traceback."""
    async with LocalServer() as server:

        async def end(channel: str, number: signal.Signals) -> tuple[int | None, bytes, bytes]:
            async with started("listen", channel, environment=environment_for(server)) as process:
                await occupied(server, channel)
                server._application.publish(channel, "e", "1")
                assert process.stdout is not None
                assert json.loads(await process.stdout.readline())["event"] == "e"
                process.send_signal(number)
                output, errors = await process.communicate()
                return process.returncode, output, errors

        ends = await asyncio.gather(end("a", signal.SIGINT), end("b", signal.SIGTERM))
        assert list(ends) == [(130, b"", b""), (143, b"", b"")]


async def test_a_reader_that_leaves_ends_the_process_without_another_event() -> None:
    """``| head -1`` gives the prompt back."""
    async with LocalServer() as server:
        reading, writing = os.pipe()
        async with started("listen", "a", environment=environment_for(server), stdout=writing) as process:
            os.close(writing)
            await occupied(server, "a")
            os.close(reading)
            _, errors = await process.communicate()
            assert (process.returncode, errors) == (0, b"")


async def test_on_a_terminal_lines_have_colours() -> None:
    """And standard error says that the connection is retried."""
    async with LocalServer() as server:
        master, slave = pty.openpty()
        environment = {**environment_for(server), "TERM": "xterm-256color"}
        options = dict.fromkeys(("stdin", "stdout", "stderr"), slave)
        async with started("listen", "a", "-n", "1", environment=environment, **options) as process:
            os.close(slave)
            shown = ""
            while "listening to" not in shown:
                shown += (await asyncio.to_thread(os.read, master, 65536)).decode()
            server._application.publish("a", "e", '{"n": 1}')
            await process.wait()
            shown += os.read(master, 65536).decode()
        os.close(master)
    assert process.returncode == 0
    assert re.search(r"\x1b\[\d+ma\x1b\[0m  \x1b\[1me\x1b\[0m", shown)
    assert "connecting" in shown
    assert "listening to 1 channel; Ctrl-C ends" in shown
