"""A WebSocket without a client library around it, for what no honest client sends."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

from websockets.asyncio.client import ClientConnection, connect

from tests.support.real.pusher_http import PusherHTTP
from tests.support.real.soketi import APP

__all__ = ["BareSocket", "bare_socket"]

_SECONDS = 30.0
_SILENT = logging.getLogger("tests.bare_socket")  # so that what the client logs stands alone in a test
_SILENT.setLevel(logging.CRITICAL)


class BareSocket:
    """An established connection that sends and receives frames as they are."""

    def __init__(self, connection: ClientConnection, socket_id: str) -> None:
        self._connection = connection
        self.socket_id = socket_id

    async def send(self, event: str, data: object, *, channel: str | None = None) -> None:
        """Send one frame."""
        frame: dict[str, object] = {"event": event, "data": data}
        await self._connection.send(json.dumps(frame if channel is None else frame | {"channel": channel}))

    async def receive(self) -> dict[str, Any]:
        """Receive one frame."""
        return await _receive(self._connection)

    async def receive_until(self, event: str) -> list[dict[str, Any]]:
        """Receive frames up to the first one of an event, which is the last of them."""
        frames = [await self.receive()]
        while frames[-1]["event"] != event:
            frames.append(await self.receive())
        return frames

    async def closed(self) -> int | None:
        """Wait until the server closes, and return the code of its close frame."""
        async with asyncio.timeout(_SECONDS):
            await self._connection.wait_closed()
        return self._connection.close_code

    async def subscribe(self, channel: str, signer: PusherHTTP) -> None:
        """Subscribe, and return when the server has acknowledged."""
        auth = signer.authenticate(channel, self.socket_id)["auth"]
        await self.send("pusher:subscribe", {"channel": channel, "auth": auth})
        answer = await self.receive()
        if answer["event"] != "pusher_internal:subscription_succeeded":
            raise RuntimeError(f"the server refused {channel}: {answer}")


@asynccontextmanager
async def bare_socket(port: int, key: str = APP.key) -> AsyncGenerator[BareSocket]:
    """Connect as protocol 7 asks for it, and close in the end."""
    async with connect(f"ws://127.0.0.1:{port}/app/{key}?protocol=7", proxy=None, logger=_SILENT) as connection:
        established = await _receive(connection)
        yield BareSocket(connection, json.loads(established["data"])["socket_id"])


async def _receive(connection: ClientConnection) -> dict[str, Any]:
    async with asyncio.timeout(_SECONDS):
        frame: dict[str, Any] = json.loads(await connection.recv())
    return frame
