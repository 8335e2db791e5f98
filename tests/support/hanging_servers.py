"""Servers that stop answering, each at another point, on their own threads."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import json
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from enum import StrEnum

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from tests.support.scripted_server import SILENT

__all__ = ["Hang", "hanging_servers"]


class Hang(StrEnum):
    """The point at which a server says nothing any more."""

    ACCEPTED = "after the TCP connection"
    TLS = "in the midst of the TLS handshake"
    UPGRADE = "in the midst of the answer to the upgrade"
    ESTABLISHED = "before connection_established"
    ACKNOWLEDGED = "before the acknowledgement of a subscription"


_BEGINNINGS = {
    Hang.ACCEPTED: b"",
    Hang.TLS: b"\x16\x03\x03\x00\x7a\x02\x00",
    Hang.UPGRADE: b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: webs",
}


@asynccontextmanager
async def _beginning(hang: Hang) -> AsyncGenerator[int]:
    """Serve those that hang before there is a WebSocket."""
    beginning = _BEGINNINGS[hang]

    async def begin(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            if hang is not Hang.ACCEPTED:
                await reader.read(1)
                writer.write(beginning)
            while await reader.read(65536):
                pass
        writer.transport.abort()

    async with await asyncio.start_server(begin, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1]


@asynccontextmanager
async def _talking(hang: Hang) -> AsyncGenerator[int]:
    """Serve those that hang when there is one."""

    async def talk(socket: ServerConnection) -> None:
        with contextlib.suppress(ConnectionClosed):
            if hang is Hang.ACKNOWLEDGED:
                data = json.dumps({"socket_id": "1.1", "activity_timeout": 120})
                await socket.send(json.dumps({"event": "pusher:connection_established", "data": data}))
            async for _ in socket:
                pass

    async with serve(talk, "127.0.0.1", 0, logger=SILENT) as server:
        yield next(iter(server.sockets)).getsockname()[1]


async def _serve_all(started: concurrent.futures.Future[tuple[dict[Hang, int], Callable[[], object]]]) -> None:
    loop, stopping = asyncio.get_running_loop(), asyncio.Event()
    async with AsyncExitStack() as stack:
        ports = {
            hang: await stack.enter_async_context((_beginning if hang in _BEGINNINGS else _talking)(hang))
            for hang in Hang
        }
        started.set_result((ports, lambda: loop.call_soon_threadsafe(stopping.set)))
        await stopping.wait()


@contextmanager
def hanging_servers() -> Generator[dict[Hang, int]]:
    """Run one of each, and give their ports."""
    started = concurrent.futures.Future[tuple[dict[Hang, int], Callable[[], object]]]()
    with concurrent.futures.ThreadPoolExecutor(1) as executor:
        running = executor.submit(asyncio.run, _serve_all(started))
        ports, stop = started.result(10)
        try:
            yield ports
        finally:
            stop()
            running.result(10)
