"""uvicorn inside a running event loop: no signal handlers, no access log, a clean stop."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import socket
import threading
from collections.abc import Callable, Generator

import uvicorn
from starlette.types import ASGIApp
from websockets.exceptions import InvalidState

from pusher_client.server.wire import Wire

__all__ = ["LOOPBACK", "Serving"]

LOOPBACK = "127.0.0.1"

GRACE = 1
"""Seconds that clients have to close when the server stops, before their sockets are reset."""

CALL_TIMEOUT = 10
"""Seconds that a call from another thread waits for the server's event loop."""

MESSAGE_LIMIT = 1024 * 1024
"""Maximum size of a client's frame in bytes."""


TICK = 0.1
"""Seconds between updates of uvicorn's Date header."""

_ATTEMPTS = int(GRACE / TICK)

_TURNS_TO_ACCEPT = 8
"""Turns of the event loop within which an accepted socket becomes a connection, with some to spare."""


class _QuietServer(uvicorn.Server):
    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.settled = asyncio.Event()
        self.stopping = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Set ``settled`` when the sockets are served or the start failed."""
        try:
            await super().startup(sockets)
        finally:
            self.settled.set()

    async def main_loop(self) -> None:
        """Stop as soon as ``stopping`` is set, instead of at the next tick."""
        ticks = 0
        while not await self.on_tick(ticks):
            ticks += 1
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(TICK):
                    await self.stopping.wait()
                    self.should_exit = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Give connected clients time to close; return at once if there are none."""
        # asyncio loses a socket that it has accepted, but not yet given a protocol, when the server is closed.
        for _ in range(_TURNS_TO_ACCEPT):
            await asyncio.sleep(0)
        for _ in range(_ATTEMPTS):
            if not (self.server_state.connections or self.server_state.tasks):
                break
            # uvicorn cannot end a WebSocket whose closing handshake is under way, which is over soon.
            with contextlib.suppress(InvalidState):
                await super().shutdown(sockets)
                return
            await asyncio.sleep(TICK)
        for server in self.servers:
            server.close()
        for listening in sockets or []:
            listening.close()

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        """Install no signal handlers: these belong to the program."""
        yield


class Serving:
    """An ASGI application, served from ``start()`` to ``stop()``.

    Args:
        app: The application.
        wire: Collects the sockets of the WebSockets.

    Attributes:
        port: The port; known as soon as `start` returns.
    """

    def __init__(self, app: ASGIApp, wire: Wire) -> None:
        config = uvicorn.Config(
            app,
            http="h11",
            ws=wire.protocol_class(),
            ws_max_size=MESSAGE_LIMIT,
            ws_ping_interval=None,  # the protocol has its own pings, see websocket.py
            ws_per_message_deflate=False,
            lifespan="off",
            log_config=None,  # logging is configured by the program
            access_log=False,  # its lines would contain signatures
            server_header=False,
            timeout_graceful_shutdown=2 * GRACE,
        )
        config.load()
        self.port: int = 0
        self._wire = wire
        self._server = _QuietServer(config)
        self._thread_id = 0
        self._loop: asyncio.AbstractEventLoop
        self._task: asyncio.Task[None]

    def start(self, port: int) -> None:
        """Bind the port and serve it in the running event loop.

        Args:
            port: The port; 0 for a free one.

        Raises:
            OSError: The port cannot be bound.
        """
        listening = socket.create_server((LOOPBACK, port))
        # asyncio sets this only for sockets that name their protocol. Without it, a second frame would wait about 40 ms
        # for the client's delayed acknowledgement. Accepted sockets inherit it.
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.port = listening.getsockname()[1]
        self._thread_id = threading.get_ident()
        self._loop = asyncio.get_running_loop()
        self._task = self._loop.create_task(self._server.serve(sockets=[listening]), name="pusher_client.server")

    async def stop(self) -> None:
        """Close all sockets, by a reset if clients do not answer, and return when none is left."""
        self._wire.stall(on=False)
        await self._server.settled.wait()  # stopped earlier, uvicorn may leave the listening socket open
        self._server.stopping.set()
        done, _ = await asyncio.wait([self._task], timeout=GRACE)
        if not done:
            self._wire.reset()
        await self._task

    def call(self, action: Callable[[], None]) -> None:
        """Run a function in the server's event loop, from any thread, and wait until it is done."""
        if threading.get_ident() == self._thread_id:
            action()
        else:
            self.submit(action).result(CALL_TIMEOUT)

    def submit(self, action: Callable[[], None]) -> concurrent.futures.Future[None]:
        """Run a function in the server's event loop soon; the future has its exception."""
        done = concurrent.futures.Future[None]()

        def act() -> None:
            try:
                action()
            except BaseException as error:  # noqa: BLE001 -- raised again in the calling thread
                done.set_exception(error)
            else:
                done.set_result(None)

        self._loop.call_soon_threadsafe(act)
        return done
