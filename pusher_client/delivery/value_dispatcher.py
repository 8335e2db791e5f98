"""The connection's own events, whose handlers get the plain value (protocol-notes 3.1)."""

from __future__ import annotations

import logging
import sys
from weakref import ref

from pusher_client.delivery.bindings import Bindings
from pusher_client.delivery.bounded_queue import EVENT_OVERHEAD, event_bytes
from pusher_client.delivery.handler_worker import ErrorHandler, HandlerWorker, Job
from pusher_client.delivery.worker_pool import WorkerPool
from pusher_client.events import OVERFLOW, Event, Overflow
from pusher_client.protocol.byte_budget import ByteBudget

__all__ = ["ValueDispatcher"]

_VALUES_WAITING = 1024

_logger = logging.getLogger("pusher_client")


class ValueDispatcher(Bindings):
    """Named values and the handlers bound to them, each called with the value alone.

    The order is the channels': those of the name, then the global ones, each in the order of binding; at once where all
    are plain, and in one ordered task where one is async. At most 1,024 values wait for it; then the newest are
    refused, and the log says how many. Handlers whose values are events hear it too, as ``pusher:overflow``.

    Args:
        on_handler_error: Called with the exception and the value when a handler raises.
        pool: Where the worker is found while it is at work; the client's, so that it ends with the others.
        label: What the log calls the source of the values.
        budget: For values that are events, whose size a server chooses: the client's allowance of bytes.
    """

    __slots__ = ("__weakref__", "_are_events", "_label", "_pool", "_worker")

    def __init__(
        self,
        on_handler_error: ErrorHandler | None = None,
        pool: WorkerPool | None = None,
        label: str = "the connection",
        budget: ByteBudget | None = None,
    ) -> None:
        super().__init__()
        self._are_events = budget is not None
        self._label = label
        self._pool = WorkerPool() if pool is None else pool
        self._worker = HandlerWorker(
            label,
            ref(self),
            pool=self._pool,
            limit=_VALUES_WAITING,
            budget=ByteBudget(sys.maxsize) if budget is None else budget,
            on_error=on_handler_error,
        )

    def emit(self, name: str, value: object) -> None:
        """Call the handlers of this name with a value; the owner's call."""
        bindings, worker = self.matching(name), self._worker
        if worker.busy or any(binding.is_async for binding in bindings):
            if bindings:
                size = event_bytes(value) if isinstance(value, Event) else EVENT_OVERHEAD
                worker.enqueue(bindings, name, value, size)
                worker.start()
        else:
            worker.run(bindings, name, value)

    def overflow_job(self, refused: int) -> Job:
        """Log what the worker refused, and return what tells it to the handlers (for the worker)."""
        _logger.warning("the handlers of %s missed %d events: their queue was full", self._label, refused)
        if not self._are_events:
            return Job("", None, ())
        return Job(OVERFLOW, Event(OVERFLOW, None, Overflow(None, refused)), self.matching(OVERFLOW))

    def on_async_handler(self) -> None:
        """Hear that a handler thought plain turned out to be async (from the worker)."""

    def on_idle(self) -> None:
        """Hear that the worker has nothing left to do (from the worker)."""

    def _check_caller(self) -> None:
        self._pool.check_caller()
