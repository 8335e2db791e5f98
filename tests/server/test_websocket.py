"""A WebSocket of the local server, over a real socket."""

from __future__ import annotations

import asyncio
import json
from contextlib import AsyncExitStack
from typing import Any

import pytest
import websockets
from starlette.types import Message
from starlette.websockets import WebSocket

from pusher_client.server import LocalServer
from pusher_client.server.application import Application
from pusher_client.server.websocket import Timeouts, WebSocketLink
from pusher_client.server.wire import Wire
from tests.support.websocket_peer import SECONDS, Peer, connected, websocket_url


async def test_the_server_greets_with_a_socket_id_and_its_timeout() -> None:
    """The first frame, for each supported protocol version."""
    async with LocalServer(activity_timeout=45) as server:
        for version in (5, 6, 7):
            url = websocket_url(server, query=f"client=test&version=1.0&protocol={version}")
            async with websockets.connect(url, proxy=None) as websocket:
                peer = Peer(websocket, json.loads(await websocket.recv()))
                assert peer.activity_timeout == 45
                assert peer.socket_id.replace(".", "").isdigit()


@pytest.mark.parametrize(
    ("key", "query", "code"),
    [("other", "protocol=7", 4001), (None, "", 4008), (None, "protocol=8", 4007), (None, "protocol=x", 4007)],
)
async def test_a_client_that_cannot_be_served_is_told_and_closed(key: str | None, query: str, code: int) -> None:
    """An error first, then a close frame, with the same code (R2)."""
    async with LocalServer() as server, websockets.connect(websocket_url(server, key, query), proxy=None) as websocket:
        refusal = json.loads(await websocket.recv())
        async with asyncio.timeout(SECONDS):
            await websocket.wait_closed()
        assert refusal["event"] == "pusher:error"
        assert refusal["data"]["code"] == code
        assert websocket.close_code == code


@pytest.mark.parametrize(("options", "code"), [({"enabled": False}, 4003), ({"connection_limit": 1}, 4004)])
async def test_a_server_can_be_set_to_refuse(options: dict[str, Any], code: int) -> None:
    """A disabled application, and one at its limit of connections (R2)."""
    async with LocalServer(**options) as server, AsyncExitStack() as clients:
        if code == 4004:
            await clients.enter_async_context(connected(server))
        async with websockets.connect(websocket_url(server), proxy=None) as websocket:
            assert json.loads(await websocket.recv())["data"]["code"] == code
            async with asyncio.timeout(SECONDS):
                await websocket.wait_closed()
            assert websocket.close_code == code


async def test_a_client_at_another_path_is_told_and_closed() -> None:
    """With 4005, which is final (R2)."""
    url = "ws://{0.host}:{0.port}/elsewhere/app/{0.key}?protocol=7"
    async with LocalServer() as server, websockets.connect(url.format(server), proxy=None) as websocket:
        assert json.loads(await websocket.recv())["data"]["code"] == 4005
        async with asyncio.timeout(SECONDS):
            await websocket.wait_closed()
        assert websocket.close_code == 4005


async def test_frames_are_answered_and_binary_ones_refused() -> None:
    """In order of arrival."""
    async with LocalServer() as server, connected(server) as peer:
        await peer.websocket.send(b"\x00")
        await peer.websocket.send("{")
        await peer.send("pusher:ping")
        assert [(await peer.receive())["event"] for _ in range(3)] == ["pusher:error", "pusher:error", "pusher:pong"]


async def test_a_silent_client_is_pinged_and_closed_with_4201() -> None:
    """After the activity timeout and then the pong timeout (R1)."""
    async with LocalServer(activity_timeout=0.02, pong_timeout=0.02) as server, connected(server) as peer:
        assert (await peer.receive())["event"] == "pusher:ping"
        assert (await peer.closed())[0] == 4201


async def test_an_answered_ping_keeps_the_connection() -> None:
    """Any frame is an answer (R1)."""
    async with LocalServer(activity_timeout=0.02, pong_timeout=SECONDS) as server, connected(server) as peer:
        for _ in range(3):
            assert (await peer.receive())["event"] == "pusher:ping"
            await peer.send("pusher:pong")
        assert peer.websocket.close_code is None


async def test_a_client_that_leaves_is_forgotten() -> None:
    """Its presence ends with the connection."""
    async with LocalServer() as server, connected(server) as watcher:
        await watcher.subscribe(server, "presence-a", user_id="watcher")
        async with connected(server) as peer:
            await peer.subscribe(server, "presence-a", user_id="u")
            assert (await watcher.receive())["event"] == "pusher_internal:member_added"
        assert (await watcher.receive())["event"] == "pusher_internal:member_removed"


async def test_what_is_written_after_a_close_disturbs_nobody() -> None:
    """A sign-in that fails twice is closed once; other connections go on."""
    async with LocalServer() as server, connected(server) as peer, connected(server) as other:
        for _ in range(3):
            await peer.send("pusher:signin", {"auth": "x", "user_data": "x"})
        assert (await peer.receive())["data"]["code"] == 4009
        assert (await peer.closed())[0] == 4009
        await other.send("pusher:ping")
        assert (await other.receive())["event"] == "pusher:pong"


async def test_a_frame_above_a_mebibyte_closes_with_1009() -> None:
    """Events sent to that client at the same time are dropped."""
    async with LocalServer() as server, connected(server) as peer:
        for _ in range(100):
            await peer.send("pusher:ping")
        await peer.websocket.send("x" * (1024 * 1024 + 1))
        assert (await peer.closed())[0] == 1009


@pytest.mark.parametrize(("key", "sends"), [("k", 0), ("other", 0), ("other", 1), ("other", 2), ("k", 1)])
async def test_a_client_that_is_gone_ends_its_task_without_an_error(key: str, sends: int) -> None:
    """At the handshake, at a refusal's frame or close, or at the first frame (R7)."""
    application = Application(app_id="1", key="k", secret="s", master_key=bytes(32))
    gone = asyncio.Event()
    incoming: list[Message] = [{"type": "websocket.connect"}]
    sent: list[Message] = []

    async def receive() -> Message:
        if incoming:
            return incoming.pop()
        await gone.wait()
        return {"type": "websocket.disconnect", "code": 1006}

    async def send(message: Message) -> None:
        if len(sent) == sends:
            gone.set()
            raise OSError
        sent.append(message)

    scope = {"type": "websocket", "path_params": {"key": key}, "query_string": b"protocol=7", "headers": []}
    await WebSocketLink(WebSocket(scope, receive, send), application, Wire(), Timeouts()).run()
    assert len(sent) == sends
    assert application.connections() == []
