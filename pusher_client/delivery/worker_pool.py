"""Where one client is at work: its event loop, its workers, and how they are brought to an end (promise R6)."""

from __future__ import annotations

import asyncio
import logging
import os
import threading
from collections.abc import Collection
from contextvars import ContextVar
from typing import Any, Protocol

__all__ = ["CONNECTED_ELSEWHERE", "PoolMember", "WorkerPool", "handler_task", "is_cancelled", "loop_is_ending"]

_SECONDS_AFTER_CANCEL = 0.5
CONNECTED_ELSEWHERE = (
    "this client is connected in another event loop: use it there, from another thread with "
    "asyncio.run_coroutine_threadsafe() or loop.call_soon_threadsafe(); in programs without asyncio use "
    "pusher_client.sync.PusherClient"
)

_FORKED = (
    "this client was connected in process {}, of which this process is a fork: "
    "the connection stays there; create another client after the fork"
)

_logger = logging.getLogger("pusher_client")

handler_task: ContextVar[asyncio.Task[Any] | None] = ContextVar("pusher_client.handler_task", default=None)
"""The worker's task in whose handler this code runs, also in the tasks that the handler started."""


class PoolMember(Protocol):
    """What the pool has to know of a worker."""

    @property
    def task(self) -> asyncio.Task[None] | None:
        """The task at work, if any."""
        ...

    def start(self) -> None:
        """Start a task for what is queued."""
        ...

    def purge(self) -> None:
        """Discard what is queued, and let the list of handlers that is being run go no further."""
        ...

    def cancel(self) -> None:
        """Cancel the task, and discard what is queued."""
        ...

    def forget_task(self) -> None:
        """Let go of a task whose event loop is gone."""
        ...


class WorkerPool:
    """The workers of one client that are at work now, and the event loop that all of it happens in.

    Attributes:
        running: The workers that have a task, or queued events of one that ended.
        ending: Set when the program cancels the tasks of the client: a cancelled worker does not continue.
    """

    __slots__ = ("_loop", "_process", "_thread", "ending", "running")

    def __init__(self) -> None:
        self.running: set[PoolMember] = set()
        self.ending: bool = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._process = 0
        self._thread = 0

    def enter(self) -> None:
        """The client connects in the running event loop, and belongs to it and to this thread until `leave`."""
        self._loop, self._thread = asyncio.get_running_loop(), threading.get_ident()
        self._process = os.getpid()
        self.ending = False

    def start(self, worker: PoolMember) -> None:
        """Start a worker, also from code that runs in the client's thread while its event loop is paused."""
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            if self._loop is not None:
                self._loop.call_soon(worker.start)
        else:
            worker.start()

    def leave(self) -> None:
        """The client belongs to no event loop any more."""
        self._loop = None

    def end_without_loop(self) -> None:
        """Let go of an event loop that is gone, and of the tasks in it."""
        for worker in tuple(self.running):
            worker.forget_task()
        self.leave()

    def check_process(self) -> None:
        """Check that the calling process is the one in which the client is connected.

        Raises:
            RuntimeError: It is a fork of it.
        """
        if self._loop is not None and self._process != os.getpid():
            raise RuntimeError(_FORKED.format(self._process))

    def check_caller(self) -> None:
        """Check that the calling code may use the client here: nothing of it is safe to share between threads.

        Raises:
            RuntimeError: The client is connected in another event loop or thread.
        """
        self.check_process()
        if self._loop is None or self._loop.is_closed():
            return
        try:
            running = asyncio.get_running_loop()
        except RuntimeError:
            running = None
        at_home = running is self._loop if running is not None else threading.get_ident() == self._thread
        if not at_home:
            raise RuntimeError(CONNECTED_ELSEWHERE)

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
            spared = {caller, handler_task.get(), *callers}
            for worker in tuple(self.running):
                task = worker.task
                if task is None or task in spared:
                    worker.purge()
                else:
                    stubborn.add(task)
                    worker.cancel()
        if stubborn:
            _, alive = await asyncio.wait(stubborn, timeout=_SECONDS_AFTER_CANCEL)
            if alive:
                _logger.error("%d handlers go on although they were cancelled", len(alive))


def is_cancelled() -> bool:
    """Return whether the running task was cancelled and has not withdrawn that."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def loop_is_ending(cancelled: asyncio.Task[Any]) -> bool:
    """Return whether every other task of the event loop is cancelled too, as at the end of ``asyncio.run()``."""
    return all(task.cancelling() for task in asyncio.all_tasks() if task is not cancelled)
