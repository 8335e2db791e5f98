"""Calling handlers: at once where all are plain, in one ordered task where one is async (promises R4 and R7)."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import logging
from collections.abc import Awaitable, Callable
from typing import Any
from weakref import ref

from pusher_client.delivery.bindings import Binding
from pusher_client.delivery.bounded_queue import BoundedQueue
from pusher_client.delivery.handler_job import ErrorHandler, HandlerWorkerOwner, Job
from pusher_client.delivery.worker_pool import WorkerPool, handler_task, is_cancelled, loop_is_ending
from pusher_client.protocol.byte_budget import ByteBudget
from pusher_client.tasks import create_task

__all__ = ["ErrorHandler", "HandlerWorker", "HandlerWorkerOwner", "Job"]

_LONGEST_NAME_LOGGED = 200
_END_OF_PROGRAM = (KeyboardInterrupt, SystemExit, GeneratorExit)

_logger = logging.getLogger("pusher_client")


class HandlerWorker(BoundedQueue[Job]):
    """Runs the handlers of one channel, one event after another.

    A handler's failure is logged, also if the handler cancels the task that runs it. A task that ends before the queue
    is empty is replaced, unless the event loop is being closed.

    Args:
        label: The name of the handlers' source, for the log and the task's name.
        owner: The dispatcher; not kept alive.
        pool: Holds the worker while it has events.
        limit: The number of events that the queue holds.
        budget: The client's budget of bytes.
        on_error: Called when a handler fails, besides the log.

    Attributes:
        busy: Whether an event is queued or being handled. Then later events have to be queued too, to keep the order.
        epoch: Changes with every purge. A list of handlers that is being run stops when it changes.
        task: The running task, if any.
    """

    __slots__ = ("_ending", "_label", "_on_error", "_owner", "_pool", "_running", "busy", "epoch", "task")

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
        self._ending = False
        self.busy: bool = False
        self.epoch: int = 0
        self.task: asyncio.Task[None] | None = None

    def run(self, bindings: tuple[Binding, ...], name: str, value: object) -> None:
        """Call plain handlers now, one after another, until a purge.

        Only while the worker is not busy. If one of them returns an awaitable, the task runs it and the handlers after
        it.
        """
        epoch = self.epoch
        for binding in bindings:
            try:
                result = binding.callback(value)
            except _END_OF_PROGRAM:
                raise
            except BaseException as error:  # noqa: BLE001 - also CancelledError, and that of pytest.fail()
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
        """Call a plain handler that is the only one: as ``run``, but faster."""
        try:
            result = binding.callback(value)
        except _END_OF_PROGRAM:
            raise
        except BaseException as error:  # noqa: BLE001 - also CancelledError, and that of pytest.fail()
            self._report_plain_failure(error, name, value)
        else:
            if result is not None and inspect.isawaitable(result):
                self._continue_in_task(binding, (), Job(name, value, (), result))

    def enqueue(
        self, bindings: tuple[Binding, ...], name: str, value: object, size: int, *, counted: bool = False
    ) -> bool:
        """Queue an event for the task and return whether it was accepted; ``start`` has to follow."""
        self.busy = True
        return self.push(Job(name, value, bindings, None, False, counted), size)  # noqa: FBT003 - fields of the tuple

    def start(self) -> None:
        """Start the task if there is something to do and no task."""
        if self._running or not self.busy:
            return
        self._running = True
        self._ending = False
        self._pool.running.add(self)
        self.task = create_task(self._work, name=f"pusher_client handlers of {self._label}")
        self.task.add_done_callback(self._ended)

    def purge(self) -> None:
        """Discard the queued events, and stop the list of handlers that is being run after the current one."""
        self.epoch += 1
        if self.refused:
            self.end_run()  # for the log
        counted = 0
        for job in self.clear():
            counted += job.counted
            if inspect.iscoroutine(job.started):
                job.started.close()
        self.busy = self._running
        if not self.busy:
            self._pool.running.discard(self)
        owner = self._owner()
        if counted and owner is not None:
            owner.on_discarded(counted)

    def cancel(self) -> None:
        """Cancel the task and discard what is queued: the client disconnects."""
        self._ending = True
        self.purge()
        if self.task is not None:
            self.task.cancel()

    def forget_task(self) -> None:
        """Drop a task whose event loop was closed."""
        self.purge()
        self._stopped()

    def _marker(self, refused: int) -> Job:
        owner = self._owner()
        return Job("", None, ()) if owner is None else owner.overflow_job(refused)

    def _report_plain_failure(self, error: BaseException, name: str, value: object) -> None:
        """Report the exception of a plain handler; the task awaits an async ``on_error``."""
        report = self._report(error, name, value)
        if report is not None:
            self._append_started(Job(name, value, (), report, is_report=True))

    def _continue_in_task(self, binding: Binding, bindings: tuple[Binding, ...], job: Job) -> None:
        """Let the task await this handler, and call the handlers after it."""
        binding.is_async = True
        rest = bindings[bindings.index(binding) + 1 :] if bindings else ()
        self._append_started(job._replace(bindings=rest))
        owner = self._owner()
        if owner is not None:
            owner.on_async_handler()

    def _append_started(self, job: Job) -> None:
        # Never refused, because the handler was called already. There is at most one such job for each handler.
        self.busy = True
        self._append(0, job)
        self.start()

    async def _work(self) -> None:
        task = asyncio.current_task()
        handler_task.set(task)
        try:
            while self.readable:
                await self.perform(self.take())
        except asyncio.CancelledError:
            if self.task in (None, task):
                self.purge()
            raise
        finally:
            if self.task in (None, task):  # a dropped task may end while another one runs
                self._stopped()

    async def perform(self, job: Job) -> None:
        """Call the handlers of a job, one after another, until a purge; only within the worker's own task."""
        epoch, started = self.epoch, job.started
        if started is not None:
            await self._call(lambda _: started, job)
        for binding in job.bindings:
            if self.epoch != epoch:
                return
            if not binding.removed:
                await self._call(binding.callback, job)

    async def _call(self, callback: Callable[[Any], object], job: Job) -> None:
        failure: BaseException | None = None
        try:
            result = callback(job.value)
            if result is not None and inspect.isawaitable(result):
                await result
        except _END_OF_PROGRAM:
            raise
        except BaseException as error:  # noqa: BLE001 - also CancelledError, and that of pytest.fail()
            failure = error
        if is_cancelled():
            await self._continue_after_cancellation()
        if failure is not None and job.is_report:
            _logger.error("on_handler_error itself failed", exc_info=failure)
        elif failure is not None:
            report = self._report(failure, job.name, job.value)
            if report is not None:
                await self._call(lambda _: report, job._replace(is_report=True))

    async def _continue_after_cancellation(self) -> None:
        """Use up a cancellation that came from a handler, or from code that found the task by its name.

        Raises:
            CancelledError: The client disconnects, or the event loop is being closed.
        """
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - the caller has seen that it is cancelled
        if self._ending or self._pool.ending or loop_is_ending(task):
            raise asyncio.CancelledError
        while task.cancelling():
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.sleep(0)  # a cancellation that no await has raised yet is raised here
            task.uncancel()
        if self._ending:
            raise asyncio.CancelledError

    def _report(self, failure: BaseException, name: str, value: object) -> Awaitable[object] | None:
        """Log a handler's failure and call ``on_handler_error``; return its awaitable if it is async."""
        shown = name[:_LONGEST_NAME_LOGGED]
        _logger.error("a handler of %s failed on the event %r", self._label, shown, exc_info=failure)
        if self._on_error is None:
            return None
        try:
            result = self._on_error(failure, value)
        except _END_OF_PROGRAM:
            raise
        except BaseException as error:
            _logger.error("on_handler_error itself failed", exc_info=error)  # noqa: TRY400 - CancelledError included
            return None
        return result if inspect.isawaitable(result) else None

    def _ended(self, task: asyncio.Task[None]) -> None:
        # A task cancelled before its first step never reaches its own "finally".
        if self.task is task:
            self._stopped()
        if not self.readable or self._running:
            return
        if not task.cancelled() and isinstance(task.exception(), _END_OF_PROGRAM):
            return  # left to the next event, or to the end of the client
        if self._ending or self._pool.ending or loop_is_ending(task):
            self.purge()
        else:
            _logger.error("the task of the handlers of %s was cancelled; another one continues", self._label)
            self.start()

    def _stopped(self) -> None:
        self._running = False
        self.task = None
        # What a task left behind comes before the next event. Until then the pool can still discard it.
        self.busy = self.readable
        if not self.busy:
            self._pool.running.discard(self)
        owner = self._owner()
        if owner is not None:
            owner.on_idle()
