"""One WebSocket: its handshake, a writer, and the watch over its silence (protocol-notes 3.2)."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from starlette.types import Message
from starlette.websockets import WebSocket, WebSocketDisconnect

from pusher_client.server import frames
from pusher_client.server.application import Application
from pusher_client.server.connection import PONG_NOT_RECEIVED, UNKNOWN_APPLICATION, Connection
from pusher_client.server.wire import Wire

__all__ = ["Timeouts", "WebSocketLink"]

DISABLED = 4003
OVER_QUOTA = 4004
UNKNOWN_PATH = 4005
NO_VERSION = 4008
UNSUPPORTED_VERSION = 4007

_SUPPORTED_VERSIONS = frozenset({"5", "6", "7"})


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Time limits for silent clients.

    Attributes:
        activity: Seconds of silence after which the server sends ``pusher:ping``; also sent to the client.
        pong: Seconds after the ping within which the client must answer.
    """

    activity: float = 120
    pong: float = 30


@dataclass(frozen=True, slots=True)
class _Close:
    code: int
    reason: str


class WebSocketLink:
    """A WebSocket with its connection.

    Args:
        websocket: The WebSocket, not yet accepted.
        application: The application.
        wire: Delays writes during a stall.
        timeouts: Time limits for a silent client.
    """

    def __init__(self, websocket: WebSocket, application: Application, wire: Wire, timeouts: Timeouts) -> None:
        self._websocket = websocket
        self._application = application
        self._wire = wire
        self._timeouts = timeouts
        self._outgoing: asyncio.Queue[str | _Close] = asyncio.Queue()

    async def run(self) -> None:
        """Serve the client until either side closes."""
        await self._wire.flowing()
        refusal = self._refusal()
        try:
            await self._websocket.accept()
            if refusal is not None:
                await self._websocket.send_text(frames.error(refusal.code, refusal.reason))
                await self._websocket.close(refusal.code, refusal.reason)
                return
        except (OSError, WebSocketDisconnect):  # the client has disconnected
            return
        writer = asyncio.create_task(self._write(), name="pusher_client.server writer")
        try:
            await self._serve()
        finally:
            writer.cancel()
            await asyncio.wait([writer])

    async def _serve(self) -> None:
        connection = Connection(self._application, self._send, self._close)
        self._application.connect(connection)
        try:
            self._send(frames.connection_established(connection.socket_id, self._timeouts.activity))
            await self._read(connection)
        finally:
            self._application.disconnect(connection)

    def _refusal(self) -> _Close | None:
        key = self._websocket.path_params.get("key")
        if key is None:
            return _Close(UNKNOWN_PATH, "unknown path: use /app/ and the key")
        if key != self._application.key:
            return _Close(UNKNOWN_APPLICATION, "this server has no application with this key")
        settings = self._application.settings
        if not settings.enabled:
            return _Close(DISABLED, "the application is disabled")
        if settings.connection_limit is not None and len(self._application.connections()) >= settings.connection_limit:
            return _Close(OVER_QUOTA, "the application has reached its limit of connections")
        return self._version_refusal()

    def _version_refusal(self) -> _Close | None:
        version = self._websocket.query_params.get("protocol")
        if version is None:
            return _Close(NO_VERSION, "the address lacks protocol=7")
        if version not in _SUPPORTED_VERSIONS:
            return _Close(UNSUPPORTED_VERSION, "this version of the protocol is not supported: use 7")
        return None

    async def _read(self, connection: Connection) -> None:
        while (message := await self._receive())["type"] != "websocket.disconnect":
            text = message.get("text")
            if text is None:
                connection.receive_binary()
            else:
                connection.receive_text(text)

    async def _receive(self) -> Message:
        """Return the next message; ping a silent client, and close if it stays silent."""
        try:
            async with asyncio.timeout(self._timeouts.activity):
                return await self._websocket.receive()
        except TimeoutError:
            self._send(frames.PING)
        try:
            async with asyncio.timeout(self._timeouts.pong):
                return await self._websocket.receive()
        except TimeoutError:
            self._close(PONG_NOT_RECEIVED, "no answer to pusher:ping")
            return await self._websocket.receive()

    def _send(self, text: str) -> None:
        self._outgoing.put_nowait(text)

    def _close(self, code: int, reason: str) -> None:
        self._outgoing.put_nowait(_Close(code, reason))

    async def _write(self) -> None:
        try:
            while True:
                outgoing = await self._outgoing.get()
                await self._wire.flowing()
                if isinstance(outgoing, _Close):
                    await self._websocket.close(outgoing.code, outgoing.reason)
                    return
                await self._websocket.send_text(outgoing)
        except (WebSocketDisconnect, RuntimeError):
            # The client disconnected, which ends the reader, too. Starlette and uvicorn raise RuntimeError for messages
            # after a close.
            return
