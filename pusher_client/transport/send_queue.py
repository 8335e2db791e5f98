"""The texts that wait to be sent, within a byte limit (promise R6)."""

from __future__ import annotations

import asyncio
from collections import deque

from pusher_client.protocol.byte_budget import ByteBudget

__all__ = ["SendQueue"]

_LEAST_BYTES = 4 * 1024 * 1024


class SendQueue:
    """A first-in, first-out queue of texts with one reader, the writer task.

    Args:
        limit: The number of bytes that may wait, at least 4 MiB: room for the subscribe frames of 10,000 channels. This
            is separate from the limit of the event queues, because a slow consumer must not use up the space of the
            frames that keep the link alive.
    """

    def __init__(self, limit: int) -> None:
        self._budget = ByteBudget(max(limit, _LEAST_BYTES))
        self._texts: deque[str] = deque()
        self._filled = asyncio.Event()

    def put(self, text: str) -> bool:
        """Queue a text; return False when it does not fit, because the server does not read."""
        if not self._budget.take(len(text)):
            return False
        self._texts.append(text)
        self._filled.set()
        return True

    async def take(self) -> str:
        """Return the next text; wait until there is one."""
        while not self._texts:
            self._filled.clear()
            await self._filled.wait()
        text = self._texts.popleft()
        self._budget.give(len(text))
        return text

    def clear(self) -> None:
        """Drop all waiting texts and release their bytes."""
        while self._texts:
            self._budget.give(len(self._texts.popleft()))
