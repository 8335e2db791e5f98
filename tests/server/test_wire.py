"""The faults below the protocol: a reset and a stall."""

from __future__ import annotations

import asyncio

import httpx
import pytest
import websockets

from pusher_client.server import LocalServer
from tests.support.websocket_peer import SECONDS, connected, server_library, websocket_url


async def test_a_reset_ends_every_connection_without_a_close_frame() -> None:
    """Clients lose the connection, and may reconnect at once (R2)."""
    async with LocalServer() as server:
        async with connected(server) as one, connected(server) as two:
            server.drop()
            for peer in (one, two):
                async with asyncio.timeout(SECONDS):
                    with pytest.raises(websockets.ConnectionClosedError) as caught:
                        await peer.websocket.recv()
                assert caught.value.rcvd is None
                assert isinstance(caught.value.__cause__, ConnectionResetError)
        async with connected(server) as peer:
            await peer.send("pusher:ping")
            assert (await peer.receive())["event"] == "pusher:pong"


async def test_a_stalled_server_answers_nothing_and_goes_on_later() -> None:
    """Frames and events are sent afterwards, and HTTP requests are answered (R1)."""
    async with LocalServer() as server, connected(server) as peer:
        await peer.subscribe(server, "private-a")
        server.stall()
        await asyncio.to_thread(server_library(server).trigger, "private-a", "e", "1")
        await peer.send("pusher:ping")
        pong = await peer.websocket.ping()  # WebSocket's own are not answered, either
        async with httpx.AsyncClient(trust_env=False) as http:
            await http.get(f"http://{server.host}:{server.port}/")  # it had time to answer
        assert not asyncio.ensure_future(pong).done()
        server.stall(False)
        assert [(await peer.receive())["event"] for _ in range(2)] == ["e", "pusher:pong"]
        await pong


async def test_a_stalled_server_greets_nobody_until_it_goes_on() -> None:
    """The handshake waits until the stall ends or the client disconnects."""
    async with LocalServer() as server:
        server.stall()
        with pytest.raises(TimeoutError):
            await websockets.connect(websocket_url(server), proxy=None, open_timeout=0.05)
        patient = asyncio.create_task(websockets.connect(websocket_url(server), proxy=None).__aenter__())
        async with httpx.AsyncClient(trust_env=False) as http:
            assert (await http.get(f"http://{server.host}:{server.port}/")).status_code == 200
        assert not patient.done()
        server.stall(False)
        async with asyncio.timeout(SECONDS), await patient as websocket:
            assert "connection_established" in str(await websocket.recv())


async def test_a_stall_may_be_called_twice_and_while_a_connection_closes() -> None:
    """Repeating a switch has no effect."""
    async with LocalServer() as server, connected(server) as peer:
        server.stall()
        server.stall()
        server.drop()
        server.stall(False)
        server.stall(False)
        assert await peer.closed() == (None, "")
