"""The open connections to an endpoint, in each event loop that uses it (protocol-notes 6.3, promise R6)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import httpx

__all__ = ["EndpointConnections"]


@dataclass(slots=True)
class _Pool:
    """A pool of connections, and the number of requests that use it."""

    transport: httpx.AsyncBaseTransport
    running: int = 0


@dataclass(slots=True)
class _Session:
    """The pool for the next requests in one event loop, and the number of users that want it open."""

    users: int = 0
    pool: _Pool | None = None


class EndpointConnections:
    """Opens a pool of connections at the first request, and closes it when nothing uses it any more.

    Attributes:
        sessions: What is in use, by event loop.
    """

    __slots__ = ("sessions",)

    def __init__(self) -> None:
        self.sessions: dict[asyncio.AbstractEventLoop, _Session] = {}

    def attach(self) -> None:
        """Keep the pool of the running event loop open, until `detach` was called as often."""
        for loop in tuple(self.sessions):
            if loop.is_closed():
                self.sessions.pop(loop, None)
        self.sessions.setdefault(asyncio.get_running_loop(), _Session()).users += 1

    async def detach(self) -> None:
        """Undo one `attach`; the last one closes the pool.

        Raises:
            RuntimeError: There was no `attach` in this event loop.
        """
        loop = asyncio.get_running_loop()
        session = self.sessions.get(loop)
        if session is None:
            raise RuntimeError("detach() without attach() in this event loop")
        session.users -= 1
        if not session.users:
            del self.sessions[loop]
            if session.pool is not None:
                await session.pool.transport.aclose()

    @asynccontextmanager
    async def in_use(
        self, open_pool: Callable[[], httpx.AsyncBaseTransport]
    ) -> AsyncGenerator[httpx.AsyncBaseTransport, None]:
        """Use the pool of the running event loop for one request.

        Args:
            open_pool: Called if no pool is open.
        """
        self.attach()
        try:
            session = self.sessions[asyncio.get_running_loop()]
            if session.pool is None:
                session.pool = _Pool(open_pool())
            async with _used(session, session.pool) as transport:
                yield transport
        finally:
            await self.detach()


@asynccontextmanager
async def _used(session: _Session, pool: _Pool) -> AsyncGenerator[httpx.AsyncBaseTransport, None]:
    """Use a pool for one request, and for no later ones if the request is cancelled.

    A cancelled request may leave httpx with a connection that counts as in use for ever. After enough of them no
    connection would be left (promise R6). So the pool is closed when the requests that use it have ended.
    """
    pool.running += 1
    try:
        yield pool.transport
    except asyncio.CancelledError:
        if session.pool is pool:
            session.pool = None
        raise
    finally:
        pool.running -= 1
        if session.pool is not pool and not pool.running:
            await asyncio.shield(asyncio.ensure_future(pool.transport.aclose()))
