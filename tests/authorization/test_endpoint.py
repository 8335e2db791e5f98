from __future__ import annotations

import asyncio
import gzip
import json
import logging
import pickle
import ssl
import tracemalloc
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
import trustme

import pusher_client.authorization.endpoint as endpoint_module
from pusher_client.authorization.authorizers import HTTPAuthorizer
from pusher_client.exceptions import AuthorizationError
from tests.support.canaries import texts_of_chain, texts_of_error
from tests.support.scripted_endpoint import Received, Script, ScriptedEndpoint, answer, json_answer, serve_endpoint

TOKEN = "canary-header-4711"
PARAM = "canary-param-4712"
SIGNATURE = "canary-signature-4713"
SHARED_SECRET = "Y2FuYXJ5LXNlY3JldC00NzE0LWNhbmFyeS1zZWNyZXQ="
CANARIES = (TOKEN, PARAM, SIGNATURE, SHARED_SECRET, "canary-secret-4714", "canary-query")
GOOD = {"auth": f"key:{SIGNATURE}", "shared_secret": SHARED_SECRET}
GOOD_BODY = json.dumps(GOOD).encode()
CHANNEL = "private-encrypted-orders"


def authorizer(endpoint: ScriptedEndpoint, **options: Any) -> HTTPAuthorizer:
    options = {"headers": {"Authorization": f"Bearer {TOKEN}"}, "params": {"token": PARAM}, **options}
    return HTTPAuthorizer(f"{endpoint.url}?q=canary-query", **options)


@pytest.fixture(autouse=True)
def _no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def server_ssl(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    return context


@pytest.fixture
def client_ssl(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


async def hang(_request: Received, _writer: asyncio.StreamWriter) -> None:
    await asyncio.Event().wait()


async def drip(_request: Received, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        writer.write(b"1\r\n \r\n")
        await writer.drain()
        await asyncio.sleep(0.01)


async def drip_head(_request: Received, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\n")
    while True:
        writer.write(b"X: 1\r\n")
        await writer.drain()
        await asyncio.sleep(0.01)


async def reset(_request: Received, writer: asyncio.StreamWriter) -> None:
    writer.transport.abort()


async def half(_request: Received, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 200\r\n\r\n" + GOOD_BODY[:60])
    writer.close()


async def no_http(_request: Received, writer: asyncio.StreamWriter) -> None:
    writer.write(GOOD_BODY + b"\r\n\r\n")


async def bad_chunk(_request: Received, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + GOOD_BODY + b"\r\n")


async def bad_header(_request: Received, writer: asyncio.StreamWriter) -> None:
    writer.write(f"HTTP/1.1 200 OK\r\n{TOKEN} {SIGNATURE}\r\n\r\n".encode())


async def endless(_request: Received, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        writer.write(b"400\r\n" + b" " * 0x400 + b"\r\n")
        await writer.drain()


async def ask(endpoint: ScriptedEndpoint, **options: Any) -> Exception:
    with pytest.raises((AuthorizationError, OSError)) as caught:
        await authorizer(endpoint, **options)(CHANNEL, "12.34")
    return caught.value


# -- the request --------------------------------------------------------------------------------------------------


async def test_the_request_on_the_wire() -> None:
    """One form-encoded POST with the caller's headers, asking for plain JSON (6.3, C4)."""
    async with serve_endpoint(json_answer(GOOD)) as endpoint:
        authorization = await authorizer(endpoint)(CHANNEL, "12.34")
    assert authorization.auth == GOOD["auth"]
    assert authorization.shared_secret == b"canary-secret-4714-canary-secret"
    (request,) = endpoint.requests
    assert request.line == "POST /pusher/auth?q=canary-query HTTP/1.1"
    assert request.body == f"socket_id=12.34&channel_name={CHANNEL}&token={PARAM}"
    assert request.headers == {
        "host": f"127.0.0.1:{endpoint.port}",
        "accept": "application/json",
        "accept-encoding": "identity",
        "content-type": "application/x-www-form-urlencoded",
        "content-length": str(len(request.body)),
        "authorization": f"Bearer {TOKEN}",
    }


async def test_cookies_are_neither_kept_nor_sent() -> None:
    """A cookie that an answer sets is not in the next request on the same connection (C4)."""
    async with serve_endpoint(json_answer(GOOD, set_cookie="session=1; Path=/")) as endpoint:
        authorize = authorizer(endpoint)
        authorize.attach()
        await authorize(CHANNEL, "12.34")
        await authorize(CHANNEL, "12.34")
        await authorize.detach()
    assert endpoint.connections == 1
    assert ["cookie" in request.headers for request in endpoint.requests] == [False, False]


async def test_headers_of_every_request_are_fresh() -> None:
    """Callables are evaluated for every request, so that no expired token is sent (6.3)."""
    tokens = iter(["first", "second"])

    async def headers() -> dict[str, str]:
        return {"Authorization": next(tokens)}

    async with serve_endpoint(json_answer(GOOD)) as endpoint:
        authorize = authorizer(endpoint, headers=headers)
        await authorize(CHANNEL, "12.34")
        await authorize(CHANNEL, "12.34")
    assert [request.headers["authorization"] for request in endpoint.requests] == ["first", "second"]


async def test_error_of_a_callable_comes_out_as_it_is() -> None:
    """What the caller's own code raises is the caller's, a TimeoutError included (6.3)."""

    async def headers() -> dict[str, str]:
        raise TimeoutError("no token")

    async with serve_endpoint(json_answer(GOOD)) as endpoint:
        with pytest.raises(TimeoutError, match="no token"):
            await authorizer(endpoint, headers=headers)(CHANNEL, "12.34")
    assert endpoint.requests == []


async def test_a_callable_that_hangs_is_timed_out() -> None:
    """The timeout covers the callables too (6.3)."""

    async def headers() -> dict[str, str]:
        await asyncio.Event().wait()
        raise AssertionError

    async with serve_endpoint(json_answer(GOOD)) as endpoint:
        error = await ask(endpoint, headers=headers, timeout=0.05)
    assert isinstance(error, TimeoutError)


# -- the answer ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", ["200 OK", "201 Created"])
async def test_success(status: str) -> None:
    """Status 200 and 201 are success (6.5)."""
    async with serve_endpoint(json_answer(GOOD, status)) as endpoint:
        assert (await authorizer(endpoint)(CHANNEL, "12.34")).auth == GOOD["auth"]


@pytest.mark.parametrize(
    ("status", "words"),
    [(status, "the endpoint failed") for status in (202, 205, 206, 500, 502, 503, 504, 599)]
    + [(status, "the endpoint refused") for status in (400, 401, 403, 404, 405, 408, 410, 413, 418, 422, 425, 429, 451)]
    + [(status, "redirects are never followed") for status in (300, 301, 302, 303, 305, 307, 308)],
)
async def test_every_other_status_is_an_error(status: int, words: str) -> None:
    """Any other status is an AuthorizationError that has it, whatever the body says (6.5, R3)."""
    async with serve_endpoint(json_answer(GOOD, f"{status} Canary")) as endpoint:
        error = await ask(endpoint)
    assert isinstance(error, AuthorizationError)
    assert (error.channel, error.status, error.retry_after) == (CHANNEL, status, None)
    assert words in str(error)


async def test_retry_after() -> None:
    """A Retry-After of the endpoint is handed on in seconds (R3)."""
    async with serve_endpoint(json_answer({}, "503 Later", retry_after="7")) as endpoint:
        error = await ask(endpoint)
    assert isinstance(error, AuthorizationError)
    assert error.retry_after == 7.0


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_redirects_reach_nobody(status: int) -> None:
    """A redirect is an error, and its target gets no request and no connection (C4)."""
    async with (
        serve_endpoint(json_answer(GOOD)) as target,
        serve_endpoint(json_answer(GOOD, f"{status} Moved", location=target.url)) as endpoint,
    ):
        error = await ask(endpoint)
    assert isinstance(error, AuthorizationError)
    assert error.status == status
    assert (target.connections, len(endpoint.requests)) == (0, 1)


async def test_redirects_to_anywhere_are_not_followed() -> None:
    """Nor does one to the same origin lead to a second request, on which the form could go another way (C4)."""
    async with serve_endpoint(json_answer(GOOD)) as endpoint:
        authorize = authorizer(endpoint)
        for status in (300, 301, 302, 303, 304, 305, 307, 308):
            for where in ("/other", "//localhost/auth", "?again", "https://127.0.0.1/auth", ""):
                endpoint.script = answer(f"{status} Moved", location=where)
                endpoint.requests.clear()
                with pytest.raises(AuthorizationError) as caught:
                    await authorize(CHANNEL, "12.34")
                assert caught.value.status == status
                assert len(endpoint.requests) == 1


async def test_no_credentials_come_from_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A .netrc for the endpoint's host is not read (C4)."""
    netrc = tmp_path / ".netrc"
    netrc.write_text("machine 127.0.0.1 login user password canary\ndefault login user password canary\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("HOME", str(tmp_path))
    async with serve_endpoint(json_answer(GOOD)) as endpoint:
        await authorizer(endpoint, headers=None)(CHANNEL, "12.34")
    assert "authorization" not in endpoint.requests[0].headers


BAD_ANSWERS: list[tuple[bytes, str]] = [
    (b"", "not JSON"),
    (b"<html>canary-signature-4713</html>", "not JSON"),
    (b'{"auth": "key:canary-signature-4713"', "not JSON"),
    (b'{"auth": "\\ud800"}', "not JSON"),
    (b'{"auth": "\xff"}', "not JSON"),
    (b"[" * 60_000, "not JSON"),
    (b"null", "not a JSON object"),
    (b'"canary-signature-4713"', "not a JSON object"),
    (b'["canary-signature-4713"]', "not a JSON object"),
    (b"{}", "'auth'"),
    (b'{"auth": null}', "'auth'"),
    (b'{"auth": ""}', "'auth'"),
    (b'{"auth": ["canary-signature-4713"]}', "'auth'"),
    (b'{"auth": "key:canary-signature-4713", "channel_data": {}}', "'channel_data'"),
    (b'{"auth": "key:canary-signature-4713", "shared_secret": 5}', "'shared_secret' is not a string"),
    (b'{"auth": "key:canary-signature-4713", "shared_secret": "canary-signature-4713"}', "canonical base64"),
    (b'{"auth": "key:canary-signature-4713", "shared_secret": "Y2FuYXJ5"}', "6 bytes, not 32"),
]


@pytest.mark.parametrize(("body", "words"), BAD_ANSWERS)
async def test_an_answer_that_cannot_be_used(body: bytes, words: str) -> None:
    """A success without a usable object is an AuthorizationError that says what is wrong (6.1, R3)."""
    async with serve_endpoint(answer(body=body)) as endpoint:
        error = await ask(endpoint)
    assert isinstance(error, AuthorizationError)
    assert words in str(error)
    assert (error.channel, error.status) == (CHANNEL, 200)
    assert SIGNATURE not in texts_of_error(error, __file__)


@pytest.mark.parametrize("coding", ["gzip", "GZIP", "deflate", "br", "identity, gzip", "x"])
async def test_a_compressed_answer_is_not_inflated(coding: str) -> None:
    """What was not asked for is refused before a byte of it is read, so that no bomb goes off (C4)."""
    bomb = gzip.compress(b" " * 50_000_000)
    async with serve_endpoint(answer(body=bomb, content_encoding=coding)) as endpoint:
        error = await ask(endpoint)
    assert "compressed" in str(error)


async def test_the_identity_coding_is_plain() -> None:
    """An answer that says it is not compressed is read (C4)."""
    async with serve_endpoint(json_answer(GOOD, content_encoding=" Identity ")) as endpoint:
        assert (await authorizer(endpoint)(CHANNEL, "12.34")).auth == GOOD["auth"]


async def test_the_longest_answer() -> None:
    """64 KiB are read; one byte more is refused (C4)."""
    padding = b" " * (64 * 1024 - len(GOOD_BODY))
    async with serve_endpoint(answer(body=GOOD_BODY + padding)) as endpoint:
        assert (await authorizer(endpoint)(CHANNEL, "12.34")).auth == GOOD["auth"]
        endpoint.script = answer(body=GOOD_BODY + padding + b" ")
        assert "longer than 65536 bytes" in str(await ask(endpoint))


@pytest.mark.parametrize("script", [answer(body=GOOD_BODY + b" " * 10_000_000), endless], ids=["10 MB", "endless"])
async def test_a_huge_answer(script: Script) -> None:
    """A huge or endless answer is refused at the cap, and its connection closed (C4, R6)."""
    async with serve_endpoint(script) as endpoint:
        assert "longer than 65536 bytes" in str(await ask(endpoint))


def chunked(*chunks: bytes, head: str = "") -> Script:
    """Return a script that answers these chunks."""
    body = b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks)

    async def script(_request: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(f"HTTP/1.1 200 OK\r\n{head}Transfer-Encoding: chunked\r\n\r\n".encode() + body + b"0\r\n\r\n")

    return script


async def test_the_longest_answer_in_chunks() -> None:
    """The limit counts what comes, and not what a header says of it (C4)."""
    rest = b" " * (64 * 1024 - len(GOOD_BODY))
    async with serve_endpoint(chunked(GOOD_BODY, rest)) as endpoint:
        assert (await authorizer(endpoint)(CHANNEL, "12.34")).auth == GOOD["auth"]
        endpoint.script = chunked(GOOD_BODY, rest, b" ")
        assert "longer than 65536 bytes" in str(await ask(endpoint))
        endpoint.script = chunked(*([b" " * 16] * 4_097))
        assert "longer than 65536 bytes" in str(await ask(endpoint))


@pytest.mark.parametrize(
    ("length", "outcome"),
    [
        ("10", AuthorizationError),  # what follows is not the answer's any more, and half of JSON is none
        ("0", AuthorizationError),
        ("100000000000", ConnectionError),  # and then it hangs up
        ("-1", ConnectionError),
        ("one", ConnectionError),
        (f"{len(GOOD_BODY)}, {len(GOOD_BODY) + 1}", ConnectionError),
    ],
)
async def test_a_length_that_lies(length: str, outcome: type[Exception]) -> None:
    """Nothing is made of the rest, and no secret of either part is shown (C4, C3)."""

    async def script(_request: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(f"HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n".encode() + GOOD_BODY)
        writer.close()

    async with serve_endpoint(script) as endpoint:
        error = await ask(endpoint)
    assert isinstance(error, outcome)
    assert SIGNATURE not in texts_of_error(error, __file__)


async def test_what_is_compressed_in_secret_is_not_json() -> None:
    """Bytes that are compressed without a word of it are not inflated either (C4)."""
    async with serve_endpoint(answer(body=gzip.compress(GOOD_BODY))) as endpoint:
        assert "not JSON" in str(await ask(endpoint))


def bomb(*pieces: bytes) -> Script:
    """Return a script that sends the last piece for ever."""

    async def script(_request: Received, writer: asyncio.StreamWriter) -> None:
        for piece in pieces:
            writer.write(piece)
        while True:
            writer.write(pieces[-1] * 100)
            await writer.drain()

    return script


BOMBS: dict[str, Script] = {
    "one header": bomb(b"HTTP/1.1 200 OK\r\nX: ", b"x" * 1000),
    "many headers": bomb(b"HTTP/1.1 200 OK\r\n", b"X: 1\r\n" * 100),
    "a status line": bomb(b"HTTP/1.1 200 ", b"O" * 1000),
    "a trailer": bomb(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", b"X: 1\r\n" * 100),
    "the length of a chunk": bomb(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1", b"0" * 1000),
    "early hints": bomb(b"HTTP/1.1 103 Early Hints\r\n\r\n"),
}


@pytest.mark.parametrize("script", BOMBS.values(), ids=BOMBS)
async def test_what_comes_beside_a_body_is_bounded_too(script: Script) -> None:
    """Headers, trailers and what precedes an answer are cut off, by their size or by the timeout (C4, R6)."""
    tracemalloc.start()
    try:
        async with serve_endpoint(script) as endpoint:
            error = await ask(endpoint, timeout=0.3)
        assert isinstance(error, OSError)
        assert tracemalloc.get_traced_memory()[1] < 5_000_000
    finally:
        tracemalloc.stop()


# -- the connection -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("script", [hang, drip, drip_head])
async def test_the_timeout_bounds_everything(script: Script) -> None:
    """An endpoint that hangs, or drips bytes for ever, costs the timeout and no more (6.3, C4)."""
    async with serve_endpoint(script) as endpoint:
        error = await ask(endpoint, timeout=0.2)
    assert isinstance(error, TimeoutError)
    assert str(error).startswith(f"http://127.0.0.1:{endpoint.port}: ")


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
    assert str(error).startswith(f"http://127.0.0.1:{endpoint.port}: cannot connect: ")


class TimedOut(httpx.AsyncBaseTransport):
    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        raise httpx.ReadTimeout(TOKEN, request=request)


async def test_a_step_that_takes_too_long() -> None:
    """A time-out of the transport is a TimeoutError like our own (6.5)."""
    authorize = HTTPAuthorizer("https://example.com/", headers={"X": TOKEN}, transport=TimedOut())
    with pytest.raises(TimeoutError, match="took too long") as caught:
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
    assert authorize._sessions == {}


# -- TLS, localhost and proxies -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("url", "loaded"), [("https://example.com/auth", True), ("http://127.0.0.1/auth", False)])
def test_authorities_are_loaded_where_there_is_tls(url: str, loaded: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Loading them takes longer than a test of a user's should."""
    loads: list[ssl.SSLContext] = []

    def load() -> ssl.SSLContext:
        loads.append(ssl.create_default_context())
        return loads[-1]

    monkeypatch.setattr(endpoint_module, "create_default_context", load)
    HTTPAuthorizer(url)
    assert bool(loads) is loaded


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
    assert "CERTIFICATE_VERIFY_FAILED" in str(error)
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
    """A proxy's credentials are sent to the proxy, to nobody else and into no log (C3)."""
    caplog.set_level(1)
    async with serve_proxy() as (proxy, heads), serve_endpoint(json_answer(GOOD), ssl=server_ssl) as endpoint:
        await authorizer(endpoint, ssl=client_ssl, proxy=f"http://user:{PARAM}@{proxy}")(CHANNEL, "12.34")
    assert "proxy-authorization: basic " in heads[0].lower()
    assert "proxy-authorization" not in endpoint.requests[0].headers
    assert PARAM not in caplog.text


async def test_a_malformed_proxy_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is an error at the first request, without its password (C3)."""
    monkeypatch.setenv("https_proxy", f"gopher://user:{PARAM}@proxy:70")
    with pytest.raises(ValueError, match="a proxy is given as") as caught:
        await HTTPAuthorizer("https://example.com/", headers={"X": TOKEN})(CHANNEL, "12.34")
    shown = texts_of_error(caught.value, __file__)
    assert PARAM not in shown
    assert TOKEN not in shown


# -- opening, sharing and closing ---------------------------------------------------------------------------------


async def test_without_a_client_nothing_stays_open() -> None:
    """Called directly, each request opens a connection and closes it (R6)."""
    async with serve_endpoint(json_answer(GOOD)) as endpoint:
        authorize = authorizer(endpoint)
        await authorize(CHANNEL, "12.34")
        await authorize(CHANNEL, "12.34")
        assert endpoint.connections == 2
        assert authorize._sessions == {}


async def test_two_clients_share_and_the_last_one_closes() -> None:
    """Connections stay open while any client is attached, and are closed with the last (6.3, R6)."""
    async with serve_endpoint(json_answer(GOOD)) as endpoint:
        authorize = authorizer(endpoint)
        authorize.attach()
        authorize.attach()
        await authorize(CHANNEL, "12.34")
        await authorize.detach()
        await authorize(CHANNEL, "12.34")
        assert (endpoint.connections, endpoint.open_connections) == (1, 1)
        await authorize.detach()
        await endpoint.all_closed()
        authorize.attach()
        await authorize(CHANNEL, "12.34")
        await authorize.detach()
        assert endpoint.connections == 2


async def test_a_client_that_leaves_does_not_cut_a_request() -> None:
    """A request that still runs when the last client leaves is finished, then the connection closed (R6)."""
    asked, go_on = asyncio.Event(), asyncio.Event()

    async def script(request: Received, writer: asyncio.StreamWriter) -> None:
        asked.set()
        await go_on.wait()
        await json_answer(GOOD)(request, writer)

    async with serve_endpoint(script) as endpoint:
        authorize = authorizer(endpoint)
        authorize.attach()
        task = asyncio.ensure_future(authorize(CHANNEL, "12.34"))
        await asked.wait()
        await authorize.detach()
        go_on.set()
        assert (await task).auth == GOOD["auth"]
        assert authorize._sessions == {}


async def test_detach_without_attach() -> None:
    """A detach too many is a mistake of the caller."""
    with pytest.raises(RuntimeError, match="without attach"):
        await HTTPAuthorizer("https://example.com/").detach()


async def test_attaching_alone_opens_nothing() -> None:
    """A client that needs no authorization costs no connection (6.3)."""
    async with serve_endpoint(json_answer(GOOD)) as endpoint:
        authorize = authorizer(endpoint)
        authorize.attach()
        await authorize.detach()
    assert endpoint.connections == 0


async def test_many_at_once() -> None:
    """Concurrent requests of one authorizer get their own answers (6.3)."""

    async def script(request: Received, writer: asyncio.StreamWriter) -> None:
        name = request.body.split("channel_name=")[1].split("&", maxsplit=1)[0]
        await asyncio.sleep(0)
        await json_answer({"auth": f"key:{name}"})(request, writer)

    async with serve_endpoint(script) as endpoint:
        authorize = authorizer(endpoint)
        authorize.attach()
        names = [f"private-{number}" for number in range(50)]
        answers = await asyncio.gather(*(authorize(name, "12.34") for name in names))
        await authorize.detach()
    assert [each.auth for each in answers] == [f"key:{name}" for name in names]


def test_another_event_loop() -> None:
    """The same authorizer works in one event loop after another, even if the first was left without a word (6.3)."""
    holder: list[HTTPAuthorizer] = []

    async def use(*, leave: bool) -> None:
        async with serve_endpoint(json_answer(GOOD)) as endpoint:
            if not holder:
                holder.append(HTTPAuthorizer("https://example.com/auth"))
            authorize = holder[0]
            authorize._origin.url = httpx.URL(endpoint.url)
            authorize._request._url = httpx.URL(endpoint.url)
            authorize.attach()
            assert (await authorize(CHANNEL, "12.34")).auth == GOOD["auth"]
            if leave:
                session = authorize._sessions[asyncio.get_running_loop()]
                assert session.pool is not None
                await session.pool.transport.aclose()
            else:
                await authorize.detach()

    asyncio.run(use(leave=True))
    asyncio.run(use(leave=False))
    assert holder[0]._sessions == {}


async def test_the_callers_transport_stays_open() -> None:
    """A transport that was given is used as it is, and closing it is its owner's (6.3)."""
    closed: list[str] = []

    class Transport(httpx.MockTransport):
        async def aclose(self) -> None:
            closed.append("closed")

    authorize = HTTPAuthorizer(
        "https://example.com/auth", transport=Transport(lambda _request: httpx.Response(200, json=GOOD))
    )
    authorize.attach()
    assert (await authorize(CHANNEL, "12.34")).auth == GOOD["auth"]
    await authorize.detach()
    assert closed == []


async def test_an_assertion_in_the_callers_transport() -> None:
    """What a test's own transport raises is the test's, not a passing trouble (6.3)."""

    def handle(_request: httpx.Request) -> httpx.Response:
        raise AssertionError("not what I expected")

    with pytest.raises(AssertionError, match="not what I expected"):
        await HTTPAuthorizer("https://example.com/auth", transport=httpx.MockTransport(handle))(CHANNEL, "12.34")


async def test_no_secret_in_what_passes_through() -> None:
    """An error that nobody expected comes out as it is, and the frames it went through show no secret (C3)."""

    def handle(_request: httpx.Request) -> httpx.Response:
        raise LookupError("not what I expected")

    authorize = HTTPAuthorizer(
        "https://example.com/secret-path?q=canary-query",
        headers={"Authorization": f"Bearer {TOKEN}"},
        params={"token": PARAM},
        transport=httpx.MockTransport(handle),
    )
    with pytest.raises(LookupError) as caught:
        await authorize(CHANNEL, "12.34")
    shown = texts_of_chain(caught.value, __file__)
    assert not [canary for canary in (*CANARIES, "secret-path") if canary in shown]


# -- mistakes of the caller ---------------------------------------------------------------------------------------


def unverified() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname = False
    return context


def trusting() -> ssl.SSLContext:
    context = unverified()
    context.verify_mode = ssl.CERT_NONE
    return context


@pytest.mark.parametrize(
    ("options", "error", "cure"),
    [
        ({"url": "http://example.com/"}, ValueError, "allow_insecure=True"),
        ({"url": f"https://user:{TOKEN}@example.com/"}, ValueError, "headers="),
        ({"url": None}, TypeError, "url is a string"),
        ({"headers": {"X": f"{TOKEN}\n"}}, ValueError, "header X"),
        ({"headers": f"X: {TOKEN}"}, TypeError, "headers is a mapping"),
        ({"params": {"channel_name": TOKEN}}, ValueError, "channel_name"),
        ({"ssl": False}, ValueError, "cafile="),
        ({"ssl": "ca.pem"}, TypeError, "SSLContext"),
        ({"ssl": unverified()}, ValueError, "check_hostname"),
        ({"ssl": trusting()}, ValueError, "CERT_REQUIRED"),
        ({"proxy": f"gopher://user:{TOKEN}@proxy"}, ValueError, "http://host:port"),
        ({"proxy": 3128}, TypeError, "http://host:port"),
        ({"timeout": 0}, ValueError, "positive"),
        ({"timeout": -1.0}, ValueError, "positive"),
        ({"timeout": float("nan")}, ValueError, "positive"),
        ({"timeout": float("inf")}, ValueError, "positive"),
        ({"timeout": "10"}, TypeError, "number of seconds"),
        ({"timeout": True}, TypeError, "number of seconds"),
        ({"transport": httpx.AsyncClient}, TypeError, "AsyncBaseTransport"),
    ],
)
def test_mistakes_are_found_at_construction(options: dict[str, Any], error: type[Exception], cure: str) -> None:
    """What cannot work is refused at once, with the cure and without any secret (C3)."""
    arguments: dict[str, Any] = {
        "url": "https://example.com/",
        "headers": {"Authorization": TOKEN},
        "params": {"token": PARAM},
        "proxy": f"http://user:{PARAM}@proxy:3128",
        **options,
    }
    with pytest.raises(error, match=cure) as caught:
        HTTPAuthorizer(**arguments)
    shown = texts_of_error(caught.value, __file__)
    assert TOKEN not in shown
    assert PARAM not in shown


def test_whole_numbers_of_seconds() -> None:
    """A timeout may be whole."""
    HTTPAuthorizer("https://example.com/", timeout=5)


@pytest.mark.parametrize("name", ["bad name", "", "private-x::user::y"])
async def test_malformed_names_are_not_asked_for(name: str) -> None:
    """A name that no server accepts is the caller's mistake, and asks nobody (5.2)."""
    async with serve_endpoint(json_answer(GOOD)) as endpoint:
        with pytest.raises(ValueError, match="channel name"):
            await authorizer(endpoint)(name, "12.34")
        with pytest.raises(ValueError, match="socket id"):
            await authorizer(endpoint)(CHANNEL, "12.34&channel_name=private-y")
    assert endpoint.requests == []


# -- secrets ------------------------------------------------------------------------------------------------------


def test_repr_and_pickle() -> None:
    """An authorizer shows its origin only, and is not pickled (C3)."""
    authorize = HTTPAuthorizer(
        "https://example.com:8443/secret-path?q=canary-query", headers={"X": TOKEN}, params={"y": PARAM}
    )
    assert repr(authorize) == str(authorize) == "HTTPAuthorizer('https://example.com:8443')"
    with pytest.raises(TypeError, match="not pickled"):
        pickle.dumps(authorize)


SCRIPTS: dict[str, Script] = {
    "ok": json_answer(GOOD, set_cookie=f"token={TOKEN}", x_echo=f"Bearer {TOKEN}"),
    "refused": json_answer(GOOD, "403 Forbidden", x_echo=f"Bearer {TOKEN}"),
    "failed": json_answer(GOOD, f"500 {TOKEN}"),
    "redirect": json_answer(GOOD, "302 Found", location=f"http://127.0.0.1:1/?{PARAM}"),
    "compressed": json_answer(GOOD, content_encoding="gzip"),
    "too long": answer(body=GOOD_BODY + b" " * 70_000),
    "html": answer(body=b"<html>" + GOOD_BODY),
    "list": json_answer([GOOD]),
    "bad secret": json_answer({"auth": f"key:{SIGNATURE}", "shared_secret": SHARED_SECRET + "="}),
    "bad data": json_answer({**GOOD, "channel_data": [TOKEN]}),
    "no auth": json_answer({"shared_secret": SHARED_SECRET}),
    "hang": hang,
    "reset": reset,
    "half": half,
    "no http": no_http,
    "bad chunk": bad_chunk,
    "bad header": bad_header,
}


@pytest.mark.parametrize("case", SCRIPTS)
@pytest.mark.parametrize("attached", [False, True])
async def test_no_secret_in_any_error_or_log(case: str, attached: bool, caplog: pytest.LogCaptureFixture) -> None:
    """Whatever the endpoint does, no secret is in an error, its frames, or any log at any level (C3)."""
    caplog.set_level(1)
    async with serve_endpoint(SCRIPTS[case]) as endpoint:
        authorize = authorizer(endpoint, timeout=0.2 if case == "hang" else 10)
        if attached:
            authorize.attach()
        try:
            shown = repr(await authorize(CHANNEL, "12.34"))
        except (AuthorizationError, OSError) as error:
            shown = texts_of_error(error, __file__)
        if attached:
            await authorize.detach()
    assert (case == "ok") == (shown == "ChannelAuthorization()")
    assert any(record.name.startswith("httpcore") for record in caplog.records), "nothing was captured"
    for canary in CANARIES:
        assert canary not in shown
        assert canary not in caplog.text


@pytest.mark.parametrize("script", [hang, drip, drip_head])
async def test_no_secret_in_a_cancellation(script: Script) -> None:
    """A time-out of the caller's own has the cancellation as its cause, whose frames show nothing either (C3)."""
    limit = asyncio.timeout(None)

    async def soon(request: Received, writer: asyncio.StreamWriter) -> None:
        limit.reschedule(asyncio.get_running_loop().time() + 0.02)
        await script(request, writer)

    async with serve_endpoint(soon) as endpoint:
        with pytest.raises(TimeoutError) as caught:
            async with limit:
                await authorizer(endpoint)(CHANNEL, "12.34")
    assert isinstance(caught.value.__cause__, asyncio.CancelledError)
    shown = texts_of_chain(caught.value, __file__)
    assert not [canary for canary in CANARIES if canary in shown]


async def test_foreign_loggers_are_left_alone() -> None:
    """The loggers of httpx and httpcore keep their levels, handlers and filters (C3)."""
    names = ("httpx", "httpcore", "httpcore.connection", "httpcore.http11", "asyncio")

    def settings() -> list[object]:
        loggers = [logging.getLogger(name) for name in names]
        return [(each.level, each.disabled, each.propagate, *each.handlers, *each.filters) for each in loggers]

    before = settings()
    async with serve_endpoint(json_answer(GOOD)) as endpoint:
        await authorizer(endpoint)(CHANNEL, "12.34")
    assert settings() == before


async def test_no_secret_in_the_error_of_a_callable(caplog: pytest.LogCaptureFixture) -> None:
    """An error of the params' callable shows nothing of the headers evaluated before it (C3)."""
    caplog.set_level(1)

    def params() -> dict[str, str]:
        raise LookupError("no user")

    async with serve_endpoint(json_answer(GOOD)) as endpoint:
        with pytest.raises(LookupError) as caught:
            await authorizer(endpoint, params=params)(CHANNEL, "12.34")
    shown = texts_of_error(caught.value, __file__)
    assert TOKEN not in shown + caplog.text


async def test_the_same_error_twice_is_two_errors() -> None:
    """Each failure is an error of its own, so that no traceback grows over time (R6)."""
    async with serve_endpoint(json_answer({}, "403 No")) as endpoint:
        first, second = await ask(endpoint), await ask(endpoint)
    assert first is not second
    assert first.__traceback__ is not None


async def test_cancelled_requests_leave_no_connection_in_use() -> None:
    """Wherever one is cancelled, also beside others that go on; httpx itself would lose connections for good (R6)."""
    held = asyncio.Event()

    async def script(request: Received, writer: asyncio.StreamWriter) -> None:
        if "private-slow" in request.body:
            await held.wait()
        await json_answer({"auth": "key:x"})(request, writer)

    async with serve_endpoint(script) as endpoint:
        authorize = HTTPAuthorizer(endpoint.url, timeout=60)
        authorize.attach()
        slow = asyncio.ensure_future(authorize("private-slow", "12.34"))
        for steps in range(40):
            asking = [asyncio.ensure_future(authorize(name, "12.34")) for name in ("private-a", "private-b")]
            for _ in range(steps):
                await asyncio.sleep(0)
            for each in asking:
                each.cancel()
            await asyncio.wait(asking)
        held.set()
        assert (await slow).auth == "key:x"
        async with asyncio.timeout(10):
            while endpoint.open_connections > 2:  # those that the last two requests may use again
                await asyncio.sleep(0.001)
        await authorize.detach()
        assert authorize._sessions == {}
