"""The examples, each as a separate program against the local server."""

from __future__ import annotations

import asyncio
import base64
import os
import re
import signal
import subprocess
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from pusher_client.server import LocalServer
from tests.support.example_programs import EXAMPLES, SECONDS, environment
from tests.support.real.pusher_http import PusherHTTP
from tests.support.real.soketi import App

CHANNEL = "private-encrypted-orders"


@pytest.fixture
def server() -> Iterator[LocalServer]:
    with LocalServer() as running:
        yield running


@pytest.fixture
def publisher(server: LocalServer) -> PusherHTTP:
    master_key = base64.b64decode(server.encryption_master_key_base64)
    return PusherHTTP(server.port, app=App(server.app_id, server.key, server.secret), master_key=master_key)


@asynccontextmanager
async def running(
    name: str,
    server: LocalServer,
    publisher: PusherHTTP,
    *,
    more: dict[str, str] | None = None,
    stop: signal.Signals = signal.SIGINT,
) -> AsyncGenerator[Process]:
    """Run an example, subscribed; stop it at the end as a user or a system does, and see that it ends tidily."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(EXAMPLES / name),
        stdout=PIPE,
        stderr=PIPE,
        env=environment(server) | {"PYTHONWARNINGS": "error"} | (more or {}),
    )
    try:
        async with asyncio.timeout(SECONDS):
            while not await publisher.occupied(CHANNEL):
                assert process.returncode is None, (await process.communicate())[1].decode()
                await asyncio.sleep(0.02)
            yield process
            process.send_signal(stop)
            said, complained = await process.communicate()
        assert said == b""
        assert b"Warning" not in complained
        if stop is signal.SIGINT:
            assert complained.decode().strip().splitlines()[-1] == "KeyboardInterrupt"
            assert process.returncode == -signal.SIGINT
        else:
            assert b"Traceback" not in complained
            assert process.returncode == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()


async def lines(process: Process, count: int) -> list[str]:
    """The next lines that the example prints."""
    assert process.stdout is not None
    return [(await process.stdout.readline()).decode().rstrip("\n") for _ in range(count)]


async def test_quickstart(server: LocalServer, publisher: PusherHTTP) -> None:
    """The README's example prints each event, decrypted and in order, through a key rotation (design.md 3.4, R4)."""
    async with running("quickstart.py", server, publisher) as process:
        for number in range(3):
            await publisher.trigger(CHANNEL, "order-created", {"number": number})
        rotated = publisher.rotated()
        server.rotate_key(rotated.master_key)
        await rotated.trigger(CHANNEL, "order-paid", "ü")
        expected = [f"order-created {{'number': {number}}}" for number in range(3)]
        assert await lines(process, 4) == [*expected, "order-paid ü"]


async def test_bot(server: LocalServer, publisher: PusherHTTP) -> None:
    """What a payload says decides its type, whatever the event's name; one that fits none is skipped (C8)."""
    async with running("bot.py", server, publisher) as process:
        await publisher.trigger(CHANNEL, "order", {"type": "created", "id": 1, "total": 9.5})
        await publisher.trigger(CHANNEL, "order", {"type": "created", "id": "two", "total": 1})
        await publisher.trigger(CHANNEL, "order", {"type": "lost", "id": 3})
        await publisher.trigger(CHANNEL, "order", "no JSON")
        await publisher.trigger(CHANNEL, "client-forged", {"type": "cancelled", "id": 1})
        first, *skipped, last = await lines(process, 5)
        assert first == "order 1 brings 9.50 EUR"
        assert [line.partition(":")[0] for line in skipped] == ["skipped 'order'"] * 3
        assert last == "order 1 is off: nobody said why"


async def test_rotation(server: LocalServer, publisher: PusherHTTP) -> None:
    """A rotation is not an alarm; requests that open nothing are, and in the end are suspended (design.md 3.7)."""
    async with running("rotation.py", server, publisher, more={"INTERVAL": "0.2"}) as process:
        rotated = publisher.rotated()
        server.rotate_key(rotated.master_key)
        await rotated.trigger(CHANNEL, "order-created", {"number": 1})
        assert await lines(process, 1) == ["the key was rotated, requests: 1, and nothing was lost"]
        stranger, alarms, lost = publisher.rotated(), list[str](), [""]
        while "refresh_suspended" not in lost[-1]:
            await stranger.trigger(CHANNEL, "order-created", {"number": 2})
            while (line := (await lines(process, 1))[0]).startswith("ALARM: "):
                alarms.append(line)
            lost.append(line)
        while sum(int(line.rpartition(" ")[2]) for line in alarms) < len(lost) - 1:
            alarms += await lines(process, 1)
        assert lost[1].startswith("lost 'order-created': wrong_key: do the publishers and the endpoint have the same")
        assert alarms[0].startswith("ALARM: the key was asked for, requests: ")


@pytest.mark.parametrize("name", ["test_web_application", "test_flask_application", "test_django_application"])
def test_web_applications(tmp_path: Path, name: str) -> None:
    """The test that the example is passes, as pytest finds it."""
    example = str(EXAMPLES / f"{name}.py")
    options = ("-q", "-p", "no:cacheprovider", "-p", "no:hypothesispytest", "--basetemp", str(tmp_path / "pytest"))
    environment = os.environ | {"NO_PROXY": "127.0.0.1", "PYTHONPATH": str(EXAMPLES.parent)}
    run = subprocess.run(
        [sys.executable, "-m", "pytest", *options, example],
        env=environment,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert (run.returncode, run.stdout.splitlines()[-1][:8]) == (0, "1 passed"), run.stdout + run.stderr


async def test_handlers(server: LocalServer, publisher: PusherHTTP) -> None:
    """Each handler gets its own events, a failure to decrypt and a gap among them (R5)."""
    async with running("handlers.py", server, publisher) as process:
        await publisher.trigger(CHANNEL, "order-created", {"number": 1})
        await publisher.trigger(CHANNEL, "order-seen", {"number": 1})
        await publisher.trigger(CHANNEL, "order-cancelled", {"number": 1})
        await publisher.rotated().trigger(CHANNEL, "order-created", {"number": 2})
        await publisher.trigger(CHANNEL, "order-cancelled", {"number": 3})
        assert await lines(process, 4) == [
            "created: {'number': 1}",
            "cancelled: {'number': 1}",
            "lost: order-created could not be decrypted (wrong_key)",
            "cancelled: {'number': 3}",
        ]
        server.close(4200)
        assert await lines(process, 1) == [f"lost: perhaps events of {CHANNEL}, while the connection was down"]
        await publisher.trigger(CHANNEL, "order-created", {"number": 4})
        assert await lines(process, 1) == ["created: {'number': 4}"]


async def test_worker(server: LocalServer, publisher: PusherHTTP) -> None:
    """It reports a gap in its place, and handles what was received before SIGTERM ends it, with status 0."""
    async with running("worker.py", server, publisher, stop=signal.SIGTERM) as process:
        assert process.stderr is not None
        await publisher.trigger(CHANNEL, "order-created", {"number": 1})
        await until(process.stderr, "INFO worker order-created {'number': 1}")
        server.close(4200)
        await until(process.stderr, "WARNING worker something may be missing since ")
        await publisher.trigger(CHANNEL, "order-created", {"number": 2})
        await until(process.stderr, "INFO worker order-created {'number': 2}")


async def test_threads(server: LocalServer, publisher: PusherHTTP) -> None:
    """A loop that blocks gets every event, in order."""
    async with running("threads.py", server, publisher) as process:
        for number in range(3):
            await publisher.trigger(CHANNEL, "order-created", {"number": number})
        assert await lines(process, 3) == [f"order-created {{'number': {number}}}" for number in range(3)]


async def test_several_workers(server: LocalServer, publisher: PusherHTTP) -> None:
    """Each event is worked on once, by one of the processes."""
    async with running("several_workers.py", server, publisher) as process:
        for number in range(3):
            await publisher.trigger(CHANNEL, "order-created", {"number": number})
        worked = [re.fullmatch(r"order-created \{'number': (\d)\} by \w+", line) for line in await lines(process, 3)]
        assert sorted(match[1] for match in worked if match) == ["0", "1", "2"]


async def until(stream: asyncio.StreamReader, start: str) -> None:
    """Read lines until one starts like this."""
    async with asyncio.timeout(SECONDS):
        while not (line := (await stream.readline()).decode()).startswith(start):
            assert line, f"it ended without {start!r}"
