"""How many client events a connection may send (protocol-notes 12); no clock."""

from __future__ import annotations

from collections import deque

__all__ = ["RateLimit"]

WINDOW = 1.0
"""Seconds that events are counted over."""


class RateLimit:
    """Counts what was allowed in the last second.

    Args:
        limit: How much is allowed in any second; None is no limit.
    """

    def __init__(self, limit: int | None) -> None:
        self._limit = limit
        self._allowed = deque[float]()

    def allows(self, now: float) -> bool:
        """Take one more into account, unless it would be too much."""
        if self._limit is None:
            return True
        while self._allowed and self._allowed[0] <= now - WINDOW:
            self._allowed.popleft()
        if len(self._allowed) >= self._limit:
            return False
        self._allowed.append(now)
        return True
