"""The one place that does what the core asks: the socket, the timer, the authorization requests (design: thin)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection
from typing import Any, Protocol, assert_never

import httpx

from pusher_client.events import Event
from pusher_client.exceptions import AuthorizationError, PusherError
from pusher_client.protocol.authorization import ChannelAuthorization, retryable_status
from pusher_client.protocol.connection import Connection
from pusher_client.protocol.frames import clean_text
from pusher_client.protocol.outputs import (
    Authorize,
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
)
from pusher_client.request import bare
from pusher_client.websocket import OpenError, WebSocket

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
        authorize: Asks the caller's authorizer; returns a ``ChannelAuthorization`` or a mapping.
        deliverer: Where events go.
        listener: Who hears the news.

    Attributes:
        loop: The event loop it runs in.
    """

    def __init__(
        self,
        core: Connection,
        open_websocket: Callable[[], Awaitable[WebSocket]],
        authorize: Callable[[str, str], Awaitable[Any]],
        deliverer: Deliverer,
        listener: Listener,
    ) -> None:
        self._core = core
        self._open_websocket = open_websocket
        self._authorize = authorize
        self._deliver = deliverer.deliver
        self._hear = listener.hear
        self.loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._draining = False
        self._outbox: asyncio.Queue[str] = asyncio.Queue()
        self._socket_task: asyncio.Task[None] | None = None
        self._closing: set[asyncio.Task[None]] = set()
        self._requests: dict[int, asyncio.Task[None]] = {}

    def feed(self, take: Callable[..., object], *arguments: object, **named: object) -> None:
        """Give the core one input and carry out what follows; legal while it is being drained."""
        take(*arguments, now=self.loop.time(), **named)
        self._drain()

    async def stop(self, callers: Collection[asyncio.Task[Any]]) -> None:
        """Wait until every task is gone but those of the callers; the core must have ended."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        requests = set(self._requests.values())
        for task in requests.difference(callers):
            task.cancel()
        tasks = (self._closing | requests).difference(callers)
        if tasks:
            await asyncio.wait(tasks, timeout=_STOP_TIMEOUT)

    # -- the core's outputs ---------------------------------------------------------------------------------------

    def _drain(self) -> None:
        if self._draining:
            return
        self._draining = True
        try:
            for output in self._core.outputs():
                self._carry_out(output)
                self._send_texts()
        finally:
            self._draining = False
        self._send_texts()
        self._set_timer()

    def _carry_out(self, output: Output) -> None:
        match output:
            case Deliver(event):
                self._deliver(event)
            case OpenWebSocket():
                self._outbox = asyncio.Queue()
                self._socket_task = self.loop.create_task(self._run_socket(), name="pusher_client socket")
            case CloseWebSocket():
                self._close_socket()
            case Authorize():
                task = self.loop.create_task(self._run_request(output), name="pusher_client authorization")
                self._requests[output.request_id] = task
            case Cancel(request_id):
                request = self._requests.get(request_id)
                if request is not None:
                    request.cancel()
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
            ):
                self._hear(output)
            case _:
                assert_never(output)

    def _send_texts(self) -> None:
        for text in self._core.text_to_send():
            self._outbox.put_nowait(text)

    def _set_timer(self) -> None:
        due = self._core.deadline()
        if due is None or (self._timer is not None and self._timer.when() <= due):
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self.loop.call_at(due, self._on_timer)

    def _on_timer(self) -> None:
        self._timer = None
        self.feed(self._core.handle_deadline)

    # -- the socket -----------------------------------------------------------------------------------------------

    async def _run_socket(self) -> None:
        """Open a WebSocket, report what it brings until it is closed, and leave nothing of it behind."""
        if self._closing:
            await asyncio.wait(self._closing)
        try:
            websocket = await self._open_websocket()
        except OpenError as error:
            _logger.warning("could not connect: %s", error.reason)
            self.feed(self._core.open_failed, error.failure, error.status, error.reason)
            return
        writer = self.loop.create_task(self._write(websocket), name="pusher_client writer")
        closed = False
        try:
            self.feed(self._core.websocket_opened)
            await self._read(websocket)
            closed = True
        finally:
            writer.cancel()
            await websocket.close()
        if closed:
            reason = clean_text(websocket.close_reason)
            self.feed(self._core.websocket_closed, websocket.close_code, reason)

    async def _read(self, websocket: WebSocket) -> None:
        receive_text, clock, deliver = self._core.receive_text, self.loop.time, self._deliver
        while (message := await websocket.receive()) is not None:
            if isinstance(message, str):
                event = receive_text(message, clock())
                if event is not None:
                    deliver(event)
                else:
                    self._drain()
            else:
                self.feed(self._core.receive_binary)

    async def _write(self, websocket: WebSocket) -> None:
        outbox = self._outbox
        while await websocket.send(await outbox.get()):
            pass

    def _close_socket(self) -> None:
        task, self._socket_task = self._socket_task, None
        if task is None or task.done():
            return
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)
        # The core may give up on what this very task has just told it; then the task ends at its next step.
        self.loop.call_soon(task.cancel)

    # -- authorization requests -----------------------------------------------------------------------------------

    async def _run_request(self, request: Authorize) -> None:
        core = self._core
        try:
            outcome = await self._ask(request.channel, request.socket_id)
        finally:
            self._requests.pop(request.request_id, None)
        if isinstance(outcome, ChannelAuthorization):
            self.feed(core.authorized, request.request_id, outcome)
            return
        error, retryable = outcome
        retry_after = error.retry_after if isinstance(error, AuthorizationError) else None
        self.feed(core.authorization_failed, request.request_id, error, retryable=retryable, retry_after=retry_after)

    async def _ask(self, channel: str, socket_id: str) -> ChannelAuthorization | tuple[PusherError, bool]:
        """Return the authorization, or the error and whether the same request may succeed later."""
        try:
            answer = await self._authorize(channel, socket_id)
        except AuthorizationError as error:
            refusal = error
        except Exception as error:  # noqa: BLE001 - an authorizer is the caller's code and may raise anything
            return _failure(channel, error)
        else:
            return answer if isinstance(answer, ChannelAuthorization) else _read_answer(channel, answer)
        if refusal.channel is None:
            refusal.channel = channel
        return refusal, retryable_status(refusal.status)


def _read_answer(channel: str, answer: Any) -> ChannelAuthorization | tuple[PusherError, bool]:
    try:
        return ChannelAuthorization.from_response(answer)
    except AuthorizationError as error:
        refusal = bare(error)  # the frames that it went through hold the answer
    refusal.channel = channel
    return refusal, False


def _failure(channel: str, cause: Exception) -> tuple[PusherError, bool]:
    kind = type(cause)
    if isinstance(cause, OSError | TimeoutError | httpx.TransportError):
        return AuthorizationError(channel, f"the authorization request failed: {kind.__name__}"), True
    error = AuthorizationError(channel, f"the authorizer raised {kind.__name__}")
    error.__cause__ = cause
    return error, False
