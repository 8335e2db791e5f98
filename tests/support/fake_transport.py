"""A WebSocket connection without a socket: a transport that only records, and a server that only answers."""

from __future__ import annotations

import asyncio
from typing import Any

from websockets.frames import Frame
from websockets.http11 import Request
from websockets.server import ServerProtocol

from pusher_client.transport.connection import WebSocketConnection
from pusher_client.transport.handshake import Handshake

LARGEST = 300


class RecordingTransport(asyncio.Transport):
    """Records what is asked of it.

    Attributes:
        written: The bytes that were to be sent.
        paused: Whether reading is paused.
        aborted: Whether the connection was cut.
    """

    def __init__(self, connection: asyncio.Protocol) -> None:
        super().__init__()
        self._connection = connection
        self.written = bytearray()
        self.paused = False
        self.aborted = False

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        pass

    def write(self, data: Any) -> None:
        self.written += data

    def get_write_buffer_size(self) -> int:
        return len(self.written)

    def is_closing(self) -> bool:
        return self.aborted

    def pause_reading(self) -> None:
        assert not self.aborted
        self.paused = True

    def resume_reading(self) -> None:
        assert not self.aborted
        self.paused = False

    def abort(self) -> None:
        self.lose()

    def lose(self, error: Exception | None = None) -> None:
        """Lose the connection, as by a cut."""
        if not self.aborted:
            self.aborted = True
            asyncio.get_running_loop().call_soon(self._connection.connection_lost, error)


class Ends:
    """One client's connection, its transport, and the server that understands what it writes."""

    def __init__(self, connection: WebSocketConnection) -> None:
        self.connection = connection
        self.transport = RecordingTransport(connection)
        self.server = ServerProtocol()
        connection.connection_made(self.transport)

    def answer(self) -> bytes:
        """Return the server's answer to the handshake that was written."""
        self.server.receive_data(bytes(self.transport.written))
        self.transport.written.clear()
        (request,) = self.server.events_received()
        assert isinstance(request, Request)
        self.server.send_response(self.server.accept(request))
        return b"".join(self.server.data_to_send())

    def written(self) -> list[tuple[int, bytes]]:
        """Return the frames that were written, unmasked: their opcodes and data."""
        self.server.receive_data(bytes(self.transport.written))
        self.transport.written.clear()
        frames = self.server.events_received()
        return [(frame.opcode, bytes(frame.data)) for frame in frames if isinstance(frame, Frame)]


def unopened() -> tuple[WebSocketConnection, Ends]:
    """Return a connection before its handshake."""
    connection = WebSocketConnection(Handshake("ws://localhost/"), LARGEST)
    return connection, Ends(connection)


async def opened(behind: bytes = b"") -> tuple[WebSocketConnection, Ends]:
    """Return a connection after its handshake, with which these bytes came."""
    connection, ends = unopened()
    connection.data_received(ends.answer() + behind)
    await connection.opened
    return connection, ends
