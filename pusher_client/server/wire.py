"""The sockets under the WebSockets, for the faults that lie below the protocol: a reset and a stall."""

from __future__ import annotations

import asyncio
import socket
import struct
import sys

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

__all__ = ["Wire"]

# Lingering for no time: closing then resets. Windows has a structure of its own for it.
_RESET_ON_CLOSE = struct.pack("hh" if sys.platform == "win32" else "ii", 1, 0)


class Wire:
    """Every socket that carries a WebSocket of one server."""

    def __init__(self) -> None:
        self._transports: set[asyncio.Transport] = set()
        self._flowing = asyncio.Event()
        self._flowing.set()

    def protocol_class(self) -> type[asyncio.Protocol]:
        """Return uvicorn's WebSocket implementation, with its sockets known here."""
        wire = self

        class KnownProtocol(WebSocketsSansIOProtocol):
            def connection_made(self, transport: asyncio.BaseTransport) -> None:
                super().connection_made(transport)
                wire.opened(self.transport)

            def connection_lost(self, exc: Exception | None) -> None:
                wire.lost(self.transport)
                super().connection_lost(exc)

        return KnownProtocol

    def opened(self, transport: asyncio.Transport) -> None:
        """Take a socket in."""
        self._transports.add(transport)

    def lost(self, transport: asyncio.Transport) -> None:
        """Forget a socket."""
        self._transports.discard(transport)

    def reset(self) -> None:
        """End every socket with a TCP reset."""
        for transport in list(self._transports):
            end = transport.get_extra_info("socket")
            end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
            transport.abort()

    def stall(self, *, on: bool) -> None:
        """Stop reading, and hold back those who write or shake hands; or go on with all of it."""
        if on:
            self._flowing.clear()
        else:
            self._flowing.set()
        for transport in self._transports:
            if transport.is_closing():
                continue
            if on:
                transport.pause_reading()
            else:
                transport.resume_reading()

    async def flowing(self) -> None:
        """Wait while the wire is stalled."""
        await self._flowing.wait()
