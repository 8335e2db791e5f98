"""A Channels server over a real socket that says what a test tells it to."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from pusher_client import PusherClient, ReconnectPolicy


class Scripted:
    """Establishes every connection and acknowledges every subscription, unless told otherwise.

    Attributes:
        received: Every frame that came, decoded.
        sockets: The connections that are open.
    """

    def __init__(self) -> None:
        self.received: list[dict[str, Any]] = []
        self.sockets: list[ServerConnection] = []
        self.connects = 0
        self.silent = False
        self.behind_acknowledgement: list[dict[str, Any]] = []
        self.server: Server | None = None

    @property
    def port(self) -> int:
        """Where it listens."""
        assert self.server is not None
        port: int = next(iter(self.server.sockets)).getsockname()[1]
        return port

    async def talk(self, socket: ServerConnection) -> None:
        """Serve one connection."""
        self.connects += 1
        self.sockets.append(socket)
        try:
            data = json.dumps({"socket_id": f"1.{self.connects}", "activity_timeout": 120})
            await socket.send(json.dumps({"event": "pusher:connection_established", "data": data}))
            async for text in socket:
                frame = json.loads(text)
                self.received.append(frame)
                if not self.silent:
                    await self.react(socket, frame)
        except ConnectionClosed:
            pass
        finally:
            self.sockets.remove(socket)

    async def react(self, socket: ServerConnection, frame: dict[str, Any]) -> None:
        """Answer a frame."""
        if frame["event"] == "pusher:ping":
            await socket.send('{"event":"pusher:pong"}')
        if frame["event"] == "pusher:subscribe":
            channel = frame["data"]["channel"]
            answer = {"event": "pusher_internal:subscription_succeeded", "channel": channel, "data": "{}"}
            for one in (answer, *self.behind_acknowledgement):
                await socket.send(json.dumps(one))

    async def publish(self, event: str, channel: str, data: Any) -> None:
        """Send an event to everyone."""
        for socket in self.sockets:
            await socket.send(json.dumps({"event": event, "channel": channel, "data": data}))

    def client(self, **options: Any) -> PusherClient:
        """Return a client for this server."""
        policy = ReconnectPolicy(base=0.01, cap=0.05, max_per_minute=1000)
        defaults: dict[str, Any] = {"tls": False, "reconnect": policy}
        return PusherClient("KEY", host="127.0.0.1", port=self.port, **{**defaults, **options})


@asynccontextmanager
async def scripted(**options: Any) -> AsyncGenerator[Scripted]:
    """Run a scripted server."""
    peer = Scripted()
    async with serve(peer.talk, "127.0.0.1", 0, **options) as server:
        peer.server = server
        async with asyncio.timeout(20):
            yield peer
