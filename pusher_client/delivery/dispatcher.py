"""Who wants the events of one source: its handlers and its streams, and how they learn of a loss (R4, R5)."""

from __future__ import annotations

import logging
from typing import NamedTuple, Self
from weakref import ref

from pusher_client.delivery.bindings import Binding, HandlerRegistry
from pusher_client.delivery.bounded_queue import EVENT_OVERHEAD, check_queue_size
from pusher_client.delivery.event_stream import EventStream
from pusher_client.delivery.handler_worker import ErrorHandler, Job, Worker
from pusher_client.delivery.stream_queue import Feed, NameFilter, NextEvent, log_overflow, name_filter
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
        sinks: The feeds of streams, and those who wait for one event.
        is_application: Whether the channel's stats count such an event as delivered or dropped.
    """

    bindings: tuple[Binding, ...]
    is_async: bool
    sinks: tuple[Feed | NextEvent, ...]
    is_application: bool

    @classmethod
    def of(cls, name: str, bindings: tuple[Binding, ...], sinks: tuple[Feed | NextEvent, ...]) -> Self:
        """Return the route of a name's events."""
        return cls(bindings, any(binding.is_async for binding in bindings), sinks, is_application_event(name))


class Dispatcher(HandlerRegistry):
    """Handlers and streams of a channel, or of all channels.

    Args:
        name: The channel's name, or None for all channels.
        pool: Where the worker is found while it is at work.
        queue_size: How many events a queue holds when nothing else is said.
        budget: The allowance of bytes for all queues of the client.
        on_handler_error: What hears of a failing handler besides the log.

    Attributes:
        name: As above.
        notices: The markers of streams' losses that handlers have not heard of yet.
    """

    __slots__ = ("__weakref__", "_budget", "_pool", "_queue_size", "_sinks", "_worker", "name", "notices")

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
        self._sinks: tuple[Feed | NextEvent, ...] = ()
        self.notices: list[Event] = []
        self._worker = Worker(
            "all channels" if name is None else name,
            ref(self),
            pool=pool,
            limit=queue_size,
            budget=budget,
            on_error=on_handler_error,
        )

    @property
    def handlers(self) -> HandlerRegistry:
        """Where handlers are bound.

        Raises:
            RuntimeError: The client is connected in another event loop or thread.
        """
        self._pool.check_caller()
        return self

    def route(self, name: str) -> Route:
        """Return who wants the events of this name now."""
        raise NotImplementedError

    def sinks(self, name: str) -> tuple[Feed | NextEvent, ...]:
        """Return the feeds that want the events of this name, and those who wait for one of them."""
        return tuple(sink for sink in self._sinks if not sink.ended and sink.wants(name))

    def events(self, *names: str, queue_size: int | None = None) -> EventStream:
        """Open a stream of the events whose names match one of these globs; of application events without names.

        Raises:
            TypeError: A name is no string, or ``queue_size`` no integer.
            ValueError: ``queue_size`` is smaller than 1.
            RuntimeError: The client is connected in another event loop or thread.
        """
        self._pool.check_caller()
        limit = self._queue_size if queue_size is None else check_queue_size(queue_size)
        return EventStream(self._feed(name_filter(names), limit))

    async def wait_for(self, *names: str) -> Event:
        """Return the next event whose name matches one of these globs; the next application event without names.

        Raises:
            PusherError: What it waited on has ended.
            TypeError: A name is no string.
            RuntimeError: The client is connected in another event loop.
        """
        self._pool.check_caller()
        waiting = NextEvent(name_filter(names), self._withdrawn())
        self._add(waiting)
        try:
            return await waiting.wait()
        finally:
            self.forget(waiting)

    def overflowed(self, event: Event) -> None:
        """Note a marker of a stream's loss, to be told when the moment allows it."""
        self.notices.append(event)

    def tell(self) -> None:
        """Let the log and the handlers hear of the losses noted."""
        while self.notices:
            event = self.notices.pop(0)
            log_overflow(event)
            bindings, is_async, _, _ = self._announce(event)
            if bindings and (is_async or self._worker.busy):
                self._worker.enqueue(bindings, OVERFLOW, event, EVENT_OVERHEAD)
                self._worker.start()
            else:
                self._worker.run(bindings, OVERFLOW, event)

    def overflow(self, refused: int) -> Job:
        """Log a loss of the worker's own queue, and return what tells it to the handlers (for the worker)."""
        where = "all channels" if self.name is None else self.name
        _logger.warning("the handlers of %s missed %d events: their queue was full", where, refused)
        event = Event(OVERFLOW, self.name, Overflow(self.name, refused))
        return Job(OVERFLOW, event, self._announce(event).bindings)

    def forget(self, sink: Feed | NextEvent) -> None:
        """Offer nothing more to this one."""
        sink.ended = True
        self._sinks = tuple(other for other in self._sinks if not other.ended)
        self._changed()

    def refresh(self) -> None:
        """Hear that something has ended (from a feed, and then perhaps at any moment and in any thread)."""
        self._changed()

    def check_caller(self) -> None:
        """Check that the reader of a feed is where the client is connected (from a feed)."""
        self._pool.check_caller()

    def learned(self) -> None:
        """Hear that a handler thought plain turned out to be async (from the worker)."""
        self._changed()

    def idle(self) -> None:
        """Hear that the worker has nothing left to do (from the worker)."""

    def _withdrawn(self) -> PusherError:
        raise NotImplementedError

    def _announce(self, event: Event) -> Route:
        route = self.route(OVERFLOW)
        for sink in route.sinks:
            # A stream has its own losses only; waiting for the event is another way to bind to it.
            if isinstance(sink, NextEvent):
                sink.offer(event)
        return route

    def _feed(self, wanted: NameFilter, limit: int, *, tentative: bool = False) -> Feed:
        feed = Feed(self.name, wanted, limit=limit, budget=self._budget, owner=ref(self), tentative=tentative)
        self._add(feed)
        return feed

    def _add(self, sink: Feed | NextEvent) -> None:
        self._sinks = (*(other for other in self._sinks if not other.ended), sink)
        self._changed()

    def _end_sinks(self, error: PusherError | None) -> None:
        sinks, self._sinks = self._sinks, ()
        for sink in sinks:
            sink.end(error)
        self._changed()
