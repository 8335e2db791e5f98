"""Passes on the core's notices: results to callers, events to handlers, losses and errors to the log."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, datetime
from typing import assert_never

from pusher_client.authorization.condition_log import ConditionLog
from pusher_client.delivery.handler_worker import ErrorHandler
from pusher_client.delivery.value_dispatcher import ValueDispatcher
from pusher_client.events import GAP, ConnectionState, Event, Gap, StateChange
from pusher_client.exceptions import AuthorizationError, NotConnectedError, PusherError, SubscriptionError
from pusher_client.protocol.byte_budget import ByteBudget
from pusher_client.protocol.connection import Connection
from pusher_client.protocol.names import USER_CHANNEL_PREFIX
from pusher_client.protocol.outputs import (
    ConnectFailed,
    ConnectingIn,
    ErrorRaised,
    FrameIgnored,
    GapFound,
    Notice,
    Result,
    StateChanged,
    SubscriptionEnded,
    SubscriptionRetried,
    UserEvent,
    WatchlistEvent,
)
from pusher_client.protocol.repeated_conditions import Repetition
from pusher_client.session.channels import Channels
from pusher_client.session.waiters import Waiters
from pusher_client.user import User

__all__ = ["Notices"]

_logger = logging.getLogger("pusher_client")
_FIRST_ATTEMPT = "the first attempt was still running"
_retry_logger = logging.getLogger("pusher_client.retries")
"""Warnings of attempts that failed and are repeated, which `pusher-client listen` prints."""


class Notices:
    """Passes on the notices of one core.

    Args:
        core: The core.
        channels: Takes the events of channels.
        on_handler_error: Called when a handler of a connection event raises.
        budget: The client's allowance of bytes.

    Attributes:
        connection: The handlers of the connection's own events.
        user: The handlers of the signed-in user's events.
        waiters: The callers that wait.
        failure: The error with which the last connection failed; None if it did not.
        connects: Number of connections established.
        unconnected_cause: Why there is no connection yet, in words.
    """

    def __init__(
        self, core: Connection, channels: Channels, on_handler_error: ErrorHandler | None, budget: ByteBudget
    ) -> None:
        self._core = core
        self._channels = channels
        self._stop: Callable[[], None] = lambda: None
        self._target: Callable[[], str] = lambda: "the server"
        self.waiters: Waiters = Waiters()
        self.connection: ValueDispatcher = ValueDispatcher(on_handler_error, channels.dispatcher.pool)
        self.user: User = User(core.sign_in, on_handler_error, channels.dispatcher.pool, budget)
        self.failure: PusherError | None = None
        self.connects: int = 0
        self.unconnected_cause: str = _FIRST_ATTEMPT
        self._retries = ConditionLog(_retry_logger, _describe_retries)

    def begin(self, stop: Callable[[], None], target: Callable[[], str]) -> None:
        """Called when a connection starts.

        Args:
            stop: Called if it fails.
            target: Returns host and port, for the log.
        """
        self._target = target
        self.failure = None
        self.unconnected_cause = _FIRST_ATTEMPT
        self.waiters.begin()
        self._stop = stop

    def handle(self, notice: Notice) -> None:
        """Pass on one notice; to be called in the order of the core's outputs."""
        match notice:
            case Result(call_id, error):
                self.waiters.finish_result(call_id, error)
            case GapFound():
                self._handle_gap(notice)
            case SubscriptionEnded(channel, error):
                if error is not None:
                    _logger.error("the subscription failed and is not retried: %s", error)
                self._channels.end(channel, error)
            case SubscriptionRetried(_, error, delay):
                self._retries.add(_without_channel(error), "%s; next attempt in %.1f s", error, delay)
            case FrameIgnored(cause):
                _logger.debug("ignored %s", cause)
            case UserEvent(event):
                self.user.emit(event)
            case WatchlistEvent(event):
                self.user.watchlist.emit(event)
            case StateChanged() | ConnectingIn() | ErrorRaised() | ConnectFailed():
                self._handle_connection(notice)
            case _:
                assert_never(notice)

    def _handle_connection(self, notice: StateChanged | ConnectingIn | ErrorRaised | ConnectFailed) -> None:
        match notice:
            case StateChanged(previous, current):
                self._change_state(previous, current)
            case ConnectingIn(delay):
                self._log_retry(notice)
                if delay > 0:
                    self.connection.emit("connecting_in", delay)
            case ErrorRaised(error):
                _logger.info("the connection had an error: %s", error)
                self.connection.emit("error", error)
            case ConnectFailed(error, cure):
                self._fail(error, cure)
            case _:
                assert_never(notice)

    def _handle_gap(self, found: GapFound) -> None:
        now = datetime.now(UTC).timestamp() - found.resubscribed_at
        times = (found.last_received_at, found.disconnected_at, found.resubscribed_at)
        gap = Gap(found.channel, *(datetime.fromtimestamp(now + moment, UTC) for moment in times))
        seconds = found.resubscribed_at - found.last_received_at
        _logger.warning("%s: events of %.1f s may be missing", found.channel, seconds)
        event = Event(GAP, found.channel, gap)
        if found.channel.startswith(USER_CHANNEL_PREFIX):
            self.user.emit(event)
        else:
            self._channels.deliver(event)

    def _change_state(self, previous: ConnectionState, current: ConnectionState) -> None:
        _logger.info("connection state: %s -> %s", previous, current)
        if current is ConnectionState.CONNECTED:
            self.connects += 1
            self.waiters.finish_connect(None)
        elif current is ConnectionState.DISCONNECTED:
            self._retries.end()
            error = NotConnectedError("disconnect() was called before the connection was established")
            self.waiters.finish_connect(error)
            self.waiters.finish_end(None)
            self._channels.end_all(None)
        self.connection.emit("state_change", StateChange(previous, current))
        data = {"socket_id": self._core.socket_id} if current is ConnectionState.CONNECTED else None
        self.connection.emit(current.value, data)

    def _log_retry(self, notice: ConnectingIn) -> None:
        begin = "lost the connection" if notice.established else "could not connect"
        cause = "; ".join(filter(None, (notice.cause, notice.cure)))
        place = self._place(cause)
        self.unconnected_cause = f"the last attempt failed: {cause}"
        _retry_logger.warning("%s%s: %s; next attempt in %.1f s", begin, place, cause, notice.delay)

    def _place(self, cause: str) -> str:
        """Return where the connection leads, unless the cause says so."""
        target = self._target()
        return "" if target in cause else f" to {target}"

    def _fail(self, error: PusherError, cure: str) -> None:
        self._retries.end()
        self.failure = error
        words = "; ".join(filter(None, (str(error), cure)))
        _logger.error("the connection%s failed and is not retried: %s", self._place(words), words)
        if cure:
            error.add_note(cure)
        self.waiters.finish_connect(error)
        self.waiters.finish_end(error)
        self._channels.end_all(error)
        self._stop()


def _without_channel(error: PusherError) -> str:
    """Return the words of an error that are the same for every channel."""
    if isinstance(error, AuthorizationError):
        return str(AuthorizationError(None, error.message, status=error.status))
    return error.message if isinstance(error, SubscriptionError) else str(error)


def _describe_retries(found: Repetition) -> str:
    words = "various causes" if found.condition is None else found.condition
    return f"{found.count} more failed attempts to subscribe in {found.seconds:.1f} s: {words}"
