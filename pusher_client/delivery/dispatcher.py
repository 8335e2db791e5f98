"""The handlers and streams of one source of events, and the report of their losses (promises R4 and R5)."""

from __future__ import annotations

import logging
from typing import NamedTuple, Self
from weakref import ref

from pusher_client.delivery.bindings import Binding, Bindings
from pusher_client.delivery.bounded_queue import EVENT_OVERHEAD, check_queue_size
from pusher_client.delivery.event_stream import EventStream
from pusher_client.delivery.handler_worker import ErrorHandler, HandlerWorker, Job
from pusher_client.delivery.stream_queue import EventWaiter, NameFilter, StreamQueue, log_overflow, name_filter
from pusher_client.delivery.worker_pool import WorkerPool
from pusher_client.events import OVERFLOW, Event, Overflow
from pusher_client.exceptions import PusherError
from pusher_client.protocol.byte_budget import ByteBudget
from pusher_client.protocol.checks import seconds_problem
from pusher_client.protocol.names import is_application_event

__all__ = ["Consumer", "Dispatcher", "Route"]

Consumer = StreamQueue | EventWaiter
"""The queue of a stream, or the waiter of ``wait_for()``."""

_logger = logging.getLogger("pusher_client")


class Route(NamedTuple):
    """The consumers of the events of one name.

    Attributes:
        bindings: The handlers, in their order.
        is_async: Whether one of them is async. Then all of them run in the worker.
        consumers: The queues of streams, and the waiters.
        is_application: Whether the channel's stats count such an event as delivered or dropped.
    """

    bindings: tuple[Binding, ...]
    is_async: bool
    consumers: tuple[Consumer, ...]
    is_application: bool

    @classmethod
    def of(cls, name: str, bindings: tuple[Binding, ...], consumers: tuple[Consumer, ...]) -> Self:
        """Return the route of the events of one name."""
        return cls(bindings, any(binding.is_async for binding in bindings), consumers, is_application_event(name))


class Dispatcher(Bindings):
    """The handlers and streams of a channel, or of all channels.

    Args:
        name: The channel's name, or None for all channels.
        pool: The active workers of the client.
        queue_size: The number of events that a queue holds by default.
        budget: The client's budget of bytes for all queues.
        on_handler_error: Called with the exception and the event when a handler raises.

    Attributes:
        name: As above.
        overflows: The overflow markers of streams that were not logged and given to handlers yet.
    """

    __slots__ = ("__weakref__", "_budget", "_consumers", "_pool", "_queue_size", "_worker", "name", "overflows")

    def __init__(
        self,
        name: str | None,
        *,
        pool: WorkerPool,
        queue_size: int,
        budget: ByteBudget,
        on_handler_error: ErrorHandler | None,
    ) -> None:
        super().__init__()
        self.name: str | None = name
        self._pool = pool
        self._budget = budget
        self._queue_size = check_queue_size(queue_size)
        self._consumers: tuple[Consumer, ...] = ()
        self.overflows: list[Event] = []
        self._worker = HandlerWorker(
            "all channels" if name is None else name,
            ref(self),
            pool=pool,
            limit=queue_size,
            budget=budget,
            on_error=on_handler_error,
        )

    def route(self, name: str) -> Route:
        """Return the current consumers of the events of this name."""
        raise NotImplementedError

    def consumers(self, name: str) -> tuple[Consumer, ...]:
        """Return the queues of streams, and the waiters, that take events of this name."""
        return tuple(consumer for consumer in self._consumers if not consumer.ended and consumer.wants(name))

    def events(self, *names: str, queue_size: int | None = None) -> EventStream:
        """Open a stream of the events whose names match one of these globs; of application events without names.

        Raises:
            TypeError: A name is not a string, or ``queue_size`` not an integer.
            ValueError: ``queue_size`` is smaller than 1.
            RuntimeError: The client is connected in another event loop or thread.
        """
        self._pool.check_caller()
        limit = self._queue_size if queue_size is None else check_queue_size(queue_size)
        queue = self._open_queue(name_filter(names), limit)
        for event in self._missed():
            if queue.wants(event.name):
                queue.offer(event)
        return EventStream(queue)

    async def wait_for(self, *names: str, timeout: float | None = None) -> Event:  # noqa: ASYNC109 - its error has names
        """Return the next event whose name matches one of these globs; the next application event without names.

        An event that arrived since ``subscribe()``, and that nobody has taken, comes first.

        Args:
            *names: The globs.
            timeout: Seconds to wait; None for no limit.

        Raises:
            TimeoutError: The timeout has expired.
            PusherError: The subscription or the connection ended before the event.
            TypeError: A name is not a string, or the timeout is not a number.
            ValueError: The timeout is not positive.
            RuntimeError: The client is connected in another event loop.
        """
        self._pool.check_caller()
        problem = None if timeout is None else seconds_problem("timeout", timeout)
        if problem is not None:
            raise problem
        wanted = name_filter(names)
        unread = self.take_unread(wanted)
        if unread is not None:
            return unread
        waiter = EventWaiter(wanted, self._wait_ended())
        self._add(waiter)
        try:
            event = await waiter.wait(timeout)
        finally:
            self.remove(waiter)
        if event is None:
            awaited = " or ".join(map(repr, names)) or "of the application"
            where = "any channel" if self.name is None else f"the channel {self.name!r}"
            raise TimeoutError(f"wait_for(): no event {awaited} on {where} within {timeout:g} s")
        return event

    def take_unread(self, wanted: NameFilter) -> Event | None:
        """Take the first event of such a name that arrived since ``subscribe()`` and that nobody has taken."""
        raise NotImplementedError

    def note_overflow(self, event: Event) -> None:
        """Store the overflow marker of a stream for `report_overflows`."""
        self.overflows.append(event)

    def report_overflows(self) -> None:
        """Log the stored overflow markers and give them to the handlers."""
        while self.overflows:
            event = self.overflows.pop(0)
            log_overflow(event)
            bindings, is_async, _, _ = self._offer_to_waiters(event)
            if bindings and (is_async or self._worker.busy):
                self._worker.enqueue(bindings, OVERFLOW, event, EVENT_OVERHEAD)
                self._worker.start()
            else:
                self._worker.run(bindings, OVERFLOW, event)

    def overflow_job(self, refused: int) -> Job:
        """Log an overflow of the worker's own queue; return the job that reports it to the handlers."""
        where = "all channels" if self.name is None else self.name
        _logger.warning("the handlers of %s missed %d events: their queue was full", where, refused)
        event = Event(OVERFLOW, self.name, Overflow(self.name, refused))
        return Job(OVERFLOW, event, self._offer_to_waiters(event).bindings)

    def remove(self, consumer: Consumer) -> None:
        """Offer no more events to this consumer."""
        consumer.ended = True
        self._consumers = tuple(other for other in self._consumers if not other.ended)
        self._changed()

    def invalidate_routes(self) -> None:
        """Drop cached routes. Called by a stream that was garbage-collected, possibly in another thread."""
        self._changed()

    def check_caller(self) -> None:
        """Check that the caller runs in the event loop and thread of the client.

        Raises:
            RuntimeError: It runs in another one.
        """
        self._pool.check_caller()

    def on_async_handler(self) -> None:
        """Called by the worker when a plain handler has returned an awaitable."""
        self._changed()

    def on_idle(self) -> None:
        """Called by the worker when its queue is empty."""

    def on_discarded(self, counted: int) -> None:
        """Called by the worker when counted events were discarded; only those of a channel are counted."""

    def _missed(self) -> list[Event]:
        """Return the events that a stream opened now has missed since ``subscribe()``."""
        return []

    def _wait_ended(self) -> PusherError:
        """Return the error of a ``wait_for()`` that the caller's own act ends."""
        raise NotImplementedError

    def _check_caller(self) -> None:
        self._pool.check_caller()

    def _offer_to_waiters(self, event: Event) -> Route:
        route = self.route(OVERFLOW)
        for consumer in route.consumers:
            # A stream contains only its own overflow markers. A waiter is similar to a handler.
            if isinstance(consumer, EventWaiter):
                consumer.offer(event)
        return route

    def _open_queue(self, wanted: NameFilter, limit: int, *, unclaimed: bool = False) -> StreamQueue:
        queue = StreamQueue(self.name, wanted, limit=limit, budget=self._budget, owner=ref(self), unclaimed=unclaimed)
        self._add(queue)
        return queue

    def _add(self, consumer: Consumer) -> None:
        self._consumers = (*(other for other in self._consumers if not other.ended), consumer)
        self._changed()

    def _end_consumers(self, error: PusherError | None) -> None:
        consumers, self._consumers = self._consumers, ()
        for consumer in consumers:
            consumer.end(error)
        self._changed()
