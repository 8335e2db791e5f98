"""What the core tells: results to those who wait, states to those who listen, losses to the log."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TypeVar, assert_never

from pusher_client.delivery.handler_worker import ErrorHandler
from pusher_client.delivery.value_dispatcher import ConnectionEvents
from pusher_client.events import GAP, ConnectionState, Event, Gap, StateChange
from pusher_client.exceptions import NotConnectedError, PusherError
from pusher_client.protocol.byte_budget import ByteBudget
from pusher_client.protocol.connection import Connection
from pusher_client.protocol.names import USER_CHANNEL_PREFIX
from pusher_client.protocol.outputs import (
    ConnectFailed,
    ConnectingIn,
    ErrorRaised,
    FrameIgnored,
    GapFound,
    Result,
    StateChanged,
    SubscriptionEnded,
    SubscriptionRetried,
    UserEvent,
    WatchlistEvent,
)
from pusher_client.session.channels import Channels
from pusher_client.session.driver import Piece
from pusher_client.user import User

__all__ = ["News"]

_T = TypeVar("_T")

_logger = logging.getLogger("pusher_client")
_retry_logger = logging.getLogger("pusher_client.retries")
"""Warnings of attempts that failed and are repeated, which `pusher-client listen` prints."""


class News:
    """Takes the core's news, one piece after another.

    Args:
        core: Whose news they are.
        channels: Where events go.
        on_handler_error: Called when a handler of a connection event raises.
        budget: The client's allowance of bytes.

    Attributes:
        connection: Where the connection's own events are bound.
        user: Where the signed-in user's events are bound.
        failure: Why the last connection is over for good; None while it is not.
        connects: How often a connection came to stand.
    """

    def __init__(
        self, core: Connection, channels: Channels, on_handler_error: ErrorHandler | None, budget: ByteBudget
    ) -> None:
        self._core = core
        self._channels = channels
        self._connect_waiters: set[asyncio.Future[None]] = set()
        self._over_waiters: set[asyncio.Future[PusherError | None]] = set()
        self._results: dict[int, asyncio.Future[None]] = {}
        self._connecting = 0
        self._reached = False
        self._stop: Callable[[], None] = lambda: None
        self.connection: ConnectionEvents = ConnectionEvents(on_handler_error, channels.dispatcher.pool)
        self.user: User = User(core.sign_in, on_handler_error, channels.dispatcher.pool, budget)
        self.failure: PusherError | None = None
        self.connects: int = 0

    def begin(self, stop: Callable[[], None]) -> None:
        """A connection starts; ``stop`` is called when it is over for good."""
        self.failure = None
        self._reached = False
        self._stop = stop

    # -- those who wait -------------------------------------------------------------------------------------------

    @property
    def unwanted(self) -> bool:
        """Whether all who waited for the connection have given up, and nobody was ever told that it stands."""
        return not self._connecting and not self._reached

    async def wait_connected(self) -> None:
        """Wait until the connection stands."""
        self._connecting += 1
        try:
            if self._core.state is not ConnectionState.CONNECTED:
                await _waiter(self._connect_waiters)
            self._reached = True
        finally:
            self._connecting -= 1

    async def wait_over(self) -> PusherError | None:
        """Wait until the connection is over, and return why, if it is over for good."""
        return await _waiter(self._over_waiters)

    def wait_result(self, call_id: int) -> asyncio.Future[None]:
        """Return what is done with the result of this call."""
        future = self._results[call_id] = asyncio.get_running_loop().create_future()
        return future

    def abandon_result(self, call_id: int) -> None:
        """Forget a call."""
        self._results.pop(call_id, None)

    def abandon(self) -> None:
        """Forget those who waited in an event loop that is gone."""
        self._connect_waiters.clear()
        self._over_waiters.clear()
        self._results.clear()

    # -- the news -------------------------------------------------------------------------------------------------

    def hear(self, piece: Piece) -> None:
        """Take one piece of news."""
        match piece:
            case Result(call_id, error):
                future = self._results.pop(call_id, None)
                if future is not None:
                    _finish(future, error)
            case GapFound():
                self._hear_of_gap(piece)
            case SubscriptionEnded(channel, error):
                if error is not None:
                    _logger.error("the subscription failed for good: %s", error)
                self._channels.end(channel, error)
            case SubscriptionRetried(_, error, delay):
                _retry_logger.warning("%s; next attempt in %.1f s", error, delay)
            case FrameIgnored(cause):
                _logger.debug("ignored %s", cause)
            case UserEvent(event) | WatchlistEvent(event):
                (self.user if isinstance(piece, UserEvent) else self.user.watchlist).emit(event)
            case StateChanged() | ConnectingIn() | ErrorRaised() | ConnectFailed():
                self._hear_of_connection(piece)
            case _:
                assert_never(piece)

    def _hear_of_connection(self, piece: StateChanged | ConnectingIn | ErrorRaised | ConnectFailed) -> None:
        match piece:
            case StateChanged(previous, current):
                self._change_state(previous, current)
            case ConnectingIn(delay, cause):
                _retry_logger.warning(
                    "the connection is lost or was not made: %s; next attempt in %.1f s", cause, delay
                )
                if delay > 0:
                    self.connection.emit("connecting_in", delay)
            case ErrorRaised(error):
                _logger.info("the connection had an error: %s", error)
                self.connection.emit("error", error)
            case ConnectFailed(failure):
                self._fail(failure)
            case _:
                assert_never(piece)

    def _hear_of_gap(self, found: GapFound) -> None:
        now = datetime.now(UTC).timestamp() - found.resubscribed_at
        times = (found.last_received_at, found.disconnected_at, found.resubscribed_at)
        gap = Gap(found.channel, *(datetime.fromtimestamp(now + moment, UTC) for moment in times))
        missed = found.resubscribed_at - found.disconnected_at
        _logger.warning("%s: events of %.1f s may be missing", found.channel, missed)
        event = Event(GAP, found.channel, gap)
        if found.channel.startswith(USER_CHANNEL_PREFIX):
            self.user.emit(event)
        else:
            self._channels.deliver(event)

    def _change_state(self, previous: ConnectionState, current: ConnectionState) -> None:
        _logger.info("the connection went from %s to %s", previous, current)
        if current is ConnectionState.CONNECTED:
            self.connects += 1
            _finish_all(self._connect_waiters, None)
        elif current is ConnectionState.DISCONNECTED:
            _finish_all(self._connect_waiters, NotConnectedError("disconnected before the connection stood"))
            self._finish_over(None)
            self._channels.end_all(None)
        self.connection.emit("state_change", StateChange(previous, current))
        data = {"socket_id": self._core.socket_id} if current is ConnectionState.CONNECTED else None
        self.connection.emit(current.value, data)

    def _fail(self, error: PusherError) -> None:
        self.failure = error
        _logger.error("the connection is over for good: %s", error)
        _finish_all(self._connect_waiters, error)
        self._finish_over(error)
        self._channels.end_all(error)
        self._stop()

    def _finish_over(self, error: PusherError | None) -> None:
        for future in list(self._over_waiters):
            if not future.done():
                future.set_result(error)


def _waiter(waiters: set[asyncio.Future[_T]]) -> asyncio.Future[_T]:
    future: asyncio.Future[_T] = asyncio.get_running_loop().create_future()
    waiters.add(future)
    future.add_done_callback(waiters.discard)
    return future


def _finish_all(waiters: set[asyncio.Future[None]], error: PusherError | None) -> None:
    for future in list(waiters):
        _finish(future, error)


def _finish(future: asyncio.Future[None], error: PusherError | None) -> None:
    if future.done():
        return
    if error is None:
        future.set_result(None)
    else:
        future.set_exception(error)
