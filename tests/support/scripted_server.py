"""A Channels server over a real socket that sends what a test sets."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from pusher_client import PusherClient, ReconnectPolicy

SILENT = logging.getLogger("tests.scripted_channels")
"""The server's own log, which would show every frame; it is not a log of the library."""
SILENT.disabled = True


class Scripted:
    """Establishes every connection and acknowledges every subscription, unless told otherwise.

    Attributes:
        received: Every frame that came, decoded.
        sockets: The connections that are open.
        connects: How many were opened.
        silent: Whether it reacts to nothing any more.
        first: What it sends first, in place of establishing the connection.
        behind_acknowledgement: Frames that follow every acknowledgement at once.
        answers: For some channels, the frames that answer a subscription in place of the acknowledgement.
    """

    def __init__(self) -> None:
        self.received: list[dict[str, Any]] = []
        self.sockets: list[ServerConnection] = []
        self.connects = 0
        self.silent = False
        self.first: str | None = None
        self.answers: dict[str, list[dict[str, Any]]] = {}
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
            established = json.dumps({"event": "pusher:connection_established", "data": data})
            await socket.send(established if self.first is None else self.first)
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
            for one in self.answers.get(channel, [answer, *self.behind_acknowledgement]):
                await socket.send(json.dumps(one))

    async def heard(self, event: str, count: int = 1) -> None:
        """Wait until so many frames of this name have come."""
        while sum(frame["event"] == event for frame in self.received) < count:
            await asyncio.sleep(0.001)

    async def connected(self, count: int) -> None:
        """Wait until so many connections have been opened."""
        while self.connects < count:
            await asyncio.sleep(0.001)

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
async def scripted(peer: Scripted | None = None, **options: Any) -> AsyncGenerator[Scripted]:
    """Run a scripted server, a plain one or the given one, on a free port unless one is named."""
    peer = Scripted() if peer is None else peer
    options.setdefault("logger", SILENT)
    port = options.pop("port", 0)
    async with serve(peer.talk, "127.0.0.1", port, **options) as server:
        peer.server = server
        async with asyncio.timeout(20):
            yield peer
