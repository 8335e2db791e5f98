"""Tunnels through proxies that misbehave; tests/integration/test_proxies.py has real ones."""

from __future__ import annotations

import asyncio
import ssl
from typing import Any

import pytest
import trustme

from pusher_client.protocol.reconnect import OpenFailure
from pusher_client.transport.open_error import OpenError
from pusher_client.transport.proxy import Proxy
from pusher_client.transport.tunnel import TunnelProtocol, connect_request, connect_socks
from tests.support.listening_port import listening
from tests.support.open_websocket import open_failure, open_reader
from tests.support.real.wiretap import proxied
from tests.support.scripted_server import scripted

Serve = Any


def answering(*answers: bytes, size: int = 4096) -> Serve:
    """Return a proxy that gives these answers to what it reads, and closes."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for answer in answers:
            await reader.read(size)
            writer.write(answer)
            await writer.drain()

    return serve


def test_the_request_for_a_tunnel() -> None:
    """An IPv6 address has brackets; credentials are sent as UTF-8 (RFC 9110 9.3.6, RFC 7617)."""
    plain = connect_request(Proxy("http", "p", 1), "::1", 443)
    assert plain == b"CONNECT [::1]:443 HTTP/1.1\r\nHost: [::1]:443\r\n\r\n"
    with_credentials = connect_request(Proxy("http", "p", 1, "é", "b"), "a", 1)
    assert b"\r\nProxy-Authorization: Basic w6k6Yg==\r\n" in with_credentials
    assert b"\r\nProxy-Authorization: Basic YTo=\r\n" in connect_request(Proxy("http", "p", 1, "a"), "a", 1)


@pytest.mark.parametrize("status", [301, 403, 407, 429, 502, 503, 504])
async def test_a_proxy_that_refuses(status: int) -> None:
    """The status of the proxy is named, and decides whether trying again may help (design.md 2)."""
    async with listening(answering(f"HTTP/1.1 {status} canary\r\n\r\n".encode())) as port:
        error = await open_failure(1, proxy=f"http://user:canary@127.0.0.1:{port}")
    assert (error.failure, error.status) == (OpenFailure.HTTP, status)
    assert error.reason == f"the proxy refused the tunnel with HTTP {status}"


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (b"", "the proxy closed the connection instead of opening a tunnel"),
        (b"HTTP/1.1 200", "the proxy closed the connection instead of opening a tunnel"),
        (b"nonsense\r\n\r\n", "the proxy answered something other than HTTP"),
        (b"\x05\xff", "the proxy answered something other than HTTP"),
        (b"\x15\x03\x03\x00\x02\x02\x46", "the proxy answered TLS"),
    ],
)
async def test_a_proxy_without_a_tunnel(answer: bytes, words: str) -> None:
    """The cause is named, and the attempt repeated (R2)."""
    async with listening(answering(answer)) as port:
        error = await open_failure(1, proxy=f"http://127.0.0.1:{port}")
    assert (error.failure, error.status) == (OpenFailure.NETWORK, None)
    assert error.reason.startswith(words)


@pytest.mark.parametrize("head", ["HTTP/1.1 200\r\n\r\n", "HTTP/1.0 200 OK\r\nVia: x\r\n\r\n", "HTTP/1.1 204 \r\n\r\n"])
@pytest.mark.parametrize("tls", [False, True])
async def test_a_tunnel_that_ends_before_the_handshake(
    head: str, *, tls: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """It is a lost connection: one cause, and nothing that asyncio reports as not retrieved (R2)."""
    async with listening(answering(head.encode())) as port:
        error = await open_failure(1, tls=tls, proxy=f"http://127.0.0.1:{port}")
    assert (error.failure, error.status) == (OpenFailure.NETWORK, None)
    assert "closed" in error.reason
    assert caplog.records == []


@pytest.mark.parametrize("when", ["at once", "after the answer", "a refusal", "nonsense"])
@pytest.mark.parametrize("inner", [False, True])
async def test_a_proxy_with_tls_that_ends(
    when: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, tmp_path: Any, *, inner: bool
) -> None:
    """Its own TLS connection is closed in every phase with one cause (R2, R6)."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(server)
    answers = {
        "at once": b"", "after the answer": b"HTTP/1.1 200 OK\r\n\r\n", "a refusal": b"HTTP/1.1 503 No\r\n\r\n",
        "nonsense": b"nonsense\r\n",
    }  # fmt: skip
    async with listening(answering(answers[when]), ssl=server) as port, asyncio.timeout(10):
        error = await open_failure(1, tls=inner, proxy=f"https://127.0.0.1:{port}")
    assert error.status == (503 if when == "a refusal" else None)
    assert ("closed" in error.reason) == (when in {"at once", "after the answer"})
    assert caplog.records == []


async def test_a_tunnel_that_was_given_up() -> None:
    """What comes after the answer, or after its end, changes nothing (R6)."""
    tunnel = TunnelProtocol(b"")
    tunnel.data_received(b"HTTP/1.1 2")
    tunnel.data_received(b"00 OK\r\n\r\n")
    tunnel.data_received(b"HTTP/1.1 500 No\r\n\r\n")
    tunnel.connection_lost(None)
    await tunnel.open
    broken = TunnelProtocol(b"")
    broken.connection_lost(ConnectionResetError())
    assert isinstance(broken.open.exception(), ConnectionResetError)


# -- SOCKS ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["socks5", "socks5h"])
async def test_a_socks_proxy_that_serves(scheme: str) -> None:
    """The connection goes through a SOCKS proxy, with the lowest versions too (design.md 7)."""
    async with scripted() as peer, proxied(scheme, "user", "password") as tap:
        websocket = await open_reader(peer.port, proxy=f"{scheme}://user:password@127.0.0.1:{tap.port}")
        assert "connection_established" in str(await websocket.receive())
        await websocket.close()
        assert len(tap.passages) == 1


@pytest.mark.parametrize("credentials", ["", "user:canary@"])
async def test_a_socks_proxy_without_a_method_of_ours(credentials: str) -> None:
    """It is as final as 407, and the methods that were offered are named (R2)."""
    async with listening(answering(b"\x05\xff")) as port:
        error = await open_failure(1, proxy=f"socks5://{credentials}127.0.0.1:{port}")
    assert error.failure is OpenFailure.UNUSABLE
    assert error.reason.startswith("the SOCKS proxy accepts none of our methods (")
    assert ("user and password" in error.reason) == bool(credentials)
    assert "canary" not in error.reason


async def test_a_socks_proxy_that_refuses_the_password() -> None:
    """It is as final as 407 (R2)."""
    async with listening(answering(b"\x05\x02", b"\x01\x01")) as port:
        error = await open_failure(1, proxy=f"socks5://user:canary@127.0.0.1:{port}")
    assert error.failure is OpenFailure.UNUSABLE
    assert error.reason.startswith("the SOCKS proxy refused user and password")


@pytest.mark.parametrize(
    ("answers", "words"),
    [
        ((b"",), "closed"),
        ((b"nonsense",), "the SOCKS proxy"),
        ((b"\x05\x00", b"\x05\x05\x00\x01\x00\x00\x00\x00\x00\x00"), "refused"),
        ((b"\x05\x00", b"\x05\x04\x00\x01\x00\x00\x00\x00\x00\x00"), "unreachable"),
        ((b"\x05\x00", b"nonsense"), "the SOCKS proxy"),
        ((b"\x05\x00", b"\x05\x00\x00\x09"), "the SOCKS proxy"),
    ],
)
async def test_a_socks_proxy_without_a_tunnel(answers: tuple[bytes, ...], words: str) -> None:
    """What the proxy answered is named in words, and the attempt repeated (R2)."""
    async with listening(answering(*answers)) as port:
        error = await open_failure(1, proxy=f"socks5://127.0.0.1:{port}")
    assert (error.failure, error.status) == (OpenFailure.NETWORK, None)
    assert words in error.reason.lower() or words in error.reason
    assert "nonsense" not in error.reason


async def test_a_socks_proxy_that_confuses_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the package raises is a failed attempt, without its words (R2, R8, C3)."""

    async def connect(*_arguments: Any) -> None:
        raise RuntimeError("canary")

    monkeypatch.setattr("python_socks.async_.asyncio.Proxy.connect", connect)
    error = await open_failure(1, proxy="socks5://127.0.0.1:1")
    assert error.failure is OpenFailure.NETWORK
    assert error.reason == "the SOCKS proxy closed the connection, or does not speak SOCKS"


async def test_a_socks_proxy_without_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names the extra to install (design.md 2)."""
    monkeypatch.setattr("pusher_client.transport.tunnel.find_spec", lambda _name: None)
    with pytest.raises(OpenError) as caught:
        await connect_socks(Proxy("socks5", "127.0.0.1", 1), "a", 1)
    assert caught.value.failure is OpenFailure.UNUSABLE
    assert "pip install 'pusher-channels-client[socks]'" in caught.value.reason
