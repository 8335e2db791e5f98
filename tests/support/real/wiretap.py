"""A relay that keeps every byte that passes, and a proxy of the package tiny-proxy behind one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Coroutine
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from ssl import SSLContext
from typing import Any

import anyio
from anyio.streams.tls import TLSListener
from tiny_proxy import HttpProxyHandler, Socks5ProxyHandler

__all__ = ["Passage", "Wiretap", "proxied", "tapped"]


@dataclass
class Passage:
    """One connection through a relay: what was said in each direction."""

    sent: bytearray = field(default_factory=bytearray)
    received: bytearray = field(default_factory=bytearray)


@dataclass
class Wiretap:
    """A relay to another port of 127.0.0.1.

    Attributes:
        target: The port that new connections go to; may be changed.
        port: Where it listens.
        passages: Every connection so far.
        open: How many of them are open.
    """

    target: int
    port: int = 0
    passages: list[Passage] = field(default_factory=list)
    open: int = 0
    tasks: set[asyncio.Task[Any]] = field(default_factory=set)

    @property
    def sent(self) -> bytes:
        """All that clients said."""
        return b"".join(bytes(passage.sent) for passage in self.passages)

    async def connected(self, count: int) -> None:
        """Wait until so many connections have come."""
        while len(self.passages) < count:
            await asyncio.sleep(0.001)

    async def all_closed(self) -> None:
        """Wait until no connection is open."""
        while self.open:
            await asyncio.sleep(0.001)

    async def relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection; it ends when the client ends it, or when the target did."""
        task = asyncio.current_task()
        assert task is not None
        self.tasks.add(task)
        self.open += 1
        passage = Passage()
        self.passages.append(passage)
        back: asyncio.StreamWriter | None = None
        with suppress(OSError, asyncio.CancelledError):
            there, back = await asyncio.open_connection("127.0.0.1", self.target)
            await _until_broken(_copy(reader, back, passage.sent), _copy(there, writer, passage.received))
        for end in (writer, back):
            if end is not None:
                end.close()
                with suppress(OSError, asyncio.CancelledError):
                    await end.wait_closed()
        self.open -= 1
        self.tasks.discard(task)


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, kept: bytearray) -> None:
    while data := await reader.read(65536):
        kept += data
        writer.write(data)
        await writer.drain()
    if writer.can_write_eof():
        writer.write_eof()  # and no more: a side that keeps its connection is to be seen


async def _until_broken(*copies: Coroutine[Any, Any, None]) -> None:
    """Run them to their end, or until one of them meets a broken connection."""
    tasks = [asyncio.create_task(copy) for copy in copies]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@asynccontextmanager
async def tapped(target: int) -> AsyncGenerator[Wiretap]:
    """Run a relay on a free port."""
    tap = Wiretap(target)
    server = await asyncio.start_server(tap.relay, "127.0.0.1", 0)
    tap.port = server.sockets[0].getsockname()[1]
    try:
        async with asyncio.timeout(30):
            yield tap
    finally:
        server.close()
        for task in tuple(tap.tasks):
            task.cancel()
        await asyncio.gather(*tap.tasks, return_exceptions=True)
        await server.wait_closed()


@asynccontextmanager
async def proxied(
    scheme: str, username: str | None = None, password: str | None = None, *, tls: SSLContext | None = None
) -> AsyncGenerator[Wiretap]:
    """Run a proxy and tap it.

    Args:
        scheme: ``http``, ``https``, ``socks5`` or ``socks5h``.
        username: Who may use it; everyone by default.
        password: The password that it demands.
        tls: For ``https``, with its certificate.
    """
    kind = HttpProxyHandler if scheme.startswith("http") else Socks5ProxyHandler
    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    handler = kind() if username is None or password is None else kind(username, password)
    served = listener if tls is None else TLSListener(listener, tls, standard_compatible=False)
    serving = asyncio.create_task(served.serve(handler.handle))
    try:
        async with tapped(listener.extra(anyio.abc.SocketAttribute.local_port)) as tap:  # noqa: S610 - no Django here
            yield tap
    finally:
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)
        await listener.aclose()
