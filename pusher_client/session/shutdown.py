"""The end of a connection: everything that ran for it is waited for, once, by all who ask (promise R6)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection
from typing import Any

__all__ = ["Shutdown"]


class Shutdown:
    """At most one shutdown at a time.

    Args:
        work: Ends everything but the tasks it is given, which wait for it.

    Attributes:
        callers: The tasks that wait for the end and must be neither waited for nor cancelled.
    """

    def __init__(self, work: Callable[[Collection[asyncio.Task[Any]]], Awaitable[None]]) -> None:
        self._work = work
        self._task: asyncio.Task[None] | None = None
        self.callers: set[asyncio.Task[Any]] = set()

    @property
    def running(self) -> bool:
        """Whether a shutdown is under way."""
        return self._task is not None

    def start(self) -> None:
        """Start one, unless it is under way."""
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run(), name="pusher_client shutdown")

    def abandon(self) -> None:
        """Forget one whose event loop is gone."""
        self.callers.clear()
        self._task = None

    def spare_caller(self) -> None:
        """See to it that the calling task is spared, handler or not."""
        caller = asyncio.current_task()
        if caller is not None:
            self.callers.add(caller)

    async def wait(self) -> None:
        """Wait for the one that is under way, and be spared by it; it goes on even if the waiting is cancelled."""
        if self._task is not None:
            self.spare_caller()
            await asyncio.shield(self._task)

    async def _run(self) -> None:
        try:
            await self._work(self.callers)
        finally:
            self.callers.clear()
            self._task = None
