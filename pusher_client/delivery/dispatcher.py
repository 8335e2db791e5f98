"""Who wants the events of one source: its handlers and its streams, and how they learn of a loss (R4, R5)."""

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
from pusher_client.protocol.names import is_application_event

__all__ = ["Dispatcher", "Route"]

_logger = logging.getLogger("pusher_client")


class Route(NamedTuple):
    """Who wants the events of one name.

    Attributes:
        bindings: The handlers, in their order.
        is_async: Whether one of them is async, so that all of them run in the worker.
        consumers: The queues of streams, and those who wait for one event.
        is_application: Whether the channel's stats count such an event as delivered or dropped.
    """

    bindings: tuple[Binding, ...]
    is_async: bool
    consumers: tuple[StreamQueue | EventWaiter, ...]
    is_application: bool

    @classmethod
    def of(cls, name: str, bindings: tuple[Binding, ...], consumers: tuple[StreamQueue | EventWaiter, ...]) -> Self:
        """Return the route of a name's events."""
        return cls(bindings, any(binding.is_async for binding in bindings), consumers, is_application_event(name))


class Dispatcher(Bindings):
    """Handlers and streams of a channel, or of all channels.

    Args:
        name: The channel's name, or None for all channels.
        pool: Where the worker is found while it is at work.
        queue_size: How many events a queue holds when nothing else is said.
        budget: The allowance of bytes for all queues of the client.
        on_handler_error: What hears of a failing handler besides the log.

    Attributes:
        name: As above.
        overflows: The markers of streams' losses that handlers have not heard of yet.
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
        self._consumers: tuple[StreamQueue | EventWaiter, ...] = ()
        self.overflows: list[Event] = []
        self._worker = HandlerWorker(
            "all channels" if name is None else name,
            ref(self),
            pool=pool,
            limit=queue_size,
            budget=budget,
            on_error=on_handler_error,
        )

    @property
    def handlers(self) -> Bindings:
        """Where handlers are bound.

        Raises:
            RuntimeError: The client is connected in another event loop or thread.
        """
        self._pool.check_caller()
        return self

    def route(self, name: str) -> Route:
        """Return who wants the events of this name now."""
        raise NotImplementedError

    def consumers(self, name: str) -> tuple[StreamQueue | EventWaiter, ...]:
        """Return the queues that want the events of this name, and those who wait for one of them."""
        return tuple(consumer for consumer in self._consumers if not consumer.ended and consumer.wants(name))

    def events(self, *names: str, queue_size: int | None = None) -> EventStream:
        """Open a stream of the events whose names match one of these globs; of application events without names.

        Raises:
            TypeError: A name is no string, or ``queue_size`` no integer.
            ValueError: ``queue_size`` is smaller than 1.
            RuntimeError: The client is connected in another event loop or thread.
        """
        self._pool.check_caller()
        limit = self._queue_size if queue_size is None else check_queue_size(queue_size)
        return EventStream(self._open_queue(name_filter(names), limit))

    async def wait_for(self, *names: str) -> Event:
        """Return the next event whose name matches one of these globs; the next application event without names.

        Raises:
            PusherError: What it waited on has ended.
            TypeError: A name is no string.
            RuntimeError: The client is connected in another event loop.
        """
        self._pool.check_caller()
        waiting = EventWaiter(name_filter(names), self._wait_ended())
        self._add(waiting)
        try:
            return await waiting.wait()
        finally:
            self.remove(waiting)

    def note_overflow(self, event: Event) -> None:
        """Note a marker of a stream's loss, to be told when the moment allows it."""
        self.overflows.append(event)

    def report_overflows(self) -> None:
        """Let the log and the handlers hear of the losses noted."""
        while self.overflows:
            event = self.overflows.pop(0)
            log_overflow(event)
            bindings, is_async, _, _ = self._offer_overflow(event)
            if bindings and (is_async or self._worker.busy):
                self._worker.enqueue(bindings, OVERFLOW, event, EVENT_OVERHEAD)
                self._worker.start()
            else:
                self._worker.run(bindings, OVERFLOW, event)

    def overflow_job(self, refused: int) -> Job:
        """Log a loss of the worker's own queue, and return what tells it to the handlers (for the worker)."""
        where = "all channels" if self.name is None else self.name
        _logger.warning("the handlers of %s missed %d events: their queue was full", where, refused)
        event = Event(OVERFLOW, self.name, Overflow(self.name, refused))
        return Job(OVERFLOW, event, self._offer_overflow(event).bindings)

    def remove(self, consumer: StreamQueue | EventWaiter) -> None:
        """Offer nothing more to this one."""
        consumer.ended = True
        self._consumers = tuple(other for other in self._consumers if not other.ended)
        self._changed()

    def invalidate_routes(self) -> None:
        """Hear that something has ended (from a queue, and then perhaps at any moment and in any thread)."""
        self._changed()

    def check_caller(self) -> None:
        """Check that the reader of a queue is where the client is connected (from a queue)."""
        self._pool.check_caller()

    def on_async_handler(self) -> None:
        """Hear that a handler thought plain turned out to be async (from the worker)."""
        self._changed()

    def on_idle(self) -> None:
        """Hear that the worker has nothing left to do (from the worker)."""

    def _wait_ended(self) -> PusherError:
        raise NotImplementedError

    def _offer_overflow(self, event: Event) -> Route:
        route = self.route(OVERFLOW)
        for consumer in route.consumers:
            # A stream has its own losses only; waiting for the event is another way to bind to it.
            if isinstance(consumer, EventWaiter):
                consumer.offer(event)
        return route

    def _open_queue(self, wanted: NameFilter, limit: int, *, unclaimed: bool = False) -> StreamQueue:
        queue = StreamQueue(self.name, wanted, limit=limit, budget=self._budget, owner=ref(self), unclaimed=unclaimed)
        self._add(queue)
        return queue

    def _add(self, consumer: StreamQueue | EventWaiter) -> None:
        self._consumers = (*(other for other in self._consumers if not other.ended), consumer)
        self._changed()

    def _end_consumers(self, error: PusherError | None) -> None:
        consumers, self._consumers = self._consumers, ()
        for consumer in consumers:
            consumer.end(error)
        self._changed()
