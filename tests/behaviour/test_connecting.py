"""Connecting: the first connection, what is final, what is retried, and who waits (R2)."""

from __future__ import annotations

import asyncio
import http
import logging
import ssl

import pytest
import trustme
from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request, Response

from pusher_client import (
    ConnectError,
    ConnectionState,
    NotConnectedError,
    PusherClient,
)
from tests.support.scripted_server import Scripted, scripted


async def test_connecting_and_disconnecting() -> None:
    """Both are idempotent, and the client can be used again, in another loop too (design.md 2)."""
    async with scripted() as peer:
        client = peer.client()
        assert client.state is ConnectionState.INITIALIZED
        await client.disconnect()
        async with client:
            await client.connect()
            assert client.socket_id == "1.1"
        assert client.state.value == "disconnected"
        await client.disconnect()
        await client.wait_closed()
        async with client:
            assert client.socket_id == "1.2"
        assert "disconnected" in repr(client)

        def elsewhere() -> str | None:
            async def run() -> str | None:
                async with client:
                    return client.socket_id

            return asyncio.run(run())

        assert await asyncio.to_thread(elsewhere) == "1.3"


@pytest.mark.parametrize("status", [301, 302, 307, 401, 403, 404])
async def test_refusals_at_the_upgrade_are_final(status: int) -> None:
    """They raise ConnectError with the status, and a redirect is never followed (design.md 2, C5)."""
    async with scripted() as target:

        def refuse(connection: ServerConnection, _request: Request) -> Response:
            response = connection.respond(http.HTTPStatus(status), "no")
            response.headers["Location"] = f"ws://127.0.0.1:{target.port}/app/KEY"
            return response

        async with scripted(process_request=refuse) as peer:
            client = peer.client()
            with pytest.raises(ConnectError) as caught:
                await client.connect()
            assert caught.value.code == status
            with pytest.raises(ConnectError):
                await client.wait_closed()
            with pytest.raises(NotConnectedError):
                await client.subscribe("orders")
        assert target.connects == 0


async def test_what_may_mend_itself_is_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    """A 503 is retried, each failure a WARNING with its cause (design.md 2)."""
    failures = 2

    def refuse(connection: ServerConnection, _request: Request) -> Response | None:
        nonlocal failures
        failures -= 1
        return connection.respond(http.HTTPStatus.SERVICE_UNAVAILABLE, "busy") if failures >= 0 else None

    async with scripted(process_request=refuse) as peer, peer.client() as client:
        assert client.state is ConnectionState.CONNECTED
    warnings = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert sum("503" in record.getMessage() for record in warnings) >= 2


async def test_a_refused_port_is_tried_again_until_it_serves(caplog: pytest.LogCaptureFixture) -> None:
    """Each attempt that failed is a WARNING; connect() returns when the server is there (design.md 2)."""
    async with scripted() as peer:
        port = peer.port
        client = peer.client()
    connecting = asyncio.ensure_future(client.connect())
    while "could not connect" not in caplog.text:
        await asyncio.sleep(0.001)
    late = Scripted()
    async with asyncio.timeout(20), serve(late.talk, "127.0.0.1", port):
        await connecting
        await client.disconnect()
    assert all(record.levelno >= logging.WARNING for record in caplog.records if "could not" in record.getMessage())


@pytest.mark.parametrize(("code", "words"), [(4000, "requires TLS: connect with tls=True"), (4001, "no such app")])
async def test_a_fatal_close_before_the_handshake(code: int, words: str) -> None:
    """connect() raises it with its code; 4000 on ws names the cure and never downgrades or upgrades (R2, C5)."""
    connects = 0

    async def close(socket: ServerConnection) -> None:
        nonlocal connects
        connects += 1
        await socket.close(code, "no such app")

    async with serve(close, "127.0.0.1", 0) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        client = PusherClient("KEY", host="127.0.0.1", port=port, tls=False)
        with pytest.raises(ConnectError, match=words) as caught:
            await client.connect()
        assert (caught.value.code, connects, client.state) == (code, 1, ConnectionState.FAILED)


async def test_a_fatal_close_code_ends_everything() -> None:
    """wait_closed raises it, streams raise it after their queue, later calls are refused (design.md 2, R2)."""
    async with scripted() as peer:
        async with peer.client() as client:
            orders = await client.subscribe("orders")
            await peer.publish("a", "orders", "1")
            assert (await anext(aiter(orders))).data == 1
            await peer.sockets[0].close(4001, "gone")
            with pytest.raises(ConnectError) as caught:
                await client.wait_closed()
            assert caught.value.code == 4001
            with pytest.raises(ConnectError):
                await anext(aiter(orders))
        assert client.state is ConnectionState.FAILED


async def test_refusals_after_the_first_connection_are_tried_again() -> None:
    """What worked once may work again: 401 is final only at first (R2)."""
    status: int | None = None

    def refuse(connection: ServerConnection, _request: Request) -> Response | None:
        nonlocal status
        answer = None if status is None else connection.respond(http.HTTPStatus(status), "")
        status = None
        return answer

    async with scripted(process_request=refuse) as peer, peer.client() as client:
        status = 401
        peer.sockets[0].transport.abort()
        await peer.connected(2)
        assert client.state in {ConnectionState.CONNECTING, ConnectionState.CONNECTED}


async def test_tls_with_a_private_authority() -> None:
    """An SSLContext that knows the authority connects; without it the certificate is a final error (design.md 2)."""
    authority = trustme.CA()
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(server)
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    async with scripted(ssl=server) as peer:
        async with peer.client(tls=trusting) as client:
            assert client.state is ConnectionState.CONNECTED
        with pytest.raises(ConnectError, match="certificate"):
            await peer.client(tls=True).connect()


async def test_a_proxy_that_cannot_be_used_is_final(monkeypatch: pytest.MonkeyPatch) -> None:
    """A malformed proxy will not mend itself: one that is given is refused at once (design.md 2)."""
    with pytest.raises(ValueError, match="a proxy is given as"):
        PusherClient("KEY", cluster="eu", proxy="nonsense://x")
    monkeypatch.setenv("http_proxy", "nonsense://x")
    for name in ("ws_proxy", "https_proxy", "no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    async with scripted() as peer:
        with pytest.raises(ConnectError, match="proxy"):
            await peer.client().connect()


async def test_callers_of_connect_wait_together() -> None:
    """Cancelling one of them leaves the others; all are done at once (design.md 2)."""
    gate = asyncio.Event()

    async def wait(_connection: ServerConnection, _request: Request) -> None:
        await gate.wait()

    async with scripted(process_request=wait) as peer:
        client = peer.client()
        first, second, third = (asyncio.ensure_future(client.connect()) for _ in range(3))
        await asyncio.sleep(0)
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
        assert client.state is ConnectionState.CONNECTING
        gate.set()
        await asyncio.gather(second, third)
        assert peer.connects == 1
        await client.disconnect()


async def test_cancelling_the_first_connect_tears_down() -> None:
    """A refused port is retried until the caller's own timeout, and then nothing is left (design.md 2)."""
    async with scripted() as peer:
        port = peer.port
    client = PusherClient("KEY", host="127.0.0.1", port=port, tls=False)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await client.connect()
    assert client.state is ConnectionState.DISCONNECTED


async def test_cancelling_connect_at_the_very_moment_of_success_tears_down() -> None:
    """The connection was reported to no caller, so none would ever close it (design.md 2, R6)."""
    async with scripted() as peer:
        client = peer.client()
        entering = asyncio.ensure_future(client.connect())
        client.connection.bind("connected", lambda _: entering.cancel())
        with pytest.raises(asyncio.CancelledError):
            await entering
        assert client.state is ConnectionState.DISCONNECTED


async def test_cancelling_one_of_two_at_the_very_moment_of_success_stops_nothing() -> None:
    """The other one is about to be notified (design.md 2)."""
    async with scripted() as peer:
        client = peer.client()
        first, second = (asyncio.ensure_future(client.connect()) for _ in range(2))
        client.connection.bind("connected", lambda _: first.cancel())
        await second
        assert first.cancelled()
        assert client.state is ConnectionState.CONNECTED
        await client.disconnect()


async def test_cancelling_the_last_connect_in_the_middle_of_the_upgrade_tears_down() -> None:
    """No task and no socket is left (design.md 2, R6)."""
    asked, gate = asyncio.Event(), asyncio.Event()

    async def wait(_connection: ServerConnection, _request: Request) -> None:
        asked.set()
        await gate.wait()

    async with scripted(process_request=wait) as peer:
        before = asyncio.all_tasks()
        client = peer.client()
        connecting = asyncio.ensure_future(client.connect())
        await asked.wait()
        connecting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await connecting
        assert client.state is ConnectionState.DISCONNECTED
        await asyncio.sleep(0)
        ours = [task.get_name() for task in asyncio.all_tasks() - before if "pusher_client" in task.get_name()]
        assert ours == []
        gate.set()
        assert peer.connects == 0


async def test_cancelling_a_later_connect_only_stops_waiting() -> None:
    """After the first connection a caller of connect() waits for the link to be back, and may leave (design.md 2)."""
    refused = True

    def refuse(connection: ServerConnection, _request: Request) -> Response | None:
        return connection.respond(http.HTTPStatus.SERVICE_UNAVAILABLE, "") if refused else None

    async with scripted(process_request=refuse) as peer:
        refused = False
        async with peer.client() as client:
            refused = True
            peer.sockets[0].transport.abort()
            while client.state is ConnectionState.CONNECTED:
                await asyncio.sleep(0)
            waiting = asyncio.ensure_future(client.connect())
            await asyncio.sleep(0)
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)
            assert client.state is ConnectionState.CONNECTING
            refused = False
            await client.connect()
            assert client.state.value == "connected"


async def test_disconnecting_releases_who_waits_for_connect() -> None:
    """It raises NotConnectedError, for nothing was refused (design.md 2)."""
    gate = asyncio.Event()

    async def wait(_connection: ServerConnection, _request: Request) -> None:
        await gate.wait()

    async with scripted(process_request=wait) as peer:
        client = peer.client()
        connecting = asyncio.ensure_future(client.connect())
        await asyncio.sleep(0)
        await client.disconnect()
        with pytest.raises(NotConnectedError, match="before the connection was established"):
            await connecting
        gate.set()
