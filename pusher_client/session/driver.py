"""The one place that does what the core asks: the socket, the timer, the authorization requests (design: thin)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection
from typing import Any, Protocol, assert_never

from pusher_client.authorization.outcomes import Outcome, Refused, UserOutcome
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
    ConnectFailed,
    ConnectingIn,
    Deliver,
    ErrorRaised,
    FrameIgnored,
    GapFound,
    OpenWebSocket,
    Output,
    Result,
    StateChanged,
    SubscriptionEnded,
    SubscriptionRetried,
    UserEvent,
    WatchlistEvent,
)
from pusher_client.session.stall_watch import DeadlineTimer, StallWatch
from pusher_client.transport.frame_reader import Take
from pusher_client.transport.send_queue import SendQueue
from pusher_client.transport.websocket import OpenError, WebSocket

__all__ = ["Driver", "Piece"]

_STOP_TIMEOUT = 1.5

_logger = logging.getLogger("pusher_client")

Piece = (
    GapFound
    | StateChanged
    | ConnectingIn
    | ConnectFailed
    | ErrorRaised
    | Result
    | SubscriptionEnded
    | SubscriptionRetried
    | FrameIgnored
    | UserEvent
    | WatchlistEvent
)
"""The outputs that are told to somebody, rather than carried out here."""


class Deliverer(Protocol):
    """Where events go."""

    def deliver(self, event: Event) -> None:
        """Hand an event to its channel."""


class Listener(Protocol):
    """Who hears the news."""

    def hear(self, piece: Piece) -> None:
        """Take a piece of news, in order."""


class Driver:
    """Runs one core in one event loop.

    Args:
        core: The rules.
        open_websocket: Opens a WebSocket or raises ``OpenError``.
        authorization: Carries out the authorization requests.
        send_queue_bytes: How many bytes may wait to be sent, see `SendQueue`.
        deliverer: Where events go.
        listener: Who hears the news.

    Attributes:
        loop: The event loop it runs in.
    """

    def __init__(
        self,
        core: Connection,
        open_websocket: Callable[[], Awaitable[WebSocket]],
        authorization: AuthorizationService,
        *,
        send_queue_bytes: int,
        deliverer: Deliverer,
        listener: Listener,
    ) -> None:
        self._core = core
        self._open_websocket = open_websocket
        self._deliver = deliverer.deliver
        self._hear = listener.hear
        self.loop: asyncio.AbstractEventLoop = asyncio.get_running_loop()
        self._stalls = StallWatch(self.loop)
        self._timer = DeadlineTimer(self._stalls, lambda: self.feed(core.handle_deadline))
        self._draining = False
        self._stopped = False
        self._send_queue = SendQueue(send_queue_bytes)
        self._socket_task: asyncio.Task[None] | None = None
        self._websocket: WebSocket | None = None
        self._closing: set[asyncio.Task[None]] = set()
        self._authorization = authorization

    def feed(self, take: Callable[..., object], *arguments: object, **named: object) -> None:
        """Give the core one input and carry out what follows; legal while it is being drained."""
        now = self.loop.time()
        self._stalls.watch(now)
        take(*arguments, now=now, **named)
        self._drain()

    async def stop(self, callers: Collection[asyncio.Task[Any]]) -> None:
        """Wait until every task is gone but those of the callers; the core must have ended."""
        self._stopped = True
        self._stalls.stop()
        self._timer.stop()
        tasks = (self._closing | self._authorization.stop(callers)).difference(callers)
        if tasks:
            await asyncio.wait(tasks, timeout=_STOP_TIMEOUT)

    def abandon(self) -> None:
        """Bring the core to its end when the event loop is closed already, and tell what is left to tell."""
        self._stopped = True
        self._core.disconnect(self.loop.time())
        for output in [each for each in self._core.outputs() if isinstance(each, Piece | Deliver)]:
            if isinstance(output, Deliver):
                self._deliver(output.event)
            else:
                self._hear(output)
        self._send_queue.clear()

    # -- the core's outputs ---------------------------------------------------------------------------------------

    def _drain(self) -> None:
        if self._draining:
            return
        self._draining = True
        try:
            self._send_texts()
            for output in self._core.outputs():
                self._carry_out(output)
                self._send_texts()
        finally:
            self._draining = False
        self._timer.set(self._core.deadline())

    def _carry_out(self, output: Output) -> None:
        match output:
            case Deliver(event):
                self._stalls.event = event
                self._deliver(event)
            case OpenWebSocket():
                self._send_queue.clear()
                self._socket_task = self.loop.create_task(self._run_socket(), name="pusher_client socket")
            case CloseWebSocket():
                self._close_socket()
            case Authorize() | AuthorizeBatch() | AuthenticateUser():
                self._authorization.start(output, self._answer)
            case Cancel(request_id):
                self._authorization.cancel(request_id)
            case (
                GapFound()
                | StateChanged()
                | ConnectingIn()
                | ConnectFailed()
                | ErrorRaised()
                | Result()
                | SubscriptionEnded()
                | SubscriptionRetried()
                | FrameIgnored()
                | UserEvent()
                | WatchlistEvent()
            ):
                self._hear(output)
            case _:
                assert_never(output)

    def _send_texts(self) -> None:
        if all(map(self._send_queue.put, self._core.text_to_send())):
            return
        self._close_socket()
        self._core.websocket_closed(None, "the server does not read what is sent", self.loop.time())

    # -- the socket -----------------------------------------------------------------------------------------------

    async def _run_socket(self) -> None:
        """Open a WebSocket, report what it brings until it is closed, and leave nothing of it behind."""
        if self._closing:
            await asyncio.wait(self._closing)
        try:
            websocket: WebSocket | OpenError = await self._open_websocket()
        except OpenError as error:
            websocket = error  # dealt with below, else the errors of handlers would have it as their context (C3)
        if isinstance(websocket, OpenError):
            _logger.warning("could not connect: %s", websocket.reason)
            self.feed(self._core.open_failed, websocket.failure, websocket.status, websocket.reason)
            return
        writer = self.loop.create_task(self._write(websocket), name="pusher_client writer")
        given_up = False
        self._websocket = websocket
        try:
            self.feed(self._core.websocket_opened)
            await websocket.read(self._taker())
        except asyncio.CancelledError:
            # Somebody may have cancelled whatever tasks there are; then nobody else knows that the link is gone.
            given_up = asyncio.current_task() in self._closing
            raise
        finally:
            writer.cancel()
            await websocket.close()
            # Also when a handler let through what is no Exception: the core must not believe in a link that is gone.
            if not given_up:
                reason = clean_text(websocket.close_reason)
                self.feed(self._core.websocket_closed, websocket.close_code, reason)

    def _taker(self) -> Take:
        """Return what takes the messages of a WebSocket, right where their bytes arrive."""
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

    async def _write(self, websocket: WebSocket) -> None:
        send_queue = self._send_queue
        while await websocket.send(await send_queue.take()):
            pass

    def _close_socket(self) -> None:
        self._send_queue.clear()
        websocket, self._websocket = self._websocket, None
        if websocket is not None:
            websocket.leave()  # at once: the core would take what it still brings for the next socket's
        task, self._socket_task = self._socket_task, None
        if task is None or task.done():
            return
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)
        task.cancel()

    # -- authorization requests -----------------------------------------------------------------------------------

    def _answer(self, request_id: int, outcome: Outcome | UserOutcome) -> None:
        if self._stopped:  # the core may have another driver by now
            return
        if isinstance(outcome, Refused):
            error, retryable = outcome.error, outcome.retryable
            retry_after = error.retry_after
            self.feed(self._core.authorization_failed, request_id, error, retryable=retryable, retry_after=retry_after)
        else:
            self.feed(self._core.authorized, request_id, outcome)
