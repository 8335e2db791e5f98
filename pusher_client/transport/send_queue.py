"""The texts that wait to be sent, within a byte limit, and client events one at a time (promise R6)."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable

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
        self._texts: deque[tuple[str, asyncio.Future[bool] | None]] = deque()
        self._filled = asyncio.Event()
        self._turn = asyncio.Lock()
        self._times_cleared = 0

    def put(self, text: str) -> bool:
        """Queue a text; return False when it does not fit, because the server does not read."""
        if not self._budget.take(len(text)):
            return False
        self._texts.append((text, None))
        self._filled.set()
        return True

    async def send(self, make_text: Callable[[], str]) -> bool:
        """Queue a text when its turn has come, and wait until it is handed to the transport.

        Turns are taken in the order of the calls. The queue holds one of these texts at a time, in addition to its
        limit, however many calls wait; so a text of `put` waits behind one of them at most. When the caller is
        cancelled, its text is removed.

        Args:
            make_text: Makes the text; what it raises is raised here.

        Returns:
            True when the text was handed to the transport, False when the queue was cleared before.
        """
        times_cleared = self._times_cleared
        async with self._turn:
            if times_cleared != self._times_cleared:
                return False
            handed: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
            waiting = (make_text(), handed)
            self._texts.append(waiting)
            self._filled.set()
            try:
                return await handed
            except asyncio.CancelledError:
                with contextlib.suppress(ValueError):
                    self._texts.remove(waiting)
                raise

    async def hand_over(self, write: Callable[[str], bool]) -> bool:
        """Wait for a text and hand it to ``write``; return False, and keep the text, when that returns False."""
        while not self._texts:
            self._filled.clear()
            await self._filled.wait()
        text, handed = self._texts[0]
        if handed is not None and handed.cancelled():  # its caller has not run yet
            self._texts.popleft()
            return True
        if not write(text):
            return False
        self._drop_first(handed=True)
        return True

    def clear(self) -> None:
        """Drop all waiting texts and release their bytes; waiting calls of `send` return False."""
        self._times_cleared += 1
        while self._texts:
            self._drop_first(handed=False)

    def _drop_first(self, *, handed: bool) -> None:
        text, waiting = self._texts.popleft()
        if waiting is None:
            self._budget.give(len(text))
        elif not waiting.done():
            waiting.set_result(handed)
