"""One link after another: opening, the handshake, keeping alive, losing and opening again (protocol-notes 1, 3, 4)."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from enum import Enum
from typing import Any, Protocol

from pusher_client.events import ConnectionState, ServerError
from pusher_client.exceptions import ConnectError, ProtocolError, PusherError
from pusher_client.protocol.checks import is_integer
from pusher_client.protocol.cures import close_cure, open_cure
from pusher_client.protocol.frames import PING, Frame, decode_data, error_text, json_object
from pusher_client.protocol.liveness import Action, Liveness, negotiated_timeout
from pusher_client.protocol.outputs import (
    CloseWebSocket,
    ConnectFailed,
    ConnectingIn,
    ErrorRaised,
    OpenWebSocket,
    Output,
    StateChanged,
)
from pusher_client.protocol.reconnect import (
    Backoff,
    OpenFailure,
    Retry,
    close_reason,
    retry_after_close,
    retry_after_open_failure,
)
from pusher_client.protocol.settings import ConnectionSettings
from pusher_client.protocol.states import CONNECTION_TRANSITIONS, check_transition
from pusher_client.protocol.timers import Entry

__all__ = ["Link", "LinkPhase", "LinkUser", "server_error"]

_ESTABLISHED = "pusher:connection_established"
_SOCKET_ID = re.compile(r"[0-9]{1,32}\.[0-9]{1,32}")


class LinkPhase(Enum):
    """What the WebSocket is at, which is finer than the state that users see."""

    IDLE = "idle"
    WAITING = "waiting"
    OPENING = "opening"
    HANDSHAKE = "handshake"
    UP = "up"


class LinkUser(Protocol):
    """Who lives on the link."""

    def link_up(self, socket_id: str, now: float) -> None:
        """The handshake is done."""

    def link_lost(self, now: float) -> None:
        """The link broke; another will come."""

    def link_over(self, error: PusherError, now: float) -> None:
        """The link failed, and no retry follows."""


class Link:
    """The one link of a connection.

    Args:
        settings: Timeouts and the reconnect policy.
        random: Returns a number from 0 to 1, evenly.
        emit: Takes the outputs.
        send: Takes the texts to be sent.
        user: Who lives on the link.
    """

    def __init__(
        self,
        settings: ConnectionSettings,
        random: Callable[[], float],
        emit: Callable[[Output], None],
        send: Callable[[str], None],
        user: LinkUser,
    ) -> None:
        self._settings = settings
        self._tls = settings.tls
        self._emit = emit
        self._send = send
        self._user = user
        self._backoff = Backoff(settings.reconnect, random)
        self._ever_connected = False
        self._opened_at = 0.0
        self._reconnect_at = 0.0
        self._unavailable_at: float | None = None
        self.armed: Entry | None = None
        self.state: ConnectionState = ConnectionState.INITIALIZED
        self.phase: LinkPhase = LinkPhase.IDLE
        self.socket_id: str | None = None
        self.lost_cause: str = ""
        self.liveness: Liveness = Liveness(settings.activity_timeout, settings.pong_timeout, -math.inf)

    # -- what the caller wants ------------------------------------------------------------------------------------

    def connect(self, now: float) -> None:
        """Start connecting, unless that is under way."""
        if self.phase is not LinkPhase.IDLE:
            return
        self._ever_connected = False
        self._backoff.reset()
        self._begin_connecting(now)
        self._open(now)

    def switch(self, now: float, *, tls: bool) -> None:
        """Leave this link, or the attempt at it, and connect to another address."""
        self._tls = tls
        if self.phase is LinkPhase.IDLE:
            return
        was_up = self.phase is LinkPhase.UP
        self._let_go("the client switched to another address")
        self.phase = LinkPhase.WAITING
        self._ever_connected = False
        self._reconnect_at = self._backoff.at_once(now)
        if self.state is not ConnectionState.UNAVAILABLE:
            self._begin_connecting(now)
        if was_up:
            self._user.link_lost(now)
        if self._reconnect_at <= now:
            self._open(now)
        else:
            self._emit(ConnectingIn(self._reconnect_at - now, "max_per_minute of the reconnect policy is reached"))

    def disconnect(self) -> None:
        """Close the link and open no other."""
        self._let_go("disconnect() was called")
        self._enter(ConnectionState.DISCONNECTED)

    # -- what happens to the WebSocket ----------------------------------------------------------------------------

    def opened(self, now: float) -> None:
        """The WebSocket is open; the first message must establish the connection."""
        if self.phase is LinkPhase.OPENING:
            self.phase = LinkPhase.HANDSHAKE
            self.liveness = Liveness(self._settings.activity_timeout, self._settings.pong_timeout, now)

    def open_failed(
        self, failure: OpenFailure, status: int | None, reason: str, now: float, *, retry_after: float | None = None
    ) -> None:
        """The WebSocket could not be opened; ``retry_after`` is what the server asked to wait, in seconds."""
        if self.phase is LinkPhase.OPENING:
            retry = retry_after_open_failure(failure, status, ever_connected=self._retry_initial)
            self.phase = LinkPhase.WAITING
            self._after_loss(retry, status, reason, open_cure(failure, status), now, retry_after=retry_after)

    def closed(self, code: int | None, reason: str, now: float, *, authorizing: bool = False) -> None:
        """The WebSocket was closed by the server, or broke; for ``authorizing`` see `close_condition`."""
        if self.phase in (LinkPhase.HANDSHAKE, LinkPhase.UP):
            self._closed_with(code, reason, now, authorizing=authorizing)

    def broken(self, cause: str, now: float) -> None:
        """This side closed the WebSocket because of what the server sent."""
        if self.phase in (LinkPhase.HANDSHAKE, LinkPhase.UP):
            self._emit(ErrorRaised(ProtocolError(cause)))
            self._after_loss(Retry.BACKOFF, None, cause, "", now)

    def receive_first(self, frame: Frame | None, now: float) -> None:
        """Read the message that must establish the connection; None stands for one that cannot be read."""
        data = decode_data(frame.data) if frame is not None else None
        if frame is not None and frame.event == "pusher:error":
            error = server_error(data)
            self._emit(ErrorRaised(error))
            self._emit(CloseWebSocket())
            self._closed_with(error.code, error.message, now)
            return
        known = json_object(data) if frame is not None and frame.event == _ESTABLISHED else {}
        socket_id = known.get("socket_id")
        if isinstance(socket_id, str) and _SOCKET_ID.fullmatch(socket_id):
            self._establish(socket_id, known.get("activity_timeout"), now)
        else:
            cause = "the first message did not establish the connection"
            self._emit(ErrorRaised(ProtocolError(cause)))
            self._give_up(cause, now)

    # -- time -----------------------------------------------------------------------------------------------------

    def deadline(self) -> float | None:
        """Return when ``handle_deadline`` has something to do."""
        if self.phase is LinkPhase.UP:
            return self.liveness.deadline()
        if self.phase is LinkPhase.IDLE:
            return None
        waiting = self.phase is LinkPhase.WAITING
        due = self._reconnect_at if waiting else self._opened_at + self._settings.connect_timeout
        return due if self._unavailable_at is None else min(due, self._unavailable_at)

    def handle_deadline(self, now: float) -> None:
        """Ping, give up, connect again, or say that the service is unavailable, as is due."""
        if self.phase is LinkPhase.UP:
            self._check_liveness(now)
            return
        if self._unavailable_at is not None and now >= self._unavailable_at:
            self._unavailable_at = None
            self._enter(ConnectionState.UNAVAILABLE)
        if self.phase is LinkPhase.WAITING:
            if now >= self._reconnect_at:
                self._open(now)
        elif now >= self._opened_at + self._settings.connect_timeout:
            seconds = self._settings.connect_timeout
            self._give_up(f"the connection was not established within {seconds:g} s", now)

    def _check_liveness(self, now: float) -> None:
        action = self.liveness.check(now)
        if action is Action.PING:
            self._send(PING)
        elif action is Action.GIVE_UP:
            self._give_up("the server did not answer a ping in time", now)

    # -- the steps ------------------------------------------------------------------------------------------------

    @property
    def _retry_initial(self) -> bool:
        """Whether failures that are final at first only are retried."""
        return self._ever_connected or self._settings.retry_initial

    def _begin_connecting(self, now: float) -> None:
        self._unavailable_at = now + self._settings.unavailable_timeout
        self._enter(ConnectionState.CONNECTING)

    def _open(self, now: float) -> None:
        self._backoff.connecting(now)
        self._opened_at = now
        self.phase = LinkPhase.OPENING
        self._emit(OpenWebSocket())

    def _establish(self, socket_id: str, offered_timeout: Any, now: float) -> None:
        self._ever_connected = True
        self._unavailable_at = None
        self._backoff.connected(now)
        self.socket_id = socket_id
        self.liveness.activity_timeout = negotiated_timeout(self._settings.activity_timeout, offered_timeout)
        self.phase = LinkPhase.UP
        self._enter(ConnectionState.CONNECTED)
        self._user.link_up(socket_id, now)

    def _give_up(self, cause: str, now: float) -> None:
        self._emit(CloseWebSocket())
        self._after_loss(Retry.BACKOFF, None, cause, open_cure(OpenFailure.NETWORK, None), now)

    def _closed_with(self, code: int | None, reason: str, now: float, *, authorizing: bool = False) -> None:
        retry = retry_after_close(code, ever_connected=self._retry_initial, authorizing=authorizing)
        self._after_loss(retry, code, close_reason(code, reason, tls=self._tls), close_cure(code), now)

    def _after_loss(
        self, retry: Retry, code: int | None, cause: str, cure: str, now: float, *, retry_after: float | None = None
    ) -> None:
        was_up = self.phase is LinkPhase.UP
        self.socket_id = None
        self.lost_cause = str(ConnectError(code, cause))
        if retry is Retry.NEVER:
            self._fail(ConnectError(code, cause), cure, now)
            return
        self.phase = LinkPhase.WAITING
        self._reconnect_at = self._backoff.next_connect(retry, now, retry_after)
        if was_up:
            self._begin_connecting(now)
            self._user.link_lost(now)
        cure = "" if was_up else cure
        self._emit(ConnectingIn(self._reconnect_at - now, self.lost_cause, cure, established=was_up))

    def _fail(self, error: ConnectError, cure: str, now: float) -> None:
        self.phase = LinkPhase.IDLE
        self._unavailable_at = None
        self._user.link_over(error, now)
        self._enter(ConnectionState.FAILED)
        self._emit(ErrorRaised(error))
        self._emit(ConnectFailed(error, cure))

    def _let_go(self, cause: str) -> None:
        self.lost_cause = cause
        if self.phase in (LinkPhase.OPENING, LinkPhase.HANDSHAKE, LinkPhase.UP):
            self._emit(CloseWebSocket())
        self.phase = LinkPhase.IDLE
        self.socket_id = None
        self._unavailable_at = None

    def _enter(self, state: ConnectionState) -> None:
        previous = self.state
        if state is previous:
            return
        check_transition(CONNECTION_TRANSITIONS, previous, state)
        self.state = state
        self._emit(StateChanged(previous, state))


def server_error(data: object) -> ServerError:
    """Read the data of a ``pusher:error``: servers disagree on its shape (protocol-notes 4.3)."""
    code = json_object(data).get("code")
    if isinstance(code, str) and code.isascii() and code.isdigit() and len(code) <= len("4999"):
        code = int(code)
    return ServerError(code if is_integer(code) else None, error_text(data))
