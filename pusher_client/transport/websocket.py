"""One open WebSocket: reading, writing and closing (protocol-notes 1.1)."""

from __future__ import annotations

from pusher_client.transport.connection import Take, WebSocketConnection

__all__ = ["WebSocket"]


class WebSocket:
    """An open WebSocket.

    Args:
        connection: The connection, after its handshake.
    """

    def __init__(self, connection: WebSocketConnection) -> None:
        self._connection = connection

    async def read(self, take: Take) -> None:
        """Hand on every message as soon as it has come, until the connection is closed.

        Args:
            take: Called with a text, or with None for a binary message; not in this task. What it raises ends the
                connection.
        """
        self._connection.begin(take)
        await self._connection.over

    def leave(self) -> None:
        """Hand on nothing more."""
        self._connection.leave()

    def write(self, text: str) -> bool:
        """Hand a text to the transport; return False when the connection is closed."""
        return self._connection.write(text)

    async def drain(self, seconds: float) -> bool:
        """Wait while the transport's buffer is full; return False when the connection is closed.

        Raises:
            TimeoutError: The server has read nothing for ``seconds``.
        """
        return await self._connection.drain(seconds)

    @property
    def own_close(self) -> str | None:
        """Why this side closed the connection because of what the server sent; None when it did not."""
        violation = self._connection.violation
        if violation is None:
            return None
        return f"closed the connection with code {violation.code.value}: the server sent {violation.reason}"

    @property
    def close_code(self) -> int | None:
        """The code of the server's close frame; None when there was none."""
        frame = self._connection.close_frame
        return None if frame is None else frame.code

    @property
    def close_reason(self) -> str:
        """The text of the server's close frame."""
        frame = self._connection.close_frame
        return "" if frame is None else frame.reason

    async def close(self) -> None:
        """Close within about a second; nothing more is handed on."""
        await self._connection.close()
