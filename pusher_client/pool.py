"""The workers of one client that are at work, and how they are brought to an end (promise R6)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection
from contextvars import ContextVar
from typing import Any, Protocol

__all__ = ["PoolMember", "WorkerPool", "working_task"]

_SECONDS_AFTER_CANCEL = 0.5

_logger = logging.getLogger(__name__)

working_task: ContextVar[asyncio.Task[Any] | None] = ContextVar("pusher_client.working_task", default=None)
"""The worker's task in whose handler this code runs, also in the tasks that the handler started."""


class PoolMember(Protocol):
    """What the pool has to know of a worker."""

    @property
    def task(self) -> asyncio.Task[None] | None:
        """The task at work, if any."""
        ...

    def purge(self) -> None:
        """Discard what is queued, and let the list of handlers that is being run go no further."""
        ...


class WorkerPool:
    """The workers of one client that are at work now.

    Attributes:
        running: The workers that have a task.
    """

    __slots__ = ("running",)

    def __init__(self) -> None:
        self.running: set[PoolMember] = set()

    async def close(self, grace: float, callers: Collection[asyncio.Task[Any]] = ()) -> None:
        """Let the workers finish what they have, cancel those that do not, and discard the rest.

        Args:
            grace: How many seconds they are given.
            callers: Tasks that wait for this call and are therefore neither waited for nor cancelled; read again when
                the grace is over. The calling task, and the worker whose handler started it, are never cancelled.
        """
        caller = asyncio.current_task()
        waited = {worker.task for worker in self.running if worker.task is not None} - {caller, *callers}
        stubborn: set[asyncio.Task[None]] = set()
        try:
            if waited:
                await asyncio.wait(waited, timeout=grace)
        finally:
            spared = {caller, working_task.get(), *callers}
            for worker in tuple(self.running):
                worker.purge()
                if worker.task is not None and worker.task not in spared:
                    stubborn.add(worker.task)
                    worker.task.cancel()
        if stubborn:
            _, alive = await asyncio.wait(stubborn, timeout=_SECONDS_AFTER_CANCEL)
            if alive:
                _logger.error("%d handlers go on although they were cancelled", len(alive))
