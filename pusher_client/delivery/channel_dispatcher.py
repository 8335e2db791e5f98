"""Gives each event of a channel to its handlers, in their order, and to its streams (promises R4, R5 and R7)."""

from __future__ import annotations

from collections.abc import Callable

from pusher_client.delivery.bindings import Binding
from pusher_client.delivery.bounded_queue import event_bytes
from pusher_client.delivery.client_dispatcher import ClientDispatcher
from pusher_client.delivery.dispatcher import Consumer, Dispatcher, Route
from pusher_client.delivery.event_stream import EventStream
from pusher_client.delivery.handler_worker import ErrorHandler
from pusher_client.delivery.own_stream import OwnStream
from pusher_client.delivery.replay import Replay
from pusher_client.delivery.stream_queue import EventWaiter, NameFilter, StreamQueue, log_overflow
from pusher_client.events import DECRYPTION_FAILURE, Event
from pusher_client.exceptions import PusherError, SubscriptionError
from pusher_client.protocol.byte_budget import ByteBudget
from pusher_client.protocol.event_counts import EventCounts
from pusher_client.protocol.names import is_application_event

__all__ = ["ChannelDispatcher"]

_ROUTES_CACHED = 1024
_LONGEST_NAME_CACHED = 200


class ChannelDispatcher(Dispatcher):
    """The handlers and streams of one channel.

    Args:
        name: The channel's name.
        client: The handlers and streams of all channels.
        counts: The channel's counts; also an attribute.
        queue_size: The number of events that a queue holds by default.
        budget: The client's budget of bytes for all queues.
        on_handler_error: Called with the exception and the event when a handler raises.
        on_use: Called when ``in_use`` may have changed, possibly by the garbage collector; must not log or call
            handlers.
    """

    __slots__ = ("_client", "_on_use", "_own", "_replay", "_routes", "_single", "_version", "_windows", "counts")

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
        self._own = OwnStream()
        self._replay: Replay | None = None
        self._windows = 0
        self._routes: dict[str, Route] = {}
        self._single: Binding | None = None
        self._version = client.version

    @property
    def in_use(self) -> bool:
        """Whether a handler is bound, a stream is open, or the worker is busy: then the channel must be kept."""
        return self.bound or self._worker.busy or any(not consumer.ended for consumer in self._consumers)

    def route(self, name: str) -> Route:
        """Return the current consumers of the channel's events of this name."""
        if self._version != self._client.version:
            self._version = self._client.version
            self._routes.clear()
            self._single = None
        return self._routes.get(name) or self._find_route(name)

    def deliver(self, event: Event) -> None:
        """Give an event of this channel to all its consumers, and count it.

        Plain handlers are called before this returns. ``KeyboardInterrupt`` and ``SystemExit`` are not caught.

        Args:
            event: An application event, an event of the protocol, or a marker.
        """
        # The short cut of the hot path. With many channels the cost is that of the objects touched.
        name, single, worker = event.name, self._single, self._worker
        if single is not None and name == single.event and not worker.busy and self._version == self._client.version:
            self.counts.delivered += 1
            worker.run_single(single, name, event)
        else:
            self._deliver_to_all(event)

    def _deliver_to_all(self, event: Event) -> None:
        name = event.name
        route = None if self._version != self._client.version else self._routes.get(name)
        bindings, is_async, consumers, counted = self.route(name) if route is None else route
        worker = self._worker
        if consumers:
            epoch = worker.epoch
            accepted = self._offer(event, consumers)
            if worker.epoch != epoch:
                bindings = ()
        else:
            accepted = True
        queued = (is_async or worker.busy) and bool(bindings)
        if queued and not worker.enqueue(bindings, name, event, event_bytes(event), counted=counted and accepted):
            accepted = False
        if counted:
            if accepted:
                self.counts.delivered += 1
            else:
                self.counts.dropped += 1
        elif name == DECRYPTION_FAILURE:
            self.counts.undecryptable += 1
        if queued:
            worker.start()
        elif bindings:
            if counted and not consumers and len(bindings) == 1:
                self._single = bindings[0]
            worker.run(bindings, name, event)

    def open_own_stream(self) -> None:
        """Open the channel's own stream when ``subscribe()`` starts, unless a handler for application events exists.

        A handler of the client closes it only with the window, since other handlers may be bound in between.
        """
        if self._own.open:
            return
        self._own.leave()
        if not (self.handles_application_events or (self._client.handles_application_events and not self._windows)):
            self._replay = None
            self._own.start(self._open_queue(is_application_event, self._queue_size, unclaimed=True))
            self._client.unread.add(self)

    def open_window(self) -> None:
        """Called when ``subscribe()`` starts: until `close_window`, a new handler gets the events that it missed."""
        self._windows += 1

    def close_window(self) -> None:
        """Called a little after ``subscribe()`` has returned."""
        self._windows -= 1
        self.discard_unread()

    def replay(self, binding: Binding) -> None:
        """Call a new handler with the events that it missed since ``subscribe()``, while the window is open."""
        queue = self._unread()
        if not self._windows or queue is None or not (binding.event is None or is_application_event(binding.event)):
            return
        if queue.refused:
            self.on_discarded(queue.refused)
            queue.end_run()
        events, size = queue.queued()
        replay = self._replay
        if events and (replay is None or replay.started or replay.count != len(events)):
            first, worker = replay is None, self._worker
            self._replay = replay = Replay(worker, lambda name: self.route(name).bindings, events, size, self._budget)
            replay.enqueue(counted=first)
            self._pool.start(self._worker)
        if events and replay is not None:
            replay.bindings.add(binding)
        self.report_overflows()

    def discard_unread(self) -> None:
        """Close the own stream that has no reader if a handler for application events exists, unless in a window."""
        queue = self._unread()
        handled = self.handles_application_events or self._client.handles_application_events
        if handled and queue is not None and not self._windows:
            self._client.unread.discard(self)
            self._own.leave()
            queue.close()

    def take_unread(self, wanted: NameFilter) -> Event | None:
        """Take the first event of such a name out of the own stream, if it has no reader and no handler exists."""
        queue = self._unread()
        if queue is None or self.handles_application_events or self._client.handles_application_events:
            return None
        return queue.take_first(lambda event: wanted(event.name))

    def own_stream(self) -> EventStream:
        """Return the channel's own stream to a reader, and open it if there is none.

        Raises:
            RuntimeError: The client is connected in another event loop or thread.
        """
        self._pool.check_caller()
        if self._own.queue is None:
            self._own.start(self._open_queue(is_application_event, self._queue_size))
        self._client.unread.discard(self)
        return self._own.claim()

    def end(self, error: PusherError | None, *, drain: bool = False) -> None:
        """End the subscription: its streams end after the events that they have queued.

        Args:
            error: The error if the channel failed: streams raise it, and handlers still get the earlier events. None
                for ``unsubscribe()``: handlers get no more events, and a list of handlers that is being run stops.
            drain: Without an error, for ``disconnect()``: handlers get the earlier events until ``close`` cancels them.
        """
        self._end_consumers(error)
        if error is not None or drain:
            self.report_overflows()
            return
        while self.overflows:
            log_overflow(self.overflows.pop(0))
        self._worker.purge()

    def remove(self, consumer: Consumer) -> None:
        """Offer no more events to this consumer."""
        self._own.remove(consumer)
        super().remove(consumer)

    def on_async_handler(self) -> None:
        """Called by the worker when a plain handler, perhaps one of the client's, has returned an awaitable."""
        self._client.invalidate_routes()

    def on_idle(self) -> None:
        """Called by the worker when its queue is empty."""
        self._on_use()

    def on_discarded(self, counted: int) -> None:
        """Count events as dropped that were queued for the worker and discarded."""
        self.counts.delivered -= counted
        self.counts.dropped += counted

    def _offer(self, event: Event, consumers: tuple[Consumer, ...]) -> bool:
        accepted = True
        # What a waiter of wait_for() takes is not kept for others. An own stream with a reader gets every event.
        unread = self._own.queue
        taken = False
        if unread is not None and unread.unclaimed:
            taken = any(isinstance(each, EventWaiter) and not each.ended for each in consumers)
        for consumer in consumers:
            if not (taken and consumer is unread) and not consumer.offer(event):
                accepted = False
        # Reported after the loop, because a handler may change anything, the consumers included.
        if self.overflows:
            self.report_overflows()
        if self._client.overflows:
            self._client.report_overflows()
        return accepted

    def _find_route(self, name: str) -> Route:
        client = self._client
        bindings = self.matching(name) + client.matching(name)
        route = Route.of(name, bindings, self.consumers(name) + client.consumers(name))
        # The server chooses the names: neither many nor long ones may fill the memory (promise R6).
        if len(self._routes) >= _ROUTES_CACHED:
            self._routes.clear()
        if len(name) <= _LONGEST_NAME_CACHED:
            self._routes[name] = route
        return route

    def _unread(self) -> StreamQueue | None:
        """Return the queue of the own stream if it takes in events and has no reader."""
        queue = self._own.queue
        return queue if queue is not None and queue.unclaimed and not queue.ended else None

    def _missed(self) -> list[Event]:
        queue = self._unread()
        return queue.queued()[0] if queue is not None and self._windows else []

    def _added(self, binding: Binding) -> None:
        self.replay(binding)

    def _changed(self) -> None:
        self._routes.clear()
        self._single = None
        if self.handles_application_events:
            self.discard_unread()
        self._on_use()

    def _wait_ended(self) -> PusherError:
        return SubscriptionError(self.name, "the channel was unsubscribed while wait_for() was waiting")
