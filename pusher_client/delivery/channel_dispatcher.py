"""From one event to everyone who wants it: handlers in their order, and streams (promises R4, R5 and R7)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from typing import Any
from weakref import WeakSet

from pusher_client.delivery.bindings import Binding
from pusher_client.delivery.bounded_queue import event_bytes
from pusher_client.delivery.dispatcher import Dispatcher, Route
from pusher_client.delivery.event_stream import EventStream
from pusher_client.delivery.handler_worker import ErrorHandler
from pusher_client.delivery.stream_queue import EventWaiter, StreamQueue, log_overflow
from pusher_client.delivery.worker_pool import WorkerPool
from pusher_client.events import DECRYPTION_FAILURE, Event
from pusher_client.exceptions import NotConnectedError, PusherError, SubscriptionError
from pusher_client.protocol.byte_budget import ByteBudget
from pusher_client.protocol.event_counts import EventCounts
from pusher_client.protocol.names import is_application_event

__all__ = ["ChannelDispatcher", "ClientDispatcher"]

_ROUTES_KEPT = 1024
_LONGEST_NAME_KEPT = 200


class ClientDispatcher(Dispatcher):
    """The client's own handlers and streams, which hear of all channels.

    Args:
        queue_size: How many events a queue holds when nothing else is said.
        budget: The allowance of bytes for all queues of the client.
        on_handler_error: What hears of a failing handler besides the log.

    Attributes:
        pool: The workers of all channels that are at work now.
        version: Changes whenever a handler or stream comes or goes here, so that channels forget their routes.
        unclaimed_streams: The channels whose own stream, unless somebody iterates it, is given up when a handler is bound here.
    """

    __slots__ = ("pool", "unclaimed_streams", "version")

    def __init__(self, *, queue_size: int, budget: ByteBudget, on_handler_error: ErrorHandler | None = None) -> None:
        self.pool: WorkerPool = WorkerPool()
        self.version: int = 0
        self.unclaimed_streams: WeakSet[ChannelDispatcher] = WeakSet()
        super().__init__(None, pool=self.pool, queue_size=queue_size, budget=budget, on_handler_error=on_handler_error)

    def route(self, name: str) -> Route:
        """Return who wants an event that belongs to no channel."""
        return Route.of(name, self.matching(name), self.consumers(name))

    def end(self, error: PusherError | None) -> None:
        """End the streams of all channels after what they queued.

        Args:
            error: Why the link is over for good; None for ``disconnect()``.
        """
        self._end_consumers(error)
        self.report_overflows()

    async def close(self, grace: float, callers: Collection[asyncio.Task[Any]] = ()) -> None:
        """Give the async handlers of all channels time to finish, then cancel them; `WorkerPool.close` says how."""
        await self.pool.close(grace, callers)

    def _changed(self) -> None:
        self.version += 1
        if self.unclaimed_streams and self.handles_application_events:
            channels = tuple(self.unclaimed_streams)
            self.unclaimed_streams.clear()
            for channel in channels:
                channel.close_unclaimed_stream()

    def _wait_ended(self) -> PusherError:
        return NotConnectedError("the client disconnected while wait_for() was waiting")


class ChannelDispatcher(Dispatcher):
    """The handlers and streams of one channel.

    Args:
        name: The channel's name.
        client: The handlers and streams of all channels.
        counts: The channel's counts; also an attribute.
        queue_size: How many events a queue holds when nothing else is said.
        budget: The allowance of bytes for all queues of the client.
        on_handler_error: What hears of a failing handler besides the log.
        on_use: Called when ``in_use`` may have changed, also by the garbage collector; must not log or call handlers.
    """

    __slots__ = (
        "_client",
        "_on_use",
        "_own_queue",
        "_own_stream",
        "_routes",
        "_single",
        "_unread",
        "_version",
        "counts",
    )

    def __init__(
        self,
        name: str,
        client: ClientDispatcher,
        counts: EventCounts,
        *,
        queue_size: int,
        budget: ByteBudget,
        on_handler_error: ErrorHandler | None = None,
        on_use: Callable[[], None] | None = None,
    ) -> None:
        super().__init__(
            name, pool=client.pool, queue_size=queue_size, budget=budget, on_handler_error=on_handler_error
        )
        self.counts: EventCounts = counts
        self._client = client
        self._on_use = on_use or (lambda: None)
        self._own_stream: EventStream | None = None
        self._own_queue: StreamQueue | None = None
        self._unread: tuple[tuple[StreamQueue, object], ...] = ()
        self._routes: dict[str, Route] = {}
        self._single: Binding | None = None
        self._version = client.version

    @property
    def in_use(self) -> bool:
        """Whether a handler is bound, a stream is open, or the worker is at work: then it must be kept."""
        return self.bound or self._worker.busy or any(not consumer.ended for consumer in self._consumers)

    def route(self, name: str) -> Route:
        """Return who wants the channel's events of this name now."""
        if self._version != self._client.version:
            self._version = self._client.version
            self._routes.clear()
            self._single = None
        return self._routes.get(name) or self._find_route(name)

    def deliver(self, event: Event) -> None:
        """Hand an event of this channel to everyone who wants it, and count it.

        Plain handlers are called before this returns. ``KeyboardInterrupt`` and its like come through.

        Args:
            event: An application event, an event of the protocol, or a marker.
        """
        # The short cut of the hot path: with many channels, time is saved by each object less that is looked at.
        name, single, worker = event.name, self._single, self._worker
        if single is not None and name == single.event and not worker.busy and self._version == self._client.version:
            self.counts.delivered += 1
            worker.run_single(single, name, event)
        else:
            self._deliver_to_all(event)

    def _deliver_to_all(self, event: Event) -> None:
        name = event.name
        route = None if self._version != self._client.version else self._routes.get(name)
        bindings, is_async, consumers, counts = self.route(name) if route is None else route
        worker = self._worker
        if consumers:
            epoch = worker.epoch
            accepted = self._offer(event, consumers)
            if worker.epoch != epoch:
                bindings = ()
        else:
            accepted = True
        queued = (is_async or worker.busy) and bool(bindings)
        if queued and not worker.enqueue(bindings, name, event, event_bytes(event)):
            accepted = False
        if counts:
            if accepted:
                self.counts.delivered += 1
            else:
                self.counts.dropped += 1
        elif name == DECRYPTION_FAILURE:
            self.counts.undecryptable += 1
        if queued:
            worker.start()
        elif bindings:
            if counts and not consumers and len(bindings) == 1:
                self._single = bindings[0]
            worker.run(bindings, name, event)

    def open_own_stream(self) -> None:
        """Open the channel's own stream when ``subscribe()`` starts, unless a handler hears the application already."""
        if self._own_queue is not None and not self._own_queue.ended:
            return
        self._leave_own_stream()
        if not (self.handles_application_events or self._client.handles_application_events):
            self._open_own(unclaimed=True)
            self._client.unclaimed_streams.add(self)

    def own_stream(self) -> EventStream:
        """Return the channel's own stream for somebody who iterates, opened now where there is none.

        Raises:
            RuntimeError: The client is connected in another event loop or thread.
        """
        self._pool.check_caller()
        if self._own_stream is None or self._own_queue is None:
            return self._open_own(unclaimed=False)
        self._own_queue.unclaimed = False
        return self._own_stream

    def close_unclaimed_stream(self) -> None:
        """Close the channel's own stream if nobody has asked for it."""
        queue = self._own_queue
        if queue is not None and queue.unclaimed:
            self._leave_own_stream()
            queue.close()

    def end(self, error: PusherError | None, *, drain: bool = False) -> None:
        """End the subscription: its streams stop after what they queued.

        Args:
            error: Why the channel failed for good: streams raise it, and handlers still hear what came before. None
                for ``unsubscribe()``: handlers hear nothing more, and a list of them that is being run stops.
            drain: With no error, for ``disconnect()``: handlers hear what came before, until ``close`` cuts it off.
        """
        self._end_consumers(error)
        if error is not None or drain:
            self.report_overflows()
            return
        while self.overflows:
            log_overflow(self.overflows.pop(0))
        self._worker.purge()

    def remove(self, consumer: StreamQueue | EventWaiter) -> None:
        """Offer nothing more to this one."""
        if consumer is self._own_queue:
            self._own_stream = self._own_queue = None
        super().remove(consumer)

    def on_async_handler(self) -> None:
        """Hear that a handler thought plain turned out to be async: perhaps one of the client's."""
        self._client.invalidate_routes()

    def on_idle(self) -> None:
        """Hear that the worker has nothing left to do."""
        self._on_use()

    def _offer(self, event: Event, consumers: tuple[StreamQueue | EventWaiter, ...]) -> bool:
        accepted = True
        for consumer in consumers:
            if not consumer.offer(event):
                accepted = False
        # Told only now, because a handler may change anything, the consumers included.
        if self.overflows:
            self.report_overflows()
        if self._client.overflows:
            self._client.report_overflows()
        return accepted

    def _find_route(self, name: str) -> Route:
        client = self._client
        route = Route.of(
            name, self.matching(name) + client.matching(name), self.consumers(name) + client.consumers(name)
        )
        # The names come from outside: neither many nor long ones may fill the memory (promise R6).
        if len(self._routes) >= _ROUTES_KEPT:
            self._routes.clear()
        if len(name) <= _LONGEST_NAME_KEPT:
            self._routes[name] = route
        return route

    def _leave_own_stream(self) -> None:
        """Forget the stream of the last subscription; what it leaves unread is read before the next one's."""
        queue = self._own_queue
        if queue is not None:
            left = queue.readable and not queue.unclaimed
            self._unread = (*queue.before, (queue, self._own_stream)) if left else queue.before
        # The queue first: to let go of the stream may call back at once.
        self._own_queue = self._own_stream = None

    def _open_own(self, *, unclaimed: bool) -> EventStream:
        self._own_queue = self._open_queue(is_application_event, self._queue_size, unclaimed=unclaimed)
        self._own_queue.before, self._unread = self._unread, ()
        self._own_stream = EventStream(self._own_queue)
        return self._own_stream

    def _changed(self) -> None:
        self._routes.clear()
        self._single = None
        if self._own_queue is not None and self.handles_application_events:
            self.close_unclaimed_stream()
        self._on_use()

    def _wait_ended(self) -> PusherError:
        return SubscriptionError(self.name, "the channel was unsubscribed while wait_for() was waiting")
