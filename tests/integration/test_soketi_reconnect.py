"""soketi is stopped and started again while clients are subscribed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from pusher_client import MARKERS, ConnectionState, Gap, PusherClient, ReconnectPolicy, StateChange
from tests.support.real.pusher_http import PusherHTTP
from tests.support.real.receiving import SECONDS, numbers, take, take_until
from tests.support.real.signing_endpoint import AuthorizationEndpoint
from tests.support.real.soketi import SINGLE_CONNECTION_APP, Soketi

pytestmark = pytest.mark.node

NewClient = Callable[..., PusherClient]

CHANNELS = ["orders", "private-orders", "private-encrypted-orders"]
EVENT = "order-created"

# The defaults are made for servers that thousands share; here one client waits for one server.
SOON = ReconnectPolicy(base=0.1, factor=1.5, cap=0.5, max_per_minute=1000)


async def restart(soketi: Soketi) -> None:
    """Stop the server and start it again on the same ports."""
    await asyncio.to_thread(soketi.stop)
    await asyncio.to_thread(soketi.start)


async def test_the_client_comes_back_by_itself(
    new_client: NewClient, pusher_http: PusherHTTP, endpoint: AuthorizationEndpoint, soketi: Soketi
) -> None:
    """Subscriptions return under the new socket id, with one Gap between old events and new (R2, R3, R5)."""
    async with new_client(reconnect=SOON) as client:
        streams = {name: client.channel(name).events(EVENT, *MARKERS) for name in CHANNELS}
        for name in CHANNELS:
            await client.subscribe(name)
            await pusher_http.trigger(name, EVENT, {"number": 0})
            assert numbers(await take(streams[name], 1)) == [0]
        old, began = client.socket_id, datetime.now(UTC)
        await restart(soketi)
        for name in CHANNELS:
            (gap,) = await take(streams[name], 1)
            assert gap.name == "pusher:gap"
            assert isinstance(gap.data, Gap)
            assert name == gap.data.channel
            assert gap.data.last_received_at <= gap.data.disconnected_at <= gap.data.resubscribed_at
            assert began <= gap.data.disconnected_at
            for number in range(1, 4):
                await pusher_http.trigger(name, EVENT, {"number": number})
            assert numbers(await take(streams[name], 3)) == [1, 2, 3]
        assert old != client.socket_id
        assert [old, client.socket_id] == [request.socket_id for request in endpoint.requests_for("private-orders")]
        assert [old, client.socket_id] == [request.socket_id for request in endpoint.requests_for(CHANNELS[2])]
        assert [client.channel(name).stats.key_refreshes for name in CHANNELS] == [0, 0, 0]


async def test_the_key_is_rotated_while_the_link_is_down(
    new_client: NewClient, pusher_http: PusherHTTP, endpoint: AuthorizationEndpoint, soketi: Soketi
) -> None:
    """The re-authorization brings the new key without a refresh; stragglers under the old one open (design.md 3.5)."""
    name = CHANNELS[2]
    async with new_client(reconnect=SOON) as client:
        stream = client.channel(name).events(EVENT, *MARKERS)
        channel = await client.subscribe(name)
        rotated = pusher_http.rotated()
        endpoint.signer = rotated
        await restart(soketi)
        assert [event.name for event in await take(stream, 1)] == ["pusher:gap"]
        await rotated.trigger(name, EVENT, {"number": 1})
        await pusher_http.trigger(name, EVENT, {"number": 2})
        assert numbers(await take(stream, 2)) == [1, 2]
        assert channel.stats.key_refreshes == 0
    assert len(endpoint.requests_for(name)) == 2


async def test_two_outages_are_two_gaps(new_client: NewClient, pusher_http: PusherHTTP, soketi: Soketi) -> None:
    """Each hole is marked once, in its place, however many attempts it took (R5)."""
    async with new_client(reconnect=SOON) as client:
        stream = client.channel("orders").events("*")
        await client.subscribe("orders")
        for number in range(2):
            await pusher_http.trigger("orders", EVENT, {"number": number})
            await restart(soketi)
            before = await take_until(stream, "pusher:gap")
            assert [event.name for event in before].count(EVENT) == 1
        await pusher_http.trigger("orders", EVENT, {"number": 2})
        assert numbers([(await take_until(stream, EVENT))[-1]]) == [2]


async def test_calls_during_the_outage_wait_for_its_end(
    new_client: NewClient, pusher_http: PusherHTTP, endpoint: AuthorizationEndpoint, soketi: Soketi
) -> None:
    """A channel subscribed during an outage is subscribed after it, one unsubscribed then does not return (R3)."""
    async with new_client(reconnect=SOON) as client, asyncio.timeout(SECONDS):
        left = await client.subscribe("private-left")
        lost = asyncio.Event()
        client.connection.bind("connecting", lambda _: lost.set())
        await asyncio.to_thread(soketi.stop)
        await lost.wait()
        await left.unsubscribe()
        wanted = asyncio.ensure_future(client.subscribe("private-encrypted-new"))
        await asyncio.to_thread(soketi.start)
        channel = await wanted
        await pusher_http.trigger(channel.name, EVENT, {"number": 1})
        assert numbers(await take(aiter(channel), 1)) == [1]
        await left.subscribe()
        assert client.socket_id is not None
    assert len(endpoint.requests_for("private-left")) == 2
    assert len(endpoint.requests_for("private-encrypted-new")) == 1


async def test_the_states_of_a_restart(new_client: NewClient, soketi: Soketi) -> None:
    """The states go from connected through connecting back to connected, with their events (R2)."""
    changes: list[StateChange] = []
    back = asyncio.Event()
    async with new_client(reconnect=SOON, unavailable_timeout=SECONDS) as client, asyncio.timeout(SECONDS):
        client.connection.bind("state_change", changes.append)
        client.connection.bind("connected", lambda _: back.set())
        assert client.state == ConnectionState.CONNECTED
        await restart(soketi)
        await back.wait()
    states = [changes[0].previous, *(change.current for change in changes)]
    assert states == ["connected", "connecting", "connected", "disconnected"]


async def test_a_server_at_its_limit_is_tried_again(new_client: NewClient) -> None:
    """Close code 4100 is not final: with the other connection gone, this one gets through (R2)."""
    async with asyncio.timeout(SECONDS):
        first = new_client(SINGLE_CONNECTION_APP.key)
        await first.connect()
        second = new_client(SINGLE_CONNECTION_APP.key, reconnect=SOON)
        refused = asyncio.Event()
        second.connection.bind("error", lambda _: refused.set())
        connecting = asyncio.ensure_future(second.connect())
        try:
            await refused.wait()
            assert not connecting.done()
            await first.disconnect()
            await connecting
            assert second.state == ConnectionState.CONNECTED
        finally:
            connecting.cancel()
            await first.disconnect()
            await second.disconnect()
