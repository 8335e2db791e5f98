"""Shutdown of a connection: requested once, carried out in one task, and all callers wait for its end (R6)."""

from __future__ import annotations

import asyncio
import contextlib
import functools
from collections.abc import Awaitable, Callable, Collection
from typing import Any

from pusher_client.tasks import create_task

__all__ = ["Shutdown"]


class Shutdown:
    """The task that ends a connection.

    It exists as long as the connection does, and waits for the request. So it is cancelled when the program cancels all
    tasks, as ``asyncio.run()`` does at its end, whatever the connection is doing then.

    Args:
        work: Ends everything but the tasks that it is given, which wait for it.
        cancelled: Called when the task is cancelled although nobody has requested the shutdown, before ``work``.

    Attributes:
        callers: The tasks that wait for the end, which must be neither waited for nor cancelled.
    """

    def __init__(
        self, work: Callable[[Collection[asyncio.Task[Any]]], Awaitable[None]], cancelled: Callable[[], None]
    ) -> None:
        self._work = work
        self._cancelled = cancelled
        self._task: asyncio.Task[None] | None = None
        self._request: asyncio.Future[None] | None = None
        self.callers: set[asyncio.Task[Any]] = set()

    @property
    def requested(self) -> bool:
        """Whether a shutdown has been requested and has not ended yet."""
        return self._request is not None and self._request.done()

    def begin(self) -> None:
        """Called when a connection starts: wait for the request."""
        request = self._request = asyncio.get_running_loop().create_future()
        self._task = create_task(functools.partial(self._run, request), name="pusher_client shutdown")

    def request(self) -> None:
        """Request the shutdown; it starts in a later turn of the event loop."""
        if self._request is not None and not self._request.done():
            self._request.set_result(None)

    def forget(self) -> None:
        """Drop a shutdown whose event loop is closed."""
        self.callers.clear()
        self._task = self._request = None

    def spare_caller(self) -> None:
        """Add the calling task to the callers."""
        caller = asyncio.current_task()
        if caller is not None:
            self.callers.add(caller)

    async def wait(self) -> None:
        """Wait for the requested shutdown as one of its callers; if the wait is cancelled, the shutdown continues."""
        task = self._task
        if task is not None and self.requested:
            self.spare_caller()
            await asyncio.wait((task,))
            if not task.cancelled():
                task.result()

    async def _run(self, request: asyncio.Future[None]) -> None:
        try:
            with contextlib.suppress(asyncio.CancelledError):
                await request
            if request.cancelled():
                self._cancelled()
            await self._work(self.callers)
        finally:
            if self._request is request:  # else this is a task of an event loop that was closed
                self.forget()
