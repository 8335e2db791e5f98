"""soketi relays on encrypted channels whatever it is given; the client must not (C1)."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable

import pytest
from nacl.secret import SecretBox

from pusher_client import MARKERS, DecryptionFailure, Event, PusherClient
from tests.support.real.bare_socket import bare_socket
from tests.support.real.pusher_http import PusherHTTP
from tests.support.real.receiving import numbers, take
from tests.support.real.signing_endpoint import AuthorizationEndpoint
from tests.support.real.soketi import Soketi

pytestmark = pytest.mark.node

NewClient = Callable[..., PusherClient]

CHANNEL = "private-encrypted-orders"
EVENT = "order-created"
FORGED = "forged-4711"


def reasons(events: list[Event]) -> list[tuple[str, str]]:
    """The names and reasons of failures."""
    for event in events:
        assert event.name == "pusher:decryption_failure"
        assert isinstance(event.data, DecryptionFailure)
    return [(event.data.event_name, event.data.reason) for event in events]


@pytest.mark.parametrize(
    "data",
    [
        FORGED,
        json.dumps({"message": FORGED}),
        json.dumps({"nonce": "AAAA", "ciphertext": FORGED}),
        json.dumps({"nonce": "A" * 32, "ciphertext": "A" * 40, "message": FORGED})[:-1],
        "null",
    ],
    ids=["words", "an object", "short nonce", "broken JSON", "null"],
)
async def test_plaintext_from_the_http_api_reaches_nobody(
    new_client: NewClient,
    pusher_http: PusherHTTP,
    endpoint: AuthorizationEndpoint,
    *,
    soketi: Soketi,
    caplog: pytest.LogCaptureFixture,
    data: str,
) -> None:
    """Data that is not an envelope is a failure in its place, without an authorization request (C1, design.md 3.3)."""
    caplog.set_level(logging.DEBUG)
    heard: list[Event] = []
    async with bare_socket(soketi.port) as witness, new_client() as client:
        await witness.subscribe(CHANNEL, pusher_http)
        channel = client.channel(CHANNEL)
        for source in (channel, client):
            source.bind(EVENT, heard.append)
            source.bind_global(heard.append)
        streams = [channel.events(EVENT, *MARKERS), client.events("*")]
        await channel.subscribe()
        heard.clear()
        await pusher_http.trigger_as_it_is(CHANNEL, EVENT, data)
        await pusher_http.trigger(CHANNEL, EVENT, {"number": 1})
        assert data == (await witness.receive())["data"]  # the server does relay it
        failed, opened = await take(streams[0], 2)
        stats = channel.stats
    assert reasons([failed]) == [(EVENT, "malformed")]
    assert data == failed.data.raw
    assert numbers([opened]) == [1]
    everywhere = heard + [event async for event in streams[1]]
    assert {"pusher:subscription_succeeded", "pusher:decryption_failure", EVENT} == {event.name for event in everywhere}
    assert {1} == {event.data["number"] for event in everywhere if event.name == EVENT}
    assert FORGED not in "".join(event.raw + repr(event) for event in everywhere)
    assert FORGED not in caplog.text
    assert (stats.received, stats.delivered, stats.undecryptable, stats.key_refreshes) == (2, 1, 1, 0)
    assert len(endpoint.requests_for(CHANNEL)) == 1


async def test_client_events_of_another_socket_reach_nobody(
    new_client: NewClient, pusher_http: PusherHTTP, endpoint: AuthorizationEndpoint, soketi: Soketi
) -> None:
    """A client event that does not open fails without a request; one that opens counts (C1, design.md 3.4)."""
    nonce = b"n" * SecretBox.NONCE_SIZE
    strange = PusherHTTP(soketi.port, master_key=b"s" * 32).seal(CHANNEL, nonce, b'{"number": 0}')
    genuine = pusher_http.seal(CHANNEL, nonce, b'{"number": 1}')
    async with new_client() as client, bare_socket(soketi.port) as other:
        stream = client.channel(CHANNEL).events("client-*", EVENT, *MARKERS)
        channel = await client.subscribe(CHANNEL)
        await other.subscribe(CHANNEL, pusher_http)
        for data in ({"message": FORGED}, FORGED, strange, json.dumps(strange), genuine, json.dumps(genuine)):
            await other.send("client-note", data, channel=CHANNEL)
        events = await take(stream, 6)
        stats = channel.stats
    assert [reason for _, reason in reasons(events[:4])] == ["malformed", "malformed", "wrong_key", "wrong_key"]
    assert numbers(events[4:]) == [1, 1]
    assert FORGED not in "".join(event.raw + repr(event) for event in events)
    assert (stats.received, stats.delivered, stats.undecryptable, stats.key_refreshes) == (6, 2, 4, 0)
    assert len(endpoint.requests_for(CHANNEL)) == 1


@pytest.mark.parametrize(
    ("channel_name", "name"),
    [
        *((CHANNEL, name) for name in (*MARKERS, "pusher:anything", "pusher_internal:anything")),
        *(("orders", name) for name in MARKERS),
    ],
)
async def test_nobody_else_speaks_in_the_protocol_s_name(
    new_client: NewClient, pusher_http: PusherHTTP, channel_name: str, name: str
) -> None:
    """A loss marker from outside is dropped; on encrypted channels every protocol name is (C1, design.md 3.1)."""
    async with new_client() as client:
        stream = client.channel(channel_name).events("*")
        channel = await client.subscribe(channel_name)
        await pusher_http.trigger_as_it_is(channel_name, name, FORGED)
        await pusher_http.trigger(channel_name, EVENT, {"number": 1})
        names = [event.name for event in await take(stream, 2)]
        assert (channel.stats.received, channel.stats.undecryptable) == (1, 0)
    assert names == ["pusher:subscription_succeeded", EVENT]
