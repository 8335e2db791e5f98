"""What a lost link calls for, and when to connect again (protocol-notes 4, promise R2)."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from pusher_client.protocol.checks import is_integer, seconds_problem
from pusher_client.protocol.codes import TLS_REQUIRED
from pusher_client.protocol.conditions import OpenFailure, Retry, close_condition, open_condition

__all__ = [
    "Backoff",
    "OpenFailure",
    "ReconnectPolicy",
    "Retry",
    "close_reason",
    "retry_after_close",
    "retry_after_open_failure",
]

_WINDOW = 60.0
_MOST_PER_MINUTE = 1_000_000


@dataclass(frozen=True, slots=True)
class ReconnectPolicy:
    """When to connect again after the link was lost.

    Args:
        base: The longest first delay, in seconds; each delay is drawn evenly from zero to its longest.
        factor: How much the longest delay grows with each failure in a row.
        cap: The longest delay of all, in seconds.
        stable_after: Seconds that a link must have lasted for the delays to start anew.
        max_per_minute: How many connects any 60 seconds may see, whatever was drawn.

    Raises:
        ValueError: A number is out of its range.
    """

    base: float = 1.0
    factor: float = 2.0
    cap: float = 60.0
    stable_after: float = 60.0
    max_per_minute: int = 12

    def __post_init__(self) -> None:
        for name in ("base", "factor", "cap", "stable_after"):
            problem = seconds_problem(f"ReconnectPolicy.{name}", getattr(self, name), least=0)
            if problem is not None:
                raise problem
        if self.factor < 1:
            raise ValueError(f"ReconnectPolicy.factor must be at least 1, not {self.factor}")
        if not is_integer(self.max_per_minute):
            raise TypeError("ReconnectPolicy.max_per_minute is a whole number")
        if not 1 <= self.max_per_minute <= _MOST_PER_MINUTE:
            span = f"1 to {_MOST_PER_MINUTE}"
            raise ValueError(f"ReconnectPolicy.max_per_minute must be {span}, not {self.max_per_minute}")


def retry_after_close(code: int | None, *, ever_connected: bool, authorizing: bool = False) -> Retry:
    """Return what to do after a close code; None stands for a connection that broke without one."""
    condition = close_condition(code, authorizing=authorizing)
    return condition.later if ever_connected else condition.first


def retry_after_open_failure(failure: OpenFailure, status: int | None, *, ever_connected: bool) -> Retry:
    """Return what to do after a WebSocket could not be opened."""
    condition = open_condition(failure, status)
    return condition.later if ever_connected else condition.first


def close_reason(code: int | None, reason: str, *, tls: bool) -> str:
    """Return why the link is over: the server's words, or the client's own, which come without a code."""
    if code == TLS_REQUIRED and not tls:
        return "the server requires TLS: connect with tls=True"
    if code is None and reason:
        return reason
    return f"the server closed the connection: {reason}" if reason else "the server closed the connection"


class Backoff:
    """Draws the delays, and keeps the number of connects per minute.

    Args:
        policy: The numbers.
        random: Returns a number from 0 to 1, evenly.
    """

    def __init__(self, policy: ReconnectPolicy, random: Callable[[], float]) -> None:
        self._policy = policy
        self._random = random
        self._connects: deque[float] = deque(maxlen=policy.max_per_minute)
        self._longest = min(policy.cap, policy.base)
        self._connected_at: float | None = None
        self._at_once_spent = False

    def reset(self) -> None:
        """Forget what was: the caller asked to connect."""
        self._connects.clear()
        self._start_anew()
        self._connected_at = None

    def connecting(self, now: float) -> None:
        """Note that a connect starts."""
        self._connects.append(now)

    def connected(self, now: float) -> None:
        """Note that the link is up."""
        self._connected_at = now

    def next_connect(self, retry: Retry, now: float, retry_after: float | None = None) -> float:
        """Return when to connect again after a link was lost, or could not be opened, at ``now``.

        Args:
            retry: What the loss calls for.
            now: The time.
            retry_after: Seconds that the server asked to wait, if it did; honoured up to the cap; jitter is added.
        """
        if self._connected_at is not None and now - self._connected_at >= self._policy.stable_after:
            self._start_anew()
        self._connected_at = None
        asked = 0.0 if retry_after is None else min(retry_after, self._policy.cap)
        return max(now + asked + self._delay(retry), self._earliest())

    def at_once(self, now: float) -> float:
        """Return when to connect to another place, as the caller wishes: now, unless the minute has seen enough."""
        self._start_anew()
        self._connected_at = None
        return max(now, self._earliest())

    def _delay(self, retry: Retry) -> float:
        if retry is Retry.AT_CAP:
            return self._policy.cap * (1 + self._random()) / 2
        if retry is Retry.AT_ONCE and not self._at_once_spent:
            self._at_once_spent = True
            return 0.0
        delay = self._longest * self._random()
        self._longest = min(self._policy.cap, self._longest * self._policy.factor)
        # The protocol asks for a second at least after 4100 to 4199; drawn lots within it would bring all at its end.
        return 1.0 + delay if retry is Retry.SLOW_BACKOFF else delay

    def _start_anew(self) -> None:
        self._longest = min(self._policy.cap, self._policy.base)
        self._at_once_spent = False

    def _earliest(self) -> float:
        if len(self._connects) < self._policy.max_per_minute:
            return 0.0
        return self._connects[0] + _WINDOW
