"""The connection and the authorization through real proxies: what gets through, what they see, and what fails how."""

from __future__ import annotations

import asyncio
import base64
import logging
import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
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
from tests.support.canaries import texts_of_error
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
from tests.support.real.wiretap import Wiretap, proxied, tapped
from tests.support.scripted_endpoint import ScriptedEndpoint, serve_endpoint
from tests.support.scripted_server import Scripted, scripted

AUTHORITY = trustme.CA()
PASSWORD = "canary-password-4715"
CREDENTIALS = base64.b64encode(f"user:{PASSWORD}".encode()).decode()
POLICY = ReconnectPolicy(base=0.001, factor=1.0, cap=0.06, max_per_minute=1000)
TLS_RECORD = b"\x16\x03"
REFUSAL = b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n"
NO_METHOD = 0xFF
SCHEMES = ["http", "socks5", "socks5h"]


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, _direct_to_loopback: None) -> pytest.MonkeyPatch:
    """An environment without proxies and exceptions from them."""
    for name in ("ws", "wss", "http", "https", "socks", "all", "no"):
        monkeypatch.delenv(f"{name}_proxy", raising=False)
        monkeypatch.delenv(f"{name}_PROXY".upper(), raising=False)
    return monkeypatch


def client_of(peer: Scripted, *, host: str = "127.0.0.1", **options: Any) -> PusherClient:
    options = {"tls": trusting(AUTHORITY), "reconnect": POLICY, **options}
    return PusherClient(KEY, host=host, port=peer.port, **options)


def authorizer_of(endpoint: ScriptedEndpoint, **options: Any) -> HTTPAuthorizer:
    options = {"ssl": trusting(AUTHORITY), **options}
    return HTTPAuthorizer(endpoint.url, headers={"Authorization": TOKEN}, **options)


@asynccontextmanager
async def servers() -> AsyncGenerator[tuple[Scripted, ScriptedEndpoint]]:
    """Run a Channels server and an endpoint, both with TLS."""
    context = serving(AUTHORITY, "127.0.0.1", "localhost")
    async with scripted(ssl=context) as peer, serve_endpoint(SIGNED, ssl=context) as endpoint:
        yield peer, endpoint


@asynccontextmanager
async def saying(answer: bytes) -> AsyncGenerator[Wiretap]:
    """Run a proxy that gives one answer to every request, and never closes; tapped."""
    tasks: set[asyncio.Task[Any]] = set()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        with suppress(OSError, asyncio.CancelledError):
            await reader.read(65536)
            writer.write(answer)
            while await reader.read(65536):
                pass
        writer.close()
        with suppress(OSError, asyncio.CancelledError):
            await writer.wait_closed()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    try:
        async with tapped(server.sockets[0].getsockname()[1]) as tap:
            yield tap
    finally:
        server.close()
        for task in tuple(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await server.wait_closed()


def assert_tunnels(tap: Wiretap, scheme: str, *targets: int) -> None:
    """The proxy learned where each connection goes, and then saw nothing but TLS."""
    assert len(tap.passages) == len(targets)
    for passage, target in zip(tap.passages, targets, strict=True):
        head, found, _ = bytes(passage.sent).partition(TLS_RECORD)
        assert found
        if scheme == "http":
            assert head.startswith(f"CONNECT 127.0.0.1:{target} HTTP/1.1\r\n".encode())
            assert head.endswith(b"\r\n\r\n")
        else:
            assert head.endswith(target.to_bytes(2))
    assert readable(tap.sent) == []


# -- through a proxy ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", SCHEMES)
async def test_both_through_a_proxy_that_is_given(scheme: str, caplog: pytest.LogCaptureFixture) -> None:
    """An encrypted event comes through tunnels; the proxy sees no key, token or signature; no log has its password.

    The certificates are those of the servers, verified by their private authority (C3, C4, C5).
    """
    for name in ("", "httpcore", "httpcore.socks", "httpx", "websockets", "websockets.client", "pusher_client"):
        caplog.set_level(1, logger=name)
    logging.getLogger("tiny_proxy").setLevel(logging.CRITICAL)
    async with servers() as (peer, endpoint), proxied(scheme, "user", PASSWORD) as tap:
        proxy = f"{scheme}://user:{PASSWORD}@127.0.0.1:{tap.port}"
        authorizer = authorizer_of(endpoint, proxy=proxy)
        async with client_of(peer, proxy=proxy, authorizer=authorizer) as client:
            await read_encrypted(client, peer, endpoint)
            assert "proxy-authorization" not in (peer.sockets[0].request or pytest.fail("no request")).headers
            assert PASSWORD not in repr(client) + repr(authorizer)
        assert "proxy-authorization" not in endpoint.requests[0].headers
        await tap.all_closed()
        assert_tunnels(tap, scheme, peer.port, endpoint.port)
        assert (CREDENTIALS if scheme == "http" else PASSWORD).encode() in tap.sent
    assert "connect_tcp" in caplog.text
    assert PASSWORD not in caplog.text
    assert CREDENTIALS not in caplog.text


async def test_both_through_a_proxy_with_tls_of_its_own(environment: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A proxy with https is verified by the system's authorities, and the connection to it shows nothing (1.1)."""
    system = trustme.CA()
    system.cert_pem.write_to_path(tmp_path / "system.pem")
    async with servers() as (peer, endpoint), proxied("https", "user", PASSWORD, tls=serving(system)) as tap:
        proxy = f"https://user:{PASSWORD}@127.0.0.1:{tap.port}"
        with pytest.raises(ConnectError, match="the certificate was refused"):
            await client_of(peer, proxy=proxy).connect()
        environment.setenv("SSL_CERT_FILE", str(tmp_path / "system.pem"))
        async with client_of(peer, proxy=proxy, authorizer=authorizer_of(endpoint, proxy=proxy)) as client:
            await read_encrypted(client, peer, endpoint)
        await tap.all_closed()
        assert len(tap.passages) == 3
        assert b"CONNECT" not in tap.sent
        assert CREDENTIALS.encode() not in tap.sent
        assert readable(tap.sent) == []


@pytest.mark.parametrize(
    ("variable", "scheme"),
    [("https_proxy", "http"), ("HTTPS_PROXY", "http"), ("https_proxy", "socks5"), ("all_proxy", "http"),
     ("ALL_PROXY", "socks5h")],
)  # fmt: skip
async def test_both_through_the_environment_s_proxy(
    variable: str, scheme: str, environment: pytest.MonkeyPatch
) -> None:
    """Without a word in code the environment decides, for the connection and the request alike (1.1, 6.3)."""
    async with servers() as (peer, endpoint), proxied(scheme) as tap:
        environment.setenv(variable, f"{scheme}://127.0.0.1:{tap.port}")
        async with client_of(peer, authorizer=authorizer_of(endpoint)) as client:
            await read_encrypted(client, peer, endpoint)
        await tap.all_closed()
        assert_tunnels(tap, scheme, peer.port, endpoint.port)


async def test_an_address_without_a_scheme_in_the_environment(environment: pytest.MonkeyPatch) -> None:
    """It means an HTTP proxy, as it does to other programs (1.1, 6.3)."""
    async with servers() as (peer, endpoint), proxied("http") as tap:
        environment.setenv("https_proxy", f"127.0.0.1:{tap.port}")
        async with client_of(peer, authorizer=authorizer_of(endpoint)) as client:
            await read_encrypted(client, peer, endpoint)
        assert_tunnels(tap, "http", peer.port, endpoint.port)


@pytest.mark.parametrize("without", ["None", "False", "no_proxy", "http_proxy"])
async def test_no_proxy(without: str, environment: pytest.MonkeyPatch) -> None:
    """The caller's None and False, no_proxy, and a variable for http alone leave both without a proxy (1.1, 6.3)."""
    async with servers() as (peer, endpoint), proxied("http") as tap:
        environment.setenv("http_proxy" if without == "http_proxy" else "https_proxy", f"http://127.0.0.1:{tap.port}")
        if without == "no_proxy":
            environment.setenv("no_proxy", "127.0.0.1")
        proxy = {"None": None, "False": False}.get(without, True)
        authorizer = authorizer_of(endpoint, proxy=proxy)
        async with client_of(peer, proxy=proxy, authorizer=authorizer) as client:
            await read_encrypted(client, peer, endpoint)
        assert tap.passages == []


@pytest.mark.parametrize("variable", ["http_proxy", "https_proxy", "all_proxy"])
async def test_ws_through_the_environment_s_proxy(variable: str, environment: pytest.MonkeyPatch) -> None:
    """A ws connection goes through a tunnel too (1.1)."""
    async with scripted() as peer, proxied("http") as tap:
        environment.setenv(variable, f"http://127.0.0.1:{tap.port}")
        async with client_of(peer, tls=False) as client:
            await client.subscribe("orders")
        assert tap.sent.startswith(f"CONNECT 127.0.0.1:{peer.port} HTTP/1.1\r\n".encode())


@pytest.mark.parametrize("scheme", ["http", "socks5h"])
async def test_names_are_left_to_the_proxy(scheme: str) -> None:
    """The proxy gets the server's name, and the certificate is checked for that name (1.1)."""
    async with servers() as (peer, _), proxied(scheme) as tap:
        proxy = f"{scheme}://127.0.0.1:{tap.port}"
        async with client_of(peer, host="localhost", proxy=proxy) as client:
            await client.subscribe("orders")
        port = peer.port.to_bytes(2) if scheme == "socks5h" else f":{peer.port} HTTP/1.1\r\n".encode()
        assert b"localhost" + port in tap.sent


@pytest.mark.parametrize("variable", ["http_proxy", "https_proxy", "all_proxy", None])
async def test_plain_requests_go_past_every_proxy(variable: str | None, environment: pytest.MonkeyPatch) -> None:
    """An endpoint on this machine without TLS is called directly, whichever proxy is set (C4)."""
    async with scripted() as peer, serve_endpoint(SIGNED) as endpoint, proxied("http") as tap:
        proxy = f"http://127.0.0.1:{tap.port}"
        if variable is not None:
            environment.setenv(variable, proxy)
        authorizer = authorizer_of(endpoint, proxy=proxy if variable is None else True)
        async with client_of(peer, tls=False, proxy=None, authorizer=authorizer) as client:
            await read_encrypted(client, peer, endpoint)
        assert tap.passages == []


# -- when it fails ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", SCHEMES)
async def test_a_bad_certificate_behind_a_proxy(scheme: str) -> None:
    """A proxy changes nothing: final at first for the connection, tried again for the request, nothing sent (C5)."""
    context = serving(trustme.CA())
    async with (
        scripted(ssl=context) as peer,
        serve_endpoint(SIGNED, ssl=context) as endpoint,
        scripted() as plain,
        proxied(scheme) as tap,
    ):
        proxy = f"{scheme}://127.0.0.1:{tap.port}"
        with pytest.raises(ConnectError, match="the certificate was refused"):
            await client_of(peer, proxy=proxy).connect()
        await tap.all_closed()
        assert_tunnels(tap, scheme, peer.port)
        authorizer = authorizer_of(endpoint, proxy=proxy)
        async with client_of(plain, tls=False, proxy=None, authorizer=authorizer) as client:
            subscribing = asyncio.create_task(client.subscribe(CHANNEL))
            await tap.connected(3)
            await tap.all_closed()
            # Now, between two attempts, each has gone as far as it can: one that is abandoned at a deadline may end
            # before its TLS handshake.
            assert_tunnels(tap, scheme, peer.port, *[endpoint.port] * (len(tap.passages) - 1))
            assert not subscribing.done()
            subscribing.cancel()
            await asyncio.wait([subscribing])
        await tap.all_closed()
        assert (peer.connects, endpoint.requests) == (0, [])


@pytest.mark.parametrize("status", [401, 407])
async def test_a_proxy_that_wants_another_password(status: int, caplog: pytest.LogCaptureFixture) -> None:
    """It is final at first, and the error shows no password (design.md 2, C3)."""
    caplog.set_level(1)
    async with servers() as (peer, _), saying(REFUSAL.replace(b"407", str(status).encode())) as tap:
        client = client_of(peer, proxy=f"http://user:{PASSWORD}@127.0.0.1:{tap.port}")
        with pytest.raises(ConnectError, match="proxy") as caught:
            await client.connect()
        assert caught.value.code == status
        assert client.state is ConnectionState.FAILED
        await tap.all_closed()
        assert len(tap.passages) == 1
        for shown in (texts_of_error(caught.value, __file__), caplog.text):
            assert PASSWORD not in shown
            assert CREDENTIALS not in shown


async def test_a_proxy_that_wants_another_password_once_connected() -> None:
    """Once connected, it is tried again, and the link returns with the proxy (R2)."""
    async with servers() as (peer, _), proxied("http") as tap, saying(REFUSAL) as refusing:
        good = tap.target
        async with client_of(peer, proxy=f"http://127.0.0.1:{tap.port}") as client:
            tap.target = refusing.port
            peer.sockets[0].transport.abort()
            await refusing.connected(3)
            assert client.state is ConnectionState.CONNECTING
            tap.target = good
            await peer.connected(2)
            await client.subscribe("orders")


@pytest.mark.parametrize("scheme", ["socks5", "socks5h"])
async def test_a_socks_proxy_that_wants_another_password(scheme: str, caplog: pytest.LogCaptureFixture) -> None:
    """It is final at first for the connection, and no connection is kept (R2, R3, R6)."""
    caplog.set_level(1)
    async with servers() as (peer, endpoint), scripted() as plain, proxied(scheme, "user", "another") as tap:
        proxy = f"{scheme}://user:{PASSWORD}@127.0.0.1:{tap.port}"
        with pytest.raises(ConnectError, match="the SOCKS proxy refused user and password"):
            await client_of(peer, proxy=proxy).connect()
        await tap.all_closed()
        assert len(tap.passages) == 1
        authorizer = authorizer_of(endpoint, proxy=proxy)
        async with client_of(plain, tls=False, proxy=None, authorizer=authorizer, subscribe_timeout=0.4) as client:
            with pytest.raises(SubscriptionError) as caught:
                await client.subscribe(CHANNEL)
            await tap.all_closed()
        assert (peer.connects, endpoint.requests) == (0, [])
    assert PASSWORD not in texts_of_error(caught.value, __file__)
    assert PASSWORD not in caplog.text


@pytest.mark.parametrize("scheme", SCHEMES)
async def test_a_proxy_that_is_down(scheme: str) -> None:
    """Both wait for it to come back (R2, R3)."""
    async with proxied(scheme) as tap:
        nobody = tap.port
    async with servers() as (peer, endpoint), proxied(scheme) as tap:
        good, tap.target = tap.target, nobody
        proxy = f"{scheme}://127.0.0.1:{tap.port}"
        async with connecting(client_of(peer, proxy=f"{scheme}://127.0.0.1:{nobody}")) as delays:
            while len(delays) < 3:
                await asyncio.sleep(0.001)
        client = client_of(peer, proxy=proxy, authorizer=authorizer_of(endpoint, proxy=proxy))
        attempt = asyncio.create_task(client.connect())
        await tap.connected(3)
        tap.target = good
        await attempt
        tap.target = nobody
        reading = asyncio.create_task(read_encrypted(client, peer, endpoint))
        await tap.connected(len(tap.passages) + 1)
        tap.target = good
        await reading
        await client.disconnect()


@pytest.mark.parametrize("answer", [b"nonsense\r\n\r\n", b"\x05\xffnonsense", b"\x05\x00nonsense", b"\x05\x00\x05\x01"])
@pytest.mark.parametrize("scheme", SCHEMES)
async def test_a_proxy_that_answers_nonsense(scheme: str, answer: bytes, caplog: pytest.LogCaptureFixture) -> None:
    """Both try again, except where SOCKS ends it; no connection stays open, nothing is repeated (R2, R3, R6, C3)."""
    caplog.set_level(1)
    async with servers() as (peer, endpoint), scripted() as plain, saying(answer) as tap:
        proxy = f"{scheme}://user:{PASSWORD}@127.0.0.1:{tap.port}"
        client = client_of(peer, proxy=proxy)
        if scheme != "http" and answer[1] == NO_METHOD:
            with pytest.raises(ConnectError, match="accepts none of our methods"):
                await client.connect()
        else:
            async with connecting(client):
                await tap.connected(1)
        await tap.all_closed()
        authorizer = authorizer_of(endpoint, proxy=proxy, timeout=0.2)
        options: dict[str, Any] = {"tls": False, "proxy": None, "subscribe_timeout": 0.8}
        async with client_of(plain, authorizer=authorizer, **options) as client:
            seen = len(tap.passages)
            with pytest.raises(SubscriptionError) as caught:
                await client.subscribe(CHANNEL)
            assert len(tap.passages) >= seen + 2
            await tap.all_closed()
        assert (peer.connects, endpoint.requests) == (0, [])
    for shown in (texts_of_error(caught.value, __file__), caplog.text):
        assert not re.search(f"nonsense|{PASSWORD}|{CREDENTIALS}", shown)
