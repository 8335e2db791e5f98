"""Shutdown of a connection: runs once, and all callers wait for its end (R6)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection
from typing import Any

__all__ = ["Shutdown"]


class Shutdown:
    """Runs at most one shutdown at a time.

    Args:
        work: Ends everything but the tasks that it is given, which wait for it.

    Attributes:
        callers: The tasks that wait for the end, which must be neither waited for nor cancelled.
    """

    def __init__(self, work: Callable[[Collection[asyncio.Task[Any]]], Awaitable[None]]) -> None:
        self._work = work
        self._task: asyncio.Task[None] | None = None
        self.callers: set[asyncio.Task[Any]] = set()

    @property
    def running(self) -> bool:
        """Whether a shutdown is running."""
        return self._task is not None

    def start(self) -> None:
        """Start a shutdown, unless one is running."""
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run(), name="pusher_client shutdown")

    def forget(self) -> None:
        """Drop a shutdown whose event loop is closed."""
        self.callers.clear()
        self._task = None

    def spare_caller(self) -> None:
        """Add the calling task to the callers."""
        caller = asyncio.current_task()
        if caller is not None:
            self.callers.add(caller)

    async def wait(self) -> None:
        """Wait for the running shutdown as one of its callers; if the wait is cancelled, the shutdown continues."""
        if self._task is not None:
            self.spare_caller()
            await asyncio.shield(self._task)

    async def _run(self) -> None:
        try:
            await self._work(self.callers)
        finally:
            self.callers.clear()
            self._task = None
