"""A way to a server that hurts what passes: late, in pieces, one way only, not at all, or up to a point."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["Toxic", "ToxicProxy", "toxic_proxy"]


@dataclass(frozen=True)
class Toxic:
    """What happens to the bytes; by default nothing.

    Attributes:
        latency: Seconds that each piece is held back.
        jitter: Up to so many seconds more, drawn for each piece.
        slice: The longest piece in bytes; 0 leaves pieces as they come.
        bandwidth: Bytes a second in each direction; 0 for no limit.
        swallows_sent: What the client says goes nowhere, though the connection stands.
        swallows_received: The same for what the server says.
        refuses: New connections are reset.
        limit: How many bytes of the server pass before the connection is reset; 0 for no limit.
        slow_close: Seconds before one side sees that the other has closed.
        half_open: The client is never told that the server has closed, and what it says goes nowhere.
    """

    latency: float = 0.0
    jitter: float = 0.0
    slice: int = 0
    bandwidth: int = 0
    swallows_sent: bool = False
    swallows_received: bool = False
    refuses: bool = False
    limit: int = 0
    slow_close: float = 0.0
    half_open: bool = False


_HARMLESS = Toxic()
_CONNECTIONS = Path("/proc/net/tcp")  # on Linux
_NOT_CLOSED = {"01", "02", "08"}  # by the nearer end: established, being opened, closed by the other end alone


@dataclass
class ToxicProxy:
    """A relay to another port of 127.0.0.1.

    Attributes:
        target: The server's port.
        toxic: What it does now; may be changed at any time.
        port: Where it listens.
        accepted: How many connections have come.
        most_at_once: How many of them the client had not closed at one time, at the most; 0 where that is not listed.
        clients: The client's ends of the open connections.
        servers: The server's ends of them.
    """

    target: int
    toxic: Toxic = _HARMLESS
    port: int = 0
    accepted: int = 0
    most_at_once: int = 0
    clients: set[asyncio.StreamWriter] = field(default_factory=set)
    servers: set[asyncio.StreamWriter] = field(default_factory=set)
    tasks: set[asyncio.Task[None]] = field(default_factory=set)
    lots: random.Random = field(default_factory=lambda: random.Random(1))

    def heal(self) -> None:
        """Pass on everything as it comes."""
        self.toxic = _HARMLESS

    def reset(self) -> None:
        """Reset every open connection on both sides."""
        for writer in self.clients | self.servers:
            writer.transport.abort()

    def hang_up(self) -> None:
        """Close every open connection on the server's side; the client notices in the usual way."""
        for writer in self.servers:
            writer.close()

    async def relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        task = asyncio.current_task()
        assert task is not None
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        self.accepted += 1
        self.most_at_once = max(self.most_at_once, self._open())
        if self.toxic.refuses:
            writer.transport.abort()
            return
        self.clients.add(writer)
        with suppress(OSError, asyncio.CancelledError):
            there, back = await asyncio.open_connection("127.0.0.1", self.target)
            self.servers.add(back)
            try:
                async with asyncio.TaskGroup() as pumps:
                    pumps.create_task(self._send(reader, back))
                    pumps.create_task(self._receive(there, writer))
            except* OSError:
                pass
            finally:
                self.servers.discard(back)
                await _close(back)
        self.clients.discard(writer)
        await _close(writer)

    def _open(self) -> int:
        """Count the connections that the client has not closed, as the system lists them."""
        if not _CONNECTIONS.exists():
            return 0
        rows = [line.split() for line in _CONNECTIONS.read_text().splitlines()[1:]]
        return sum(int(row[2].split(":")[1], 16) == self.port and row[3] in _NOT_CLOSED for row in rows)

    async def _send(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            if not (self.toxic.swallows_sent or self.toxic.half_open):
                await self._pass(data, writer)
        await self._end(writer)

    async def _receive(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        passed = 0
        while data := await reader.read(65536):
            limit = self.toxic.limit
            if not self.toxic.swallows_received:
                await self._pass(data[: limit - passed] if limit else data, writer)
            passed += len(data)
            if limit and passed >= limit:
                await asyncio.sleep(0.01)  # what was passed on arrives before the reset, which would discard it
                writer.transport.abort()
                raise ConnectionResetError
        if not self.toxic.half_open:
            await self._end(writer)

    async def _pass(self, data: bytes, writer: asyncio.StreamWriter) -> None:
        toxic = self.toxic
        size = toxic.slice or len(data)
        for start in range(0, len(data), size):
            piece = data[start : start + size]
            delay = toxic.latency + toxic.jitter * self.lots.random()
            if toxic.bandwidth:
                delay += len(piece) / toxic.bandwidth
            await asyncio.sleep(delay)
            writer.write(piece)
            await writer.drain()

    async def _end(self, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(self.toxic.slow_close)
        writer.close()


async def _close(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with suppress(OSError, asyncio.CancelledError):
        await writer.wait_closed()


@asynccontextmanager
async def toxic_proxy(target: int) -> AsyncGenerator[ToxicProxy]:
    """Run a proxy on a free port."""
    proxy = ToxicProxy(target)
    server = await asyncio.start_server(proxy.relay, "127.0.0.1", 0)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()
        proxy.reset()
        for task in tuple(proxy.tasks):
            task.cancel()
        await asyncio.gather(*proxy.tasks, return_exceptions=True)
        await server.wait_closed()
