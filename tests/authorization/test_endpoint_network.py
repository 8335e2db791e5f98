"""Time limits, broken connections, TLS, localhost and proxies between an authorizer and its endpoint."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from typing import Any

import httpx
import pytest
import trustme

from pusher_client.authorization.authorizers import HTTPAuthorizer
from pusher_client.exceptions import AuthorizationError
from tests.support.canaries import texts_of_error
from tests.support.endpoint_requests import (
    CHANNEL,
    GOOD,
    PARAM,
    TOKEN,
    ask,
    authorizer,
    bad_chunk,
    bad_header,
    drip,
    drip_head,
    half,
    hang,
    no_http,
    reset,
)
from tests.support.scripted_endpoint import Received, Script, json_answer, serve_endpoint


@pytest.mark.parametrize("script", [hang, drip, drip_head])
async def test_the_timeout_bounds_everything(script: Script) -> None:
    """An endpoint that hangs, or drips bytes for ever, costs the timeout and no more (6.3, C4)."""
    async with serve_endpoint(script) as endpoint:
        error = await ask(endpoint, timeout=0.2)
    assert isinstance(error, TimeoutError)
    assert str(error) == f"the endpoint http://127.0.0.1:{endpoint.port} did not answer completely within 0.2 s"


@pytest.mark.parametrize("script", [reset, half, no_http, bad_chunk, bad_header])
async def test_a_broken_connection_is_worth_another_try(script: Script) -> None:
    """A connection that breaks is a ConnectionError, not a refusal (6.5, R3)."""
    async with serve_endpoint(script) as endpoint:
        error = await ask(endpoint)
    assert isinstance(error, ConnectionError)
    assert not isinstance(error, AuthorizationError)


async def test_nobody_listens() -> None:
    """An endpoint that is not there is a ConnectionError that names it (6.5)."""
    async with serve_endpoint(hang) as endpoint:
        pass
    error = await ask(endpoint)
    assert isinstance(error, ConnectionError)
    assert str(error) == f"the request to the endpoint http://127.0.0.1:{endpoint.port} failed: connection refused"


class TimedOut(httpx.AsyncBaseTransport):
    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        raise httpx.ReadTimeout(TOKEN, request=request)


async def test_a_step_that_takes_too_long() -> None:
    """A time-out of the transport is a TimeoutError like our own (6.5)."""
    authorize = HTTPAuthorizer("https://example.com/", headers={"X": TOKEN}, transport=TimedOut())
    with pytest.raises(TimeoutError, match=r"the endpoint https://example\.com did not answer") as caught:
        await authorize(CHANNEL, "12.34")
    assert TOKEN not in texts_of_error(caught.value, __file__)


async def test_cancelling_a_request() -> None:
    """A cancelled request closes its connection and leaves nothing behind (R6)."""
    started = asyncio.Event()

    async def script(request: Received, writer: asyncio.StreamWriter) -> None:
        started.set()
        await hang(request, writer)

    async with serve_endpoint(script) as endpoint:
        authorize = authorizer(endpoint)
        task = asyncio.ensure_future(authorize(CHANNEL, "12.34"))
        await started.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert authorize._connections.sessions == {}


# -- TLS, localhost and proxies -----------------------------------------------------------------------------------


async def test_tls(server_ssl: ssl.SSLContext, client_ssl: ssl.SSLContext) -> None:
    """An endpoint with a certificate of a trusted authority is asked over TLS (C4)."""
    async with serve_endpoint(json_answer(GOOD), ssl=server_ssl) as endpoint:
        assert (await authorizer(endpoint, ssl=client_ssl)(CHANNEL, "12.34")).auth == GOOD["auth"]


@pytest.mark.parametrize("option", [None, True])
async def test_a_certificate_of_nobody(option: bool | None, server_ssl: ssl.SSLContext) -> None:
    """A certificate that the system does not trust ends the attempt before anything is sent (C4)."""
    async with serve_endpoint(json_answer(GOOD), ssl=server_ssl) as endpoint:
        error = await ask(endpoint, ssl=option)
    assert isinstance(error, ConnectionError)
    assert "TLS certificate verification failed: unable to get local issuer certificate" in str(error)
    assert endpoint.requests == []


async def test_a_certificate_for_another_name(authority: trustme.CA, client_ssl: ssl.SSLContext) -> None:
    """A trusted certificate for another name ends the attempt before anything is sent (C4)."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("other.example").configure_cert(context)
    async with serve_endpoint(json_answer(GOOD), ssl=context) as endpoint:
        error = await ask(endpoint, ssl=client_ssl)
    assert isinstance(error, ConnectionError)
    assert endpoint.requests == []


async def test_localhost_over_plain_http() -> None:
    """A localhost that means this machine is asked over plain http (C4)."""
    async with serve_endpoint(json_answer(GOOD)) as endpoint:
        authorize = HTTPAuthorizer(endpoint.url.replace("127.0.0.1", "localhost"))
        assert (await authorize(CHANNEL, "12.34")).auth == GOOD["auth"]


async def test_localhost_that_is_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """A localhost that means another machine gets nothing, and is looked up before each request (C4)."""
    loop = asyncio.get_running_loop()
    addresses = iter(["127.0.0.1", "192.0.2.1"])

    async def getaddrinfo(*_args: object, **_options: object) -> list[Any]:
        return [(2, 1, 6, "", (next(addresses), 80))]

    monkeypatch.setattr(loop, "getaddrinfo", getaddrinfo)
    transport = httpx.MockTransport(lambda _request: httpx.Response(200, json=GOOD))
    authorize = HTTPAuthorizer("http://localhost/auth", transport=transport)
    assert (await authorize(CHANNEL, "12.34")).auth == GOOD["auth"]
    with pytest.raises(AuthorizationError, match="does not resolve to this machine") as caught:
        await authorize(CHANNEL, "12.34")
    assert caught.value.channel == CHANNEL


@asynccontextmanager
async def serve_proxy() -> AsyncGenerator[tuple[str, list[str]]]:
    """Run a real HTTP proxy that tunnels, and note the head of every request that it gets."""
    heads: list[str] = []
    tasks: set[asyncio.Task[Any]] = set()

    async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        with suppress(asyncio.CancelledError, ConnectionError, asyncio.IncompleteReadError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            heads.append(head)
            host, _, port = head.split()[1].rpartition(":")
            upstream_reader, upstream = await asyncio.open_connection(host, int(port))
            writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
            copies = [
                asyncio.ensure_future(copy(reader, upstream)),
                asyncio.ensure_future(copy(upstream_reader, writer)),
            ]
            await asyncio.wait(copies, return_when=asyncio.FIRST_COMPLETED)
            for each in copies:
                each.cancel()
            await asyncio.gather(*copies, return_exceptions=True)
            upstream.close()
            with suppress(OSError):
                await upstream.wait_closed()
        writer.close()
        tasks.discard(task)

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    try:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}", heads
    finally:
        server.close()
        await asyncio.gather(*tasks, return_exceptions=True)
        await server.wait_closed()


@pytest.mark.parametrize("name", ["http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "ALL_PROXY"])
async def test_plain_http_bypasses_the_environments_proxy(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A plain request goes past every proxy, since the proxy would see it (C4)."""
    async with serve_proxy() as (proxy, heads), serve_endpoint(json_answer(GOOD)) as endpoint:
        monkeypatch.setenv(name, f"http://{proxy}")
        await authorizer(endpoint)(CHANNEL, "12.34")
    assert (len(endpoint.requests), heads) == (1, [])


async def test_plain_http_bypasses_a_configured_proxy() -> None:
    """So it does with a proxy that was given, and where plain http was allowed (C4)."""
    async with serve_proxy() as (proxy, heads), serve_endpoint(json_answer(GOOD)) as endpoint:
        await authorizer(endpoint, proxy=f"http://{proxy}", allow_insecure=True)(CHANNEL, "12.34")
    assert (len(endpoint.requests), heads) == (1, [])


async def test_tls_through_the_environments_proxy(
    server_ssl: ssl.SSLContext, client_ssl: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With TLS the environment's proxy is used, and sees neither headers nor form (6.3)."""
    async with serve_proxy() as (proxy, heads), serve_endpoint(json_answer(GOOD), ssl=server_ssl) as endpoint:
        monkeypatch.setenv("https_proxy", f"http://{proxy}")
        await authorizer(endpoint, ssl=client_ssl)(CHANNEL, "12.34")
        await authorizer(endpoint, ssl=client_ssl, proxy=None)(CHANNEL, "12.34")
        await authorizer(endpoint, ssl=client_ssl, proxy=False)(CHANNEL, "12.34")
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        await authorizer(endpoint, ssl=client_ssl)(CHANNEL, "12.34")
    assert len(endpoint.requests) == 4
    (head,) = heads
    assert head.startswith(f"CONNECT 127.0.0.1:{endpoint.port} ")
    assert TOKEN not in head


async def test_a_proxy_with_credentials(
    server_ssl: ssl.SSLContext, client_ssl: ssl.SSLContext, caplog: pytest.LogCaptureFixture
) -> None:
    """A proxy's credentials are sent to the proxy only, and are in no log (C3)."""
    caplog.set_level(1)
    async with serve_proxy() as (proxy, heads), serve_endpoint(json_answer(GOOD), ssl=server_ssl) as endpoint:
        await authorizer(endpoint, ssl=client_ssl, proxy=f"http://user:{PARAM}@{proxy}")(CHANNEL, "12.34")
    assert "proxy-authorization: basic " in heads[0].lower()
    assert "proxy-authorization" not in endpoint.requests[0].headers
    assert PARAM not in caplog.text


async def test_a_malformed_proxy_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is an error at the first request, without its password (C3)."""
    monkeypatch.setenv("https_proxy", f"gopher://user:{PARAM}@proxy:70")
    with pytest.raises(ValueError, match=r"^https_proxy .*a proxy is given as") as caught:
        await HTTPAuthorizer("https://example.com/", headers={"X": TOKEN})(CHANNEL, "12.34")
    shown = texts_of_error(caught.value, __file__)
    assert PARAM not in shown
    assert TOKEN not in shown


async def test_localhost_is_connected_to_at_a_checked_address(monkeypatch: pytest.MonkeyPatch) -> None:
    """The name is resolved once; the next address follows a refused one, and Host is that of the url (C4)."""
    lookups: list[object] = []

    def getaddrinfo(host: object, port: object, *_arguments: object, **_options: object) -> list[object]:
        lookups.append(host)
        if host not in ("localhost", b"localhost"):
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (host, port))]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in ("127.0.0.2", "127.0.0.1")]

    async with serve_endpoint(json_answer(GOOD)) as endpoint:
        monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
        authorize = HTTPAuthorizer(f"http://localhost:{endpoint.port}/auth")
        assert (await authorize(CHANNEL, "12.34")).auth == GOOD["auth"]
    assert [name for name in lookups if name in ("localhost", b"localhost")] == ["localhost"]
    assert endpoint.requests[0].headers["host"] == f"localhost:{endpoint.port}"
