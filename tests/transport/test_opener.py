"""WebSockets opened over real sockets, directly and through proxies, and what refuses them."""

from __future__ import annotations

import asyncio
import http
import ssl
from collections.abc import Callable
from contextlib import suppress

import pytest
import trustme
from websockets.asyncio.server import ServerConnection
from websockets.http11 import Request, Response

from pusher_client.protocol.reconnect import OpenFailure
from pusher_client.transport.address import Address
from pusher_client.transport.open_error import OpenError
from pusher_client.transport.opener import WebSocketOpener, _still_open
from tests.support.fake_transport import RecordingTransport
from tests.support.hanging_servers import Hang, hanging_servers
from tests.support.listening_port import listening, refused_port
from tests.support.open_websocket import open_failure, open_reader
from tests.support.real.wiretap import proxied
from tests.support.scripted_server import scripted


def answering(status: int, **headers: str) -> Callable[[ServerConnection, Request], Response]:
    def answer(connection: ServerConnection, _request: Request) -> Response:
        response = connection.respond(http.HTTPStatus(status), "no")
        for name, value in headers.items():
            response.headers[name] = value
        return response

    return answer


@pytest.mark.parametrize("status", [300, 301, 302, 303, 304, 305, 307, 308])
@pytest.mark.parametrize("where", ["ws://127.0.0.1:{}/app/KEY", "http://127.0.0.1:{}/", "/other"])
async def test_no_redirect_is_followed(status: int, where: str) -> None:
    """The target of a redirect is never asked, on the same origin neither (C5)."""
    asked: list[str] = []
    async with scripted() as target:
        redirect = answering(status, Location=where.format(target.port))

        def answer(connection: ServerConnection, request: Request) -> Response:
            asked.append(request.path.partition("?")[0])
            return redirect(connection, request)

        async with scripted(process_request=answer) as peer:
            error = await open_failure(peer.port)
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
            error = await open_failure(peer.port, tls=trusting)
        assert (error.failure, error.status) == (OpenFailure.HTTP, 301)
        assert plain.connects == 0


@pytest.mark.parametrize("status", [400, 401, 403, 404, 407, 429, 500, 503])
async def test_a_refusal_has_its_status(status: int) -> None:
    """What the server answered instead of the upgrade is shown by its status alone (R2)."""
    async with scripted(process_request=answering(status, Secret="canary")) as peer:
        error = await open_failure(peer.port)
    assert (error.failure, error.status) == (OpenFailure.HTTP, status)
    assert error.reason == str(error) == f"the server refused the upgrade with HTTP {status}"


async def test_a_port_that_nobody_listens_on() -> None:
    """A refusal by the network is retried, and has host and port (R2)."""
    port = refused_port()
    error = await open_failure(port)
    assert (error.failure, error.status) == (OpenFailure.NETWORK, None)
    assert error.reason.startswith("the connection was refused: ")
    assert error.reason.endswith(f"(connecting to 127.0.0.1:{port})")


@pytest.mark.parametrize("answer", [b"", b"nonsense\r\n\r\n", b"HTTP/1.1 101 Switching Protocols\r\n\r\n"])
async def test_a_server_that_speaks_no_websocket(answer: bytes) -> None:
    """Hanging up, or something else than an upgrade, counts as the network's failure (R2, R8)."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)

    async with listening(serve) as port:
        error = await open_failure(port)
    assert (error.failure, error.status) == (OpenFailure.NETWORK, None)
    assert "nonsense" not in error.reason


async def test_certificates() -> None:
    """An unknown authority and another name differ from the network's troubles (design.md 2, C5)."""
    authority = trustme.CA()
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(server)
    misnamed = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("other.example").configure_cert(misnamed)
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    async with scripted(ssl=server) as peer:
        websocket = await open_reader(peer.port, tls=trusting)
        assert "connection_established" in str(await websocket.receive())
        await websocket.close()
        error = await open_failure(peer.port, tls=True)
        assert (error.failure, error.status) == (OpenFailure.CERTIFICATE, None)
        assert error.reason.startswith("the certificate was refused: ")
    async with scripted(ssl=misnamed) as peer:
        error = await open_failure(peer.port, tls=trusting)
        assert error.failure is OpenFailure.CERTIFICATE
    async with scripted() as peer:
        error = await open_failure(peer.port, tls=trusting)
        assert error.failure is OpenFailure.NETWORK
        assert peer.connects == 0


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
        websocket = await open_reader(peer.port, proxy=f"http://127.0.0.1:{port}")
        assert "connection_established" in str(await websocket.receive())
        await websocket.close()
        assert asked == [f"CONNECT 127.0.0.1:{peer.port} HTTP/1.1".encode()]


@pytest.mark.parametrize("scheme", ["socks5", "socks5h"])
async def test_a_socks_proxy_that_serves(scheme: str) -> None:
    """The connection goes through a SOCKS proxy, with the lowest versions too (design.md 7)."""
    async with scripted() as peer, proxied(scheme, "user", "password") as tap:
        websocket = await open_reader(peer.port, proxy=f"{scheme}://user:password@127.0.0.1:{tap.port}")
        assert "connection_established" in str(await websocket.receive())
        await websocket.close()
        assert len(tap.passages) == 1


@pytest.mark.parametrize("scheme", ["http", "https", "socks5h"])
async def test_a_proxy_that_is_down(scheme: str) -> None:
    """The cause says that it is the proxy which does not answer (R2)."""
    port = refused_port()
    error = await open_failure(1, proxy=f"{scheme}://user:canary@127.0.0.1:{port}")
    assert error.failure is OpenFailure.NETWORK
    assert "proxy" in error.reason
    assert f"127.0.0.1:{port}" in error.reason
    assert "canary" not in error.reason


async def test_a_proxy_of_the_environment_that_cannot_be_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """The cause names the variable, and the attempt is final: another one would read the same (design.md 2)."""
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("ws_proxy", "http://user:canary@127.0.0.1:99999")
    error = await open_failure(1, proxy=True)
    assert error.failure is OpenFailure.UNUSABLE
    assert error.reason.startswith("ws_proxy has no valid host, or a port")
    assert "canary" not in error.reason


async def test_an_address_that_the_operating_system_refuses() -> None:
    """Whatever is raised while opening is a failed attempt with its cause (R2)."""

    def fail(phase: str) -> None:
        if phase.startswith("connecting"):
            raise UnicodeError("canary")

    opener = WebSocketOpener(proxy=None, max_message_size=1000)
    address = Address("KEY", cluster=None, host="127.0.0.1", port=1, path="", tls=False)
    with pytest.raises(OpenError, match=r"an unexpected UnicodeError in test_opener\.py") as caught:
        await opener.open(address, fail)
    assert caught.value.failure is OpenFailure.OPTION
    assert "canary" not in str(caught.value)


async def test_a_tunnel_that_ends_before_the_inner_tls_handshake() -> None:
    """Some event loops report a handshake without a transport, or with a closing one: it is a lost connection."""
    connection = RecordingTransport(asyncio.Protocol())
    assert _still_open(connection) is connection
    connection.aborted = True
    for transport in (None, connection):
        with pytest.raises(ConnectionResetError):
            _still_open(transport)


async def test_phases_are_named() -> None:
    """What is being done is known at every moment, with host and port."""
    phases: list[str] = []
    async with scripted() as peer:
        opener = WebSocketOpener(proxy=None, max_message_size=1000)
        address = Address("KEY", cluster=None, host="127.0.0.1", port=peer.port, path="", tls=False)
        websocket = await opener.open(address, phases.append)
        await websocket.close()
    assert phases == [
        f"preparing the connection to {address.place}",
        "resolving 127.0.0.1",
        f"connecting to {address.place}",
        f"WebSocket handshake with {address.place}",
    ]


async def test_the_tls_context_of_the_caller_and_the_default_one() -> None:
    """The default one is made once for all attempts (R1)."""
    opener = WebSocketOpener(proxy=None, max_message_size=1000)
    context = ssl.create_default_context()
    addresses = [
        Address("KEY", cluster=None, host="a.example", port=None, path="", tls=tls) for tls in (False, True, context)
    ]
    none, default, given = [await opener.context(address) for address in addresses]
    assert none is None
    assert given is context
    assert default is await opener.context(addresses[1])


@pytest.mark.parametrize("hang", list(Hang)[:3])
@pytest.mark.parametrize("tls", [False, True])
async def test_an_attempt_that_is_given_up_leaves_nothing_behind(hang: Hang, *, tls: bool) -> None:
    """Wherever it is: no task, socket or warning remains (R6)."""
    with hanging_servers() as ports:
        opening = asyncio.ensure_future(open_reader(ports[hang], tls=tls))
        await asyncio.sleep(0.05)
        opening.cancel()
        with pytest.raises((asyncio.CancelledError, OpenError)):
            await opening
