"""A plain WebSocket client and the official server library, for tests of the local server."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pusher
import websockets

from pusher_client.server import LocalServer
from pusher_client.testing import PusherServer

__all__ = ["Peer", "authorization", "connected", "server_library", "websocket_url"]

SECONDS = 20


class Peer:
    """A connected client.

    Attributes:
        websocket: Its WebSocket.
        socket_id: Its socket id.
        activity_timeout: The server's activity timeout.
    """

    def __init__(self, websocket: websockets.ClientConnection, established: dict[str, Any]) -> None:
        data = json.loads(established["data"])
        self.websocket = websocket
        self.socket_id: str = data["socket_id"]
        self.activity_timeout = data["activity_timeout"]

    async def send(self, event: str, data: object = None, **more: object) -> None:
        """Send a frame."""
        await self.websocket.send(json.dumps({"event": event, "data": data, **more}))

    async def receive(self) -> dict[str, Any]:
        """Return the next frame."""
        async with asyncio.timeout(SECONDS):
            frame: dict[str, Any] = json.loads(await self.websocket.recv())
        return frame

    async def subscribe(self, server: LocalServer, channel: str, **form: str) -> dict[str, Any]:
        """Subscribe with the server's own authorization, and return the answer."""
        answer = await authorization(server, self.socket_id, channel, **form)
        answer.pop("shared_secret", None)
        await self.send("pusher:subscribe", {"channel": channel, **answer})
        return await self.receive()

    async def closed(self) -> tuple[int | None, str]:
        """Wait until the server closes, and return code and reason; the code is None without a close frame."""
        async with asyncio.timeout(SECONDS):
            await self.websocket.wait_closed()
        code = self.websocket.close_code
        return (None if code == 1006 else code), self.websocket.close_reason or ""


def websocket_url(server: LocalServer, key: str | None = None, query: str = "protocol=7") -> str:
    """Return the URL of the server's WebSocket."""
    return f"ws://{server.host}:{server.port}/app/{key or server.key}?{query}"


@asynccontextmanager
async def connected(server: LocalServer) -> AsyncGenerator[Peer]:
    """Connect a client, and disconnect it at the end."""
    async with websockets.connect(websocket_url(server), proxy=None) as websocket:
        async with asyncio.timeout(SECONDS):
            established = json.loads(await websocket.recv())
        yield Peer(websocket, established)


async def authorization(server: LocalServer, socket_id: str, channel: str, **form: str) -> dict[str, str]:
    """Request an authorization of the server's endpoint."""
    async with httpx.AsyncClient(trust_env=False) as http:
        response = await http.post(server.auth_url, data={"socket_id": socket_id, "channel_name": channel, **form})
    answer: dict[str, str] = response.raise_for_status().json()
    return answer


def server_library(server: LocalServer | PusherServer) -> Any:
    """Return the official server library with the server's current master key."""
    return pusher.Pusher(
        server.app_id,
        server.key,
        server.secret,
        ssl=False,
        host=server.host,
        port=server.port,
        timeout=SECONDS,
        encryption_master_key_base64=server.encryption_master_key_base64,
        proxies={"http": ""},
    )
