"""Authorization requests: at most eight at a time for a client, each with a deadline (promise R3).

With a batch authorizer it is eight calls at a time, each for several channels (protocol-notes 6.6).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from itertools import chain
from typing import Any, Protocol

from pusher_client.exceptions import PusherError
from pusher_client.protocol.outputs import AuthenticateUser, Authorize, AuthorizeBatch, Cancel, Output, Purpose
from pusher_client.protocol.timers import Entry

__all__ = ["Requester", "Requests"]

_AT_A_TIME = 8
_WINDOW = 0.01


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
        """Take the refusal; ``retryable`` says whether the same request may succeed later."""

    def request_timed_out(self, purpose: Purpose, now: float) -> None:
        """Take note that no answer came in time."""


@dataclass(frozen=True, slots=True)
class _Request:
    requester: Requester
    purpose: Purpose


@dataclass(slots=True)
class _Call:
    """What takes one of the places: a request, or the requests of a batch that are still wanted."""

    due: float
    wanted: set[int]


class Requests:
    """The requests that run and those that wait for their turn.

    Args:
        timeout: Seconds that one call may take from its start.
        emit: Takes the outputs.
        batch_size: How many requests one call may carry; None for one call per request, which starts at once.
    """

    def __init__(self, timeout: float, emit: Callable[[Output], None], batch_size: int | None = None) -> None:
        self._timeout = timeout
        self._emit = emit
        self._batch_size = batch_size
        self._last_id = 0
        self._requests: dict[int, _Request] = {}
        self._waiting: deque[int] = deque()
        self._halves: deque[list[int]] = deque()
        self._calls: dict[int, _Call] = {}
        self._call_of: dict[int, int] = {}
        self._ready_at: float | None = None
        self._socket_id = ""
        self.armed: Entry | None = None

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
        request_id = self._next_id()
        self._requests[request_id] = _Request(requester, purpose)
        self._waiting.append(request_id)
        if self._gathered >= (self._batch_size or 1):
            self._ready_at = now
            self._start(now)
        elif self._ready_at is None:
            self._ready_at = now + _WINDOW  # left to the timer, since those who ask in one go may take longer
        return request_id

    def take(self, request_id: int, now: float) -> tuple[Requester, Purpose] | None:
        """Take a request out because its answer came; None when it is no longer wanted."""
        if request_id not in self._call_of:
            return None
        request = self._end(request_id, now)
        return request.requester, request.purpose

    def split(self, batch_id: int, now: float) -> None:
        """Ask again, in two halves, for what is still wanted of a batch that was refused as a whole.

        The halves are calls of their own and start before other requests. A batch of n channels costs at most 2n - 1
        calls in this way, the first one included (protocol-notes 6.6).
        """
        call = self._calls.pop(batch_id, None)
        if call is None:
            return
        channels: dict[str, list[int]] = {}
        for number in sorted(call.wanted):
            del self._call_of[number]
            channels.setdefault(self._requests[number].requester.name, []).append(number)
        numbers = list(channels.values())
        middle = len(numbers) // 2
        self._halves += (list(chain(*half)) for half in (numbers[:middle], numbers[middle:]) if half)
        self._ready_at = now
        self._start(now)

    def cancel(self, request_id: int, now: float) -> bool:
        """Cancel a request, and return whether it was running; an answer that still comes is ignored."""
        call_id = self._call_of.get(request_id)
        if call_id is not None and self._calls[call_id].wanted == {request_id}:
            self._emit(Cancel(call_id))
        self._end(request_id, now)
        return call_id is not None

    def _end(self, request_id: int, now: float) -> _Request:
        request = self._requests.pop(request_id)
        call_id = self._call_of.pop(request_id, None)
        if call_id is not None:
            call = self._calls[call_id]
            call.wanted.remove(request_id)
            if not call.wanted:
                del self._calls[call_id]
                self._start(now)
        elif not self._gathered:
            self._ready_at = None
        return request

    @property
    def _gathered(self) -> int:
        """How many requests wait; among those in the queue may be some that are no longer wanted."""
        return len(self._requests) - len(self._call_of)

    @property
    def _next_start(self) -> float | None:
        """When the next call may start: a batch waits until it is full, or a moment for others to join it."""
        return self._ready_at if self._socket_id and len(self._calls) < _AT_A_TIME else None

    def _start(self, now: float) -> None:
        while (start := self._next_start) is not None and start <= now:
            numbers = self._next_call()
            output = self._output(numbers)
            call_id = output.batch_id if isinstance(output, AuthorizeBatch) else output.request_id
            self._calls[call_id] = _Call(now + self._timeout, set(numbers))
            self._call_of.update(dict.fromkeys(numbers, call_id))
            self._emit(output)
            if not self._gathered:
                self._ready_at = None

    def _next_call(self) -> list[int]:
        while self._halves:
            half = [number for number in self._halves.popleft() if number in self._requests]
            if half:
                return half
        numbers: list[int] = []
        while self._waiting and len(numbers) < (self._batch_size or 1):
            request = self._requests.get(self._waiting[0])
            if request is not None and request.purpose is Purpose.SIGN_IN and numbers:
                break
            number = self._waiting.popleft()
            if request is not None:
                numbers.append(number)
                if request.purpose is Purpose.SIGN_IN:  # another endpoint's to answer
                    break
        return numbers

    def _output(self, numbers: list[int]) -> Authorize | AuthorizeBatch | AuthenticateUser:
        requests = [self._requests[number] for number in numbers]
        if requests[0].purpose is Purpose.SIGN_IN:
            return AuthenticateUser(numbers[0], self._socket_id)
        asked = tuple(
            Authorize(number, request.requester.name, self._socket_id, request.purpose)
            for number, request in zip(numbers, requests, strict=True)
        )
        return asked[0] if self._batch_size is None else AuthorizeBatch(self._next_id(), asked)

    def _next_id(self) -> int:
        self._last_id += 1
        return self._last_id

    def deadline(self) -> float | None:
        """Return when the first call has taken too long, or the next one is to start."""
        due = [self._next_start, *(call.due for call in self._calls.values())]
        return min((time for time in due if time is not None), default=None)

    def overdue(self, now: float) -> list[str]:
        """Return the channels whose running request has taken too long: their own deadlines are about to move."""
        return [self._requests[number].requester.name for number in self._overdue(now)]

    def _overdue(self, now: float) -> list[int]:
        return [number for call in self._calls.values() if now >= call.due for number in sorted(call.wanted)]

    def handle_deadline(self, now: float) -> None:
        """Give up what has taken too long, tell who asked, and start what was gathered."""
        for request_id in self._overdue(now):
            request = self._requests.get(request_id)
            if request is not None:
                self.cancel(request_id, now)
                request.requester.request_timed_out(request.purpose, now)
        self._start(now)
