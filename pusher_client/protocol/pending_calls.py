"""The calls of ``subscribe()`` that wait for one channel, each with its deadline."""

from __future__ import annotations

from collections.abc import Callable

from pusher_client.exceptions import PusherError
from pusher_client.protocol.outputs import Output, Result

__all__ = ["Calls"]


class Calls:
    """Waiting calls by number.

    Args:
        timeout: Seconds that a call waits at most.
        emit: Takes the results.
    """

    __slots__ = ("_emit", "_timeout", "_waiting")

    def __init__(self, timeout: float, emit: Callable[[Output], None]) -> None:
        self._timeout = timeout
        self._emit = emit
        self._waiting: dict[int, float] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, call_id: int, now: float) -> None:
        """Let a call wait."""
        self._waiting[call_id] = now + self._timeout

    def abandon(self, call_id: int) -> None:
        """Forget a call: nobody waits for its result any more."""
        self._waiting.pop(call_id, None)

    def finish(self, error: PusherError | None) -> None:
        """Give every waiting call its result."""
        waiting, self._waiting = self._waiting, {}
        for call_id in waiting:
            self._emit(Result(call_id, error))

    def expire(self, now: float, error: PusherError) -> None:
        """Fail the calls that have waited long enough."""
        for call_id in [number for number, due in self._waiting.items() if now >= due]:
            del self._waiting[call_id]
            self._emit(Result(call_id, error))

    def deadline(self) -> float | None:
        """Return when the first call has waited long enough; calls wait equally long, so that is the oldest."""
        return next(iter(self._waiting.values()), None)
