"""When an encrypted channel may request its key again (protocol-notes 7.6, design.md 3.7)."""

from __future__ import annotations

import math
from collections.abc import Callable

from pusher_client.protocol.keyring import KeyRotationPolicy

__all__ = ["KeyRefresh", "RefreshGuard"]

_FIRST_DELAY = 1.0


class RefreshGuard:
    """Spaces the key requests that bring nothing, so that a relay cannot make clients flood the endpoint.

    Args:
        limit: How many fruitless requests in a row are not spaced.
        max_delay: The longest delay, in seconds.
        random: Returns a number from 0 to 1, evenly distributed.
    """

    __slots__ = ("_fruitless", "_limit", "_max_delay", "_random", "suspended_until")

    def __init__(self, limit: int, max_delay: float, random: Callable[[], float]) -> None:
        self._limit = limit
        self._max_delay = max_delay
        self._random = random
        self._fruitless = 0
        self.suspended_until: float = -math.inf

    def fruitless(self, now: float) -> None:
        """Count a request that brought nothing. From the limit on each one suspends requests for a growing delay."""
        self._fruitless += 1
        beyond = self._fruitless - self._limit
        if beyond >= 0:
            longest = min(self._max_delay, _FIRST_DELAY * 2 ** min(beyond, 32))
            self.suspended_until = now + longest * (1 + self._random()) / 2

    def draw(self) -> float:
        """Return a number from 0 to 1, evenly distributed."""
        return self._random()

    def fruitful(self) -> None:
        """Reset the count, because a request brought a key that opened an event."""
        self._fruitless = 0
        self.suspended_until = -math.inf


class KeyRefresh:
    """The running and planned key requests of one channel, and what the last ones brought.

    Args:
        policy: The numbers of key rotation.
        guards: The guard of this channel and that of the whole client.

    Attributes:
        requested_at: When the running request was made; None without one.
        probe_at: When a suspended channel requests a key on its own; None if that is not planned.
    """

    __slots__ = ("_guards", "_policy", "_unopened", "probe_at", "requested_at")

    def __init__(self, policy: KeyRotationPolicy, guards: tuple[RefreshGuard, RefreshGuard]) -> None:
        self._policy = policy
        self._guards = guards
        self._unopened = False
        self.requested_at: float | None = None
        self.probe_at: float | None = None

    def started(self, now: float) -> None:
        """Note that a request was made."""
        self.requested_at = now
        self.probe_at = None

    def suspended(self, now: float) -> bool:
        """Return whether requests must wait; if so, plan the one probe that ends the waiting."""
        own, client = (guard.suspended_until for guard in self._guards)
        until = max(own, client)
        if now >= until:
            return False
        if self.probe_at is None:
            # All channels wait for the client's guard alike, and must not make requests in the same instant.
            room = min(until - now, now + self._policy.max_delay - until)
            self.probe_at = until + (self._guards[1].draw() * max(0.0, room) if client > own else 0.0)
        return True

    def brought_nothing(self, now: float) -> None:
        """Count a fruitless request: it failed, or its answer named a known key."""
        for guard in self._guards:
            guard.fruitless(now)

    def brought_key(self, now: float) -> None:
        """Judge an answer with a new key that has opened nothing yet: neutral once, fruitless from the second on."""
        if self._unopened:
            self.brought_nothing(now)
        self._unopened = True

    def fruitful(self) -> None:
        """Reset all counts, because a key that a request brought has opened an event."""
        self._unopened = False
        for guard in self._guards:
            guard.fruitful()

    def deadline(self) -> float | None:
        """Return when the running request times out or the probe is due."""
        due = self.probe_at
        if self.requested_at is not None:
            expiry = self.requested_at + self._policy.timeout
            due = expiry if due is None else min(due, expiry)
        return due

    def overdue(self, now: float) -> bool:
        """Return whether the running request has taken too long."""
        return self.requested_at is not None and now >= self.requested_at + self._policy.timeout
