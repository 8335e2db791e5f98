"""Calling handlers: at once where all are plain, in one ordered task where one is async (promises R4 and R7)."""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple, Protocol
from weakref import ref

from pusher_client.delivery.bindings import Binding
from pusher_client.delivery.bounded_queue import BoundedQueue
from pusher_client.delivery.worker_pool import WorkerPool, handler_task
from pusher_client.protocol.byte_budget import ByteBudget
from pusher_client.tasks import create_task

__all__ = ["ErrorHandler", "HandlerWorker", "HandlerWorkerOwner", "Job"]

ErrorHandler = Callable[[Any, Any], object]
"""Called when a handler fails, with the exception and the event; plain or async."""

_LONGEST_NAME_LOGGED = 200

_logger = logging.getLogger("pusher_client")


class Job(NamedTuple):
    """One event and who is still to hear it.

    Attributes:
        name: The event's name, for the log.
        value: What the handlers are called with.
        bindings: The handlers, in order.
        started: What a handler already called has left to await, before the others.
        is_report: Whether ``started`` is an error handler's, whose own failure is reported no further.
    """

    name: str
    value: Any
    bindings: tuple[Binding, ...]
    started: Awaitable[object] | None = None
    is_report: bool = False


class HandlerWorkerOwner(Protocol):
    """What a worker asks of the one it works for, whom it does not keep alive."""

    def overflow_job(self, refused: int) -> Job:
        """Log the loss of this many events in a row, and return the marker for the handlers."""
        ...

    def on_async_handler(self) -> None:
        """Called when a handler thought plain turned out to be async."""
        ...

    def on_idle(self) -> None:
        """Called when the worker has nothing left to do."""
        ...


class HandlerWorker(BoundedQueue[Job]):
    """Runs the handlers of one channel, one event after another.

    Args:
        label: Whose handlers these are, for the log and the task's name.
        owner: Notified of losses; referenced weakly.
        pool: Where the worker is found while it is at work.
        limit: How many events wait at most.
        budget: The allowance of bytes for those that wait.
        on_error: Called when a handler fails, besides the log.

    Attributes:
        busy: Whether something is queued or running; then later events have to be queued too, for the order's sake.
        epoch: Changes with every purge; a list of handlers that is being run stops when it does.
        task: The task at work, if any.
    """

    __slots__ = ("_label", "_on_error", "_owner", "_pool", "_running", "busy", "epoch", "task")

    def __init__(
        self,
        label: str,
        owner: ref[HandlerWorkerOwner],
        *,
        pool: WorkerPool,
        limit: int,
        budget: ByteBudget,
        on_error: ErrorHandler | None,
    ) -> None:
        super().__init__(limit, budget)
        self._label = label
        self._owner = owner
        self._pool = pool
        self._on_error = on_error
        self._running = False
        self.busy: bool = False
        self.epoch: int = 0
        self.task: asyncio.Task[None] | None = None

    def run(self, bindings: tuple[Binding, ...], name: str, value: object) -> None:
        """Call plain handlers now, one after another, as long as the subscription lasts.

        Only while the worker is not busy. Should one of them return an awaitable after all, it and the handlers after
        it are left to the task.
        """
        epoch = self.epoch
        for binding in bindings:
            try:
                result = binding.callback(value)
            except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001 - whatever a handler does is its own
                self._report_plain_failure(error, name, value)
            else:
                if result is not None and inspect.isawaitable(result):
                    self._continue_in_task(
                        binding, bindings if self.epoch == epoch else (), Job(name, value, (), result)
                    )
                    return
            if self.epoch != epoch:
                return

    def run_single(self, binding: Binding, name: str, value: object) -> None:
        """Call a plain handler that is the only one: what ``run`` does, at less expense."""
        try:
            result = binding.callback(value)
        except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001 - whatever a handler does is its own
            self._report_plain_failure(error, name, value)
        else:
            if result is not None and inspect.isawaitable(result):
                self._continue_in_task(binding, (), Job(name, value, (), result))

    def enqueue(self, bindings: tuple[Binding, ...], name: str, value: object, size: int) -> bool:
        """Queue an event for the task and return whether there was room; ``start`` has to follow."""
        self.busy = True
        return self.push(Job(name, value, bindings), size)

    def start(self) -> None:
        """See to it that a task works on what is queued."""
        if self._running or not self.busy:
            return
        self._running = True
        self._pool.running.add(self)
        self.task = create_task(self._work, name=f"pusher_client handlers of {self._label}")
        self.task.add_done_callback(self._ended)

    def purge(self) -> None:
        """Discard what is queued, and let the list of handlers that is being run go no further."""
        self.epoch += 1
        if self.refused:
            self.end_run()  # for the log
        for job in self.clear():
            if inspect.iscoroutine(job.started):
                job.started.close()
        self.busy = self._running
        if not self._running:
            self._pool.running.discard(self)

    def forget_task(self) -> None:
        """Let go of a task whose event loop is gone."""
        self.purge()
        self._stopped()

    def _marker(self, refused: int) -> Job:
        owner = self._owner()
        return Job("", None, ()) if owner is None else owner.overflow_job(refused)

    def _report_plain_failure(self, error: BaseException, name: str, value: object) -> None:
        """Report what a plain handler raised, and let the task await what remains of that."""
        report = self._report(error, name, value)
        if report is not None:
            self._append_started(Job(name, value, (), report, is_report=True))

    def _continue_in_task(self, binding: Binding, bindings: tuple[Binding, ...], job: Job) -> None:
        """Let the task await what this handler has started, and run the handlers after it."""
        binding.is_async = True
        rest = bindings[bindings.index(binding) + 1 :] if bindings else ()
        self._append_started(job._replace(bindings=rest))
        owner = self._owner()
        if owner is not None:
            owner.on_async_handler()

    def _append_started(self, job: Job) -> None:
        # Not to be refused: the handler has run already. There is at most one such job for each handler.
        self.busy = True
        self._append(0, job)
        self.start()

    async def _work(self) -> None:
        task = asyncio.current_task()
        handler_task.set(task)
        try:
            while self.readable:
                await self._perform(self.take())
        finally:
            if self.task in (None, task):  # one that was abandoned may end when there is another
                self._stopped()

    async def _perform(self, job: Job) -> None:
        epoch, started = self.epoch, job.started
        if started is not None:
            await self._call(lambda _: started, job)
        for binding in job.bindings:
            if self.epoch != epoch:
                return
            await self._call(binding.callback, job)

    async def _call(self, callback: Callable[[Any], object], job: Job) -> None:
        failure: BaseException | None = None
        try:
            result = callback(job.value)
            if result is not None and inspect.isawaitable(result):
                await result
        except asyncio.CancelledError as error:
            if _cancelled():
                raise
            failure = error
        except Exception as error:  # noqa: BLE001 - whatever a handler does is its own
            failure = error
        if failure is not None and job.is_report:
            _logger.error("on_handler_error itself failed", exc_info=failure)
        elif failure is not None:
            report = self._report(failure, job.name, job.value)
            if report is not None:
                await self._call(lambda _: report, job._replace(is_report=True))
        if _cancelled():
            raise asyncio.CancelledError  # the handler caught it, but it was meant for the worker

    def _report(self, failure: BaseException, name: str, value: object) -> Awaitable[object] | None:
        """Log a handler's failure and call ``on_handler_error``; return what is left to await of that."""
        shown = name[:_LONGEST_NAME_LOGGED]
        _logger.error("a handler of %s failed on the event %r", self._label, shown, exc_info=failure)
        if self._on_error is None:
            return None
        try:
            result = self._on_error(failure, value)
        except (Exception, asyncio.CancelledError) as error:
            _logger.error("on_handler_error itself failed", exc_info=error)  # noqa: TRY400 - CancelledError included
            return None
        return result if inspect.isawaitable(result) else None

    def _ended(self, task: asyncio.Task[None]) -> None:
        # A task cancelled before its first step never reaches its own "finally".
        if self.task is task:
            self._stopped()

    def _stopped(self) -> None:
        self._running = False
        self.task = None
        # What a cancelled task left behind still comes before the next event.
        self.busy = self.readable
        if not self.busy:  # else the pool discards it with the others when the client disconnects
            self._pool.running.discard(self)
        owner = self._owner()
        if owner is not None:
            owner.on_idle()


def _cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
