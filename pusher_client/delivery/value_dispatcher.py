"""Handlers of named values: the events of the connection, the user and the watchlist (protocol-notes 3.1)."""

from __future__ import annotations

import logging
import sys
from typing import Any
from weakref import ref

from pusher_client.delivery.bindings import Bindable, Bindings
from pusher_client.delivery.bounded_queue import EVENT_OVERHEAD, event_bytes
from pusher_client.delivery.handler_worker import ErrorHandler, HandlerWorker, Job
from pusher_client.delivery.unknown_names import warn_of_connection_name
from pusher_client.delivery.worker_pool import WorkerPool
from pusher_client.events import OVERFLOW, Event, Overflow
from pusher_client.protocol.byte_budget import ByteBudget

__all__ = ["ValueDispatcher"]

_VALUES_WAITING = 1024

_logger = logging.getLogger("pusher_client")


class ValueDispatcher(Bindable[Any]):
    """Named values and the handlers bound to them. A handler is called with the value alone.

    The order is that of channels: the handlers of the name, then the global ones, each in the order of binding. They
    run at once if all are plain, and in one ordered task if one is async. At most 1,024 values wait for that task; then
    the newest are refused, and the log states the number. If the values are events, handlers also get
    ``pusher:overflow``.

    Args:
        on_handler_error: Called with the exception and the value when a handler raises.
        pool: The active workers of the client, so that this one ends with the others.
        label: The name of the source of the values in the log.
        budget: The client's budget of bytes, for values that are events, whose size a server chooses.

    Attributes:
        bindings: The handlers.
    """

    __slots__ = ("__weakref__", "_are_events", "_label", "_worker", "bindings")

    def __init__(
        self,
        on_handler_error: ErrorHandler | None = None,
        pool: WorkerPool | None = None,
        label: str = "the connection",
        budget: ByteBudget | None = None,
    ) -> None:
        self._are_events = budget is not None
        self._label = label
        pool = WorkerPool() if pool is None else pool
        self.bindings: Bindings = _CheckedBindings(pool, are_events=self._are_events)
        self._worker = HandlerWorker(
            label,
            ref(self),
            pool=pool,
            limit=_VALUES_WAITING,
            budget=ByteBudget(sys.maxsize) if budget is None else budget,
            on_error=on_handler_error,
        )

    def emit(self, name: str, value: object) -> None:
        """Call the handlers of this name with a value. For the client only."""
        bindings, worker = self.bindings.matching(name), self._worker
        if worker.busy or any(binding.is_async for binding in bindings):
            if bindings:
                size = event_bytes(value) if isinstance(value, Event) else EVENT_OVERHEAD
                worker.enqueue(bindings, name, value, size)
                worker.start()
        else:
            worker.run(bindings, name, value)

    def overflow_job(self, refused: int) -> Job:
        """Log an overflow of the worker's queue; return the job that reports it to the handlers."""
        _logger.warning("the handlers of %s missed %d events: their queue was full", self._label, refused)
        if not self._are_events:
            return Job("", None, ())
        return Job(OVERFLOW, Event(OVERFLOW, None, Overflow(None, refused)), self.bindings.matching(OVERFLOW))

    def on_async_handler(self) -> None:
        """Called by the worker when a plain handler has returned an awaitable."""

    def on_idle(self) -> None:
        """Called by the worker when its queue is empty."""

    def on_discarded(self, counted: int) -> None:
        """Called by the worker when counted events were discarded; only those of a channel are counted."""

    @property
    def _handlers(self) -> Bindings:
        return self.bindings


class _CheckedBindings(Bindings):
    """Bindings that can be changed only in the event loop and thread of the client."""

    __slots__ = ("_are_events", "_pool")

    def __init__(self, pool: WorkerPool, *, are_events: bool) -> None:
        super().__init__()
        self._are_events = are_events
        self._pool = pool

    def _check_caller(self) -> None:
        self._pool.check_caller()

    def _check_name(self, name: str) -> None:
        if self._are_events:
            super()._check_name(name)
        else:
            warn_of_connection_name(name)
