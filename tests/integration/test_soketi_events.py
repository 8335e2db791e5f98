"""What the official server library publishes through soketi arrives as it was published."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable

import pytest

from pusher_client import Event, PusherClient, UnsupportedError
from tests.support.real.pusher_http import PusherHTTP
from tests.support.real.receiving import SECONDS, numbers, take
from tests.support.real.signing_endpoint import AuthorizationEndpoint

pytestmark = pytest.mark.node

NewClient = Callable[..., PusherClient]


@pytest.mark.parametrize(
    "name", ["orders", "private-orders", "private-encrypted-orders", "private-encrypted-cache-orders"]
)
async def test_events_arrive_complete_and_in_order(new_client: NewClient, pusher_http: PusherHTTP, name: str) -> None:
    """A hundred events reach the stream and the handlers, decoded, in order, each once (R4, R5, design.md 3.3)."""
    handled: list[Event] = []
    seen_by_client: list[Event] = []
    async with new_client() as client:
        channel = client.channel(name)
        channel.bind("order-created", handled.append)
        client.bind("order-created", seen_by_client.append)
        stream = channel.events()
        await channel.subscribe()
        for number in range(100):
            await pusher_http.trigger(name, "order-created", {"number": number, "text": 'ü "\\ 😀'})
        received = await take(stream, 100)
        stats = channel.stats
    assert [{"number": number, "text": 'ü "\\ 😀'} for number in range(100)] == [event.data for event in received]
    assert received == handled == seen_by_client
    assert {("order-created", name, None)} == {(event.name, event.channel, event.user_id) for event in received}
    assert (
        stats.received,
        stats.delivered,
        stats.dropped,
        stats.undecryptable,
        stats.waiting,
        stats.key_refreshes,
    ) == (100, 100, 0, 0, 0, 0)


@pytest.mark.parametrize("name", ["orders", "private-encrypted-orders"])
@pytest.mark.parametrize(
    ("published", "data", "raw"),
    [
        ("plain words", "plain words", "plain words"),
        ("42", 42, "42"),
        ("null", None, "null"),
        ([1, "två"], [1, "två"], '[1, "två"]'),
        ("{broken", "{broken", "{broken"),
    ],
)
async def test_data_is_decoded_once(
    new_client: NewClient, pusher_http: PusherHTTP, *, name: str, published: object, data: object, raw: str
) -> None:
    """JSON arrives decoded and any other string as it is, on plain and on encrypted channels (design.md 3.9)."""
    async with new_client() as client:
        stream = client.channel(name).events()
        await client.subscribe(name)
        await pusher_http.trigger(name, "order-created", published)
        (event,) = await take(stream, 1)
    assert (data, raw) == (event.data, event.raw)


async def test_an_empty_string_is_data(new_client: NewClient, pusher_http: PusherHTTP) -> None:
    """A ciphertext that is only a tag is an event (design.md 3.3); soketi refuses its like unencrypted."""
    async with new_client() as client:
        channel = await client.subscribe("private-encrypted-orders")
        await pusher_http.trigger(channel.name, "order-created", "")
        (event,) = await take(aiter(channel), 1)
    assert (event.data, event.raw) == ("", "")


async def test_the_channel_itself_is_iterated(new_client: NewClient, pusher_http: PusherHTTP) -> None:
    """``async for event in await client.subscribe(...)`` misses nothing between the two, and can be resumed (R4)."""
    async with new_client() as client, asyncio.timeout(SECONDS):
        orders = await client.subscribe("private-encrypted-orders")
        for number in range(10):
            await pusher_http.trigger(orders.name, "order-created", {"number": number})
        received: list[Event] = []
        async for event in orders:
            received.append(event)
            if len(received) == 5:
                break
        async for event in orders:
            received.append(event)
            if len(received) == 10:
                break
    assert list(range(10)) == numbers(received)


async def test_slow_asynchronous_handlers_keep_the_order(new_client: NewClient, pusher_http: PusherHTTP) -> None:
    """Asynchronous handlers run one after another, while other channels flow on (R4, R7)."""
    handled: list[int] = []
    release, done = asyncio.Event(), asyncio.Event()

    async def slowly(event: Event) -> None:
        await release.wait()
        handled.append(event.data["number"])
        if len(handled) == 20:
            done.set()

    async with new_client() as client, asyncio.timeout(SECONDS):
        slow = client.channel("private-encrypted-slow")
        slow.bind("order-created", slowly)
        await slow.subscribe()
        quick = await client.subscribe("private-encrypted-quick")
        for number in range(20):
            await pusher_http.trigger(slow.name, "order-created", {"number": number})
        await pusher_http.trigger(quick.name, "order-created", {"number": 0})
        assert numbers(await take(aiter(quick), 1)) == [0]
        assert handled == []
        release.set()
        await done.wait()
    assert list(range(20)) == handled


async def test_a_cached_event_follows_the_acknowledgement(new_client: NewClient, pusher_http: PusherHTTP) -> None:
    """The cached event of an encrypted cache channel is decrypted, and no subscriber misses it (R4, design.md 3.1)."""
    name = f"private-encrypted-cache-{secrets.token_hex(8)}"  # the server's cache outlives a test
    async with new_client() as client, asyncio.timeout(SECONDS):
        stream = client.channel(name).events("*")
        channel = await client.subscribe(name)
        assert [event.name for event in await take(stream, 2)] == ["pusher:subscription_succeeded", "pusher:cache_miss"]
        await pusher_http.trigger(channel.name, "order-created", {"number": 7})
        assert numbers(await take(stream, 1)) == [7]
    async with new_client() as late, asyncio.timeout(SECONDS):
        channel = await late.subscribe(name)
        assert numbers(await take(aiter(channel), 1)) == [7]


async def test_client_events_travel_between_clients(new_client: NewClient) -> None:
    """A client event reaches the other clients of a private channel and not its sender (design.md 2)."""
    async with new_client() as sender, new_client() as receiver:
        outgoing = await sender.subscribe("private-chat")
        incoming = await receiver.subscribe("private-chat")
        await outgoing.trigger("client-typing", {"number": 1})
        await outgoing.trigger("client-typing", {"number": 2})
        assert numbers(await take(aiter(incoming), 2)) == [1, 2]
        await incoming.trigger("client-typing", {"number": 3})
        assert numbers(await take(aiter(outgoing), 1)) == [3]


async def test_client_events_are_refused_on_encrypted_channels(
    new_client: NewClient, endpoint: AuthorizationEndpoint
) -> None:
    """The protocol has no client events on encrypted channels, and the library raises an error (design.md 2)."""
    async with new_client() as client:
        channel = await client.subscribe("private-encrypted-chat")
        with pytest.raises(UnsupportedError):
            await channel.trigger("client-typing", {})
    assert len(endpoint.requests) == 1
