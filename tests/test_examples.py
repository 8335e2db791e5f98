"""The examples, each as a program of its own against the local server."""

from __future__ import annotations

import asyncio
import base64
import os
import re
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from pusher_client.server import LocalServer
from tests.integration.pusher_http import PusherHTTP
from tests.integration.soketi import App

EXAMPLES = Path(__file__).parent.parent / "examples"
CHANNEL = "private-encrypted-orders"
SECONDS = 60.0


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
    name: str, server: LocalServer, publisher: PusherHTTP, stop: signal.Signals = signal.SIGINT
) -> AsyncGenerator[Process]:
    """Run an example, subscribed; stop it at the end as a user or a system does, and see that it ends tidily."""
    environment = os.environ | {
        "PUSHER_KEY": server.key,
        "PUSHER_HOST": server.host,
        "PUSHER_PORT": str(server.port),
        "PUSHER_TLS": "false",
        "PUSHER_AUTH_URL": server.auth_url,
        "NO_PROXY": server.host,
        "PYTHONPATH": str(EXAMPLES.parent),
        "PYTHONUNBUFFERED": "1",
        "PYTHONIOENCODING": "utf-8",
        "PYTHONWARNINGS": "error",
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(EXAMPLES / name), stdout=PIPE, stderr=PIPE, env=environment
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
    """The README's example prints each event, decrypted and in order, through a rotation of the key (3.4, R4)."""
    async with running("quickstart.py", server, publisher) as process:
        for number in range(3):
            await publisher.trigger(CHANNEL, "order-created", {"number": number})
        rotated = publisher.rotated()
        server.rotate_key(rotated.master_key)
        await rotated.trigger(CHANNEL, "order-paid", "ü")
        expected = [f"order-created {{'number': {number}}}" for number in range(3)]
        assert await lines(process, 4) == [*expected, "order-paid ü"]


async def test_handlers(server: LocalServer, publisher: PusherHTTP) -> None:
    """Each handler hears its own events, a failure to decrypt and a gap among them (R5)."""
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
    """It tells a gap in its place, and works off what was received before SIGTERM ends it, with status 0."""
    async with running("worker.py", server, publisher, signal.SIGTERM) as process:
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
