"""The texts that wait to be sent, within an allowance of their own (promise R6)."""

from __future__ import annotations

import asyncio
from collections import deque

from pusher_client.protocol.byte_budget import ByteBudget

__all__ = ["Outbox"]

_LEAST_BYTES = 4 * 1024 * 1024


class Outbox:
    """First in, first out, for one writer.

    Args:
        limit: How many bytes may wait, at least 4 MiB: room for the subscribe frames of 10,000 channels. It is not the
            queues' allowance, since a consumer that does not read must not use up what keeps the link alive.
    """

    def __init__(self, limit: int) -> None:
        self._budget = ByteBudget(max(limit, _LEAST_BYTES))
        self._texts: deque[str] = deque()
        self._filled = asyncio.Event()

    def put(self, text: str) -> bool:
        """Queue a text, or return False when there is no room: the other side does not read."""
        if not self._budget.take(len(text)):
            return False
        self._texts.append(text)
        self._filled.set()
        return True

    async def take(self) -> str:
        """Return the next text, waiting for one if need be."""
        while not self._texts:
            self._filled.clear()
            await self._filled.wait()
        text = self._texts.popleft()
        self._budget.give(len(text))
        return text

    def clear(self) -> None:
        """Forget what waits, and give its bytes back."""
        while self._texts:
            self._budget.give(len(self._texts.popleft()))
