"""The rate limit of client events (protocol-notes 12); no clock."""

from __future__ import annotations

from collections import deque

__all__ = ["RateLimit"]

WINDOW = 1.0
"""The length in seconds of the counted interval."""


class RateLimit:
    """Counts the events of the last second.

    Args:
        limit: Maximum number in any second; None for no limit.
    """

    def __init__(self, limit: int | None) -> None:
        self._limit = limit
        self._allowed = deque[float]()

    def allows(self, now: float) -> bool:
        """Count one event and return True, or return False if it exceeds the limit."""
        if self._limit is None:
            return True
        while self._allowed and self._allowed[0] <= now - WINDOW:
            self._allowed.popleft()
        if len(self._allowed) >= self._limit:
            return False
        self._allowed.append(now)
        return True
