"""pusher-js is the measure: subscribed beside our client, it must have received the same."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

import pytest

from pusher_client import Event, PusherClient
from tests.support.real.pusher_http import PusherHTTP
from tests.support.real.pusher_js import Heard, PusherJS
from tests.support.real.receiving import take
from tests.support.real.signing_endpoint import AuthorizationEndpoint

pytestmark = pytest.mark.node

NewClient = Callable[..., PusherClient]
NewPusherJS = Callable[..., Awaitable[PusherJS]]

CHANNELS = ["orders", "private-orders", "private-encrypted-orders"]
EVENT = "order-created"

PAYLOADS: list[object] = [
    {"number": 1, "text": 'ü "\\ 😀 \u2028 </script>'},
    [1, 2.5, -3e10, True, False, None],
    "plain words",
    "42",
    "null",
    "{broken",
    '"a string in quotes"',
    {"nested": [{"deeper": {"nonce": "no", "ciphertext": "envelope"}}]},
    "x" * 5000,
]


def as_heard(events: Sequence[Event]) -> list[Heard]:
    """Our events in the shape in which pusher-js reports its own."""
    return [Heard(event.name, event.channel, event.data) for event in events]


async def test_both_hear_the_same(new_client: NewClient, pusher_http: PusherHTTP, pusher_js: NewPusherJS) -> None:
    """All data on every kind of channel arrives with the same value and in the same order (R4, design.md 3.9)."""
    javascript = await pusher_js(*CHANNELS)
    async with new_client() as client:
        stream = client.events()
        for name in CHANNELS:
            await client.subscribe(name)
        for number, payload in enumerate(PAYLOADS):
            for name in CHANNELS:
                await pusher_http.trigger(name, f"event-{number}", payload)
        ours = as_heard(await take(stream, 3 * len(PAYLOADS)))
    assert await javascript.take(3 * len(PAYLOADS)) == ours
    assert 3 * len(PAYLOADS) == len({(heard.name, heard.channel) for heard in ours})


async def test_both_survive_a_rotation(
    new_client: NewClient, pusher_http: PusherHTTP, endpoint: AuthorizationEndpoint, pusher_js: NewPusherJS
) -> None:
    """After the master key is rotated, both fetch the new key once and go on alike (design.md 3.4)."""
    channel = CHANNELS[2]
    javascript = await pusher_js(channel)
    async with new_client() as client:
        stream = client.events()
        await client.subscribe(channel)
        publisher = pusher_http
        for rotation in range(3):
            # pusher-js asks once for each event that it cannot open, and may reorder meanwhile: one event comes alone.
            for burst in (1, 20):
                for number in range(burst):
                    await publisher.trigger(channel, EVENT, {"rotation": rotation, "burst": burst, "number": number})
                ours = as_heard(await take(stream, burst))
                assert await javascript.take(burst) == ours
                assert list(range(burst)) == [heard.data["number"] for heard in ours]
            publisher = publisher.rotated()
            endpoint.signer = publisher
        assert client.channel(channel).stats.key_refreshes == 2
    sockets = {request.socket_id for request in endpoint.requests}
    assert [sum(request.socket_id == socket for request in endpoint.requests) for socket in sockets] == [3, 3]


async def test_client_events_travel_both_ways(new_client: NewClient, pusher_js: NewPusherJS) -> None:
    """A client event of either client reaches the other (design.md 2)."""
    channel_name = CHANNELS[1]
    javascript = await pusher_js(channel_name)
    async with new_client() as client:
        channel = await client.subscribe(channel_name)
        await channel.trigger("client-typing", {"text": 'ü "\\ 😀'})
        assert [Heard("client-typing", channel_name, {"text": 'ü "\\ 😀'})] == await javascript.take(1)
        await javascript.trigger(channel_name, "client-reading", {"text": 'ü "\\ 😀'})
        (event,) = await take(aiter(channel), 1)
    assert [Heard("client-reading", channel_name, {"text": 'ü "\\ 😀'})] == as_heard([event])
