"""Authorization requests: at most eight at a time for a client, each with a deadline (promise R3)."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from pusher_client.exceptions import PusherError
from pusher_client.protocol.outputs import AuthenticateUser, Authorize, Cancel, Output, Purpose

__all__ = ["Requester", "Requests"]

_AT_A_TIME = 8


class Requester(Protocol):
    """Who asked for an authorization, and gets the answer."""

    @property
    def name(self) -> str:
        """The channel's name."""
        ...

    def authorized(self, purpose: Purpose, authorization: Any, now: float) -> None:
        """Take the answer: a ``UserAuthentication`` for a sign-in, else a ``ChannelAuthorization``."""

    def authorization_failed(
        self, purpose: Purpose, error: PusherError, *, retryable: bool, retry_after: float | None, now: float
    ) -> None:
        """Take the refusal; ``retryable`` tells whether the same request may succeed later."""

    def request_timed_out(self, purpose: Purpose, now: float) -> None:
        """Take note that no answer came in time."""


@dataclass(frozen=True, slots=True)
class _Request:
    requester: Requester
    purpose: Purpose


class Requests:
    """The requests that run and those that wait for their turn.

    Args:
        timeout: Seconds that one request may take from its start.
        emit: Takes the outputs.
    """

    def __init__(self, timeout: float, emit: Callable[[Output], None]) -> None:
        self._timeout = timeout
        self._emit = emit
        self._last_id = 0
        self._requests: dict[int, _Request] = {}
        self._waiting: deque[int] = deque()
        self._due: dict[int, float] = {}
        self._socket_id = ""
        self.armed: float | None = None

    def __len__(self) -> int:
        return len(self._requests)

    def link_up(self, socket_id: str) -> None:
        """From now on, authorizations are asked for this socket."""
        self._socket_id = socket_id

    def link_lost(self) -> None:
        """Start no request until there is another link."""
        self._socket_id = ""

    def ask(self, requester: Requester, purpose: Purpose, now: float) -> int:
        """Ask for an authorization as soon as there is a place; return the request's number."""
        self._last_id += 1
        self._requests[self._last_id] = _Request(requester, purpose)
        self._waiting.append(self._last_id)
        self._start(now)
        return self._last_id

    def take(self, request_id: int, now: float) -> tuple[Requester, Purpose] | None:
        """Take a request out because its answer came; None when it is no longer wanted."""
        if request_id not in self._due:
            return None
        request = self._end(request_id, now)
        return request.requester, request.purpose

    def cancel(self, request_id: int, now: float) -> bool:
        """Give up a request, and tell whether it was running; an answer that still comes is ignored."""
        running = request_id in self._due
        if running:
            self._emit(Cancel(request_id))
        self._end(request_id, now)
        return running

    def _end(self, request_id: int, now: float) -> _Request:
        request = self._requests.pop(request_id)
        if self._due.pop(request_id, None) is not None:
            self._start(now)
        return request

    def _start(self, now: float) -> None:
        while self._socket_id and self._waiting and len(self._due) < _AT_A_TIME:
            request_id = self._waiting.popleft()
            request = self._requests.get(request_id)
            if request is not None:
                self._due[request_id] = now + self._timeout
                self._emit(self._output(request_id, request))

    def _output(self, request_id: int, request: _Request) -> Output:
        if request.purpose is Purpose.SIGN_IN:
            return AuthenticateUser(request_id, self._socket_id)
        return Authorize(request_id, request.requester.name, self._socket_id, request.purpose)

    def deadline(self) -> float | None:
        """Return when the first running request has taken too long."""
        return min(self._due.values(), default=None)

    def overdue(self, now: float) -> list[str]:
        """Return the channels whose running request has taken too long: their own deadlines are about to move."""
        return [self._requests[number].requester.name for number, due in self._due.items() if now >= due]

    def handle_deadline(self, now: float) -> None:
        """Give up what has taken too long, and tell who asked."""
        for request_id in [number for number, due in self._due.items() if now >= due]:
            request = self._requests.get(request_id)
            if request is not None:
                self.cancel(request_id, now)
                request.requester.request_timed_out(request.purpose, now)
