"""Sends the texts of the core and client events over one WebSocket after another (R4, R6)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from pusher_client.protocol.connection import Connection
from pusher_client.transport.open_error import describe_unexpected
from pusher_client.transport.send_queue import SendQueue
from pusher_client.transport.websocket import WebSocket

__all__ = ["Sender"]


class Sender:
    """The send queue of a connection and its writer.

    Args:
        core: Makes the texts.
        limit: Bytes that may wait to be sent, see `SendQueue`.
        give_up: Called with the reason when the WebSocket is of no use any more: the server does not read, or sending
            failed.
    """

    def __init__(self, core: Connection, limit: int, give_up: Callable[[str], object]) -> None:
        self._core = core
        self._queue = SendQueue(limit)
        self._give_up = give_up

    def flush(self) -> None:
        """Queue the texts of the core."""
        if not all(map(self._queue.put, self._core.text_to_send())):
            self._give_up("the server does not read what is sent")

    def clear(self) -> None:
        """Drop what waits; client events that wait are not sent."""
        self._queue.clear()

    async def trigger(self, channel: str, event: str, data: Any) -> bool:
        """Send a client event in its turn; return False when the link was lost before the transport had it."""
        clock = asyncio.get_running_loop().time

        def make_text() -> str:
            self.flush()  # what the core has to send was decided before
            return self._core.trigger(channel, event, data, clock())

        return await self._queue.send(make_text)

    async def write(self, websocket: WebSocket) -> None:
        """Hand the texts to a WebSocket until it is closed, or the server reads nothing for ``pong_timeout``."""
        seconds = self._core.settings.pong_timeout
        try:
            while await self._queue.hand_over(websocket.write):
                await websocket.drain(seconds)
        except TimeoutError as error:
            self._give_up(str(error))
        except Exception as error:  # noqa: BLE001 - a defect of the library costs this connection, not the client
            self._give_up(f"sending failed with {describe_unexpected(error)}")
