"""The sockets of the WebSockets, for faults below the protocol: a reset and a stall."""

from __future__ import annotations

import asyncio
import socket
import struct
import sys

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

__all__ = ["Wire"]

# A linger time of zero: closing resets the connection. Windows has another structure.
_RESET_ON_CLOSE = struct.pack("hh" if sys.platform == "win32" else "ii", 1, 0)


class Wire:
    """The sockets of one server's WebSockets."""

    def __init__(self) -> None:
        self._transports: set[asyncio.Transport] = set()
        self._flowing = asyncio.Event()
        self._flowing.set()

    def protocol_class(self) -> type[asyncio.Protocol]:
        """Return uvicorn's WebSocket implementation, extended to register its sockets here."""
        wire = self

        class RegisteringProtocol(WebSocketsSansIOProtocol):
            def connection_made(self, transport: asyncio.BaseTransport) -> None:
                super().connection_made(transport)
                wire.opened(self.transport)

            def connection_lost(self, exc: Exception | None) -> None:
                wire.lost(self.transport)
                super().connection_lost(exc)

        return RegisteringProtocol

    def opened(self, transport: asyncio.Transport) -> None:
        """Add a socket."""
        self._transports.add(transport)

    def lost(self, transport: asyncio.Transport) -> None:
        """Remove a socket."""
        self._transports.discard(transport)

    def reset(self) -> None:
        """Close every socket with a TCP reset."""
        for transport in list(self._transports):
            end = transport.get_extra_info("socket")
            end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
            transport.abort()

    def stall(self, *, on: bool) -> None:
        """Stop reading, writing and handshakes; or resume."""
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
        """Wait until no stall is on."""
        await self._flowing.wait()
