"""Sending over real sockets: the order, a server that does not read, and calls that end early."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from pusher_client import Channel, ConnectionState, NotConnectedError, PusherClient, SubscriptionError
from tests.support.eager_tasks import task_factory
from tests.support.plain_authorizer import authorize
from tests.support.scripted_server import Scripted, scripted

LARGE = "x" * 9_900


async def fill(channel: Channel, first: int = 0) -> int:
    """Trigger until a call waits for longer than a moment; return how many were sent."""
    number = first
    while True:
        try:
            async with asyncio.timeout(0.1):
                await channel.trigger("client-n", [number, LARGE])
        except TimeoutError:
            return number
        number += 1


def numbers(peer: Scripted) -> list[int]:
    """Return the numbers of the client events that came, in order."""
    return [frame["data"][0] for frame in peer.received if frame["event"] == "client-n"]


@pytest.mark.parametrize("eager", [False, True])
async def test_calls_at_the_same_time_are_sent_in_their_order(*, eager: bool) -> None:
    """However many there are: each returns when its event was handed over, and the link stays (R4, R6)."""
    async with scripted() as peer, peer.client(authorizer=authorize, buffer_bytes=65_536) as client:
        channel = await client.subscribe("private-a")
        with task_factory(eager=eager):
            await asyncio.gather(*(channel.trigger("client-n", [number, LARGE]) for number in range(1000)))
        await peer.heard("client-n", 1000)
        assert numbers(peer) == list(range(1000))
        assert peer.connects == 1


async def test_a_server_that_reads_nothing_is_left_after_pong_timeout(caplog: pytest.LogCaptureFixture) -> None:
    """Every call that waits raises with channel, host and cause; none of their events is sent later (R1, R6)."""
    async with scripted() as peer, peer.client(authorizer=authorize, pong_timeout=0.5) as client:
        channel = await client.subscribe("private-a")
        unread = peer.sockets[0]
        unread.transport.pause_reading()
        sent = await fill(channel)
        calls = (channel.trigger("client-n", [sent + more, LARGE]) for more in range(20))
        errors = await asyncio.gather(*calls, return_exceptions=True)
        place = f"127.0.0.1:{peer.port}"
        cause = "the server has not read what was sent for 0.5 s"
        expected = f"private-a: the client event was not sent: the link to {place} was lost: {cause}"
        assert [(type(error), str(error)) for error in errors] == [(NotConnectedError, expected)] * 20
        unread.transport.resume_reading()
        while client.state is not ConnectionState.CONNECTED:
            await asyncio.sleep(0.001)
        await peer.heard("pusher:subscribe", 2)
        assert numbers(peer) == list(range(len(numbers(peer))))
        assert len(numbers(peer)) <= sent
    assert cause in caplog.text
    assert "xxx" not in caplog.text + expected


async def test_a_cancelled_call_sends_nothing() -> None:
    """What returned was sent, in order; what was cancelled was not, and the next call is sent (R4, R6)."""
    async with scripted() as peer, peer.client(authorizer=authorize) as client:
        channel = await client.subscribe("private-a")
        peer.sockets[0].transport.pause_reading()
        sent = await fill(channel)
        assert await fill(channel, sent) == sent
        peer.sockets[0].transport.resume_reading()
        await channel.trigger("client-n", [-1, ""])
        await peer.heard("client-n", sent + 1)
        assert numbers(peer) == [*range(sent), -1]
        assert peer.connects == 1


async def _disconnect(client: PusherClient, _peer: Scripted) -> None:
    await client.disconnect()


async def _cut(_client: PusherClient, peer: Scripted) -> None:
    peer.sockets[0].transport.abort()


async def _switch(client: PusherClient, peer: Scripted) -> None:
    await client.switch_cluster(host="127.0.0.1", port=peer.port)


@pytest.mark.parametrize(
    ("end", "cause"),
    [
        (_disconnect, "disconnect() was called"),
        (_cut, "the server closed the connection"),
        (_switch, "the client switched to another address"),
    ],
    ids=["disconnect", "cut", "switch"],
)
async def test_a_call_ends_with_its_connection(
    end: Callable[[PusherClient, Scripted], Coroutine[Any, Any, None]], cause: str
) -> None:
    """Those that wait for the transport and those that wait for their turn raise why (R6)."""
    async with scripted() as peer, peer.client(authorizer=authorize) as client:
        channel = await client.subscribe("private-a")
        peer.sockets[0].transport.pause_reading()
        sent = await fill(channel)
        calls = [asyncio.ensure_future(channel.trigger("client-n", [sent, LARGE])) for _ in range(3)]
        await asyncio.sleep(0)
        unread = peer.sockets[0]
        await end(client, peer)
        unread.transport.abort()
        errors = await asyncio.gather(*calls, return_exceptions=True)
        assert {type(error) for error in errors} == {NotConnectedError}
        assert all(cause in str(error) for error in errors), errors


async def test_a_call_whose_channel_was_unsubscribed_meanwhile_sends_nothing() -> None:
    """The rules of client events hold when the turn of a call has come (protocol-notes 12)."""
    async with scripted() as peer, peer.client(authorizer=authorize) as client:
        channel = await client.subscribe("private-a")
        first, second = (asyncio.ensure_future(channel.trigger("client-n", [number, ""])) for number in range(2))
        await asyncio.sleep(0)
        await channel.unsubscribe()
        await first
        with pytest.raises(SubscriptionError, match="subscribe before"):
            await second
        await peer.heard("pusher:unsubscribe")
        assert numbers(peer) == [0]
