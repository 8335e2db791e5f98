"""The connection and the authorization over TLS with certificates of a private authority, good ones and bad ones."""

from __future__ import annotations

import asyncio
import datetime as dt
import ssl
from typing import Any

import pytest
import trustme

from pusher_client import (
    ConnectError,
    ConnectionState,
    HTTPAuthorizer,
    PusherClient,
    ReconnectPolicy,
    SubscriptionError,
)
from tests.support.real.encrypted_channel import (
    CHANNEL,
    KEY,
    SIGNED,
    TOKEN,
    connecting,
    read_encrypted,
    readable,
    serving,
    trusting,
)
from tests.support.real.wiretap import Wiretap, tapped
from tests.support.scripted_endpoint import serve_endpoint
from tests.support.scripted_server import scripted

AUTHORITY = trustme.CA()
OTHER_AUTHORITY = trustme.CA()
CAP = 0.06
POLICY = ReconnectPolicy(base=0.001, factor=1.0, cap=CAP, max_per_minute=1000)
HANDSHAKE = b"\x16\x03"


def client_of(port: int, *, host: str = "127.0.0.1", **options: Any) -> PusherClient:
    return PusherClient(KEY, host=host, port=port, proxy=None, reconnect=POLICY, **options)


def authorizer_of(port: int, **options: Any) -> HTTPAuthorizer:
    return HTTPAuthorizer(f"https://127.0.0.1:{port}/auth", headers={"Authorization": TOKEN}, proxy=None, **options)


def self_signed() -> ssl.SSLContext:
    authority = trustme.CA()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    with authority.cert_pem.tempfile() as certificate, authority.private_key_pem.tempfile() as key:
        context.load_cert_chain(certificate, key)
    return context


def expired() -> ssl.SSLContext:
    yesterday = dt.datetime.now(dt.UTC) - dt.timedelta(days=1)
    return serving(AUTHORITY, not_before=yesterday - dt.timedelta(days=1), not_after=yesterday)


BAD = {
    "of another authority": lambda: serving(OTHER_AUTHORITY),
    "for another name": lambda: serving(AUTHORITY, "other.example"),
    "expired": expired,
    "self-signed": self_signed,
}


def assert_only_tls(tap: Wiretap) -> None:
    """Everything that a client sent was TLS from the first byte on, and nothing can be read in it."""
    assert all(passage.sent.startswith(HANDSHAKE) for passage in tap.passages if passage.sent)
    assert tap.sent.startswith(HANDSHAKE)
    assert readable(tap.sent) == []


async def test_a_private_authority_for_both() -> None:
    """An encrypted event comes over wss and https with one private authority, nothing of it in clear (C4, C5)."""
    trust = trusting(AUTHORITY)
    async with (
        scripted(ssl=serving(AUTHORITY)) as peer,
        serve_endpoint(SIGNED, ssl=serving(AUTHORITY)) as endpoint,
        tapped(peer.port) as socket,
        tapped(endpoint.port) as requests,
    ):
        async with client_of(socket.port, tls=trust, authorizer=authorizer_of(requests.port, ssl=trust)) as client:
            await read_encrypted(client, peer, endpoint)
        for tap in (socket, requests):
            await tap.all_closed()
            assert len(tap.passages) == 1
            assert_only_tls(tap)


@pytest.mark.parametrize("bad", BAD)
async def test_a_bad_certificate_is_final_at_first(bad: str) -> None:
    """ConnectError after one attempt, and no byte goes out but TLS's own (design.md 2, C5)."""
    async with scripted(ssl=BAD[bad]()) as peer, tapped(peer.port) as tap:
        client = client_of(tap.port, tls=trusting(AUTHORITY))
        with pytest.raises(ConnectError, match="the certificate was refused") as caught:
            await client.connect()
        assert caught.value.code is None
        assert client.state is ConnectionState.FAILED
        await tap.all_closed()
        assert (len(tap.passages), peer.connects) == (1, 0)
        assert_only_tls(tap)


async def test_the_system_s_authorities_do_not_vouch_for_a_private_one() -> None:
    """tls=True verifies, against what the system trusts (C4)."""
    async with scripted(ssl=serving(AUTHORITY)) as peer, tapped(peer.port) as tap:
        with pytest.raises(ConnectError, match="the certificate was refused"):
            await client_of(tap.port, tls=True).connect()
        assert (len(tap.passages), peer.connects) == (1, 0)


@pytest.mark.parametrize("bad", BAD)
async def test_a_certificate_that_became_bad_is_tried_again_at_the_cap(bad: str) -> None:
    """Once connected, a bad certificate may be the renewal that went wrong: the link returns by itself (R2)."""
    delays: list[float] = []
    async with (
        scripted(ssl=serving(AUTHORITY)) as good,
        scripted(ssl=BAD[bad]()) as broken,
        tapped(good.port) as tap,
        client_of(tap.port, tls=trusting(AUTHORITY), unavailable_timeout=0.05) as client,
    ):
        client.connection.bind("connecting_in", delays.append)
        tap.target = broken.port
        good.sockets[0].transport.abort()
        await tap.connected(5)
        assert client.state in {ConnectionState.CONNECTING, ConnectionState.UNAVAILABLE}
        tap.target = good.port
        await good.connected(2)
        assert (await client.subscribe("orders")).name == "orders"
        assert (broken.connects, good.connects) == (0, 2)
        assert all(CAP / 2 <= delay <= CAP for delay in delays[1:])
        assert_only_tls(tap)


async def test_tls_against_a_server_without_it() -> None:
    """The client goes on with TLS and never says anything in clear (C5)."""
    async with scripted() as peer, tapped(peer.port) as tap, connecting(client_of(tap.port, tls=True)):
        await tap.connected(4)
        assert peer.connects == 0
        assert_only_tls(tap)


async def test_no_tls_against_a_server_with_it() -> None:
    """Nor is ws made wss: what the caller said is tried again as it is (C5)."""
    async with (
        scripted(ssl=serving(AUTHORITY)) as peer,
        tapped(peer.port) as tap,
        connecting(client_of(tap.port, tls=False)),
    ):
        await tap.connected(4)
        assert peer.connects == 0
        assert all(passage.sent.startswith(b"GET /app/") for passage in tap.passages[:-1])


@pytest.mark.parametrize("bad", BAD)
async def test_an_endpoint_with_a_bad_certificate(bad: str) -> None:
    """The request is tried again, nothing goes out in clear, and in the end the subscription fails (R3, C4)."""
    async with (
        scripted() as peer,
        serve_endpoint(SIGNED, ssl=BAD[bad]()) as endpoint,
        tapped(endpoint.port) as tap,
        client_of(
            peer.port,
            tls=False,
            subscribe_timeout=0.5,
            authorizer=authorizer_of(tap.port, ssl=trusting(AUTHORITY)),
        ) as client,
    ):
        with pytest.raises(SubscriptionError):
            await client.subscribe(CHANNEL)
        assert client.state is ConnectionState.CONNECTED
        assert endpoint.requests == []
        assert [frame for frame in peer.received if frame["event"] == "pusher:subscribe"] == []
        await tap.all_closed()
        assert_only_tls(tap)


async def test_an_endpoint_whose_certificate_becomes_good() -> None:
    """A first subscription waits for it (R3)."""
    async with (
        scripted() as peer,
        serve_endpoint(SIGNED, ssl=expired()) as bad,
        serve_endpoint(SIGNED, ssl=serving(AUTHORITY)) as good,
        tapped(bad.port) as tap,
        client_of(peer.port, tls=False, authorizer=authorizer_of(tap.port, ssl=trusting(AUTHORITY))) as client,
    ):
        subscribing = asyncio.create_task(client.subscribe(CHANNEL))
        await tap.connected(1)
        tap.target = good.port
        assert (await subscribing).name == CHANNEL
        assert (len(bad.requests), len(good.requests)) == (0, 1)


def demanding() -> ssl.SSLContext:
    context = serving(AUTHORITY)
    AUTHORITY.configure_trust(context)
    context.verify_mode = ssl.CERT_REQUIRED
    return context


def presenting(authority: trustme.CA) -> ssl.SSLContext:
    context = trusting(AUTHORITY)
    authority.issue_cert("client.example").configure_cert(context)
    return context


async def test_a_client_s_certificate() -> None:
    """Where servers ask who we are, the SSLContext answers, for the connection and the request (design.md 2)."""
    who = presenting(AUTHORITY)
    async with (
        scripted(ssl=demanding()) as peer,
        serve_endpoint(SIGNED, ssl=demanding()) as endpoint,
        client_of(peer.port, tls=who, authorizer=authorizer_of(endpoint.port, ssl=who)) as client,
    ):
        await read_encrypted(client, peer, endpoint)


@pytest.mark.parametrize("who", ["nobody", "somebody else's"])
async def test_a_client_without_the_certificate(who: str) -> None:
    """The server cuts it off, which looks like any broken connection: both are tried again (R2, R3)."""
    context = trusting(AUTHORITY) if who == "nobody" else presenting(OTHER_AUTHORITY)
    async with scripted(ssl=demanding()) as peer, tapped(peer.port) as tap:
        async with connecting(client_of(tap.port, tls=context)):
            await tap.connected(3)
        assert peer.connects == 0
        await tap.all_closed()
    async with scripted() as peer, serve_endpoint(SIGNED, ssl=demanding()) as endpoint, tapped(endpoint.port) as tap:
        authorizer = authorizer_of(tap.port, ssl=context)
        async with client_of(peer.port, tls=False, subscribe_timeout=1.0, authorizer=authorizer) as client:
            with pytest.raises(SubscriptionError):
                await client.subscribe(CHANNEL)
        assert endpoint.requests == []
        await tap.all_closed()
