"""One WebSocket: opened, read, written and closed, over real sockets."""

from __future__ import annotations

import asyncio
import http
import logging
import ssl
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Literal

import pytest
import trustme
from websockets.asyncio.server import ServerConnection
from websockets.http11 import Request, Response

from pusher_client.protocol.reconnect import OpenFailure
from pusher_client.transport.websocket import OpenError, WebSocket, read_proxy
from tests.support.canaries import texts_of_error
from tests.support.listening_port import listening, refused_port
from tests.support.real.wiretap import proxied
from tests.support.scripted_server import Scripted, scripted

BINARY = b""
"""What stands for a binary message, whose content is of no interest."""


class Read:
    """An open WebSocket whose messages are received one by one, which is how a test is written best."""

    def __init__(self, websocket: WebSocket) -> None:
        self.websocket = websocket
        self.send = websocket.send
        self._messages: asyncio.Queue[str | bytes | None] = asyncio.Queue()
        self._task = asyncio.ensure_future(self._read())

    async def _read(self) -> None:
        await self.websocket.read(lambda text: self._messages.put_nowait(BINARY if text is None else text))
        self._messages.put_nowait(None)

    async def receive(self) -> str | bytes | None:
        """Return the next message, or None at the end."""
        return await self._messages.get()

    @property
    def ending(self) -> tuple[int | None, str]:
        """With which code and words it was closed."""
        return self.websocket.close_code, self.websocket.close_reason

    async def close(self) -> None:
        """Close, and see the reading end with that."""
        await self.websocket.close()
        await self._task


async def opened(
    port: int,
    *,
    scheme: str = "ws",
    tls: ssl.SSLContext | bool = False,
    proxy: str | Literal[True] | None = None,
    max_message_size: int = 1000,
) -> Read:
    url = f"{scheme}://127.0.0.1:{port}/app/KEY"
    return Read(await WebSocket.open(url, tls=tls, proxy=proxy, max_message_size=max_message_size))


async def failure(port: int, **options: Any) -> OpenError:
    with pytest.raises(OpenError) as caught:
        await opened(port, **options)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
    return caught.value


def answering(status: int, **headers: str) -> Callable[[ServerConnection, Request], Response]:
    def answer(connection: ServerConnection, _request: Request) -> Response:
        response = connection.respond(http.HTTPStatus(status), "no")
        for name, value in headers.items():
            response.headers[name] = value
        return response

    return answer


async def test_texts_go_both_ways_until_the_server_closes() -> None:
    """A WebSocket carries texts, and tells with which code and words it ended (protocol-notes 1.1)."""
    async with scripted() as peer:
        websocket = await opened(peer.port)
        assert "connection_established" in str(await websocket.receive())
        assert await websocket.send('{"event":"pusher:ping"}')
        assert await websocket.receive() == '{"event":"pusher:pong"}'
        await peer.sockets[0].send(b"binary")
        assert await websocket.receive() == BINARY
        await peer.sockets[0].close(4200, "later")
        assert await websocket.receive() is None
        assert not await websocket.send("{}")
        assert websocket.ending == (4200, "later")
        await websocket.close()


async def test_a_cut_has_no_code() -> None:
    """The code that stands for a broken connection was never on the wire, so it is none (R2)."""
    async with scripted() as peer:
        websocket = await opened(peer.port)
        await websocket.receive()
        peer.sockets[0].transport.abort()
        assert await websocket.receive() is None
        assert websocket.ending == (None, "")
        await websocket.close()


@pytest.mark.parametrize("breaking", ["too long", "no UTF-8"])
async def test_frames_that_break_websocket_itself_end_it(breaking: str) -> None:
    """A frame over max_message_size or with invalid UTF-8 closes, and is never handed on (R7, R8)."""
    async with scripted() as peer:
        websocket = await opened(peer.port)
        await websocket.receive()
        if breaking == "too long":
            await peer.sockets[0].send("x" * 1001)
        else:
            await peer.sockets[0].send(b"\xff\xfe", text=True)
        assert await websocket.receive() is None
        await websocket.close()


async def test_a_frame_of_the_largest_size_passes() -> None:
    """The limit is the largest size that is accepted (R6)."""
    async with scripted() as peer:
        websocket = await opened(peer.port)
        await websocket.receive()
        await peer.sockets[0].send("x" * 1000)
        assert await websocket.receive() == "x" * 1000
        await websocket.close()


@pytest.mark.parametrize("status", [300, 301, 302, 303, 304, 305, 307, 308])
@pytest.mark.parametrize("where", ["ws://127.0.0.1:{}/app/KEY", "http://127.0.0.1:{}/", "/other"])
async def test_no_redirect_is_followed(status: int, where: str) -> None:
    """The target of a redirect is never asked, on the same origin neither (C5)."""
    asked: list[str] = []
    async with scripted() as target:
        redirect = answering(status, Location=where.format(target.port))

        def answer(connection: ServerConnection, request: Request) -> Response:
            asked.append(request.path)
            return redirect(connection, request)

        async with scripted(process_request=answer) as peer:
            error = await failure(peer.port)
        assert (error.failure, error.status) == (OpenFailure.HTTP, status)
        assert (target.connects, asked) == (0, ["/app/KEY"])


async def test_no_redirect_leads_out_of_tls() -> None:
    """A server with TLS cannot send us on to one without, whatever it says beside (C5)."""
    authority = trustme.CA()
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(server)
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    async with scripted() as plain:
        headers = {"Location": f"ws://127.0.0.1:{plain.port}/app/KEY", "Strict-Transport-Security": "max-age=0"}
        async with scripted(ssl=server, process_request=answering(301, **headers)) as peer:
            error = await failure(peer.port, scheme="wss", tls=trusting)
        assert (error.failure, error.status) == (OpenFailure.HTTP, 301)
        assert plain.connects == 0


@pytest.mark.parametrize("status", [400, 401, 403, 404, 407, 429, 500, 503])
async def test_a_refusal_has_its_status(status: int) -> None:
    """What the server answered instead of the upgrade is told by its status alone (R2)."""
    async with scripted(process_request=answering(status, Secret="canary")) as peer:
        error = await failure(peer.port)
    assert (error.failure, error.status) == (OpenFailure.HTTP, status)
    assert error.reason == str(error) == f"the server refused the upgrade with HTTP {status}"


async def test_a_port_that_nobody_listens_on() -> None:
    """A refusal by the network may mend itself (R2)."""
    error = await failure(refused_port())
    assert (error.failure, error.status) == (OpenFailure.NETWORK, None)
    assert error.reason.startswith(("ConnectionRefusedError: ", "OSError: "))


@pytest.mark.parametrize("answer", [b"", b"nonsense\r\n\r\n", b"HTTP/1.1 101 Switching Protocols\r\n\r\n"])
async def test_a_server_that_speaks_no_websocket(answer: bytes) -> None:
    """Hanging up, or something else than an upgrade, counts as the network's failure (R2, R8)."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)

    async with listening(serve) as port:
        error = await failure(port)
    assert (error.failure, error.status) == (OpenFailure.NETWORK, None)
    assert "nonsense" not in error.reason


async def test_certificates() -> None:
    """An unknown authority and another name are told apart from the network's troubles (design.md 2, C5)."""
    authority = trustme.CA()
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(server)
    misnamed = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("other.example").configure_cert(misnamed)
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    async with scripted(ssl=server) as peer:
        websocket = await opened(peer.port, scheme="wss", tls=trusting)
        assert "connection_established" in str(await websocket.receive())
        await websocket.close()
        error = await failure(peer.port, scheme="wss", tls=True)
        assert (error.failure, error.status) == (OpenFailure.CERTIFICATE, None)
        assert error.reason.startswith("the certificate was refused: ")
    async with scripted(ssl=misnamed) as peer:
        error = await failure(peer.port, scheme="wss", tls=trusting)
        assert error.failure is OpenFailure.CERTIFICATE
    async with scripted() as peer:
        error = await failure(peer.port, scheme="wss", tls=trusting)
        assert error.failure is OpenFailure.NETWORK
        assert peer.connects == 0


@pytest.mark.parametrize(("status", "text"), [(407, b"407 Authenticate"), (502, b"502 Bad Gateway")])
async def test_a_proxy_that_refuses(status: int, text: bytes) -> None:
    """The status of the proxy decides whether trying again may help (design.md 2)."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 " + text + b"\r\nContent-Length: 0\r\n\r\n")

    async with listening(serve) as port:
        error = await failure(1, proxy=f"http://user:canary@127.0.0.1:{port}")
    assert (error.failure, error.status) == (OpenFailure.HTTP, status)
    assert "canary" not in error.reason


async def test_a_proxy_that_hangs_up() -> None:
    """A proxy that answers nothing has no status (R2)."""

    async def serve(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")

    async with listening(serve) as port:
        error = await failure(1, proxy=f"http://127.0.0.1:{port}")
    assert error.status is None
    assert error.failure in {OpenFailure.HTTP, OpenFailure.NETWORK}


async def test_a_proxy_that_serves() -> None:
    """The connection goes through a proxy that is given (design.md 2)."""
    asked: list[bytes] = []

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(4096):
                writer.write(data)
                await writer.drain()
            writer.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append((await reader.readuntil(b"\r\n\r\n")).split(b"\r\n")[0])
        host, _, port = asked[0].split()[1].decode().partition(":")
        there, back = await asyncio.open_connection(host, int(port))
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        await asyncio.gather(pump(reader, back), pump(there, writer))

    async with scripted() as peer, listening(serve) as port:
        websocket = await opened(peer.port, proxy=f"http://127.0.0.1:{port}")
        assert "connection_established" in str(await websocket.receive())
        await websocket.close()
        assert asked == [f"CONNECT 127.0.0.1:{peer.port} HTTP/1.1".encode()]


@pytest.mark.parametrize("scheme", ["socks5", "socks5h"])
async def test_a_socks_proxy_that_serves(scheme: str) -> None:
    """The connection goes through a SOCKS proxy, with the lowest versions too (design.md 7)."""
    async with scripted() as peer, proxied(scheme, "user", "password") as tap:
        websocket = await opened(peer.port, proxy=f"{scheme}://user:password@127.0.0.1:{tap.port}")
        assert "connection_established" in str(await websocket.receive())
        await websocket.close()
        assert len(tap.passages) == 1


@pytest.mark.parametrize("proxy", ["nonsense://x", "http://"])
async def test_a_proxy_that_cannot_be_used(proxy: str) -> None:
    """A malformed proxy will not mend itself (design.md 2)."""
    error = await failure(1, proxy=proxy)
    assert (error.failure, error.reason) == (OpenFailure.UNUSABLE, "the proxy cannot be used: InvalidProxy")


async def test_a_socks_proxy_without_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names the extra that it takes (design.md 2)."""

    async def connect_socks_proxy(*_args: object, **_options: object) -> None:
        raise ImportError("python-socks")

    monkeypatch.setattr("websockets.asyncio.client.connect_socks_proxy", connect_socks_proxy)
    error = await failure(1, proxy="socks5://127.0.0.1:1")
    assert (error.failure, error.status) == (OpenFailure.UNUSABLE, None)
    assert "pip install 'pusher-channels-client[socks]'" in error.reason


@pytest.mark.parametrize(
    ("scheme", "variable"),
    [("ws", "ws_proxy"), ("ws", "http_proxy"), ("ws", "all_proxy"), ("wss", "wss_proxy"), ("wss", "all_proxy")],
)
async def test_the_environment_s_proxy(scheme: str, variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each kind of connection has its variables, all_proxy among them; no_proxy takes hosts out (1.1)."""
    for name in ("ws", "wss", "http", "https", "socks", "all", "no"):
        monkeypatch.delenv(f"{name}_proxy", raising=False)
        monkeypatch.delenv(f"{name}_PROXY".upper(), raising=False)
    monkeypatch.setenv(variable, "nonsense://x")
    assert (await failure(1, scheme=scheme, tls=True, proxy=True)).failure is OpenFailure.UNUSABLE
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    assert (await failure(refused_port(), scheme=scheme, tls=True, proxy=True)).failure is OpenFailure.NETWORK


def test_what_a_proxy_may_be() -> None:
    """True is the environment's, a string a URL, None and False none, and all else a TypeError (design.md 2)."""
    assert read_proxy(proxy=True) is True
    assert read_proxy("http://a") == "http://a"
    assert read_proxy(None) is None
    assert read_proxy(proxy=False) is None
    with pytest.raises(TypeError, match="proxy"):
        read_proxy(1)


@pytest.mark.parametrize("address", ["", "canary", "canary:8080", "http://", "ftp://canary", "http://canary:x", "http://a:0",
                                     "http://[canary"])  # fmt: skip
def test_what_no_proxy_is(address: str) -> None:
    """A mistake is told at the call, with the cure and without the address, which may hold a password (C3)."""
    with pytest.raises(ValueError, match="'http://host:port'") as caught:
        read_proxy(address)
    assert "canary" not in texts_of_error(caught.value, __file__)


@pytest.mark.parametrize("scheme", ["http", "https", "socks5h", "socks5", "socks4a", "socks4"])
def test_every_kind_of_proxy(scheme: str) -> None:
    """What websockets offers is accepted, with a name and a password."""
    assert read_proxy(f"{scheme}://user:secret@[::1]:1080") == f"{scheme}://user:secret@[::1]:1080"


async def test_closing_does_not_wait_for_a_server_that_is_deaf() -> None:
    """What does not answer the closing handshake is cut off (R6)."""
    async with scripted() as peer:
        websocket = await opened(peer.port)
        await websocket.receive()
        deaf = peer.sockets[0]
        deaf.transport.pause_reading()
        async with asyncio.timeout(5):
            await websocket.close()
            assert await websocket.receive() is None
        deaf.transport.resume_reading()
        await deaf.wait_closed()


@pytest.mark.parametrize(
    ("frame", "code"),
    [(b"\x88\x04\x0f\xa1no", 4001), (b"\x81\x7e\x07\xd1", None)],
    ids=["a close frame", "a frame that is too large"],
)
async def test_a_server_that_closes_and_does_not_hang_up_is_cut_off(frame: bytes, code: int | None) -> None:
    """A fatal code, or an oversized frame, counts also where the TCP connection stays open after it (R1, R2, R7)."""
    async with scripted() as peer:
        websocket = await opened(peer.port)
        await websocket.receive()
        deaf = peer.sockets[0]
        deaf.transport.pause_reading()
        deaf.transport.write(frame)
        async with asyncio.timeout(5):
            assert await websocket.receive() is None
        assert websocket.ending[0] == code
        await websocket.close()
        deaf.transport.resume_reading()
        await deaf.wait_closed()


async def test_no_frame_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """Not at the lowest level either: frames carry signatures and payloads (C3)."""
    for name in ("", "pusher_client", "pusher_client.websocket", "websockets", "websockets.client"):
        caplog.set_level(1, logger=name)
    async with scripted() as peer:
        websocket = await opened(peer.port)
        await websocket.receive()
        await websocket.send('{"event":"canary"}')
        await peer.heard("canary")
        await peer.publish("canary", "canary", "canary")
        assert "canary" in str(await websocket.receive())
        await websocket.close()
    assert "canary" not in caplog.text
    assert [record for record in caplog.records if record.levelno < logging.WARNING] == [
        record for record in caplog.records if record.name == "asyncio"
    ]


async def test_peers_are_scripted() -> None:
    """The double itself: what it is told to say first, it says in place of the handshake."""
    async with scripted() as peer:
        peer.first = "first"
        websocket = await opened(peer.port)
        assert await websocket.receive() == "first"
        await websocket.close()
        assert isinstance(peer, Scripted)
