"""uvicorn on a loopback port."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import signal
import socket
import sys
import threading
from typing import cast

import httpx
import pytest
import uvicorn
import websockets
import websockets.uri
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from pusher_client.server.serving import LOOPBACK, Serving
from pusher_client.server.wire import Wire


async def hello(_request: Request) -> Response:
    """Answer."""
    return PlainTextResponse("hello")


async def flood(websocket: WebSocket) -> None:
    """Send more than any socket buffers."""
    await websocket.accept()
    with contextlib.suppress(WebSocketDisconnect):
        for _ in range(64):
            await websocket.send_bytes(bytes(1024 * 1024))


@pytest.fixture
def serving() -> Serving:
    """An ASGI application."""
    wire = Wire()
    return Serving(Starlette(routes=[Route("/", hello), WebSocketRoute("/flood", flood)]), wire)


async def test_a_client_may_connect_as_soon_as_the_port_is_known(serving: Serving) -> None:
    """The port listens before ``start()`` returns."""
    serving.start(0)
    with socket.create_connection((LOOPBACK, serving.port)):
        async with httpx.AsyncClient(trust_env=False) as http:
            assert (await http.get(f"http://{LOOPBACK}:{serving.port}/")).text == "hello"
    await serving.stop()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((LOOPBACK, serving.port))


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere it may not be inherited from the listening socket")
async def test_small_frames_are_sent_at_once(serving: Serving) -> None:
    """Small frames are sent at once, without a delay of 40 ms."""
    serving.start(0)
    await serving._server.settled.wait()
    with socket.create_connection((LOOPBACK, serving.port)):
        while not (connections := list(serving._server.server_state.connections)):
            await asyncio.sleep(0.001)
        accepted = cast("asyncio.Transport", vars(connections[0])["transport"]).get_extra_info("socket")
        assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    await serving.stop()


async def test_it_stops_when_it_is_told(serving: Serving, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not at uvicorn's next tick, which is an hour away here; without connections it does not wait."""
    monkeypatch.setattr("pusher_client.server.serving.TICK", 3600)
    serving.start(0)
    async with httpx.AsyncClient(trust_env=False) as http:
        assert (await http.get(f"http://{LOOPBACK}:{serving.port}/")).text == "hello"
    async with asyncio.timeout(60):
        await serving.stop()


async def test_it_ticks_while_it_serves(serving: Serving, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in uvicorn, which updates the Date header."""
    monkeypatch.setattr("pusher_client.server.serving.TICK", 0.001)
    ticks: list[int] = []
    tick = uvicorn.Server.on_tick

    async def count(server: uvicorn.Server, counter: int) -> bool:
        ticks.append(counter)
        return await tick(server, counter)

    monkeypatch.setattr(uvicorn.Server, "on_tick", count)
    serving.start(0)
    while len(ticks) < 5:
        await asyncio.sleep(0.001)
    await serving.stop()
    assert ticks[:5] == [0, 1, 2, 3, 4]


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere 127.0.0.1 is the only address of the kind")
async def test_it_listens_on_loopback_only(serving: Serving) -> None:
    """It cannot be reached from the network."""
    serving.start(0)
    with socket.socket() as other:
        # Another address of this machine has the port free, which it would not if all addresses were bound.
        other.bind(("127.0.0.2", serving.port))
    await serving.stop()


async def test_a_taken_port_is_an_error_at_once(serving: Serving) -> None:
    """Not a line in a log."""
    with socket.create_server((LOOPBACK, 0)) as taken, pytest.raises(OSError, match="in use"):
        serving.start(taken.getsockname()[1])


async def test_it_stops_before_it_was_ready(serving: Serving) -> None:
    """Nothing is left behind, which every test checks."""
    serving.start(0)
    await serving.stop()


async def test_who_does_not_read_does_not_keep_it(serving: Serving) -> None:
    """A client that lets its socket fill up is reset after a while."""
    serving.start(0)
    request = websockets.ClientProtocol(websockets.uri.parse_uri(f"ws://{LOOPBACK}:{serving.port}/flood"))
    request.send_request(request.connect())
    reader, writer = await asyncio.open_connection(LOOPBACK, serving.port, limit=1024)
    writer.write(b"".join(request.data_to_send()))
    await reader.readuntil(b"\r\n\r\n")
    await serving.stop()
    with pytest.raises(ConnectionResetError):
        await reader.read()
    writer.close()
    with pytest.raises(ConnectionResetError):
        await writer.wait_closed()


async def test_signals_stay_the_programs(serving: Serving) -> None:
    """The program decides what Ctrl-C does."""
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    serving.start(0)
    async with httpx.AsyncClient(trust_env=False) as http:
        await http.get(f"http://{LOOPBACK}:{serving.port}/")
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before
    await serving.stop()


async def test_calls_run_in_the_servers_thread(serving: Serving) -> None:
    """At once from its own thread, waiting from another one; exceptions are raised."""
    seen: list[int] = []

    def act() -> None:
        seen.append(threading.get_ident())

    def fail() -> None:
        raise LookupError("no")

    serving.start(0)
    serving.call(act)
    await asyncio.to_thread(serving.call, act)
    with pytest.raises(LookupError, match="no"):
        await asyncio.to_thread(serving.call, fail)
    await serving.stop()
    assert seen == [threading.get_ident()] * 2


class ClosingWebSocket:
    """A connection that cannot be shut down so many times, as one whose closing handshake is under way."""

    def __init__(self, times: int) -> None:
        self.times = times
        self.calls = 0

    def shutdown(self) -> None:
        """Raise what websockets raises; later do nothing."""
        self.calls += 1
        if self.calls <= self.times:
            raise websockets.exceptions.InvalidState("connection is closing")


@pytest.mark.parametrize(("times", "calls"), [(1, 2), (1000, 10)])
async def test_a_websocket_that_is_closing_does_not_break_the_end(serving: Serving, times: int, calls: int) -> None:
    """The server tries again, and ends in every case (R6)."""
    serving.start(0)
    await asyncio.sleep(0)
    connections = cast("set[ClosingWebSocket]", serving._server.server_state.connections)
    connection = ClosingWebSocket(times)
    connections.add(connection)
    stopping = asyncio.ensure_future(serving.stop())
    while connection.calls < calls:
        await asyncio.sleep(0.01)
    connections.clear()
    await stopping
    assert connection.calls == calls


@pytest.mark.filterwarnings("error::ResourceWarning")
@pytest.mark.parametrize("turns", range(8))
async def test_a_client_that_connects_at_the_end_is_closed(turns: int) -> None:
    """No socket is left open, however far it was accepted when the server stops (R6)."""
    serving = Serving(Starlette(), Wire())
    serving.start(0)
    await asyncio.sleep(0.01)
    with socket.create_connection((LOOPBACK, serving.port)):
        for _ in range(turns):
            await asyncio.sleep(0)
        await serving.stop()
    gc.collect()
