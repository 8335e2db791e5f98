"""The opening handshake of a WebSocket, and the end of one whose server does not hang up (protocol-notes 1.1)."""

from __future__ import annotations

import asyncio
import http
import re
from typing import Any

from websockets.asyncio.client import ClientConnection
from websockets.protocol import State

__all__ = ["CLOSE_TIMEOUT", "RefusedError", "UpgradedConnection"]

CLOSE_TIMEOUT = 1.0

_STATUS_LINE = re.compile(rb"HTTP/1\.[0-9] ([0-9]{3})[ \r\n]")
_LONGEST_STATUS_LINE = 64
_END_OF_HEAD = b"\r\n\r\n"


class RefusedError(Exception):
    """An HTTP answer other than the upgrade; websockets would follow a redirect that it sees as its own error."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class UpgradedConnection(ClientConnection):
    """A connection that takes a refusal by its status line alone (promise C5).

    websockets reads a refusal to its end before it tells, and follows a redirect by itself. But what matters stands in
    the first line, and a body may never come, or be broken.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._line: bytes | None = b""
        self._status: int | None = None
        self._head = b""
        self._hang_up: asyncio.TimerHandle | None = None

    def data_received(self, data: bytes) -> None:
        """Take bytes from the transport; asyncio's own callback."""
        if self._line is not None:
            self._read_status(data)
        if self._status not in (None, http.HTTPStatus.SWITCHING_PROTOCOLS):
            self.transport.abort()
            return
        known, before = self._head + data, self.protocol.state
        end = known.find(_END_OF_HEAD)
        if end < 0 or before is not State.CONNECTING:
            self._head = known[1 - len(_END_OF_HEAD) :]
            self._feed(data)
            return
        first = end + len(_END_OF_HEAD) - len(self._head)
        self._feed(data[:first])
        if self.protocol.state is State.OPEN:
            self._upgraded(data[first:])
        else:
            self._feed(data[first:])

    def connection_lost(self, exc: Exception | None) -> None:
        """Hear that the transport is closed; asyncio's own callback."""
        if self._hang_up is not None:
            self._hang_up.cancel()
        super().connection_lost(exc)

    def _upgraded(self, data: bytes) -> None:
        """Take what came right behind the handshake; a subclass may want it for itself."""
        self._feed(data)

    def _feed(self, data: bytes | bytearray) -> None:
        """Let websockets take bytes: it answers a ping, echoes a close frame, and fails what is wrong."""
        if self.protocol.state is not State.CLOSED:
            super().data_received(bytes(data))
        # After a close frame, ours or the server's, websockets waits for the server to hang up, however long it takes.
        if self._hang_up is None and self.protocol.close_expected():
            self._hang_up = self.loop.call_later(CLOSE_TIMEOUT, self.transport.abort)

    async def handshake(self, *args: Any, **kwargs: Any) -> None:
        """Do the opening handshake; every refusal is final for this attempt."""
        try:
            await super().handshake(*args, **kwargs)
        except Exception:
            if self._status in (None, http.HTTPStatus.SWITCHING_PROTOCOLS):
                raise
        else:
            return
        raise RefusedError(self._status or 0)

    def _read_status(self, data: bytes) -> None:
        line = (self._line or b"") + data
        match = _STATUS_LINE.match(line)
        if match is not None:
            self._status = int(match[1])
        self._line = line if match is None and len(line) < _LONGEST_STATUS_LINE else None
