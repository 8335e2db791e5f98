"""The master key changes while clients are subscribed."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pusher_client import MARKERS, DecryptionFailure, PusherClient
from tests.support.real.pusher_http import PusherHTTP
from tests.support.real.receiving import numbers, take
from tests.support.real.signing_endpoint import AuthorizationEndpoint

pytestmark = pytest.mark.node

NewClient = Callable[..., PusherClient]

CHANNEL = "private-encrypted-orders"
EVENT = "order-created"


async def test_the_master_key_is_rotated_midway(
    new_client: NewClient, pusher_http: PusherHTTP, endpoint: AuthorizationEndpoint
) -> None:
    """Everything is decrypted, in order, at the price of one authorization request (design.md 3.4, R4)."""
    async with new_client() as client:
        stream = client.channel(CHANNEL).events(EVENT, *MARKERS)
        channel = await client.subscribe(CHANNEL)
        for number in range(100):
            await pusher_http.trigger(CHANNEL, EVENT, {"number": number})
        rotated = pusher_http.rotated()
        endpoint.signer = rotated
        for number in range(100, 200):
            await rotated.trigger(CHANNEL, EVENT, {"number": number})
        assert list(range(200)) == numbers(await take(stream, 200))
        stats = channel.stats
        authorizations = endpoint.requests_for(CHANNEL)
        assert [client.socket_id] * 2 == [request.socket_id for request in authorizations]
    assert (stats.received, stats.delivered, stats.undecryptable, stats.key_refreshes) == (200, 200, 0, 1)


async def test_old_and_new_keys_alternate(
    new_client: NewClient, pusher_http: PusherHTTP, endpoint: AuthorizationEndpoint
) -> None:
    """A roll-out in which some publishers still use the old key loses nothing and costs one request (design.md 3.5)."""
    async with new_client() as client:
        stream = client.channel(CHANNEL).events(EVENT, *MARKERS)
        channel = await client.subscribe(CHANNEL)
        rotated = pusher_http.rotated()
        endpoint.signer = rotated
        for number in range(100):
            publisher = rotated if number % 2 else pusher_http
            await publisher.trigger(CHANNEL, EVENT, {"number": number})
        assert list(range(100)) == numbers(await take(stream, 100))
        stats = channel.stats
    assert (stats.received, stats.delivered, stats.undecryptable, stats.key_refreshes) == (100, 100, 0, 1)
    assert len(endpoint.requests_for(CHANNEL)) == 2


async def test_the_order_is_kept_while_a_key_is_asked_for(
    new_client: NewClient, pusher_http: PusherHTTP, endpoint: AuthorizationEndpoint
) -> None:
    """Events that could be opened wait behind one that cannot; other channels go on (design.md 3.4, R4, R7)."""
    async with new_client() as client:
        stream = client.channel(CHANNEL).events(EVENT, *MARKERS)
        channel = await client.subscribe(CHANNEL)
        other = await client.subscribe("private-encrypted-other")
        rotated = pusher_http.rotated()
        endpoint.signer = rotated
        endpoint.answering.clear()
        for number in range(20):
            publisher = pusher_http if number % 2 else rotated
            await publisher.trigger(CHANNEL, EVENT, {"number": number})
        await pusher_http.trigger(other.name, EVENT, {"number": 0})
        assert numbers(await take(aiter(other), 1)) == [0]
        assert (channel.stats.delivered, channel.stats.waiting) == (0, 20)
        endpoint.answering.set()
        assert numbers(await take(stream, 20)) == list(range(20))
        assert (channel.stats.delivered, channel.stats.waiting, channel.stats.key_refreshes) == (20, 0, 1)
    assert len(endpoint.requests_for(CHANNEL)) == 2


async def test_every_channel_refreshes_its_own_key(
    new_client: NewClient, pusher_http: PusherHTTP, endpoint: AuthorizationEndpoint
) -> None:
    """One rotation costs one request for each channel that gets an event, and none for the others (design.md 3.4)."""
    names = [f"private-encrypted-{number}" for number in range(12)]
    async with new_client() as client:
        streams = {name: client.channel(name).events(EVENT, *MARKERS) for name in names}
        channels = [await client.subscribe(name) for name in names]
        idle = await client.subscribe("private-encrypted-idle")
        rotated = pusher_http.rotated()
        endpoint.signer = rotated
        for number in range(5):
            for name in names:
                await rotated.trigger(name, EVENT, {"number": number})
        for name in names:
            assert list(range(5)) == numbers(await take(streams[name], 5))
        assert [channel.stats.key_refreshes for channel in channels] == [1] * 12
        assert idle.stats.key_refreshes == 0
    assert len(endpoint.requests) == 2 * 12 + 1


async def test_the_endpoint_lags_behind_the_publisher(
    new_client: NewClient, pusher_http: PusherHTTP, endpoint: AuthorizationEndpoint
) -> None:
    """An event that no key opens fails in its place; with the new key events open again (design.md 3.4, R5)."""
    async with new_client() as client:
        stream = client.channel(CHANNEL).events(EVENT, *MARKERS)
        channel = await client.subscribe(CHANNEL)
        ahead = pusher_http.rotated()
        await pusher_http.trigger(CHANNEL, EVENT, {"number": 0})
        await ahead.trigger(CHANNEL, EVENT, {"number": 1})
        await pusher_http.trigger(CHANNEL, EVENT, {"number": 2})
        before, failed, after = await take(stream, 3)
        assert numbers([before, after]) == [0, 2]
        assert failed.name == "pusher:decryption_failure"
        assert isinstance(failed.data, DecryptionFailure)
        assert (failed.data.channel, failed.data.event_name, failed.data.reason) == (CHANNEL, EVENT, "wrong_key")
        endpoint.signer = ahead
        for number in range(3, 20):
            await ahead.trigger(CHANNEL, EVENT, {"number": number})
        assert list(range(3, 20)) == numbers(await take(stream, 17))
        stats = channel.stats
    assert (stats.received, stats.delivered, stats.undecryptable, stats.key_refreshes) == (20, 19, 1, 2)
    assert len(endpoint.requests_for(CHANNEL)) == 3


async def test_a_key_rotated_twice(
    new_client: NewClient, pusher_http: PusherHTTP, endpoint: AuthorizationEndpoint
) -> None:
    """Each rotation costs one request, and stragglers under either older key are still opened (design.md 3.5)."""
    async with new_client() as client:
        stream = client.channel(CHANNEL).events(EVENT, *MARKERS)
        channel = await client.subscribe(CHANNEL)
        first = pusher_http.rotated()
        second = pusher_http.rotated()
        publishers = [pusher_http, first, pusher_http, second, pusher_http, first, second]
        for number, publisher in enumerate(publishers):
            if publisher is not pusher_http and number < 4:
                endpoint.signer = publisher
            await publisher.trigger(CHANNEL, EVENT, {"number": number})
            assert [number] == numbers(await take(stream, 1))
        assert channel.stats.key_refreshes == 2
    assert len(endpoint.requests_for(CHANNEL)) == 3
