"""A client that is still connected when its event loop ends (design.md 10, R6)."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest

from pusher_client import ConnectionState, NotConnectedError, PusherClient
from pusher_client.server import LocalServer


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return what the client has logged at WARNING and above."""
    return [r.getMessage() for r in caplog.records if r.levelno >= logging.WARNING and r.name == "pusher_client"]


@pytest.mark.parametrize("seconds_to_clean_up", [0, 0.05])
def test_a_client_left_open_ends_quietly(seconds_to_clean_up: float, caplog: pytest.LogCaptureFixture) -> None:
    """asyncio.run() cancels its tasks: one warning, no reconnect, also while another task still cleans up (R6)."""

    async def clean_up() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(seconds_to_clean_up)

    async def main() -> None:
        await client.connect()
        await client.subscribe("orders")
        others.append(asyncio.ensure_future(clean_up()))
        await asyncio.sleep(0)

    others: list[asyncio.Task[None]] = []
    states: list[str] = []
    with LocalServer() as server:
        client = PusherClient(server.key, host="127.0.0.1", port=server.port, tls=False)
        client.connection.bind("state_change", lambda change: states.append(change.current))
        asyncio.run(main())
    assert client.state is ConnectionState.DISCONNECTED
    assert states == ["connecting", "connected", "disconnected"]
    (warning,) = warnings(caplog)
    assert "still connected when its tasks were cancelled" in warning
    assert "disconnect()" in warning


def test_a_client_left_open_while_it_connects_ends_quietly(caplog: pytest.LogCaptureFixture) -> None:
    """The same before the connection is established: no attempt follows (R6)."""

    async def main() -> None:
        waiting.append(asyncio.ensure_future(client.connect()))
        while not retries:
            await asyncio.sleep(0.001)

    waiting: list[asyncio.Future[None]] = []
    retries: list[float] = []
    client = PusherClient("key", host="127.0.0.1", port=9, tls=False, connect_timeout=1)
    client.connection.bind("connecting_in", retries.append)
    asyncio.run(main())
    assert client.state is ConnectionState.DISCONNECTED
    assert len(retries) == 1
    assert waiting[0].cancelled() or isinstance(waiting[0].exception(), NotConnectedError)
    assert len(warnings(caplog)) <= 1


def test_pending_calls_end_with_the_loop(caplog: pytest.LogCaptureFixture) -> None:
    """Nothing is reported as an exception that was never retrieved, and no call goes on waiting (R6)."""

    async def main() -> None:
        await client.connect()
        channel = await client.subscribe("orders")
        tasks = [client.wait_closed(), channel.wait_for("x"), anext(client.events())]
        pending.extend(asyncio.ensure_future(task) for task in tasks)
        await asyncio.sleep(0)

    pending: list[asyncio.Future[Any]] = []
    with LocalServer() as server:
        client = PusherClient(server.key, host="127.0.0.1", port=server.port, tls=False)
        asyncio.run(main())
    assert all(task.done() for task in pending)
    assert [r.getMessage() for r in caplog.records if r.name == "asyncio" and r.levelno >= logging.ERROR] == []
