"""The driver of the core: carries out its commands with a socket, a timer and tasks (design.md 5)."""

from __future__ import annotations

import asyncio
import functools
import logging
from collections.abc import Awaitable, Callable, Collection
from typing import Any

from pusher_client.authorization.outcomes import BatchRefused, Outcome, Refused, UserOutcome
from pusher_client.authorization.service import AuthorizationService
from pusher_client.events import Event
from pusher_client.protocol.connection import Connection
from pusher_client.protocol.frames import clean_text
from pusher_client.protocol.outputs import (
    AuthenticateUser,
    Authorize,
    AuthorizeBatch,
    Cancel,
    CloseWebSocket,
    Command,
    Deliver,
    Notice,
    OpenWebSocket,
    Output,
)
from pusher_client.session.sender import Sender
from pusher_client.session.stall_watch import DeadlineTimer, StallWatch
from pusher_client.tasks import create_task
from pusher_client.transport.connection import Take
from pusher_client.transport.open_error import OpenError, describe_open_error, describe_unexpected
from pusher_client.transport.websocket import WebSocket

__all__ = ["Driver"]

_STOP_TIMEOUT = 1.5
_LONGEST_RUN = 0.01
"""Seconds after which the event loop runs before more outputs are carried out (design.md 10)."""

_logger = logging.getLogger("pusher_client")


class Driver:
    """Runs one core in one event loop.

    Args:
        core: The rules.
        open_websocket: Opens a WebSocket or raises ``OpenError``.
        authorization: Answers authorization requests.
        send_queue_bytes: Bytes that may wait to be sent, see `SendQueue`.
        deliver: Called with each event.
        notify: Called with each notice, in the order of the outputs.
        cancelled: Called when a task of the driver is cancelled from outside, as ``asyncio.run()`` does at its end.

    Attributes:
        loop: The event loop it runs in.
        sender: Sends the texts of the core, and client events.
    """

    def __init__(
        self,
        core: Connection,
        open_websocket: Callable[[], Awaitable[WebSocket]],
        authorization: AuthorizationService,
        *,
        send_queue_bytes: int,
        deliver: Callable[[Event], None],
        notify: Callable[[Notice], None],
        cancelled: Callable[[], None],
    ) -> None:
        self._core = core
        self._open_websocket = open_websocket
        self._deliver = deliver
        self._notify = notify
        self._cancelled = cancelled
        self.loop: asyncio.AbstractEventLoop = asyncio.get_running_loop()
        self._stalls = StallWatch(self.loop)
        self._timer = DeadlineTimer(self._stalls, lambda: self.feed(core.handle_deadline))
        self._draining = False
        self._resuming: asyncio.Handle | None = None
        self._stopped = False
        self.sender: Sender = Sender(core, send_queue_bytes, self._give_up)
        self._socket_task: asyncio.Task[None] | None = None
        self._websocket: WebSocket | None = None
        self._closing: set[asyncio.Task[None]] = set()
        self._authorization = authorization

    def feed(self, take: Callable[..., object], *arguments: object, **named: object) -> None:
        """Give the core one input and carry out its outputs; may be called while the outputs are carried out."""
        now = self.loop.time()
        self._stalls.watch(now)
        take(*arguments, now=now, **named)
        self._drain()

    async def stop(self, callers: Collection[asyncio.Task[Any]]) -> None:
        """Wait until all tasks but the callers have ended. The core must have ended before."""
        self._stopped = True
        if self._resuming is not None:
            self._resuming.cancel()
        self._stalls.stop()
        self._timer.stop()
        tasks = (self._closing | self._authorization.stop(callers)).difference(callers)
        if tasks:
            await asyncio.wait(tasks, timeout=_STOP_TIMEOUT)

    def end_without_loop(self) -> None:
        """End the core after the event loop was closed, and pass on the events and notices that remain."""
        self._stopped = True
        self._core.disconnect(self.loop.time())
        for output in [each for each in self._core.outputs() if not isinstance(each, Command)]:
            if isinstance(output, Deliver):
                self._deliver(output.event)
            else:
                self._notify(output)

    # -- the core's outputs ---------------------------------------------------------------------------------------

    def _drain(self) -> None:
        if self._draining:
            return
        self._draining = True
        try:
            self.sender.flush()
            started = self.loop.time()
            for output in self._core.outputs():
                self._carry_out(output)
                self.sender.flush()
                if self._core.pausable or (self._core.active and self.loop.time() - started > _LONGEST_RUN):
                    self._resume_soon()
                    break
        finally:
            self._draining = False
        self._timer.set(self._core.deadline())

    def _resume_soon(self) -> None:
        """Carry out the remaining outputs after the event loop has run once: bytes are read, and readers are woken."""
        if self._resuming is None:
            self._resuming = self.loop.call_soon(self._resume)

    def _resume(self) -> None:
        self._resuming = None
        self._stalls.watch(self.loop.time())
        self._drain()

    def _carry_out(self, output: Output) -> None:
        match output:
            case Deliver(event):
                self._stalls.event = event
                self._deliver(event)
            case OpenWebSocket():
                self.sender.clear()
                self._socket_task = create_task(self._run_socket, name="pusher_client socket")
            case CloseWebSocket():
                self._close_socket()
            case Authorize() | AuthorizeBatch() | AuthenticateUser():
                self._authorization.start(output, self._answer)
            case Cancel(request_id):
                self._authorization.cancel(request_id)
            case _:
                self._notify(output)

    # -- the socket -----------------------------------------------------------------------------------------------

    async def _run_socket(self) -> None:
        """Open a WebSocket, pass its messages to the core until it is closed, and close everything of it."""
        try:
            if self._closing:
                await asyncio.wait(self._closing)
            websocket = await self._open()
            if isinstance(websocket, OpenError):
                failed, asked = websocket, websocket.retry_after
                self.feed(self._core.open_failed, failed.failure, failed.status, failed.reason, retry_after=asked)
            else:
                await self._run_open_socket(websocket)
        except asyncio.CancelledError:
            self._check_cancellation()
            raise

    async def _open(self) -> WebSocket | OpenError:
        """Open a WebSocket; every error is a failed attempt.

        It is returned, because an error raised by a handler must not have it as its context (C3).
        """
        try:
            return await self._open_websocket()
        except Exception as error:  # noqa: BLE001 - whatever it is, it must not end this task without a word
            return describe_open_error(error, "opening the connection")

    async def _run_open_socket(self, websocket: WebSocket) -> None:
        self._websocket = websocket
        writer = create_task(functools.partial(self.sender.write, websocket), name="pusher_client writer")
        try:
            self.feed(self._core.websocket_opened)
            await websocket.read(self._taker())
        except asyncio.CancelledError:
            self._check_cancellation()  # before the wait below, in which the shutdown would cancel this task again
            raise
        except Exception as error:  # noqa: BLE001 - a defect of the library costs this connection, not the client
            _logger.error("the connection is closed after %s", describe_unexpected(error))  # noqa: TRY400 - C3
        finally:
            writer.cancel()
            await websocket.close()
            # Also after a BaseException from a handler: the core must not keep a connection that is gone.
            if asyncio.current_task() not in self._closing:
                self.sender.clear()
                if websocket.own_close is not None:
                    self.feed(self._core.websocket_broken, websocket.own_close)
                else:
                    self.feed(self._core.websocket_closed, websocket.close_code, clean_text(websocket.close_reason))

    def _check_cancellation(self) -> None:
        """Called when the socket's task is cancelled: unless it was by this driver, the connection ends."""
        task = asyncio.current_task()
        if task is not None and task not in self._closing:
            self._socket_task = None
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)
            self._cancelled()

    def _taker(self) -> Take:
        """Return the function that takes the messages of a WebSocket, called where their bytes arrive."""
        receive_text, clock, deliver, drain = self._core.receive_text, self.loop.time, self._deliver, self._drain
        stalls, watched = self._stalls, 0.0

        def take(message: str | None) -> None:
            nonlocal watched
            if message is None:
                self.feed(self._core.receive_binary)
                return
            now = clock()
            if now > watched:
                watched = stalls.watch(now)
            event = receive_text(message, now)
            if event is not None:
                stalls.event = event
                deliver(event)
            else:
                drain()

        return take

    def _give_up(self, reason: str) -> None:
        self._close_socket()
        self.feed(self._core.websocket_closed, None, reason)

    def _close_socket(self) -> None:
        self.sender.clear()
        websocket, self._websocket = self._websocket, None
        if websocket is not None:
            websocket.leave()  # at once: the core would take its messages for those of the next socket
        task, self._socket_task = self._socket_task, None
        if task is None or task.done():
            return
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)
        task.cancel()

    def _answer(self, request_id: int, outcome: Outcome | UserOutcome | BatchRefused) -> None:
        if self._stopped:  # the core may have another driver by now
            return
        if isinstance(outcome, Refused):
            error, again = outcome.error, outcome.retryable
            refused, after = self._core.authorization_failed, error.retry_after
            self.feed(refused, request_id, error, retryable=again, retry_after=after)
        elif isinstance(outcome, BatchRefused):
            self.feed(self._core.batch_refused, request_id)
        else:
            self.feed(self._core.authorized, request_id, outcome)
