"""Client events: sending, limits, and refusals by the server."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from pusher_client import (
    ConnectionState,
    Event,
    NotConnectedError,
    PusherClient,
    RateLimitError,
    SecretAuthorizer,
    ServerError,
)
from pusher_client.server import LocalServer
from tests.support.plain_authorizer import authorize
from tests.support.scripted_server import scripted


async def test_client_events_over_a_real_socket() -> None:
    """A subscribed private channel sends them; without a connection nothing does (design.md 2)."""
    async with scripted() as peer, peer.client(authorizer=authorize) as client:
        channel = await client.subscribe("private-a")
        await channel.trigger("client-x", {"a": 1})
        await peer.heard("client-x")
        assert peer.received[-1]["data"] == {"a": 1}
    with pytest.raises(NotConnectedError):
        await channel.trigger("client-x", None)


async def test_a_frame_larger_than_the_limit_is_not_sent() -> None:
    """``trigger()`` raises at once, and the connection stays in use (design.md 2)."""
    async with scripted() as peer, peer.client(authorizer=authorize, client_event_limit=100) as client:
        channel = await client.subscribe("private-a")
        with pytest.raises(ValueError, match=r"takes 15[0-9] bytes; client_event_limit allows at most 100"):
            await channel.trigger("client-large", "x" * 100)
        await channel.trigger("client-small", "x")
        await peer.heard("client-small")
        assert [frame["event"] for frame in peer.received if "client-" in frame["event"]] == ["client-small"]


async def test_client_events_over_the_limit_are_not_sent() -> None:
    """They raise at the call with how long to wait, and nothing is queued (protocol-notes 12)."""
    async with scripted() as peer, peer.client(authorizer=authorize, client_events_per_second=2) as client:
        channel = await client.subscribe("private-a")
        for number in range(2):
            await channel.trigger("client-x", number)
        with pytest.raises(RateLimitError) as caught:
            await channel.trigger("client-x", 2)
        assert caught.value.channel == "private-a"
        assert 0 < caught.value.retry_after <= 1
        await channel.unsubscribe()
        await peer.heard("pusher:unsubscribe")
    assert [frame["data"] for frame in peer.received if frame["event"] == "client-x"] == [0, 1]


async def test_a_rejected_client_event_reaches_the_channel_s_handlers() -> None:
    """As pusher:error with a ServerError, on the channel and on the connection, counted nowhere (protocol-notes 12)."""
    async with scripted() as peer, peer.client(authorizer=authorize) as client:
        channel = await client.subscribe("private-a")
        errors: list[Any] = []
        client.connection.bind("error", errors.append)
        told = channel.events("pusher:error")
        await channel.trigger("client-x", None)
        await peer.heard("client-x")
        rejected = {"event": "pusher:error", "data": {"code": 4301, "message": "not so fast"}}
        await peer.sockets[0].send(json.dumps(rejected))
        event = await anext(told)
        assert event == Event("pusher:error", "private-a", ServerError(4301, "not so fast"))
        assert errors == [event.data]
        assert channel.stats.received == 0
        assert client.state is ConnectionState.CONNECTED


async def test_ten_thousand_large_client_events_arrive() -> None:
    """A loop of ``trigger`` lets the client send: each event arrives once, in order, on one link (R4, R6)."""
    count, received, everything = 10_000, list[int](), asyncio.Event()

    def receive(event: Event) -> None:
        received.append(event.data["n"])
        if len(received) == count:
            everything.set()

    async with LocalServer() as server:
        authorizer = SecretAuthorizer(server.key, server.secret)
        url = f"ws://{server.key}@{server.host}:{server.port}"
        clients = (PusherClient.from_url(url, authorizer=authorizer, proxy=None) for _ in range(2))
        async with next(clients) as receiver, next(clients) as sender:
            (await receiver.subscribe("private-a")).bind("client-large", receive)
            channel = await sender.subscribe("private-a")
            for number in range(count):
                await channel.trigger("client-large", {"n": number, "text": "x" * 9_900})
            await everything.wait()
            assert sender.stats.connects == 1
    assert received == list(range(count))
