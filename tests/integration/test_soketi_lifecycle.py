"""Subscribing and leaving, two clients beside each other, and what remains when all is over: nothing."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from pusher_client import ConnectionState, Event, HTTPAuthorizer, NotConnectedError, PusherClient, SubscriptionState
from tests.support.real.pusher_http import PusherHTTP
from tests.support.real.receiving import SECONDS, numbers, take
from tests.support.real.signing_endpoint import AuthorizationEndpoint

pytestmark = pytest.mark.node

NewClient = Callable[..., PusherClient]

CHANNEL = "private-encrypted-orders"
EVENT = "order-created"


async def test_leaving_and_subscribing_again(
    new_client: NewClient, pusher_http: PusherHTTP, endpoint: AuthorizationEndpoint
) -> None:
    """Nothing comes between ``unsubscribe()`` and ``subscribe()``, which authorizes again (R3, design.md 3.2)."""
    async with new_client() as client:
        channel = client.channel(CHANNEL)
        stream = client.events(EVENT, "pusher:gap")
        for number in range(3):
            await channel.subscribe()
            await pusher_http.trigger(CHANNEL, EVENT, {"number": number})
            assert [number] == numbers(await take(stream, 1))
            await channel.unsubscribe()
            assert channel.state == SubscriptionState.UNSUBSCRIBED
            await pusher_http.trigger(CHANNEL, EVENT, {"number": "lost"})
    assert [event async for event in stream] == []
    assert len(endpoint.requests_for(CHANNEL)) == 3


async def test_nothing_arrives_after_leaving(new_client: NewClient, pusher_http: PusherHTTP) -> None:
    """Once ``unsubscribe()`` has returned, events that were under way are not delivered (design.md 2, 3.1)."""
    heard: list[Event] = []
    async with new_client() as client:
        left = client.channel(CHANNEL)
        left.bind(EVENT, heard.append)
        await left.subscribe()
        other = await client.subscribe("private-encrypted-other")
        underway = [
            asyncio.ensure_future(pusher_http.trigger(CHANNEL, EVENT, {"number": number})) for number in range(20)
        ]
        await underway[0]
        await left.unsubscribe()
        heard_before = heard.copy()
        await asyncio.gather(*underway)
        await pusher_http.trigger(other.name, EVENT, {"number": 99})
        assert numbers(await take(aiter(other), 1)) == [99]
    assert heard_before == heard


async def test_a_stream_ends_with_its_subscription(new_client: NewClient, pusher_http: PusherHTTP) -> None:
    """What was queued before ``unsubscribe()`` is still read, then the stream ends (design.md 9)."""
    async with new_client() as client, asyncio.timeout(SECONDS):
        stream = client.channel(CHANNEL).events()
        arrived = client.events(EVENT)
        channel = await client.subscribe(CHANNEL)
        for number in range(5):
            await pusher_http.trigger(CHANNEL, EVENT, {"number": number})
        await take(arrived, 5)
        await channel.unsubscribe()
        assert list(range(5)) == numbers([event async for event in stream])


async def test_two_clients_share_an_authorizer(
    new_client: NewClient, pusher_http: PusherHTTP, endpoint: AuthorizationEndpoint
) -> None:
    """Two clients in one process get the same, and the authorizer still works when one of them leaves (design.md 2)."""
    authorizer = HTTPAuthorizer(endpoint.url)
    async with new_client(authorizer=authorizer) as staying:
        channel = await staying.subscribe(CHANNEL)
        async with new_client(authorizer=authorizer) as leaving:
            assert staying.socket_id != leaving.socket_id
            other = await leaving.subscribe(CHANNEL)
            for number in range(10):
                await pusher_http.trigger(CHANNEL, EVENT, {"number": number})
            assert await take(aiter(channel), 10) == await take(aiter(other), 10)
        rotated = pusher_http.rotated()
        endpoint.signer = rotated
        await rotated.trigger(CHANNEL, EVENT, {"number": 10})
        assert numbers(await take(aiter(channel), 1)) == [10]


async def test_a_client_connects_again(new_client: NewClient, pusher_http: PusherHTTP) -> None:
    """After ``disconnect()`` a client can be used again, starts without subscriptions and keeps its handlers."""
    heard: list[Event] = []
    client = new_client()
    client.bind(EVENT, heard.append)
    for number in range(3):
        await client.connect()
        assert client.channel(CHANNEL).state == SubscriptionState.UNSUBSCRIBED
        channel = await client.subscribe(CHANNEL)
        await pusher_http.trigger(CHANNEL, EVENT, {"number": number})
        async with asyncio.timeout(SECONDS):
            while len(heard) <= number:
                await channel.wait_for("*")
        await client.disconnect()
        assert client.state == ConnectionState.DISCONNECTED
        with pytest.raises(NotConnectedError):
            await client.subscribe(CHANNEL)
    assert numbers(heard) == [0, 1, 2]


def open_files() -> set[str]:
    """What the process holds open: files, pipes and sockets, each by its own number."""
    found = set()
    for descriptor in Path("/proc/self/fd").iterdir():
        try:
            found.add(str(descriptor.readlink()))
        except FileNotFoundError:  # the descriptor of this very listing
            continue
    return found


@pytest.mark.skipif(sys.platform != "linux", reason="reads Linux's list of open files")
async def test_nothing_is_left_behind(
    new_client: NewClient, pusher_http: PusherHTTP, endpoint: AuthorizationEndpoint
) -> None:
    """After ``disconnect()``, with events unread and a handler at work, no task and no socket remains (R6)."""
    begun = asyncio.Event()

    async def endless(_: Event) -> None:
        begun.set()
        await asyncio.Event().wait()

    await pusher_http.trigger(CHANNEL, EVENT, {})  # what the publisher opens once is no concern here
    tasks, files = asyncio.all_tasks(), open_files()
    client = new_client()
    async with asyncio.timeout(SECONDS):
        await client.connect()
        busy, unread = client.channel(CHANNEL), client.channel("private-unread")
        busy.bind(EVENT, endless)
        for channel in (busy, unread):
            await channel.subscribe()
        for number in range(10):
            await pusher_http.trigger(CHANNEL, EVENT, {"number": number})
            await pusher_http.trigger(unread.name, EVENT, {"number": number})
        await begun.wait()
        assert tasks < asyncio.all_tasks()
        assert files < open_files()
        await client.disconnect()
    assert tasks == asyncio.all_tasks()
    assert endpoint.abandoned()  # its own ends of the connections are files of this process too
    assert files == open_files()
