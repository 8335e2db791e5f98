"""The time limit of connect(), and the cause that its error names (design.md 10)."""

from __future__ import annotations

import asyncio
import traceback
from typing import Any

import pytest

from pusher_client import ConnectionState, PusherClient
from tests.support.scripted_server import scripted


async def failed_once(client: PusherClient) -> None:
    """Wait until the first attempt has failed."""
    failed = asyncio.Event()
    client.connection.bind("connecting_in", lambda _: failed.set())
    await failed.wait()


def refused() -> PusherClient:
    """Return a client of a port where nothing listens."""
    return PusherClient("key", host="127.0.0.1", port=9, tls=False)


async def test_the_error_names_the_last_cause() -> None:
    """The place, the time and the cause; the client has disconnected (design.md 10, R6)."""
    client = refused()
    with pytest.raises(TimeoutError, match=r"no connection to 127.0.0.1:9 within 0.05 s; the last attempt failed: "):
        await client.connect(timeout=0.05)
    assert client.state is ConnectionState.DISCONNECTED


async def test_without_a_failed_attempt_the_error_says_so() -> None:
    """The first attempt takes longer than the caller waits (design.md 10)."""
    writers: list[asyncio.StreamWriter] = []
    async with await asyncio.start_server(lambda _reader, writer: writers.append(writer), "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        client = PusherClient("key", host="127.0.0.1", port=port, tls=False)
        with pytest.raises(TimeoutError, match="the first attempt was still running"):
            await client.connect(timeout=0.01)
        for writer in writers:
            writer.close()


async def test_the_callers_own_timeout_has_the_cause_in_its_traceback() -> None:
    """As a note of the CancelledError that it was made from (design.md 10)."""
    with pytest.raises(TimeoutError) as caught:
        async with asyncio.timeout(0.05):
            await refused().connect()
    assert "the last attempt failed" in "".join(traceback.format_exception(caught.value))


async def test_a_connection_in_time() -> None:
    """The limit ends with the call: the connection stays (design.md 10)."""
    async with scripted() as peer:
        client = peer.client()
        await client.connect(timeout=5)
        await client.connect(timeout=5)
        assert client.state is ConnectionState.CONNECTED
        await client.disconnect()


async def test_one_caller_that_times_out_ends_no_other() -> None:
    """The client goes on for those who still wait (design.md 2)."""
    client = refused()
    other = asyncio.ensure_future(client.connect())
    await failed_once(client)
    with pytest.raises(TimeoutError):
        await client.connect(timeout=0.01)
    assert not other.done()
    assert str(client.state) == "connecting"
    other.cancel()
    await asyncio.wait((other,))
    assert client.state is ConnectionState.DISCONNECTED


@pytest.mark.parametrize("limit", [0, -1, float("nan"), float("inf"), True, "1"])
async def test_a_limit_that_is_no_time(limit: Any) -> None:
    """It is refused at once (design.md 2)."""
    client = refused()
    with pytest.raises((TypeError, ValueError), match="timeout"):
        await client.connect(timeout=limit)
    assert client.state is ConnectionState.INITIALIZED
