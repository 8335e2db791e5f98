"""A WebSocket opened over a real socket, and its messages received one by one."""

from __future__ import annotations

import asyncio
import ssl
from typing import Any, Literal

import pytest

from pusher_client.transport.address import Address
from pusher_client.transport.open_error import OpenError
from pusher_client.transport.opener import WebSocketOpener
from pusher_client.transport.proxy import CONNECTION_SCHEMES, Proxy, parse_proxy
from pusher_client.transport.websocket import WebSocket

__all__ = ["BINARY", "Reader", "open_failure", "open_reader"]

BINARY = b""
"""Represents a binary message, whose content does not matter."""


class Reader:
    """An open WebSocket whose messages are received one by one, which is how a test is written best."""

    def __init__(self, websocket: WebSocket) -> None:
        self.websocket = websocket
        self._messages: asyncio.Queue[str | bytes | None] = asyncio.Queue()
        self._task = asyncio.ensure_future(self._read())

    async def _read(self) -> None:
        await self.websocket.read(lambda text: self._messages.put_nowait(BINARY if text is None else text))
        self._messages.put_nowait(None)

    async def send(self, text: str) -> bool:
        """Send a text; return False when the WebSocket is closed."""
        return self.websocket.write(text) and await self.websocket.drain(10)

    async def receive(self) -> str | bytes | None:
        """Return the next message, or None at the end."""
        return await self._messages.get()

    @property
    def ending(self) -> tuple[int | None, str]:
        """With which code and words it was closed."""
        return self.websocket.close_code, self.websocket.close_reason

    async def close(self) -> None:
        """Close, and see the reading end with that."""
        await self.websocket.close()
        await self._task


async def open_reader(
    port: int,
    *,
    host: str = "127.0.0.1",
    tls: ssl.SSLContext | bool = False,
    proxy: str | Literal[True] | None = None,
    max_message_size: int = 1000,
) -> Reader:
    """Open a WebSocket to a port of this machine.

    Raises:
        OpenError: It could not be opened.
    """
    found: Proxy | Literal[True] | None = (
        parse_proxy(proxy, CONNECTION_SCHEMES, "proxy") if isinstance(proxy, str) else proxy
    )
    opener = WebSocketOpener(proxy=found, max_message_size=max_message_size)
    address = Address("KEY", cluster=None, host=host, port=port, path="", tls=tls)
    return Reader(await opener.open(address))


async def open_failure(port: int, **options: Any) -> OpenError:
    """Return the error of an attempt; it has no cause or context (promise C3)."""
    with pytest.raises(OpenError) as caught:
        await open_reader(port, **options)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
    return caught.value
